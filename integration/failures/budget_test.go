package failures_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/lossy"
	"github.com/quivercache/quiver/integration/servers"
)

// expense is what an operation costs: the requests that go over the wire to a service, in their order.
type expense struct {
	operation string
	s3        string
	gcs       string
	azure     string
	prepare   func(ctx context.Context, near client) error // is not counted; nil: nothing
	do        func(ctx context.Context, c client) error
}

func (e expense) at(which servers.Product) string {
	switch which {
	case servers.FakeGCS:
		return e.gcs
	case servers.Azurite:
		return e.azure
	}
	return e.s3
}

// client is a client of a bucket: bare, so that each request is one, and with a store in it, decorated as programs have it.
type client struct {
	bucket bucket.Bucket
	store  *quiver.Store
	// again is another client of the same bucket, to which nothing is known of it.
	again func() client
}

func newClient(t *testing.T, at place) client {
	return client{at.bare(t), at.store(t, bucket.RetryOptions{}), func() client { return newClient(t, at) }}
}

// spend counts what operations cost on every server.
func spend(t *testing.T, expenses []expense) {
	everywhere(t, func(t *testing.T, at place) {
		at.parameters = "&conditional_delete=true"
		proxy := lossy.Start(at.server.Address)
		t.Cleanup(proxy.Close)
		near, far := newClient(t, at), newClient(t, at.through(proxy.Address))
		for _, e := range expenses {
			ctx := t.Context()
			if e.prepare != nil {
				must(t, e.prepare(ctx, near))
			}
			before := len(proxy.Requests())
			if err := e.do(ctx, far); err != nil {
				t.Errorf("%s: %v", e.operation, err)
			}
			requests := proxy.Requests()[before:]
			if got, want := methods(requests), e.at(at.server.Product); got != want {
				t.Errorf("%s costs %q, not %q:\n  %s", e.operation, got, want, strings.Join(requests, "\n  "))
			}
		}
	})
}

// methods sums up requests: "HEAD, 2 PUT".
func methods(requests []string) string {
	var sums []string
	for i := 0; i < len(requests); {
		method, _, _ := strings.Cut(requests[i], " ")
		n := 0
		for i < len(requests) && strings.HasPrefix(requests[i], method+" ") {
			i, n = i+1, n+1
		}
		if n > 1 {
			method = fmt.Sprint(n, " ", method)
		}
		sums = append(sums, method)
	}
	return strings.Join(sums, ", ")
}

// requests are what the verbs of a bucket cost. On S3 a Delete looks first, since the answer to its DELETE does not tell whether there was an object. Large bodies go in parts of 8 MiB
// on S3, which are opened and closed by a request each, on Azure closed by one; on GCS in chunks of 16 MiB that are opened by one.
var requests = []expense{
	{"get", "GET", "GET", "GET", made("a"), func(ctx context.Context, c client) error { return only(readAll(c.bucket.Get(ctx, "a"))) }},
	{"get, missing", "GET", "GET", "GET", nil, missing(func(ctx context.Context, c client) error { return only(c.bucket.Get(ctx, "missing")) })},
	{"get range", "GET", "GET", "GET", nil, func(ctx context.Context, c client) error {
		ranges, _ := bucket.As[bucket.RangeGetter](c.bucket)
		return only(readAll(ranges.GetRange(ctx, "a", 1, 2)))
	}},
	{"stat", "HEAD", "GET", "HEAD", nil, func(ctx context.Context, c client) error { return only(c.bucket.Stat(ctx, "a")) }},
	{"stat, missing", "HEAD", "GET", "HEAD", nil, missing(func(ctx context.Context, c client) error { return only(c.bucket.Stat(ctx, "missing")) })},
	{"put", "PUT", "POST", "PUT", nil, create("b", 1000)},
	{"put, 8 MiB", "PUT", "POST", "PUT", nil, create("c", 8*mebibyte)},
	{"put, 20 MiB", "POST, 3 PUT, POST", "3 POST", "4 PUT", nil, create("d", 20*mebibyte)},
	{"put, refused", "PUT", "POST", "PUT", nil, exists(create("b", 1000))},
	{"replace", "HEAD, PUT", "GET, POST", "HEAD, PUT", nil, replace("b")},
	{"list", "GET", "GET", "GET", nil, func(ctx context.Context, c client) error { return only(c.bucket.List(ctx, bucket.ListOptions{})) }},
	{"list, one after another", "GET", "GET", "GET", nil, func(ctx context.Context, c client) error {
		return only(c.bucket.List(ctx, bucket.ListOptions{Prefix: "b", After: "a", Limit: 2}))
	}},
	{"folders", "GET", "GET", "GET", made("index/00/marks/a"), func(ctx context.Context, c client) error {
		folders, err := bucket.Folders(ctx, c.bucket, "index/")
		if err == nil && !slices.Equal(folders, []string{"index/00/"}) {
			err = wrong{fmt.Errorf("%q", folders)}
		}
		return err
	}},
	{"delete", "HEAD, DELETE", "DELETE", "DELETE", made("e"), func(ctx context.Context, c client) error { return c.bucket.Delete(ctx, "e") }},
	{"delete, missing", "HEAD", "DELETE", "DELETE", nil, missing(func(ctx context.Context, c client) error { return c.bucket.Delete(ctx, "e") })},
	{"remove", "DELETE", "DELETE", "DELETE", made("f"), func(ctx context.Context, c client) error { return bucket.Remove(ctx, c.bucket, "f") }},
	{"remove, missing", "DELETE", "DELETE", "DELETE", nil, func(ctx context.Context, c client) error { return bucket.Remove(ctx, c.bucket, "f") }},
	{"remove all, of 2", "POST", "2 DELETE", "2 DELETE", made("f"), func(ctx context.Context, c client) error {
		return bucket.RemoveAll(ctx, c.bucket, []string{"f", "missing"}, 2)
	}},
	{"delete if", "HEAD, DELETE", "GET, DELETE", "HEAD, DELETE", made("g"), func(ctx context.Context, c client) error {
		info, err := c.bucket.Stat(ctx, "g")
		conditional, _ := bucket.As[bucket.ConditionalDeleter](c.bucket)
		return unless(err, func() error { return conditional.DeleteIf(ctx, "g", info.Version) })
	}},
}

func TestRequestsOfABucketKeepToTheirBudget(t *testing.T) { spend(t, requests) }

func made(key string) func(ctx context.Context, c client) error { return create(key, 100) }

func create(key string, size int) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error {
		return c.bucket.Put(ctx, key, bucket.Bytes(content(key, size)), bucket.IfAbsent())
	}
}

func replace(key string) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error {
		info, err := c.bucket.Stat(ctx, key)
		return unless(err, func() error {
			return c.bucket.Put(ctx, key, bucket.Bytes([]byte("replaced")), bucket.IfMatch(info.Version))
		})
	}
}
