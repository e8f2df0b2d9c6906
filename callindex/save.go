package callindex

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// SaveOptions say how a record is saved; nil means that the first one wins.
type SaveOptions struct {
	// Replace writes over whatever record the call has.
	Replace bool
	// Over is a record of this call, as it was loaded, that must give way: it is out of date, or its result was lost. Whoever has replaced it
	// meanwhile wins. Without it, or with Replace, the field says nothing.
	Over *Record
	// Saved is when the record counts as saved; default now. Who moves or copies a record keeps its time.
	Saved time.Time
	// Beside runs while the mark is placed: it stores what the record will name. The record is written when both have succeeded. Where hours have passed until then, it runs again: gc may have come.
	Beside func(ctx context.Context) error

	moved *Record // what it is made of, under another key: gc may have looked for that one after it had gone, and for this one before it came
}

// Save saves the record of a call and returns the record that the call now has: the one given, or that of another writer who was first. A new record costs
// two PUTs in two round trips; being second costs one GET more. What prevents it is a *keyspace.SaveError, after which the record
// is there or not, but whole and marked.
//
// A damaged record is replaced.
//
// Contract: CallStorage.save, which replaces: SaveOptions.Replace.
func (s *Store) Save(ctx context.Context, r *Record, options *SaveOptions) (winner *Record, err error) {
	o := SaveOptions{}
	if options != nil {
		o = *options
	}
	key, err := r.Key()
	if err != nil {
		return nil, &keyspace.SaveError{Err: err}
	}
	err = s.Do(ctx, key, op.Write, func(ctx context.Context) error {
		w := s.begin(&r.Call, key)
		w.stores = o.Beside
		w.naming(r, o.moved)
		if err := beside(ctx, w.announce, w.keep); err != nil {
			return err
		}
		winner, err = s.commit(ctx, w, r, o)
		return err
	})
	if err != nil {
		return nil, &keyspace.SaveError{Key: key, Err: err}
	}
	return winner, nil
}

// beside runs two things at once.
func beside(ctx context.Context, one, other func(ctx context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return one(ctx) })
	group.Go(func() error { return other(ctx) })
	return group.Wait()
}

// commit writes a record under the mark of w, and returns the record that the call then has.
func (s *Store) commit(ctx context.Context, w *writing, r *Record, o SaveOptions) (*Record, error) {
	ours := *r
	if ours.Saved = o.Saved; o.Saved.IsZero() {
		ours.Saved = s.clock.Now()
	}
	ours.Saved = ours.Saved.UTC()
	condition := bucket.IfAbsent()
	if o.Over != nil && o.Over.version != "" {
		condition = bucket.IfMatch(o.Over.version)
	}
	aside := op.Unnoted(ctx) // what is read back is not what the operation goes by
	within := ctx
	if !o.Replace && o.Over == nil {
		within = aside // the first one wins: nothing is overwritten, whatever the operation has read
	}
	for range attempts {
		refused := w.put(within, &ours, condition)
		switch {
		case refused == nil:
			bucket.Landed(ctx, s.bucket, layout.RecordSpace.Name(w.mark.Key))
			return &ours, nil
		case !errors.Is(refused, bucket.ErrExists) && !errors.Is(refused, bucket.ErrChanged):
			return nil, refused
		}
		theirs, err := s.get(aside, w.mark.Key)
		damaged, isDamaged := errors.AsType[*keyspace.DamagedError](err)
		switch {
		case err == nil && w.own(theirs): // it had landed, and the answer was lost
			bucket.Landed(ctx, s.bucket, layout.RecordSpace.Name(w.mark.Key))
			return theirs, nil
		case err != nil && !errors.Is(err, digest.ErrNotFound): // also of a damaged record
			return nil, err
		case errors.Is(refused, op.ErrLostRace): // it is not what the operation has read: it must read it again
			return nil, refused
		case isDamaged:
			condition = bucket.IfMatch(damaged.Version)
		case err != nil: // evicted meanwhile
			condition = bucket.IfAbsent()
		case o.Replace, o.Over != nil && o.Over.write == theirs.write:
			condition = bucket.IfMatch(theirs.version)
		default:
			return theirs, nil
		}
	}
	return nil, fmt.Errorf("other writers changed the record %d times meanwhile: %w", attempts, bucket.ErrChanged)
}

// overwrite writes a record over the one that was read, and nothing else. Fails with bucket.ErrChanged where that is not there any more.
func (s *Store) overwrite(ctx context.Context, key digest.Digest, r, changed *Record) error {
	w := s.begin(&changed.Call, key)
	fresh := *changed // without what the record under this key has named all the time
	fresh.Parts = slices.DeleteFunc(changed.results(), func(d digest.Digest) bool { return slices.Contains(r.results(), d) })
	fresh.Result = digest.Digest{}
	w.naming(&fresh, nil)
	ours := *changed
	ours.Saved = r.Saved
	err := w.put(ctx, &ours, bucket.IfMatch(r.version))
	if errors.Is(err, bucket.ErrChanged) {
		if theirs, getErr := s.get(op.Unnoted(ctx), key); getErr == nil && w.own(theirs) {
			bucket.Landed(ctx, s.bucket, layout.RecordSpace.Name(key))
			return nil // it had landed, and the answer was lost
		}
	}
	return err
}

// storing returns a function that stores what many records name, unless it did so hours ago or less.
func (s *Store) storing(stores func(ctx context.Context) error) func(ctx context.Context) error {
	var mu sync.Mutex
	var stored time.Time
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		begun := s.clock.Now()
		if stores == nil || !stored.IsZero() && op.Elapsed(stored, begun) < keepLife {
			return nil
		}
		err := stores(ctx)
		if err == nil {
			stored = begun
		}
		return err
	}
}

// saveParallel is how many records SaveAll writes at once.
const saveParallel = 32

// SaveAll saves many records and returns, for each, what Save would: those of one function share one mark, so N of them cost N + 1 PUTs. Beside runs
// once for all. It goes on after a failure; the errors of all are joined, and a record that was not saved is nil in the result.
func (s *Store) SaveAll(ctx context.Context, records []*Record, options *SaveOptions) ([]*Record, error) {
	o := SaveOptions{}
	if options != nil {
		o = *options
	}
	winners := make([]*Record, len(records))
	failures := make([]error, len(records))
	writings := make([]*writing, len(records))
	for i, r := range records {
		key, err := r.Key()
		if err != nil {
			failures[i] = &keyspace.SaveError{Err: err}
			continue
		}
		writings[i] = s.begin(&r.Call, key)
	}
	stores := s.storing(o.Beside)
	err := beside(ctx, func(ctx context.Context) error { return s.announceAll(ctx, writings) }, stores)
	if err != nil {
		return winners, &keyspace.SaveError{Err: err}
	}
	var group errgroup.Group
	group.SetLimit(saveParallel)
	for i, w := range writings {
		if w == nil {
			continue
		}
		group.Go(func() error {
			w.stores = stores
			w.naming(records[i], nil)
			err := s.Do(ctx, w.mark.Key, op.Write, func(ctx context.Context) (err error) {
				winners[i], err = s.commit(ctx, w, records[i], o)
				return err
			})
			if err != nil {
				failures[i] = &keyspace.SaveError{Key: w.mark.Key, Err: err}
			}
			return nil
		})
	}
	_ = group.Wait() // the failures are kept one by one
	return winners, errors.Join(failures...)
}
