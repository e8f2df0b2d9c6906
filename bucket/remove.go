package bucket

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"
)

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

// RemoveAll removes objects that its caller has seen: in one request for each BulkSize of them where the bucket is a BulkDeleter, else in one for each, and so
// many requests at once. That some are not there any more is no failure. It ends with its first error; then some may be gone.
func RemoveAll(ctx context.Context, b Bucket, keys []string, parallel int) error {
	size, remove := 1, func(ctx context.Context, chunk []string) error { return Remove(ctx, b, chunk[0]) }
	if bulk, ok := As[BulkDeleter](b); ok {
		size, remove = BulkSize, bulk.DeleteAll
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(parallel, 1))
	var ended error
	for chunk := range slices.Chunk(keys, size) {
		if ctx.Err() != nil {
			ended = &Error{Verb: Removal, Key: chunk[0], Kind: ErrUnavailable, Err: context.Cause(ctx)}
			break
		}
		group.Go(func() error { return remove(ctx, chunk) })
	}
	return cmp.Or(group.Wait(), ended)
}
