package mem

import (
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/bucket"
)

// Locate implements bucket.Locator. Each Bucket is a server of its own.
func (b *Bucket) Locate(key string) bucket.Location {
	return bucket.Location{Service: "mem", Endpoint: fmt.Sprintf("%p", b), Bucket: "mem", Key: key}
}

// Copy implements bucket.Copier.
func (b *Bucket) Copy(ctx context.Context, from bucket.Location, _ int64, key string) error {
	b.mu.RLock()
	err := b.check(ctx, bucket.Copy, key, bucket.CheckKey(key))
	original, ok := b.objects[from.Key]
	b.mu.RUnlock()
	switch {
	case err != nil:
		return err
	case from != b.Locate(from.Key):
		return fail(bucket.Copy, key, bucket.ErrRefused, fmt.Errorf("%s is elsewhere", from))
	case !ok:
		return fail(bucket.Copy, key, bucket.ErrNotFound, nil)
	}
	err = b.Put(ctx, key, bucket.Bytes(original.content), bucket.IfAbsent())
	if errors.Is(err, bucket.ErrExists) {
		return fail(bucket.Copy, key, bucket.ErrExists, nil)
	}
	return err
}
