package gcs

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob/gcsblob"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Options are the settings of a bucket on Google Cloud Storage; nil, or a zero field, means the default.
type Options struct {
	// KMSKeyName is the key of Cloud KMS for what is written: projects/P/locations/L/keyRings/R/cryptoKeys/K. Default the bucket's own.
	KMSKeyName string
	// PartSize is how many bytes an upload of many parts sends in one request, and holds in memory. Default 16 MiB.
	PartSize int
	// ConditionalDelete says that the server keeps to the condition of a DELETE, as Google's does. An emulator deletes whatever there is.
	ConditionalDelete bool
}

// New returns the GCS bucket of a name. The client stays the caller's: a copy of it is used, whose requests are sent once (bucket.Decorate repeats them).
// A client on which SetRetry was called shares its policy with the copy, and sends once from then on.
//
// The client must be storage.NewClient's, over HTTP, and read by XML, which is its default. Where its transport is made with [Watched], the store's time and the ids
// of requests are known, and a miss of Get costs no second request. A project that pays for the requests is the client's affair: option.WithQuotaProject.
func New(ctx context.Context, client *storage.Client, name string, options *Options) (bucket.Bucket, error) {
	return open(ctx, client, name, options, nil)
}

// pageSize is how many keys GCS lists in an answer at the most.
const pageSize = 1000

func open(ctx context.Context, client *storage.Client, name string, options *Options, closing func() error) (bucket.Bucket, error) {
	var o Options
	if options != nil {
		o = *options
	}
	own := *client
	own.SetRetry(storage.WithPolicy(storage.RetryNever))
	b, err := gcsblob.OpenBucket(ctx, nil, name, &gcsblob.Options{Client: &own})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bucket.ErrInvalid, err)
	}
	return adapters.New(b, &provider{client: &own, bucket: own.Bucket(name), o: o}, &adapters.Options{
		ConditionalDelete: o.ConditionalDelete,
		PageSize:          pageSize,
		PartSize:          cmp.Or(o.PartSize, 16<<20),
		// The pauses outlast the second for which GCS takes no other change of an object.
		Retry: bucket.RetryOptions{Attempts: 6, Attempt: 10 * time.Second, Backoff: op.Backoff{Base: 200 * time.Millisecond, Cap: 8 * time.Second}},
		Close: closing,
	}), nil
}
