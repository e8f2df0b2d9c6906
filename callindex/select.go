package callindex

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

// Query yields the records that a query wants, in its order. By key they are streamed as they are read; any other order needs all of
// them first, of which only as many are kept as the limit allows. An error ends it.
//
// It reads every record, by a request for each and one for each 1,000: what it yields defines what every index has to yield.
//
// A damaged record is passed over, unless Options.Damaged says otherwise.
//
// Contract: CallStorage.query.
func (s *Store) Query(ctx context.Context, q Query) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		t, err := q.Template(s.scheme)
		if err != nil {
			yield(nil, err)
			return
		}
		matching := s.matching(ctx, t)
		if q.Order != ByKey {
			matching = sorted(matching, q)
		}
		n := 0
		for r, err := range matching {
			if !yield(r, err) || err != nil {
				return
			}
			if n++; n == q.Limit {
				return
			}
		}
	}
}

// matching yields the records that match, by key.
func (s *Store) matching(ctx context.Context, t *Template) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for r, err := range s.Scan(ctx, digest.Digest{}) {
			if damaged, ok := errors.AsType[*keyspace.DamagedError](err); ok {
				if err = s.damaged(damaged); err == nil {
					continue
				}
			}
			if err == nil && !t.Match(r) {
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// sorted yields the records of a sequence in the order of a query, as many as it wants.
func sorted(records iter.Seq2[*Record, error], q Query) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		var kept []*Record
		best := func() {
			slices.SortStableFunc(kept, q.Order.compare) // stable: those of one time stay in the order of their keys
			if q.Limit > 0 && len(kept) > q.Limit {
				clear(kept[q.Limit:])
				kept = kept[:q.Limit]
			}
		}
		for r, err := range records {
			if err != nil {
				yield(nil, err)
				return
			}
			if kept = append(kept, r); q.Limit > 0 && len(kept) >= 2*q.Limit+sortAhead {
				best()
			}
		}
		best()
		for _, r := range kept {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// sortAhead is how many records more than twice the limit are kept before they are sorted.
const sortAhead = 1000

// compare orders two records by the time they were saved.
func (o Order) compare(a, b *Record) int {
	if o == Newest {
		a, b = b, a
	}
	return a.Saved.Compare(b.Saved)
}
