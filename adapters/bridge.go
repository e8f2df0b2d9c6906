package adapters

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Options are the settings of a Bridge; nil, or a zero field, means the default.
type Options struct {
	// Uploads sends bodies of many parts, and repeats a part that failed. Default: the bucket itself.
	Uploads *blob.Bucket
	// ConditionalDelete says that the service keeps to the condition of a delete, so that the bucket is a bucket.ConditionalDeleter.
	ConditionalDelete bool
	// FromStart says that every listing of the service begins at the first key with its prefix.
	FromStart bool
	// Context prepares the context of a request that is sent once, for an SDK that is told so there; it may show answers to Note. Default: as it is.
	Context  func(ctx context.Context) context.Context
	PageSize int                 // keys a page that the service gives at the most; default bucket.PageSize
	PartSize int                 // bytes that an upload of many parts holds in memory for each; default 8 MiB
	Retry    bucket.RetryOptions // what bucket.Decorate takes where its caller leaves Retry zero
	Idle     time.Duration       // how long a body may yield nothing before it counts as cut; default 20 s
	Backoff  op.Backoff          // between the attempts to go on with a body that was cut; default 100 ms to 2 s
	Close    func() error        // what else to close with the bucket; default nothing
}

// Bridge is a bucket.Bucket on a gocloud.dev/blob bucket and its Provider. Its zero value is not ready: use New.
type Bridge struct {
	blob     *blob.Bucket
	provider Provider
	o        Options
	extras   []any // that not every service has
	closed   atomic.Bool
}

var (
	_ bucket.Bucket             = (*Bridge)(nil)
	_ bucket.RangeGetter        = (*Bridge)(nil)
	_ bucket.VersionPutter      = (*Bridge)(nil)
	_ bucket.Remover            = (*Bridge)(nil)
	_ bucket.FolderLister       = (*Bridge)(nil)
	_ bucket.Tuned              = (*Bridge)(nil)
	_ bucket.Locator            = (*Bridge)(nil)
	_ bucket.Copier             = (*Bridge)(nil)
	_ bucket.Describer          = (*Bridge)(nil)
	_ bucket.Extended           = (*Bridge)(nil)
	_ bucket.ConditionalDeleter = conditionalDeleter{}
	_ bucket.BulkDeleter        = bulkDeleter{}
	_ bucket.Uploads            = uploads{}
)

// readAhead is how many parts of a large object are read at once: with the one that is being taken, 32 MiB of memory.
const readAhead = 4

// New returns the bucket on b, which it closes; it is a bucket.BulkDeleter, and bucket.Uploads, where its provider is. Every request of it is sent once: decorate it with deadlines
// and retries (bucket.Decorate). The clients under b and its provider must repeat nothing themselves; for the store's time and the ids of requests they go through [Watched] or [WatchedClient].
func New(b *blob.Bucket, provider Provider, options *Options) bucket.Bucket {
	bridge := &Bridge{blob: b, provider: provider}
	if options != nil {
		bridge.o = *options
	}
	o := &bridge.o
	if o.Uploads == nil {
		o.Uploads = b
	}
	if o.PageSize == 0 {
		o.PageSize = bucket.PageSize
	}
	if o.PartSize == 0 {
		o.PartSize = 8 << 20
	}
	if o.Idle == 0 {
		o.Idle = 20 * time.Second
	}
	if o.Backoff.Base == 0 {
		o.Backoff.Base, o.Backoff.Cap = 100*time.Millisecond, 2*time.Second
	}
	if o.Backoff.Clock == nil {
		o.Backoff.Clock = op.SystemClock()
	}
	if o.Backoff.Entropy == nil {
		o.Backoff.Entropy = op.SystemEntropy()
	}
	if o.ConditionalDelete {
		bridge.extras = append(bridge.extras, conditionalDeleter{bridge})
	}
	if service, ok := provider.(bucket.BulkDeleter); ok {
		bridge.extras = append(bridge.extras, bulkDeleter{bridge, service})
	}
	if service, ok := provider.(bucket.Uploads); ok {
		bridge.extras = append(bridge.extras, uploads{bridge, service})
	}
	return bridge
}

// Extras implements bucket.Extended.
func (b *Bridge) Extras() []any { return b.extras }

// Tuning implements bucket.Tuned.
func (b *Bridge) Tuning() bucket.Tuning { return bucket.Tuning{Retry: b.o.Retry, ReadAhead: readAhead} }

// Close implements bucket.Bucket.
func (b *Bridge) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	err := b.blob.Close()
	if b.o.Uploads != b.blob {
		err = errors.Join(err, b.o.Uploads.Close())
	}
	if b.o.Close != nil {
		err = errors.Join(err, b.o.Close())
	}
	return err
}

// request is the context of one request that is sent once, and what its answer will say of itself.
func (b *Bridge) request(ctx context.Context) (context.Context, *seen) {
	ctx, seen := watch(ctx)
	if b.o.Context != nil {
		ctx = b.o.Context(ctx)
	}
	return ctx, seen
}

var errClosed = errors.New("the bucket is closed")

// check refuses a request that is none, or that nobody waits for.
func (b *Bridge) check(ctx context.Context, r asked, invalid error) error {
	switch {
	case invalid != nil:
		return r.fail(bucket.ErrInvalid, invalid)
	case b.closed.Load():
		return r.fail(bucket.ErrInvalid, errClosed)
	case ctx.Err() != nil:
		return r.fail(bucket.ErrUnavailable, because(ctx, nil))
	}
	if err := op.StillFresh(ctx); err != nil {
		return r.fail(bucket.ErrUnavailable, err)
	}
	return nil
}
