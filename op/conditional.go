package op

import (
	"context"
	"errors"
	"fmt"
)

// ErrLostRace says that an operation has lost a race: what it had read was changed by somebody else before it wrote. [Conditional] runs such an operation again.
var ErrLostRace = errors.New("another writer was faster")

// Conditional runs an operation that writes again where it has lost a race, up to so many times in all, with the backoff between; a Clock or an Entropy that the backoff lacks is the machine's. Each run begins with
// new [Notes]: what was read first in it must still be there when it writes, which package bucket's Conditional sees to. An operation that reads is run once, without notes of its own.
//
// An operation is re-run from its beginning, so it must read what it changes itself, and bear that what an earlier run has written stands.
//
// A nested entry for the same key belongs to the run that it is in. One for another key is an operation of its own, with its own notes and its own runs: as with a lock, who is to write under a key enters it before
// he reads. So a function that computes one thing from another is not computed again because of a race for the other.
//
// It goes on either side of a lock in a [Chain]: outside of it the lock is given back between two runs, inside it is held. It fails with the error of the last run, which is ErrLostRace where all runs have lost.
//
// Contract: OperationContext._operation_context.
func Conditional(backoff Backoff, attempts int) Context {
	if backoff.Clock == nil {
		backoff.Clock = SystemClock()
	}
	if backoff.Entropy == nil {
		backoff.Entropy = SystemEntropy()
	}
	return &conditional{backoff, attempts}
}

type conditional struct {
	backoff  Backoff
	attempts int
}

func (c *conditional) Do(ctx context.Context, key string, intent Intent, operation func(context.Context) error) error {
	mine := held{c, key}
	if notes, ok := ctx.Value(mine).(*Notes); ok { // which are not those of ctx any more inside an entry for another key
		return operation(noting(ctx, notes))
	}
	if intent == Read {
		return operation(ctx)
	}
	for n := 1; ; n++ {
		notes := new(Notes)
		err := operation(noting(context.WithValue(ctx, mine, notes), notes))
		if !errors.Is(err, ErrLostRace) {
			return err
		}
		if n >= c.attempts {
			return fmt.Errorf("key %s: all of %d attempts have lost a race; the last one: %w", key, n, err)
		}
		if late := c.backoff.Wait(ctx, n); late != nil {
			return fmt.Errorf("key %s: %d attempts have lost a race, and there was no more time (%w); the last one: %w", key, n, late, err)
		}
	}
}
