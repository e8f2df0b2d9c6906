package adapters

import (
	"context"
	"errors"

	"github.com/quivercache/quiver/bucket"
)

// Locate implements bucket.Locator.
func (b *Bridge) Locate(key string) bucket.Location {
	at := b.provider.Location()
	at.Key = key
	return at
}

// Copy implements bucket.Copier, in one request of a size that the service copies at once, and in none where it does not.
func (b *Bridge) Copy(ctx context.Context, from bucket.Location, size int64, key string) error {
	r := asked{verb: bucket.Copy, key: key, condition: bucket.IfAbsent()}
	if err := b.check(ctx, r, bucket.CheckKey(key)); err != nil {
		return err
	}
	ctx, seen := b.request(ctx)
	err := b.provider.Copy(ctx, from, size, key)
	if errors.Is(err, bucket.ErrRefused) { // by the provider, before any request
		return r.fail(bucket.ErrRefused, err)
	}
	return b.explain(ctx, r, seen, err)
}
