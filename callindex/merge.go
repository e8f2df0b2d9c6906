package callindex

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/layout"
)

const (
	// mergeFactor is how many segments of about one size are merged into one: each row is written again log4 of its shard's rows times at the most.
	mergeFactor = 4
	// smallest is the size, in rows, up to which segments count as of one size.
	smallest = 4 << 10
	// deletedShare is which part of a segment's rows may be deleted before it is written anew.
	deletedShare = 0.5
)

// merge merges the segments of a shard, whose manifest was l a moment ago, as long as there are several of about one size. What it makes of a manifest that another has changed meanwhile is thrown away: written again, old rows would come back.
func (f *fold) merge(ctx context.Context, shard layout.Shard, l listed) error {
	for f.mergeable(l.Segments) != nil {
		var inputs []manifest.Segment
		var err error
		l, err = f.store.swap(ctx, shard, func(ctx context.Context, l listed) (manifest.Change, error) {
			if inputs = f.mergeable(l.Segments); inputs == nil {
				return manifest.Change{}, errNothing
			}
			return f.store.merged(ctx, shard, l, inputs)
		})
		if err != nil {
			return err
		}
		f.add(Folded{Merged: len(inputs)})
	}
	return nil
}

// mergeable returns segments to merge into one, nil where there are none: those of the smallest size of which there are enough, else one with too many deleted rows; to compact a shard, as many as fit into one.
func (f *fold) mergeable(segments []manifest.Segment) []manifest.Segment {
	if f.compact {
		if all := together(segments); len(all) > 1 || len(all) == 1 && all[0].Deleted > 0 {
			return all
		}
		return nil
	}
	sizes := map[int][]manifest.Segment{}
	for _, s := range segments {
		tier := 0
		for limit := int64(smallest); s.Rows-s.Deleted > limit; limit *= mergeFactor {
			tier++
		}
		sizes[tier] = append(sizes[tier], s)
	}
	for tier := range 32 {
		if same := together(sizes[tier]); len(same) >= mergeFactor {
			return same
		}
	}
	for _, s := range segments {
		if float64(s.Deleted) > deletedShare*float64(s.Rows) {
			return []manifest.Segment{s}
		}
	}
	return nil
}

// together returns the smallest of some segments, as many as fit into one.
func together(segments []manifest.Segment) []manifest.Segment {
	sorted := slices.SortedFunc(slices.Values(segments), func(a, b manifest.Segment) int { return cmp.Compare(a.Rows-a.Deleted, b.Rows-b.Deleted) })
	var rows int64
	for i, s := range sorted {
		if rows += s.Rows - s.Deleted; rows > segment.MaxRows {
			return sorted[:i]
		}
	}
	return sorted
}

// merged writes the current rows of some segments into a new one, and says how the manifest changes by it.
func (s *Store) merged(ctx context.Context, shard layout.Shard, l listed, inputs []manifest.Segment) (manifest.Change, error) {
	c := manifest.Change{Now: l.now}
	var atMost int64
	for _, in := range inputs {
		c.Replace = append(c.Replace, in.ID)
		atMost += in.Rows - in.Deleted
	}
	added, err := s.writeSegment(ctx, shard, int(atMost), s.currentRows(ctx, shard, inputs))
	if err != nil {
		return manifest.Change{}, err
	}
	c.Add = []manifest.Segment{added}
	return c, nil
}

// currentRows yields the current rows of some segments in their order.
func (s *Store) currentRows(ctx context.Context, shard layout.Shard, segments []manifest.Segment) iter.Seq2[*segment.Row, error] {
	sources := make([]iter.Seq2[*segment.Row, error], len(segments))
	for i, listed := range segments {
		r := &reading{store: s, shard: shard, listed: listed, predicate: &segment.Predicate{}, spanBytes: spanBytes / int64(len(segments))}
		sources[i] = func(yield func(*segment.Row, error) bool) {
			if err := r.begin(ctx); err != nil {
				yield(nil, err)
				return
			}
			for row, err := range r.rows(ctx) {
				if !yield(row.Row, err) || err != nil {
					return
				}
			}
		}
	}
	return mergeSorted(sources, func(a, b *segment.Row) int { return a.Position().Compare(b.Position()) })
}
