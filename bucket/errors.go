package bucket

import (
	"context"
	"errors"
	"strings"
)

// The kinds of failure. Decide on them with errors.Is.
var (
	ErrNotFound    = errors.New("no such object")
	ErrExists      = errors.New("there is an object already")
	ErrChanged     = errors.New("the object has changed")        // a lost race
	ErrRefused     = errors.New("the store refused the request") // no right, wrong credentials, read-only, no room
	ErrNoBucket    = errors.New("there is no such bucket here")  // wrong name, region or endpoint
	ErrThrottled   = errors.New("the store asks for fewer requests")
	ErrUnavailable = errors.New("the store did not answer well") // no connection, a failure of its own, a time-out, a cut body
	ErrInvalid     = errors.New("not a valid request")
)

var kinds = []error{ErrNotFound, ErrExists, ErrChanged, ErrRefused, ErrNoBucket, ErrThrottled, ErrUnavailable, ErrInvalid}

// Kind is the kind of a failure, nil where it has none.
func Kind(err error) error {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// Error explains a failed request to people. It is its Kind and its Err for errors.Is and errors.As.
type Error struct {
	Verb Verb   // what was asked
	Key  string // of what; the prefix of a listing
	Kind error  // one of the kinds above
	Code string // the store's own code and request id, where it gave them
	Hint string // what to do about it
	Err  error  // the cause, may be nil
}

func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(string(e.Verb) + " " + e.Key + ": " + e.Kind.Error())
	if e.Code != "" {
		text.WriteString(" (" + e.Code + ")")
	}
	if e.Err != nil {
		text.WriteString(": " + strings.TrimPrefix(e.Err.Error(), e.Kind.Error()+": "))
	}
	if e.Hint != "" {
		text.WriteString("; " + e.Hint)
	}
	return text.String()
}

func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Retryable says whether the same request may succeed if it is sent again: the store was throttled or did not answer well, and the
// caller still wants it.
func Retryable(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (errors.Is(err, ErrThrottled) || errors.Is(err, ErrUnavailable))
}
