package bucket

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Limit lets at most n requests be under way at once; the others wait for their turn, until their ctx is done. An object counts until its
// body is closed.
func Limit(n int) Middleware {
	slots := semaphore.NewWeighted(int64(n))
	return func(next Handler) Handler {
		return func(ctx context.Context, r *Request) (Answer, error) {
			if err := slots.Acquire(ctx, 1); err != nil {
				return Answer{}, &Error{Verb: r.Verb, Key: r.Name(), Kind: ErrUnavailable, Err: err,
					Hint: "all slots for requests stayed taken: raise the limit, or close the objects that were read"}
			}
			release := sync.OnceFunc(func() { slots.Release(1) })
			answer, err := next(ctx, r)
			if err != nil || answer.Object == nil {
				release()
				return answer, err
			}
			answer.Object.Body = &closer{answer.Object.Body, release}
			return answer, nil
		}
	}
}
