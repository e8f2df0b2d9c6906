package adapters

import (
	"context"

	"github.com/quivercache/quiver/bucket"
)

// Stat implements bucket.Bucket, in one request.
func (b *Bridge) Stat(ctx context.Context, key string) (bucket.Info, error) {
	r := asked{verb: bucket.Stat, key: key}
	if err := b.check(ctx, r, bucket.CheckKey(key)); err != nil {
		return bucket.Info{}, err
	}
	ctx, seen := b.request(ctx)
	attributes, err := b.blob.Attributes(ctx, key)
	if err != nil {
		return bucket.Info{}, b.explain(ctx, r, seen, err)
	}
	info := b.provider.Info(attributes.As)
	if info.Version == "" {
		return bucket.Info{}, r.vague()
	}
	info.Key, info.Date = key, seen.date()
	return info, nil
}
