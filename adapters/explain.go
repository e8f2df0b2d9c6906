package adapters

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/quivercache/quiver/bucket"
)

// asked is a request, as far as its failure depends on it.
type asked struct {
	verb      bucket.Verb
	key       string
	condition bucket.Condition
}

func (r asked) fail(kind, err error) error {
	return &bucket.Error{Verb: r.verb, Key: r.key, Kind: kind, Err: err}
}

// explain makes a *bucket.Error of a failure: its kind, the service's own words, and what to do.
func (b *Bridge) explain(ctx context.Context, r asked, seen *seen, err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*bucket.Error](err); ok {
		return known
	}
	refusal, ok := b.provider.Refusal(err)
	if !ok {
		return unanswered(ctx, r, err)
	}
	if refusal.RequestID == "" {
		refusal.RequestID = seen.requestID()
	}
	failure := &bucket.Error{Verb: r.verb, Key: cmp.Or(refusal.Key, r.key), Kind: refusal.Kind, Hint: refusal.Hint, Code: refusal.code(), Err: &cause{refusal.Message, err}}
	if failure.Kind == nil {
		failure.Kind = kindOf(refusal.Status)
	}
	if failure.Hint == "" && isForeign(err) {
		failure.Hint = foreign
	}
	if refusal.Denied {
		failure.Hint = strings.TrimSuffix(b.provider.Right(r.verb, r.condition)+"; "+refusal.Hint, "; ")
	}
	switch kind := failure.Kind; {
	case refusal.There && r.condition.Absent():
		failure.Kind, failure.Hint = bucket.ErrExists, ""
	case errors.Is(kind, errPrecondition):
		failure.Kind = bucket.ErrChanged
		if r.condition.Absent() {
			failure.Kind = bucket.ErrExists
		}
	case errors.Is(kind, bucket.ErrNotFound):
		switch {
		case r.verb == bucket.Put && r.condition.Version() != "":
			failure.Kind = bucket.ErrChanged // the version that was read is gone
		case slices.Contains([]bucket.Verb{bucket.Put, bucket.List, bucket.ListFolders, bucket.ListUploads, bucket.DeleteAll, Description}, r.verb): // no object was looked for
			failure.Kind, failure.Hint = bucket.ErrNoBucket, cmp.Or(failure.Hint, "look at the bucket's name and at the endpoint")
		}
	case errors.Is(kind, bucket.ErrExists):
		if r.condition.Version() != "" {
			failure.Kind = bucket.ErrChanged
		}
	}
	return failure
}

// errPrecondition is the kind of a refusal whose meaning hangs on what was asked.
var errPrecondition = errors.New("the condition does not hold")

// Precondition is the Kind of a Refusal that says no more than that the condition of the request does not hold.
func Precondition() error { return errPrecondition }

// kindOf is what a status means where the service's code says nothing else.
func kindOf(status int) error {
	switch status {
	case http.StatusNotFound:
		return bucket.ErrNotFound
	case http.StatusPreconditionFailed, http.StatusNotModified:
		return errPrecondition
	case http.StatusTooManyRequests:
		return bucket.ErrThrottled
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return bucket.ErrNoBucket
	case http.StatusRequestedRangeNotSatisfiable:
		return bucket.ErrInvalid
	case http.StatusConflict, http.StatusRequestTimeout: // another write of the object is under way, or the body was too slow: try again
		return bucket.ErrUnavailable
	}
	if status < 300 || status >= 500 && status != http.StatusNotImplemented && status != http.StatusInsufficientStorage {
		return bucket.ErrUnavailable // of a success that makes no sense, too: it was cut, or something else than the service has spoken
	}
	return bucket.ErrRefused
}

// unanswered explains a failure in which no service has spoken.
func unanswered(ctx context.Context, r asked, err error) error {
	if sending, ok := errors.AsType[*url.Error](err); ok {
		err = &cause{sending.Err.Error(), err} // without the URL, which may have a token in it
	}
	failure := &bucket.Error{Verb: r.verb, Key: r.key, Kind: bucket.ErrUnavailable, Err: err}
	host, unknown := Unresolved(err)
	switch {
	case ctx.Err() != nil:
		failure.Err, failure.Hint = &cause{because(ctx, nil).Error(), because(ctx, err)}, late(ctx)
	case unknown:
		failure.Hint = "there is no host " + host + ": look at the endpoint, and whether this machine has a network"
	case errors.Is(err, syscall.ECONNREFUSED):
		failure.Hint = "nothing listens there: look at the endpoint"
	case isForeign(err):
		failure.Hint = foreign
	}
	return failure
}

// foreign is the hint on an answer that no store gives, as a proxy's page.
const foreign = "something else than the store has answered: look at the endpoint, and at what stands between"

// isForeign says whether an SDK could not read an answer, though it was not cut.
func isForeign(err error) bool {
	notJSON, isNot := errors.AsType[*json.SyntaxError](err)
	notXML, nor := errors.AsType[*xml.SyntaxError](err)
	return isNot && notJSON.Error() != "unexpected end of JSON input" || nor && notXML.Msg != "unexpected EOF"
}

// Unresolved is the host that a request was for, where there is none of that name.
func Unresolved(err error) (host string, unknown bool) {
	resolving, ok := errors.AsType[*net.DNSError](err)
	if !ok || !resolving.IsNotFound {
		return "", false
	}
	return resolving.Name, true
}

// late says what to do where the time was up.
func late(ctx context.Context) string {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ""
	}
	return "the store did not answer in time: see that it can be reached and is not overloaded"
}

// because is err with why ctx is over, where it is and err does not say so: its own error, so that a deadline shows, and the cause that somebody gave.
func because(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	for _, why := range []error{context.Cause(ctx), ctx.Err()} {
		switch {
		case err == nil:
			err = why
		case !errors.Is(err, why):
			err = fmt.Errorf("%w: %w", why, err)
		}
	}
	return err
}

// code is the service's code and request id, for people.
func (r Refusal) code() string {
	code := r.Code
	if code == "" {
		code = http.StatusText(r.Status)
	}
	if r.RequestID != "" {
		code += ", request " + r.RequestID
	}
	return code
}

// cause is the SDK's error with the service's words for a text: an SDK repeats the operation, the status and the ids, which the bucket.Error says already.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string {
	if text := strings.TrimSpace(c.text); text != "" {
		return strings.TrimSuffix(text, ".")
	}
	return c.err.Error()
}

func (c *cause) Unwrap() error { return c.err }
