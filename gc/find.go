package gc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

// MinAge is how old a value must be at the least before it can be garbage: whoever is about to name a value relies on it.
const MinAge = 24 * time.Hour

// Options say what is garbage; nil, or a zero field, means the default.
type Options struct {
	MinAge time.Duration // of values that nothing names, of unfinished uploads; default and least MinAge

	// Which calls are evicted: those that one of these says are too old or too many. Default none.
	MaxAge   time.Duration // saved longer ago, by the store's clock
	MaxBytes int64         // so that the values that the others name have no more bytes than this, as they are stored; the oldest go first, by the minute
	KeepLast int           // of each function, those beyond the newest so many; those of one time are kept together
	PerStore bool          // KeepLast counts the calls of all functions together

	TempDir  string         // for the keys; default the system's folder for temporary files
	Progress func(Progress) // is told now and then, one call at a time
}

// Progress is how far something has come.
type Progress struct {
	Listed  int // values and calls
	Traced  int // calls
	Removed int // of what is to be removed
}

// Store is what gc works on: a store's parts.
type Store struct {
	Bucket bucket.Bucket
	Values *blobstore.Store
	Calls  *callindex.Store
	Leases *lease.Leases
}

// Summary sums garbage up.
type Summary struct {
	Calls      int   // to be evicted
	Values     int   // to be removed
	ValueBytes int64 // of them, as they are stored
	Segments   int   // objects of the index that are in use no more
	SegBytes   int64 // of them
	Leases     int   // released or expired for a day
	Uploads    int   // that were begun and never ended
	Unlisted   error // why those could not be listed, by a role that has no right to: they stay

	KeptCalls  int   // that stay
	KeptValues int   // that stay
	KeptBytes  int64 // of them
	Young      int   // of them, those that nothing names and that are not old enough
}

// Garbage is what a store has that nothing needs. It must be closed, which removes its temporary files.
type Garbage struct {
	Summary

	store   Store
	options Options
	values  *keys
	calls   *keys
	evicted *keys // calls to be evicted; not in order
	now     time.Time
	leases  []lease.Listed
	uploads []bucket.Upload

	prepared []digest.Digest // values that prepared calls will name

	traced   atomic.Int64
	mu       sync.Mutex // guards evicted, and Progress
	progress Progress
}

// Find finds garbage, and changes nothing. It takes a LIST for each thousand values and calls, of each at least 256 where there are more than a thousand; the requests of a query of all calls, once more for KeepLast and MaxBytes; a GET for each lease; and a LIST and a GET for each shard.
//
// What it cannot understand ends it: a record or lease of a later format is a *keyspace.NewerFormatError, a damaged index a *callindex.IndexError, which quiver check --repair heals.
func Find(ctx context.Context, s Store, options *Options) (*Garbage, error) {
	g := &Garbage{store: s}
	if options != nil {
		g.options = *options
	}
	if err := g.options.check(); err != nil {
		return nil, err
	}
	if err := g.find(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("looking for garbage: %w", err), g.Close())
	}
	return g, nil
}

// find finds all of it. The values are listed before anything is read that may name them, and the leases before the calls that they may become.
func (g *Garbage) find(ctx context.Context) (err error) {
	for _, k := range []**keys{&g.values, &g.calls, &g.evicted} {
		if *k, err = newKeys(g.options.TempDir); err != nil {
			return err
		}
	}
	if err := g.list(ctx); err != nil {
		return err
	}
	if err := g.listLeases(ctx); err != nil {
		return err
	}
	r, err := g.rule(ctx)
	if err != nil {
		return err
	}
	if err := g.trace(ctx, r); err != nil {
		return err
	}
	if g.Segments, g.SegBytes, err = g.store.Calls.Sweepable(ctx); err != nil {
		return err
	}
	if err := g.listUploads(ctx); err != nil {
		return err
	}
	return g.sum()
}

func (o *Options) check() error {
	switch {
	case o.MinAge == 0:
		o.MinAge = MinAge
	case o.MinAge < MinAge:
		return fmt.Errorf("a minimal age of %v is less than %v, for which writers rely on a value that they have seen", o.MinAge, MinAge)
	}
	if o.MaxAge < 0 || o.MaxBytes < 0 || o.KeepLast < 0 {
		return errors.New("a limit on calls cannot be negative")
	}
	return nil
}

// Close removes the temporary files.
func (g *Garbage) Close() error {
	var err error
	for _, k := range []*keys{g.values, g.calls, g.evicted} {
		if k != nil {
			err = errors.Join(err, k.close())
		}
	}
	g.values, g.calls, g.evicted = nil, nil, nil
	return err
}

// tell tells of the progress.
func (g *Garbage) tell(change func(*Progress)) {
	if g.options.Progress == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.progress)
	g.options.Progress(g.progress)
}

// list lists values and calls. It comes before everything else: what is named later than this is younger, or is named by what is found.
func (g *Garbage) list(ctx context.Context) error {
	var values, calls atomic.Int64
	listed := func(counter *atomic.Int64) func(int) {
		return func(n int) {
			counter.Store(int64(n))
			g.tell(func(p *Progress) { p.Listed = int(values.Load() + calls.Load()) })
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		g.now, err = list(ctx, g.store.Bucket, layout.ValueSpace, g.values, listed(&values))
		return err
	})
	group.Go(func() error {
		_, err := list(ctx, g.store.Bucket, layout.RecordSpace, g.calls, listed(&calls))
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if g.now.IsZero() {
		return errors.New("the store does not tell its time, without which the age of values is not known")
	}
	return errors.Join(g.values.seal(g.options.MaxBytes > 0), g.calls.seal(false))
}

// always is the time at which a prepared call names its values, for the rules.
const always = math.MaxUint32

// listLeases finds leases that are of use no more, and the values that prepared calls will name.
func (g *Garbage) listLeases(ctx context.Context) error {
	for l, err := range g.store.Leases.List(ctx) {
		switch {
		case err != nil:
			return err
		case l.IsObsolete():
			g.leases = append(g.leases, l)
			continue
		case l.Err != nil:
			if _, unreadable := errors.AsType[*lease.UnreadableError](l.Err); !unreadable {
				return l.Err
			}
		}
		g.prepared = append(g.prepared, l.Values...)
	}
	g.Leases = len(g.leases)
	return nil
}

// keep notes that values are named.
func (g *Garbage) keep(values []digest.Digest, minute uint32) {
	for _, d := range values {
		g.values.find(d, minute)
	}
}

// trace finds the values that calls name, and the calls that are to be evicted.
func (g *Garbage) trace(ctx context.Context, r rule) error {
	var kept atomic.Int64
	g.keep(g.prepared, always)
	err := g.traceAll(ctx, func(t *callindex.Traced) error {
		if !r.evicts(t) {
			kept.Add(1)
			g.keep(t.Values, always)
			return nil
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.evicted.add(entry{key: t.Key, time: t.Saved})
	})
	g.Calls, g.KeptCalls = g.evicted.n, int(kept.Load())
	return errors.Join(err, g.evicted.seal(false))
}

// strayParallel is how many calls are read at once that the index has not.
const strayParallel = 32

// traceAll visits all calls: those of the index, and those that were listed and that the index lacks, as it may where it was damaged.
func (g *Garbage) traceAll(ctx context.Context, visit func(*callindex.Traced) error) error {
	g.traced.Store(0)
	g.calls.forget()
	counted := func(t *callindex.Traced) error {
		g.calls.find(t.Key, 0)
		if n := g.traced.Add(1); n%10_000 == 0 {
			g.tell(func(p *Progress) { p.Traced = int(n) })
		}
		return visit(t)
	}
	if err := g.store.Calls.Trace(ctx, counted); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(strayParallel)
	err := g.calls.all(func(i int, e entry) error {
		if ctx.Err() == nil && !g.calls.isFound(i) {
			group.Go(func() error { return g.store.Calls.TraceCall(ctx, e.key, visit) })
		}
		return nil
	})
	if failed := group.Wait(); failed != nil {
		return failed
	}
	g.tell(func(p *Progress) { p.Traced = int(g.traced.Load()) })
	return err
}

// listUploads finds uploads that were never ended, where the store keeps them.
func (g *Garbage) listUploads(ctx context.Context) error {
	uploads, ok := bucket.As[bucket.Uploads](g.store.Bucket)
	if !ok {
		return nil
	}
	options := bucket.ListOptions{}
	for {
		page, err := uploads.ListUploads(ctx, options)
		if errors.Is(err, bucket.ErrRefused) {
			g.Unlisted = err
			return nil
		}
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			if isOurs(u.Key) && page.Date.Sub(u.Begun) >= g.options.MinAge {
				g.uploads = append(g.uploads, u)
			}
		}
		if options.Token = page.Next; page.Next == "" {
			g.Uploads = len(g.uploads)
			return nil
		}
	}
}

// isOurs says whether an object of Quiver may have this name that is uploaded in parts.
func isOurs(name string) bool {
	_, value := layout.ValueSpace.Parse(name)
	_, segment := layout.ParseSegment(name)
	return value || segment
}

// before is the time before which a value was written that is old enough. It is told by when the values were listed, however much later they are removed: who has named one since has seen to it that there is a younger version.
func (g *Garbage) before() time.Time { return g.now.Add(-g.options.MinAge) }

// isGarbage says whether a value is.
func (g *Garbage) isGarbage(i int, e entry) bool {
	return !g.values.isFound(i) && e.time.Before(g.before())
}

// sum counts the values that are garbage and those that stay.
func (g *Garbage) sum() error {
	return g.values.all(func(i int, e entry) error {
		switch {
		case g.isGarbage(i, e):
			g.Values++
			g.ValueBytes += e.size
			return nil
		case !g.values.isFound(i):
			g.Young++
		}
		g.KeptValues++
		g.KeptBytes += e.size
		return nil
	})
}
