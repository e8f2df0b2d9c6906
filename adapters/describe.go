package adapters

import (
	"context"

	"github.com/quivercache/quiver/bucket"
)

// Describe implements bucket.Describer.
func (b *Bridge) Describe(ctx context.Context) (bucket.Description, error) {
	r := asked{verb: Description, key: "the bucket"}
	if err := b.check(ctx, r, nil); err != nil {
		return bucket.Description{}, err
	}
	ctx, seen := b.request(ctx)
	told, err := b.provider.Describe(ctx)
	if err != nil {
		return bucket.Description{}, b.explain(ctx, r, seen, err)
	}
	told.Endpoint = seen.host()
	if told.Untold != nil {
		r.verb = Versioning
		told.Untold = b.explain(ctx, r, seen, told.Untold)
	}
	return told, nil
}
