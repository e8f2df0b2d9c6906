package blobstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// Evict removes a value, damaged or not. An unknown key is digest.ErrNotFound. One DELETE; a prefix costs one LIST more.
//
// Contract: KeyManagement.evict.
func (s *Store) Evict(ctx context.Context, key digest.Key) error {
	full, err := s.Expand(ctx, key)
	if err != nil {
		return err
	}
	return s.Do(ctx, full, op.Write, func(ctx context.Context) error {
		if _, _, isFull, _ := digest.Split(key); !isFull { // the LIST has shown it
			return bucket.Remove(ctx, s.bucket, name(full))
		}
		err := s.bucket.Delete(ctx, name(full))
		if errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("value %s: %w", full, digest.ErrNotFound)
		}
		return err
	})
}
