package callindex

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

const (
	// Grace is how old a mark must be, by the store's clock, before a folder takes it although the record that it read was not written under it: nothing is written under a mark that is older.
	Grace = 30 * time.Minute
	// FoldLimit is how many marked keys a fold takes at the most.
	FoldLimit = 10_000
	// foldBytes is how large the rows of a fold may be together before it takes no more marks.
	foldBytes = 64 << 20
	rowBytes  = 1 << 10 // of them for a row, apart from its metadata
	// foldParallel is how many records a fold reads at once.
	foldParallel = 64
	// foldShards is how many shards are folded at once: while one waits for its manifest, others read.
	foldShards = 4
)

// FoldOptions say what to fold; nil means everything.
type FoldOptions struct {
	Function string // the name of one; empty: all
	// Compact merges all segments of a shard into as few as can be, so that queries take as few requests as can be. It reads and writes all of them: do it seldom.
	Compact bool
	// Progress is told after each step, one at a time.
	Progress func(Folded)
}

// Folded is what a fold has done.
type Folded struct {
	Shards   int // looked at
	Marks    int // found
	Taken    int // of them, into the index; the others are of writes that may still be under way
	Rows     int // written
	Deleted  int // rows that are out of date
	Damaged  int // records that cannot be read: their marks stay
	Merged   int // segments that were merged into others
	Segments int // written
}

// Fold brings the index up to date: it writes what marks say into segments, deletes the rows that are out of date, merges segments, and then deletes the marks. It takes many requests; no query and no save waits for it, and several folds at once do
// no harm. A mark younger than the Grace is taken if its record is there as it was written under it. It needs the right to write: without, it fails with bucket.ErrRefused, and queries go on as before.
func (s *Store) Fold(ctx context.Context, options *FoldOptions) (Folded, error) {
	o := FoldOptions{}
	if options != nil {
		o = *options
	}
	if o.Progress == nil {
		o.Progress = func(Folded) {}
	}
	f := &fold{store: s, progress: o.Progress, compact: o.Compact}
	if o.Function != "" {
		function := layout.FunctionOf(o.Function)
		err := f.shard(ctx, function.Shard(), layout.MarkFolder(function))
		return f.done, err
	}
	shards, err := s.shards(ctx)
	if err != nil {
		return f.done, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(foldShards)
	for _, shard := range shards {
		group.Go(func() error { return f.shard(ctx, shard, layout.MarksFolder(shard)) })
	}
	err = group.Wait()
	return f.done, err
}

// fold is one call of Fold.
type fold struct {
	store    *Store
	progress func(Folded)
	compact  bool

	mu   sync.Mutex
	done Folded
}

// add counts what was done, and tells of it.
func (f *fold) add(n Folded) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done.Shards += n.Shards
	f.done.Marks += n.Marks
	f.done.Taken += n.Taken
	f.done.Rows += n.Rows
	f.done.Deleted += n.Deleted
	f.done.Damaged += n.Damaged
	f.done.Merged += n.Merged
	f.done.Segments += n.Segments
	f.progress(f.done)
}

// shard folds what is marked under a prefix of a shard, and merges its segments.
func (f *fold) shard(ctx context.Context, shard layout.Shard, prefix string) error {
	var l listed
	for {
		r := &round{fold: f, shard: shard, prefix: prefix}
		var err error
		if l, err = f.store.swap(ctx, shard, r.change); err != nil {
			return fmt.Errorf("folding shard %s: %w", shard, err)
		}
		if err := r.finish(ctx); err != nil {
			return fmt.Errorf("folding shard %s: %w", shard, err)
		}
		did := Folded{Marks: len(r.taken), Taken: len(r.taken), Rows: r.rows, Deleted: r.gone, Segments: min(r.rows, 1)}
		last := len(r.taken) == 0 || !r.more
		if last { // what is left is found again otherwise
			did.Shards, did.Marks, did.Damaged = 1, len(r.marks), r.damaged
		}
		f.add(did)
		if last {
			break
		}
	}
	if err := f.merge(ctx, shard, l); err != nil {
		return fmt.Errorf("merging in shard %s: %w", shard, err)
	}
	return nil
}

// round is one manifest's worth of folding. Where the swap of the manifest is lost, change begins it anew.
type round struct {
	*fold
	shard  layout.Shard
	prefix string

	marks []foundMark
	more  bool // there are more marks
	taken []foundMark

	rows, gone, damaged int // rows written, rows deleted, records that cannot be rows
}

// change reads the marks and their records, writes a segment of those that are there, and says how the manifest changes by it.
func (r *round) change(ctx context.Context, l listed) (manifest.Change, error) {
	r.taken, r.rows, r.gone = nil, 0, 0
	var now time.Time
	var err error
	r.marks, now, r.more, err = r.store.marksToFold(ctx, r.prefix)
	if err != nil {
		return manifest.Change{}, err
	}
	truth, err := r.store.readTruth(ctx, r.marks)
	if err != nil {
		return manifest.Change{}, err
	}
	r.damaged = 0
	for _, found := range truth {
		if found.odd {
			r.damaged++
		}
		r.more = r.more || found.unread
	}
	r.taken = slices.DeleteFunc(slices.Clone(r.marks), func(f foundMark) bool { return !truth.settles(f, now) })
	switch {
	case len(r.taken) == 0 && l.Folded.IsZero(): // its first: from now on, that there is nothing more is known
		return manifest.Change{Folded: foldedAt(now), Now: l.now}, nil
	case len(r.taken) == 0:
		return manifest.Change{}, errNothing
	}
	keys := map[digest.Digest]*segment.Row{} // nil: there is no record
	for _, f := range r.taken {
		for _, m := range f.marks {
			keys[m.Key] = truth[m.Key].row
		}
	}
	c := manifest.Change{Folded: foldedAt(now), Now: l.now}
	if err := r.supersede(ctx, l, keys, &c); err != nil {
		return manifest.Change{}, err
	}
	rows := slices.Collect(maps.Values(keys))
	rows = slices.DeleteFunc(rows, func(row *segment.Row) bool { return row == nil })
	slices.SortFunc(rows, func(a, b *segment.Row) int { return a.Position().Compare(b.Position()) })
	if r.rows = len(rows); r.rows > 0 {
		for _, row := range rows {
			row.Seq = l.Seq + 1
			c.Count = append(c.Count, functionOf(row, 1))
		}
		added, err := r.store.writeSegment(ctx, r.shard, len(rows), rowsOf(rows))
		if err != nil {
			return manifest.Change{}, err
		}
		c.Add = append(c.Add, added)
	}
	return c, nil
}

// foldedAt is up to when a view is complete whose marks were listed at a time: what was written under a mark that is young then may still be missing.
func foldedAt(now time.Time) time.Time {
	if now.IsZero() {
		return now
	}
	return now.Add(-Grace)
}

// supersede deletes the rows that the keys have so far. A key whose row is as its record is needs no new one.
func (r *round) supersede(ctx context.Context, l listed, keys map[digest.Digest]*segment.Row, c *manifest.Change) error {
	c.Delete = map[string]manifest.Deleting{}
	kept := map[digest.Digest]bool{}
	for _, s := range l.Segments {
		old, err := r.store.locate(ctx, r.shard, s, keys)
		if err != nil {
			return err
		}
		deletions, err := r.store.deletions(ctx, r.shard, s)
		if err != nil {
			return err
		}
		var gone []int64
		for _, row := range old {
			if current := keys[row.Key]; current != nil && current.Write == row.Write && !kept[row.Key] {
				kept[row.Key] = true
				continue
			}
			gone = append(gone, row.number)
			c.Count = append(c.Count, functionOf(row.Row, -1))
		}
		if len(gone) == 0 {
			continue
		}
		r.gone += len(gone)
		if c.Delete[s.ID], err = r.store.writeDeletions(ctx, r.shard, s, deletions.With(gone...)); err != nil {
			return err
		}
	}
	for key := range kept {
		delete(keys, key)
	}
	return nil
}

// finish deletes the marks that were taken.
func (r *round) finish(ctx context.Context) error {
	names := make([]string, len(r.taken))
	for i, f := range r.taken {
		names[i] = f.name
	}
	return bucket.RemoveAll(ctx, r.store.bucket, names, foldParallel)
}

// truth is what the records of marked keys are.
type truth map[digest.Digest]found

// found is a record as a row; no row: there is no record.
type found struct {
	row *segment.Row
	// The marks stay of a record that cannot be believed or be a row, and of one for which there was no room.
	odd, unread bool
}

// readTruth reads the records of all marked keys.
func (s *Store) readTruth(ctx context.Context, marks []foundMark) (truth, error) {
	t := truth{}
	for _, f := range marks {
		for _, m := range f.marks {
			t[m.Key] = found{}
		}
	}
	keys := slices.Collect(maps.Keys(t))
	all := make([]found, len(keys))
	var bytes atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(foldParallel)
	for i, key := range keys {
		group.Go(func() error {
			if bytes.Load() > foldBytes {
				all[i].unread = true
				return nil
			}
			r, err := s.get(ctx, key)
			switch {
			case isOdd(err):
				all[i].odd = true
			case errors.Is(err, digest.ErrNotFound):
			case err != nil:
				return err
			default:
				all[i].row, err = rowOf(key, r)
				all[i].odd = err != nil
				bytes.Add(int64(len(all[i].row.Metadata)) + rowBytes)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, key := range keys {
		t[key] = all[i]
	}
	return t, nil
}

// settles says whether nothing can be written under a mark any more that the records, as they were read, do not show: it is older than the grace, or all its records were written under it.
func (t truth) settles(f foundMark, now time.Time) bool {
	if len(f.marks) == 0 {
		return false
	}
	old := !now.IsZero() && now.Sub(f.since) > Grace
	for _, m := range f.marks {
		found := t[m.Key]
		if found.odd || found.unread || !old && (found.row == nil || writeID(found.row) != f.write) {
			return false
		}
	}
	return true
}
