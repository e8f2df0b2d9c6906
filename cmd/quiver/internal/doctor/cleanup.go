package doctor

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
)

// cleanUp removes the objects of the examination, whatever has become of its context: those that the ledger knows, also where the store lists late, and
// those that a listing shows.
func (x *examination) cleanUp(ctx context.Context, limit time.Duration) (Finding, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	f := Finding{Check: cleanup, Holds: Holds, Needed: true}
	listing := x.look(ctx)
	removed, err := x.remove(ctx)
	left := len(x.ledger.keys())
	switch {
	case err != nil:
		f.Holds, f.Cost = Broken, "they stay, and are paid for, until somebody removes them: all under "+x.Location+"quiver-doctor/ is the doctor's and of no use"
		f.Detail = fmt.Sprintf("%d objects could not be removed from %s: %s", left, x.place(), plain(err))
		if outage(err) {
			f.Holds = Unknown
			return f, err
		}
	case listing != nil:
		f.Detail = fmt.Sprintf("what the checks wrote is removed, %d objects at the end; no listing can show that these were all: %s", removed, plain(listing))
	default:
		f.Detail = fmt.Sprintf("what the checks wrote is removed, %d objects at the end", removed)
	}
	return f, nil
}

// look notes in the ledger what a listing shows.
func (x *examination) look(ctx context.Context) error {
	for info, err := range bucket.All(ctx, x.clients[0], bucket.ListOptions{}) {
		if err != nil {
			return err
		}
		x.ledger.found(info.Key)
	}
	return nil
}

// remove removes what the ledger has, all the clients at once, and counts it. It tries each object, and returns the first failure.
func (x *examination) remove(ctx context.Context) (int, error) {
	var removed atomic.Int64
	var group errgroup.Group
	group.SetLimit(2 * clients)
	for i, key := range x.ledger.keys() {
		group.Go(func() error {
			if err := bucket.Remove(ctx, x.clients[i%clients], key); err != nil {
				return err
			}
			removed.Add(1)
			return nil
		})
	}
	err := group.Wait()
	return int(removed.Load()), err
}
