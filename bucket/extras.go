package bucket

import (
	"context"
	"errors"
)

// RangeGetter reads a part of an object. Fails as Get does, and with ErrInvalid where offset is beyond the end.
type RangeGetter interface {
	// GetRange returns length bytes from offset, fewer where the object ends before; Size of the result is that of the whole object.
	GetRange(ctx context.Context, key string, offset, length int64) (*Object, error)
}

// ConditionalDeleter removes an object only in the version that was read. Fails with ErrChanged where there is another version, with ErrNotFound
// where there is no object, and with ErrInvalid where the version is empty.
type ConditionalDeleter interface {
	DeleteIf(ctx context.Context, key string, version Version) error
}

// Remover removes an object in one request where Delete needs two, to tell whether there was one. That there is none is no failure.
type Remover interface {
	Remove(ctx context.Context, key string) error
}

// Remove removes an object that its caller has seen, in one request. That it is not there any more is no failure.
func Remove(ctx context.Context, b Bucket, key string) error {
	if remover, ok := As[Remover](b); ok {
		return remover.Remove(ctx, key)
	}
	if err := b.Delete(ctx, key); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// BulkDeleter removes up to BulkSize objects in one request; those that are not there do not matter. Where it fails, some may be gone.
type BulkDeleter interface {
	DeleteAll(ctx context.Context, keys []string) error
}

// BulkSize is how many keys a DeleteAll takes at the most.
const BulkSize = 1000

// As finds an extra (RangeGetter, ConditionalDeleter, Remover, BulkDeleter) of a bucket, through its decorators, whose work it keeps.
func As[T any](b Bucket) (T, bool) {
	if w, ok := b.(*wrapped); ok {
		if _, ok := As[T](w.inner); !ok {
			var none T
			return none, false
		}
		extra, ok := any(wrappedExtras{w}).(T)
		return extra, ok
	}
	extra, ok := b.(T)
	return extra, ok
}
