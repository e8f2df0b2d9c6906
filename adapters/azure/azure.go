package azure

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob/azureblob"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Options are the settings of a bucket on Azure; nil, or a zero field, means the default.
type Options struct {
	EncryptionScope string // of what is written, as one with a key of the customer's; default the container's own
	// UnconditionalDelete says that the server ignores If-Match on a DELETE, and deletes whatever there is. Azure and Azurite keep to it.
	UnconditionalDelete bool
}

// pageSize is how many blobs Azure lists in one answer at the most.
const pageSize = 5000

// New returns the bucket of a container. The client's transport goes through [Transport]: without it, an upload in parts that is canceled can end the program. The client stays the caller's: its own repetitions are off for every request but the parts of an upload, which
// are repeated as its options say, and bucket.Decorate repeats the rest.
func New(ctx context.Context, client *container.Client, options *Options) (bucket.Bucket, error) {
	return newBucket(ctx, client, options, nil)
}

func newBucket(ctx context.Context, client *container.Client, options *Options, closes func() error) (bucket.Bucket, error) {
	var o Options
	if options != nil {
		o = *options
	}
	opened, err := azureblob.OpenBucket(ctx, client, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bucket.ErrInvalid, err)
	}
	p := &provider{client: client}
	if o.EncryptionScope != "" {
		p.scope = &blob.CPKScopeInfo{EncryptionScope: &o.EncryptionScope}
	}
	return adapters.New(opened, p, &adapters.Options{
		ConditionalDelete: !o.UnconditionalDelete,
		FromStart:         true,
		Context:           once,
		PageSize:          pageSize,
		Retry:             bucket.RetryOptions{Attempts: 5, Attempt: 15 * time.Second, Backoff: op.Backoff{Base: 100 * time.Millisecond, Cap: 10 * time.Second}},
		Close:             closes,
	}), nil
}

// once lets the SDK send a request a single time, whatever the options of its client, and shows the answer to the Bridge.
func once(ctx context.Context) context.Context {
	return policy.WithRetryOptions(ctx, policy.RetryOptions{
		ShouldRetry: func(answer *http.Response, _ error) bool {
			adapters.Note(ctx, answer)
			if answer != nil && foreign(answer) {
				answer.StatusCode = http.StatusBadGateway
			}
			return false
		},
	})
}

// foreign says whether a success is none of Azure's, but of a web server at the endpoint: gocloud.dev/blob panics over what such an answer lacks.
func foreign(answer *http.Response) bool {
	lacks := func(name string) bool { return answer.Header.Get(name) == "" }
	head := answer.Request != nil && answer.Request.Method == http.MethodHead
	return answer.StatusCode < 300 && (lacks("X-Ms-Request-Id") || head && (lacks("Last-Modified") || lacks("X-Ms-Creation-Time")))
}
