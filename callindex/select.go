package callindex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/layout"
)

// shardsAhead is how many shards a query without a name begins to read before it yields their records.
const shardsAhead = 8

// Account says what a query went by.
type Account struct {
	Shards  int       // that it has read
	Pending int       // calls that are marked: what the index has of them does not count
	AsOf    time.Time // what was saved before is found by a settled query, too; zero where a shard was never folded
}

// Query yields the records that a query wants, in its order, without the results that stand in them. In the order of functions they are streamed as they are read; any other order needs all of
// them first, of which only as many are kept as the limit allows. An error ends it.
//
// It finds every call that was saved before it began and not evicted since. It takes, for one function, a LIST of its marks, a GET of its shard's manifest, requests for those parts of the segments that may have what is
// wanted, and one for each call that may match and is not folded yet; without a name a LIST, and that for each shard. It needs no right to write.
//
// A damaged record is passed over, unless Options.Damaged says otherwise. A damaged index is an *IndexError, and too many calls that are not folded are a *PendingError.
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
		if q.Order != AsFound {
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

// matching yields the records that match, shard by shard.
func (s *Store) matching(ctx context.Context, t *Template) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		q := &querying{store: s, template: t}
		defer q.running.Wait()
		defer cancel()
		shards, err := s.shardsOf(ctx, t)
		if err != nil {
			yield(nil, err)
			return
		}
		plans := make([]func() (*plan, error), len(shards))
		for i, shard := range shards {
			plans[i] = func() (*plan, error) { return q.plan(ctx, shard, progress{}) }
		}
		if t.query.Account != nil {
			*t.query.Account = Account{Shards: len(shards)}
		}
		next := 0
		for p, err := range inOrder(plans, shardsAhead) {
			shard := shards[next]
			next++
			for r, err := range q.shard(ctx, shard, p, err) {
				if !yield(r, err) || err != nil {
					cancel() // before those who read ahead are waited for
					return
				}
			}
		}
	}
}

// shardsOf returns the shards that may have calls of a template.
func (s *Store) shardsOf(ctx context.Context, t *Template) ([]layout.Shard, error) {
	if name := t.query.Name; name != "" {
		return []layout.Shard{layout.FunctionOf(name).Shard()}, nil
	}
	return s.shards(ctx)
}

// querying is one run of a query.
type querying struct {
	store    *Store
	template *Template
	running  sync.WaitGroup // what reads ahead of it
	counted  bool           // a shard in the account
}

// shard yields the records of a shard by its plan. Where a segment has gone meanwhile, as it may a day after it was merged into another, it goes on by a second plan, after the last row that it has yielded.
func (q *querying) shard(ctx context.Context, shard layout.Shard, p *plan, err error) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		q.count(p)
		var from progress
		for again := false; ; again = true {
			if err == nil {
				for r, failure := range p.records(ctx) {
					if err = failure; err != nil {
						break
					}
					if !yield(r, nil) {
						return
					}
					from.last = r.position() // segments are read before what is marked, which does not vanish
				}
			}
			switch {
			case err == nil:
				return
			case !errors.Is(err, errVanished):
				yield(nil, err)
				return
			case again:
				yield(nil, &IndexError{layout.Manifest(shard), fmt.Errorf("it lists what is not there: %w", err)})
				return
			}
			if p != nil {
				from.owed = p.dirty
			}
			p, err = q.plan(ctx, shard, from)
		}
	}
}

// count adds a shard to the account.
func (q *querying) count(p *plan) {
	account := q.template.query.Account
	if account == nil || p == nil {
		return
	}
	if account.Pending += len(p.dirty); !q.counted || p.asOf.Before(account.AsOf) {
		account.AsOf = p.asOf
	}
	q.counted = true
}

// compareRecords orders records as rows are ordered.
func compareRecords(a, b *Record) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Module, b.Module), a.key.Compare(b.key))
}

// position is where the record stands in the order of rows.
func (r *Record) position() *segment.Position {
	return &segment.Position{Name: r.Name, Module: r.Module, Key: r.key}
}

// sorted yields the records of a sequence in the order of a query, as many as it wants.
func sorted(records iter.Seq2[*Record, error], q Query) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		var kept []*Record
		best := func() {
			slices.SortFunc(kept, q.Order.compare)
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

// compare orders two records by the time they were saved, or by their keys alone; those of one time are in the order of their keys.
func (o Order) compare(a, b *Record) int {
	var saved int
	switch o {
	case Newest:
		saved = b.Saved.Compare(a.Saved)
	case Oldest:
		saved = a.Saved.Compare(b.Saved)
	}
	return cmp.Or(saved, a.key.Compare(b.key))
}
