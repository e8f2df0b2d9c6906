package quiver

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// What queries are made of.
type (
	Call     = callindex.Call
	Record   = callindex.Record
	Query    = callindex.Query
	Args     = callindex.Args
	Metadata = callindex.Metadata
	Version  = callindex.Version
)

// Any is the argument that is there, whatever its value.
var Any = callindex.Any

// Selection is a sequence of calls that is read when it is used, and again each time that it is. Its methods do not change it: they return another, or use it up.
// The first error ends it.
type Selection struct {
	store *Store
	read  func(ctx context.Context) iter.Seq2[*Record, error]
}

// Query returns the calls that a query wants. Nothing is read yet.
//
// Contract: CallStorage.query.
func (s *Store) Query(q Query) Selection {
	return Selection{s, func(ctx context.Context) iter.Seq2[*Record, error] { return s.Calls.Query(ctx, q) }}
}

// All yields the calls.
func (c Selection) All(ctx context.Context) iter.Seq2[*Record, error] { return c.read(ctx) }

// through is c with its records going through a step, which gets a new yield for each use.
func (c Selection) through(step func(yield func(*Record) bool) func(*Record) bool) Selection {
	return Selection{c.store, func(ctx context.Context) iter.Seq2[*Record, error] {
		return func(yield func(*Record, error) bool) {
			stepped := step(func(r *Record) bool { return yield(r, nil) })
			for r, err := range c.read(ctx) {
				if err != nil {
					yield(nil, err)
					return
				}
				if !stepped(r) {
					return
				}
			}
		}
	}}
}

// Filter keeps the calls that a function says yes to.
func (c Selection) Filter(keep func(*Record) bool) Selection {
	return c.through(func(yield func(*Record) bool) func(*Record) bool {
		return func(r *Record) bool { return !keep(r) || yield(r) }
	})
}

// Take keeps the first n calls, and reads no more than it needs.
func (c Selection) Take(n int) Selection {
	if n <= 0 {
		return Selection{c.store, func(context.Context) iter.Seq2[*Record, error] { return func(func(*Record, error) bool) {} }}
	}
	return c.through(func(yield func(*Record) bool) func(*Record) bool {
		left := n
		return func(r *Record) bool {
			left--
			return yield(r) && left > 0
		}
	})
}

// Skip leaves out the first n calls.
func (c Selection) Skip(n int) Selection {
	return c.through(func(yield func(*Record) bool) func(*Record) bool {
		left := n
		return func(r *Record) bool {
			left--
			return left >= 0 || yield(r)
		}
	})
}

// Unique keeps the first call of each result: calls whose result is unknown are all kept.
func (c Selection) Unique() Selection {
	return c.through(func(yield func(*Record) bool) func(*Record) bool {
		seen := map[digest.Digest]bool{}
		return func(r *Record) bool {
			if !r.Result.IsZero() && seen[r.Result] {
				return true
			}
			seen[r.Result] = true
			return yield(r)
		}
	})
}

// SortBy orders the calls, which are all read first; those that compare as equal stay in their order.
func (c Selection) SortBy(compare func(a, b *Record) int) Selection {
	return Selection{c.store, func(ctx context.Context) iter.Seq2[*Record, error] {
		return func(yield func(*Record, error) bool) {
			records, err := c.collect(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			slices.SortStableFunc(records, compare)
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
		}
	}}
}

func (c Selection) collect(ctx context.Context) ([]*Record, error) {
	var records []*Record
	for r, err := range c.read(ctx) {
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// GroupBy returns the calls by what a function says of each.
func (c Selection) GroupBy(ctx context.Context, by func(*Record) string) (map[string][]*Record, error) {
	groups := map[string][]*Record{}
	for r, err := range c.read(ctx) {
		if err != nil {
			return nil, err
		}
		groups[by(r)] = append(groups[by(r)], r)
	}
	return groups, nil
}

// ErrMany says that there are several calls where one was wanted.
var ErrMany = errors.New("several calls match")

// Only returns the only call; ErrNotFound where there is none, ErrMany where there are several.
func (c Selection) Only(ctx context.Context) (*Record, error) {
	records, err := c.Take(2).collect(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(records) == 0:
		return nil, noCall()
	case len(records) > 1:
		return nil, fmt.Errorf("%w, among them those of %s and %s", ErrMany, records[0].Name, records[1].Name)
	}
	return records[0], nil
}

func noCall() error { return fmt.Errorf("no call matches: %w", ErrNotFound) }

// Any says whether there is a call.
func (c Selection) Any(ctx context.Context) (bool, error) {
	records, err := c.Take(1).collect(ctx)
	return len(records) > 0, err
}

// Count returns how many calls there are.
func (c Selection) Count(ctx context.Context) (int, error) {
	n := 0
	for _, err := range c.read(ctx) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// Latest returns the call that was saved last; ErrNotFound where there is none.
func (c Selection) Latest(ctx context.Context) (*Record, error) {
	return c.best(ctx, func(a, b *Record) bool { return a.Saved.After(b.Saved) })
}

// Oldest returns the call that was saved first; ErrNotFound where there is none.
func (c Selection) Oldest(ctx context.Context) (*Record, error) {
	return c.best(ctx, func(a, b *Record) bool { return a.Saved.Before(b.Saved) })
}

func (c Selection) best(ctx context.Context, better func(a, b *Record) bool) (best *Record, err error) {
	for r, err := range c.read(ctx) {
		if err != nil {
			return nil, err
		}
		if best == nil || better(r, best) {
			best = r
		}
	}
	if best == nil {
		return nil, noCall()
	}
	return best, nil
}

// Results yields the results of calls as they are loaded, a request for each. A call without a result, or whose result is missing or damaged, yields its
// ErrNotFound, and the sequence goes on; any other error ends it.
func Results[T any](ctx context.Context, c Selection) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for r, err := range c.read(ctx) {
			var result T
			switch {
			case err != nil:
			case r.Result.IsZero():
				err = fmt.Errorf("call of %s: it has no result: %w", r.Name, ErrNotFound)
			default:
				result, err = blobstore.LoadAs[T](ctx, c.store.Values, r.Result)
			}
			if !yield(result, err) || err != nil && !errors.Is(err, ErrNotFound) {
				return
			}
		}
	}
}

// Evict removes the calls, and returns how many. Their values stay.
func (c Selection) Evict(ctx context.Context) (int, error) {
	n := 0
	for r, err := range c.read(ctx) {
		if err != nil {
			return n, err
		}
		key, err := r.Key()
		if err != nil {
			return n, err
		}
		err = c.store.Calls.Evict(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue // somebody else was quicker
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
