package gcs

import (
	"context"

	"cloud.google.com/go/storage"

	"github.com/quivercache/quiver/bucket"
)

// Location has no endpoint: what a process calls GCS is one server, Google's or an emulator.
func (p *provider) Location() bucket.Location {
	return bucket.Location{Service: Scheme, Bucket: p.bucket.BucketName()}
}

// Copy asks again as long as GCS says that it is not done, which it does of large objects between locations.
func (p *provider) Copy(ctx context.Context, from bucket.Location, _ int64, key string) error {
	copier := p.bucket.Object(key).If(storage.Conditions{DoesNotExist: true}).CopierFrom(p.client.Bucket(from.Bucket).Object(from.Key))
	copier.DestinationKMSKeyName = p.o.KMSKeyName
	_, err := copier.Run(ctx)
	return err
}
