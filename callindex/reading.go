package callindex

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/layout"
)

const (
	// spanBytes is how many bytes of adjoining row groups one request reads at the most.
	spanBytes = 8 << 20
	// spansAhead is how many such requests are under way, or wait to be taken.
	spansAhead = 2
)

// reading is a segment of which the rows that match are being read.
type reading struct {
	store     *Store
	shard     layout.Shard
	listed    manifest.Segment
	predicate *segment.Predicate
	spanBytes int64
	keep      bool // what is read in the cache

	table     *segment.Table
	window    window
	deletions *segment.Deletions
	spans     []span
	first     []byte // of the first span
}

// span is row groups that adjoin and are read by one request.
type span struct {
	segment.Range
	groups []int
}

// begin finds out which row groups may have rows that match, and reads the first of them. It is what a query waits for, so it does at once what it can.
func (r *reading) begin(ctx context.Context) error {
	o, err := r.store.open(ctx, r.shard, r.listed, r.predicate.Filters())
	if err != nil {
		return err
	}
	r.table = segment.OpenTable(o.head, &r.window)
	groups, err := o.probe(ctx, r.table.Prune(r.predicate), r.predicate)
	if err != nil || len(groups) == 0 {
		return err
	}
	if r.deletions, err = r.store.deletions(ctx, r.shard, r.listed); err != nil {
		return err
	}
	for _, group := range groups {
		at := r.table.Range(group)
		if last := len(r.spans) - 1; last >= 0 && r.spans[last].End() == at.Offset && r.spans[last].Length+at.Length <= r.spanBytes {
			r.spans[last].Length += at.Length
			r.spans[last].groups = append(r.spans[last].groups, group)
			continue
		}
		r.spans = append(r.spans, span{at, []int{group}})
	}
	r.first, err = r.fetch(ctx, r.spans[0])
	return err
}

func (r *reading) object() string {
	return layout.Segment{Shard: r.shard, ID: r.listed.ID}.Table()
}

func (r *reading) fetch(ctx context.Context, s span) ([]byte, error) {
	if r.keep {
		return r.store.rangeOf(ctx, r.object(), s.Offset, s.Length)
	}
	return r.store.readRange(ctx, r.object(), s.Offset, s.Length)
}

// rows yields the rows that match and are current, with their numbers. A row is the sequence's until the next is asked for.
func (r *reading) rows(ctx context.Context) iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		steps := make([]func() ([]byte, error), len(r.spans))
		for i, s := range r.spans {
			steps[i] = func() ([]byte, error) { return r.fetch(ctx, s) }
		}
		if len(steps) > 0 {
			first := r.first
			steps[0] = func() ([]byte, error) { return first, nil }
			r.first = nil
		}
		i := 0
		for content, err := range inOrder(steps, spansAhead) {
			if err != nil {
				yield(numbered{}, err)
				return
			}
			r.window = window{r.spans[i].Offset, content}
			for _, group := range r.spans[i].groups {
				stopped := false
				err := r.table.Scan(group, r.predicate, r.deletions, func(number int64, row *segment.Row) bool {
					stopped = !yield(numbered{row, number}, nil)
					return !stopped
				})
				if err != nil {
					yield(numbered{}, segmentError(r.object(), err))
					return
				}
				if stopped {
					return
				}
			}
			i++
		}
	}
}

// numbered is a row and its number in its table.
type numbered struct {
	*segment.Row
	number int64
}

// records yields the rows that match as records, but for those whose keys are marked.
func (r *reading) records(ctx context.Context, d dirty, t *Template) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		beyond := t.beyondPredicate()
		for row, err := range r.rows(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if _, marked := d[row.Key]; marked {
				continue
			}
			record, err := recordOf(row.Row)
			if err != nil {
				err = &IndexError{r.object(), err}
			} else if beyond && !t.Match(record) {
				continue
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// window is the part of a table that was read.
type window struct {
	offset  int64
	content []byte
}

func (w *window) ReadAt(p []byte, at int64) (int, error) {
	if at < w.offset || at+int64(len(p)) > w.offset+int64(len(w.content)) {
		return 0, fmt.Errorf("%d bytes at %d are not among the %d at %d that were read: %w", len(p), at, len(w.content), w.offset, io.ErrUnexpectedEOF)
	}
	return copy(p, w.content[at-w.offset:]), nil
}
