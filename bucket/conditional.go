package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quivercache/quiver/op"
)

// Conditional is b with every write inside an operation under op.Conditional held to what the operation has read. Everything else passes as it is.
//
// Get, Stat and GetRange note the version that they return, or that there is no object. A Put of an object that was noted is sent under the condition that follows, IfMatch or IfAbsent, in place of its own; a removal becomes a
// DeleteIf, where the store can delete conditionally. One that asks for another version than the noted one is not sent. After a write that succeeded the object is noted anew when it is read again.
//
// A refusal is an ErrChanged that is op.ErrLostRace: the object was changed since, and not by this request. Where a request was repeated the refusal may be by its own first success, and is returned as it is. A writer
// that itself repeats a request whose outcome it does not know looks for its own bytes before it believes in a lost race, and says so with [Landed].
//
// It goes around a bucket that is decorated already. What swaps objects in loops of its own, as leases do, is given the bucket inside, or an op.Unnoted context.
func Conditional(b Bucket) Bucket {
	name := naming(b)
	_, deletes := As[ConditionalDeleter](b)
	return Wrap(b, func(next Handler) Handler {
		return func(ctx context.Context, r *Request) (Answer, error) {
			notes := op.Noted(ctx)
			if notes == nil {
				return next(ctx, r)
			}
			h := held{notes, name, deletes, next}
			switch r.Verb {
			case Get, GetRange, Stat:
				return h.read(ctx, r)
			case Put:
				return h.put(ctx, r)
			case Delete, DeleteIf, Removal:
				return h.remove(ctx, r)
			case DeleteAll:
				return h.removeAll(ctx, r)
			case Copy:
				return h.copy(ctx, r)
			}
			return next(ctx, r)
		}
	})
}

// Landed tells the operation that ctx belongs to that its own write of an object has landed, as it has found out by reading back after an answer was lost: what was read before that counts no more.
func Landed(ctx context.Context, b Bucket, key string) {
	op.Noted(ctx).Written(naming(b)(key))
}

// naming returns how notes name the objects of a bucket: apart from those of others, where it tells where they are.
func naming(b Bucket) func(key string) string {
	locator, ok := As[Locator](b)
	if !ok {
		return func(key string) string { return key }
	}
	return func(key string) string {
		at := locator.Locate(key)
		return strings.Join([]string{at.Service, at.Endpoint, at.Bucket, at.Key}, " ")
	}
}

// held holds the requests of one run of an operation to what it has read.
type held struct {
	notes   *op.Notes
	name    func(key string) string
	deletes bool // conditionally
	next    Handler
}

// first is the version of an object that was read first, empty where there was none.
func (h held) first(key string) (version Version, noted bool) {
	first, noted := h.notes.First(h.name(key))
	return Version(first), noted
}

func (h held) read(ctx context.Context, r *Request) (Answer, error) {
	answer, err := h.next(ctx, r)
	version := answer.Info.Version
	if answer.Object != nil {
		version = answer.Object.Version
	}
	if err == nil && version != "" || errors.Is(err, ErrNotFound) {
		h.notes.Read(h.name(r.Key), string(version))
	}
	return answer, err
}

// write sends a request, which sets the notes on its objects aside where it succeeds.
func (h held) write(ctx context.Context, r *Request, keys ...string) (Answer, error) {
	answer, err := h.next(ctx, r)
	if err == nil {
		for _, key := range keys {
			h.notes.Written(h.name(key))
		}
	}
	return answer, err
}

func (h held) put(ctx context.Context, r *Request) (Answer, error) {
	version, noted := h.first(r.Key)
	if !noted || r.Condition.Check() != nil {
		return h.write(ctx, r, r.Key)
	}
	if other := r.Condition.Version(); other != "" && other != version {
		return Answer{}, outdated(r)
	}
	conditional := *r
	conditional.Condition = IfAbsent()
	if version != "" {
		conditional.Condition = IfMatch(version)
	}
	answer, err := h.write(ctx, &conditional, r.Key)
	return answer, lost(r, err)
}

func (h held) remove(ctx context.Context, r *Request) (Answer, error) {
	version, noted := h.first(r.Key)
	switch {
	case !noted || r.Verb == DeleteIf && r.Version == "":
		return h.write(ctx, r, r.Key)
	case r.Verb == DeleteIf && r.Version != version:
		return Answer{}, outdated(r)
	case version == "":
		return Answer{}, h.stillAbsent(ctx, r)
	case !h.deletes:
		return h.write(ctx, r, r.Key)
	}
	answer, err := h.write(ctx, &Request{Verb: DeleteIf, Key: r.Key, Version: version}, r.Key)
	if r.Verb == Removal && errors.Is(err, ErrNotFound) {
		return answer, nil
	}
	return answer, lost(r, err)
}

// stillAbsent answers a removal of what was not there when it was read. Nothing is to be removed; but what is there now was made by somebody else, or by a write of which the operation does not know that it has landed.
func (h held) stillAbsent(ctx context.Context, r *Request) error {
	_, err := h.next(ctx, &Request{Verb: Stat, Key: r.Key})
	switch {
	case err == nil:
		return outdated(r)
	case r.Verb == Removal && errors.Is(err, ErrNotFound):
		return nil
	}
	return asked(r, err)
}

// removeAll removes one by one what was noted, as far as that can be conditional, and the rest in one request.
func (h held) removeAll(ctx context.Context, r *Request) (Answer, error) {
	if err := CheckBulk(r.Keys); err != nil {
		return h.next(ctx, r)
	}
	rest := *r
	rest.Keys = nil
	for _, key := range r.Keys {
		if version, noted := h.first(key); !noted || version != "" && !h.deletes {
			rest.Keys = append(rest.Keys, key)
			continue
		}
		if answer, err := h.remove(ctx, &Request{Verb: Removal, Key: key}); err != nil {
			return answer, asked(&Request{Verb: r.Verb, Key: key}, err)
		}
	}
	if len(rest.Keys) == 0 {
		return Answer{}, nil
	}
	return h.write(ctx, &rest, rest.Keys...)
}

// copy leaves it to the caller to read what he would copy over an object that was noted: few servers know a condition on a copy.
func (h held) copy(ctx context.Context, r *Request) (Answer, error) {
	if _, noted := h.first(r.Key); noted {
		return Answer{}, &Error{Verb: r.Verb, Key: r.Key, Kind: ErrRefused, Err: errors.New("a copy cannot be held to what the operation has read of the object")}
	}
	return h.write(ctx, r, r.Key)
}

// outdated refuses a request that cannot succeed if what was read first still holds.
func outdated(r *Request) error {
	return &Error{Verb: r.Verb, Key: r.Key, Kind: ErrChanged, Err: fmt.Errorf("%w: it is not what this operation has read first", op.ErrLostRace)}
}

// lost is the failure of a request that was held to what the operation has read: a refusal is a lost race, unless it may be by the request's own first success.
func lost(r *Request, err error) error {
	failure, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, ErrExists) && !errors.Is(err, ErrChanged) {
		return asked(r, err)
	}
	if _, again := errors.AsType[*repeated](err); again {
		return asked(r, err)
	}
	race := *failure
	race.Verb, race.Kind, race.Err = r.Verb, ErrChanged, op.ErrLostRace
	if failure.Err != nil {
		race.Err = &raced{failure.Err}
	}
	return &race
}

// raced is the text of a refusal, which is told as a lost race and as nothing else.
type raced struct{ refusal error }

func (r *raced) Error() string { return op.ErrLostRace.Error() + ": " + r.refusal.Error() }

func (*raced) Unwrap() error { return op.ErrLostRace }

// asked is the failure of what was sent in place of a request, as one of the request.
func asked(r *Request, err error) error {
	failure, ok := errors.AsType[*Error](err)
	if !ok || failure.Verb == r.Verb {
		return err
	}
	renamed := *failure
	renamed.Verb = r.Verb
	return &renamed
}
