package blobstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// Discarded is what became of a value that nobody names.
type Discarded string

// What may become of it.
const (
	Removed Discarded = "removed"
	Gone    Discarded = "gone"    // somebody else has removed it
	InUse   Discarded = "in use"  // it was written, or kept, since
	Foreign Discarded = "foreign" // its object does not begin as a value does: it was not written by Quiver, or it is damaged
)

// Discard removes the value of a key, if its object was written before a time, by the store's clock, and begins as a value does: by a GET of its start and a DELETE. It is gc's, which knows that nobody names a value that was written before; whoever is
// about to name it writes it again first (Keep), so that it stays: always where the store can delete conditionally; else but for the time between the two requests.
func (s *Store) Discard(ctx context.Context, key digest.Digest, before time.Time) (became Discarded, err error) {
	err = s.Do(ctx, key, op.Write, func(ctx context.Context) error {
		became, err = s.discard(ctx, key, before)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("removing value %s: %w", key, err)
	}
	return became, nil
}

func (s *Store) discard(ctx context.Context, key digest.Digest, before time.Time) (Discarded, error) {
	object, err := s.start(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return Gone, nil
	}
	if errors.Is(err, bucket.ErrInvalid) { // there is no range in nothing
		return Foreign, nil
	}
	if err != nil {
		return "", err
	}
	h, err := readHeader(object.Body)
	if failure := object.Body.Close(); bucket.Kind(err) != nil || bucket.Kind(failure) != nil {
		return "", errors.Join(err, failure)
	}
	if err != nil || h.key != key {
		return Foreign, nil
	}
	if object.ModTime.IsZero() || !object.ModTime.Before(before) {
		return InUse, nil
	}
	conditional, ok := bucket.As[bucket.ConditionalDeleter](s.bucket)
	if !ok {
		return Removed, bucket.Remove(ctx, s.bucket, object.Key)
	}
	switch err := conditional.DeleteIf(ctx, object.Key, object.Version); {
	case errors.Is(err, bucket.ErrChanged):
		return InUse, nil
	case err != nil && !errors.Is(err, bucket.ErrNotFound):
		return "", err
	}
	return Removed, nil
}

// start reads as much of a value's object as a header may have.
func (s *Store) start(ctx context.Context, key digest.Digest) (*bucket.Object, error) {
	if ranges, ok := bucket.As[bucket.RangeGetter](s.bucket); ok {
		return ranges.GetRange(ctx, name(key), 0, maxHeader)
	}
	return s.bucket.Get(ctx, name(key))
}
