package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// Context returns an operation context under which one process at a time has a key to write to: it takes the lease of the key, renews it while the operation runs, and releases it. Readers go in without. The operation's
// context ends, with ErrLost as its cause, when the lease is lost: then somebody else may be at the key too. A nested entry for the same key goes in without a second lease, and so does a key that is not a whole digest.
//
// Contract: OperationContext._operation_context.
func (l *Leases) Context(term time.Duration) op.Context { return &leasing{l, term} }

type leasing struct {
	leases *Leases
	term   time.Duration
}

// holding is the context key under which an operation finds that it has a lease.
type holding struct {
	leases *Leases
	key    digest.Digest
}

func (c *leasing) Do(ctx context.Context, key string, intent op.Intent, operation func(context.Context) error) (err error) {
	d, malformed := digest.Parse(key)
	if intent == op.Read || malformed != nil || ctx.Value(holding{c.leases, d}) != nil {
		return operation(ctx)
	}
	lease, err := c.leases.Take(ctx, Claim{Key: d, Term: c.term}, nil)
	if err != nil {
		return err
	}
	inside, cancel := context.WithCancelCause(context.WithValue(ctx, holding{c.leases, d}, true))
	defer cancel(nil)
	stop := lease.Keep(ctx, cancel)
	defer func() {
		if lost := stop(); lost != nil && err != nil {
			err = fmt.Errorf("%w; the operation failed: %w", lost, err)
		}
		released, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
		if failure := lease.Release(released); !errors.Is(failure, ErrLost) {
			err = errors.Join(err, failure)
		}
	}()
	return operation(inside)
}

// releaseTime is how long the release of a lease may take, also where its holder has no time left: others wait for it.
const releaseTime = 5 * time.Second
