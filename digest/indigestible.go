package digest

import (
	"fmt"
	"reflect"
)

// An IndigestibleError says which part of a value has no digest, and why.
//
//	digest: .Config.Callback[2]: func() cannot be digested: …
type IndigestibleError struct {
	Path   string // from the value handed in, as one would write it in Go; empty for the value itself
	Type   string // the type of the part, as Go prints it
	Reason string // why, and what to do about it
	Err    error  // what a reader, a hook or a DigestValue method returned; nil otherwise
}

func (e *IndigestibleError) Error() string {
	where := e.Path
	if where != "" {
		where = elide(where) + ": "
	}
	return fmt.Sprintf("digest: %s%s cannot be digested: %s", where, e.Type, e.Reason)
}

// Unwrap returns the cause, if there is one.
func (e *IndigestibleError) Unwrap() error { return e.Err }

func refuse(t reflect.Type, format string, args ...any) *IndigestibleError {
	return &IndigestibleError{Type: t.String(), Reason: fmt.Sprintf(format, args...)}
}

// caused is refuse for a failure that someone else reported.
func caused(t reflect.Type, what string, err error) *IndigestibleError {
	return &IndigestibleError{Type: t.String(), Reason: what + ": " + err.Error(), Err: err}
}

// under puts the way to a part in front of the path, on the way back up.
func (e *IndigestibleError) under(segment string) *IndigestibleError {
	e.Path = segment + e.Path
	return e
}

// elide keeps the two ends of a path that would drown the message.
func elide(path string) string {
	const end = 120
	if len(path) <= 2*end {
		return path
	}
	return path[:end] + " … " + path[len(path)-end:]
}
