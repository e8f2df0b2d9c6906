package callindex

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// Evict removes the record of a key: a GET, which proves that it is there, the PUT of a mark, and a DELETE of the version that was read; for a prefix a LIST before.
// A record that is not there is digest.ErrNotFound. A damaged record does not tell its function, whose queries would have to hear of it: it is
// left in place, as a *keyspace.DamagedError, until the call is saved again.
//
// Contract: KeyManagement.evict.
func (s *Store) Evict(ctx context.Context, key digest.Key) error {
	full, err := s.Expand(ctx, key)
	if err != nil {
		return err
	}
	return s.Do(ctx, full, op.Write, func(ctx context.Context) error {
		return s.evict(ctx, full, func(*Record) error { return nil })
	})
}

// EvictSaved is Evict for who has seen a call that was saved at some time, and says whether that was evicted: not where it has gone, or was replaced by another record, or cannot be believed.
func (s *Store) EvictSaved(ctx context.Context, key digest.Digest, saved time.Time) (evicted bool, err error) {
	errOther := errors.New("it is another record")
	err = s.Do(ctx, key, op.Write, func(ctx context.Context) error {
		return s.evict(ctx, key, func(r *Record) error {
			if !r.Saved.Equal(saved) {
				return errOther
			}
			return nil
		})
	})
	if errors.Is(err, errOther) || errors.Is(err, digest.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// evict removes the record of a key, unless refuse says why not.
func (s *Store) evict(ctx context.Context, key digest.Digest, refuse func(*Record) error) error {
	var w *writing
	for range attempts {
		r, err := s.get(op.Unnoted(ctx), key)
		if w != nil && errors.Is(err, digest.ErrNotFound) {
			return nil // it was there, and another evicts it too
		}
		if err != nil {
			return err
		}
		if err := refuse(r); err != nil {
			return err
		}
		if w == nil {
			w = s.begin(&r.Call, key)
		}
		if err := w.remove(ctx, r.version); !errors.Is(err, bucket.ErrChanged) || errors.Is(err, op.ErrLostRace) {
			return err
		}
	}
	return fmt.Errorf("evicting %s: other writers changed the record %d times meanwhile: %w", key, attempts, bucket.ErrChanged)
}

// evictVersion removes a record as it was read. Fails with bucket.ErrChanged where it has changed.
func (s *Store) evictVersion(ctx context.Context, key digest.Digest, r *Record) error {
	return s.begin(&r.Call, key).remove(ctx, r.version)
}

// remove deletes a version of the record, which was read: that it is not there means that it is gone.
func (w *writing) remove(ctx context.Context, version bucket.Version) error {
	return w.try(ctx, func(ctx context.Context, _ string) error {
		err := w.store.delete(ctx, w.mark.Key, version)
		if errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		return err
	})
}

// delete removes a version of a record; where the store cannot delete conditionally, whatever version there is.
func (s *Store) delete(ctx context.Context, key digest.Digest, version bucket.Version) error {
	name := layout.RecordSpace.Name(key)
	if conditional, ok := bucket.As[bucket.ConditionalDeleter](s.bucket); ok {
		return conditional.DeleteIf(ctx, name, version)
	}
	return bucket.Remove(ctx, s.bucket, name)
}
