package adapters

import (
	"context"
	"errors"

	"github.com/quivercache/quiver/bucket"
)

// Delete implements bucket.Bucket: one request, on S3 two, since its DELETE does not tell whether there was an object.
func (b *Bridge) Delete(ctx context.Context, key string) error {
	r := asked{verb: bucket.Delete, key: key}
	if err := b.check(ctx, r, bucket.CheckKey(key)); err != nil {
		return err
	}
	ctx, seen := b.request(ctx)
	return b.explain(ctx, r, seen, b.blob.Delete(ctx, key))
}

// Remove implements bucket.Remover, in one request.
func (b *Bridge) Remove(ctx context.Context, key string) error {
	r := asked{verb: bucket.Removal, key: key}
	if err := b.check(ctx, r, bucket.CheckKey(key)); err != nil {
		return err
	}
	err := b.delete(ctx, r, "")
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	return err
}

func (b *Bridge) delete(ctx context.Context, r asked, version bucket.Version) error {
	ctx, seen := b.request(ctx)
	return b.explain(ctx, r, seen, b.provider.Delete(ctx, r.key, version))
}

// conditionalDeleter is of a Bridge to a service that keeps to the condition of a delete.
type conditionalDeleter struct{ bridge *Bridge }

// DeleteIf implements bucket.ConditionalDeleter, in one request.
func (d conditionalDeleter) DeleteIf(ctx context.Context, key string, version bucket.Version) error {
	r := asked{verb: bucket.DeleteIf, key: key, condition: bucket.IfMatch(version)}
	if err := d.bridge.check(ctx, r, errors.Join(bucket.CheckKey(key), r.condition.Check())); err != nil {
		return err
	}
	return d.bridge.delete(ctx, r, version)
}

// bulkDeleter is of a Bridge to a service that deletes many objects in one request.
type bulkDeleter struct {
	bridge  *Bridge
	service bucket.BulkDeleter
}

// DeleteAll implements bucket.BulkDeleter, in one request.
func (d bulkDeleter) DeleteAll(ctx context.Context, keys []string) error {
	named := bucket.Request{Verb: bucket.DeleteAll, Keys: keys}
	r := asked{verb: named.Verb, key: named.Name()}
	if err := d.bridge.check(ctx, r, bucket.CheckBulk(keys)); err != nil || len(keys) == 0 {
		return err
	}
	ctx, seen := d.bridge.request(ctx)
	return d.bridge.explain(ctx, r, seen, d.service.DeleteAll(ctx, keys))
}
