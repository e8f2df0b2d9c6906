package gc

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
)

// Removed is what Remove did.
type Removed struct {
	Calls      int   // evicted
	Values     int   // removed
	ValueBytes int64 // of them, as they were stored
	InUse      int   // values and calls that stay, since they were saved again after they had been found, or cannot be believed
	Foreign    int   // objects that are called as values are and were not written by Quiver, and stay
	Segments   int   // objects of the index
	Leases     int
	Uploads    int
}

// removeParallel is how many things are removed at once.
const removeParallel = 32

// Remove removes garbage: calls first, then values, then the rest. A call takes a GET, a share of a mark and a DELETE, and another GET where it stays; a value takes a GET and a DELETE. What was done before an error, or before ctx ended, stays done; to go on, find garbage again. It needs the right to
// delete.
func (g *Garbage) Remove(ctx context.Context) (Removed, error) {
	r := &removal{Garbage: g}
	err := r.run(ctx)
	if err != nil {
		err = fmt.Errorf("removing garbage: %w", err)
	}
	return r.sum(), err
}

// removal is one Remove.
type removal struct {
	*Garbage
	calls, values, bytes, inUse, foreign, segments, leases, uploads, all atomic.Int64
}

func (r *removal) sum() Removed {
	return Removed{
		int(r.calls.Load()), int(r.values.Load()), r.bytes.Load(), int(r.inUse.Load()), int(r.foreign.Load()), int(r.segments.Load()), int(r.leases.Load()), int(r.uploads.Load()),
	}
}

func (r *removal) run(ctx context.Context) error {
	if err := r.parallel(ctx, r.evicted.all, func(int, entry) bool { return true }, r.evict); err != nil {
		return err
	}
	if err := r.parallel(ctx, r.Garbage.values.all, r.isGarbage, r.discard); err != nil {
		return err
	}
	if r.Segments > 0 {
		swept, err := r.store.Calls.Sweep(ctx)
		r.segments.Store(int64(swept.Deleted))
		if err != nil {
			return err
		}
	}
	for _, l := range r.Garbage.leases {
		if err := r.store.Leases.Remove(ctx, l); err != nil {
			return err
		}
		r.count(&r.leases)
	}
	for _, u := range r.Garbage.uploads {
		uploads, _ := bucket.As[bucket.Uploads](r.store.Bucket)
		if err := uploads.AbortUpload(ctx, u); err != nil {
			return err
		}
		r.count(&r.uploads)
	}
	return nil
}

// count counts something that was dealt with, and tells of the progress.
func (r *removal) count(of *atomic.Int64) {
	of.Add(1)
	n := r.all.Add(1)
	r.tell(func(p *Progress) { p.Removed = max(p.Removed, int(n)) })
}

// parallel removes those entries that are to be, many at once.
func (r *removal) parallel(ctx context.Context, all func(yield func(int, entry) error) error, wanted func(int, entry) bool, remove func(context.Context, entry) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(removeParallel)
	err := all(func(i int, e entry) error {
		if !wanted(i, e) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		group.Go(func() error { return remove(ctx, e) })
		return nil
	})
	if failed := group.Wait(); failed != nil {
		return failed
	}
	return err
}

func (r *removal) evict(ctx context.Context, e entry) error {
	evicted, err := r.store.Calls.EvictSaved(ctx, e.key, e.time)
	switch {
	case err != nil:
		return err
	case evicted:
		r.count(&r.calls)
		return nil
	}
	// What stays names what it names. A record that cannot be believed stays too: the keys to verify it with may be missing here alone.
	r.count(&r.inUse)
	return r.store.Calls.TraceCall(ctx, e.key, func(t *callindex.Traced) error {
		r.keep(t.Values, always)
		return nil
	})
}

func (r *removal) discard(ctx context.Context, e entry) error {
	became, err := r.store.Values.Discard(ctx, e.key, r.before())
	if err != nil {
		return err
	}
	switch became {
	case blobstore.Removed:
		r.bytes.Add(e.size)
		r.count(&r.values)
	case blobstore.Gone:
		r.count(new(atomic.Int64))
	case blobstore.InUse:
		r.count(&r.inUse)
	case blobstore.Foreign:
		r.count(&r.foreign)
	default:
		return errors.New("a value became something unknown")
	}
	return nil
}
