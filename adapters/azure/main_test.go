package azure_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"go.uber.org/goleak"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/adapters/azure"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "a2V5" // of the account

var quick = op.Backoff{Base: time.Millisecond, Cap: time.Millisecond}

// wire is the transport under an SDK, which notes what is sent.
type wire struct {
	http.Client
	mu   sync.Mutex
	sent []string
}

func newWire(t *testing.T) *wire {
	w := &wire{}
	w.Transport = &http.Transport{MaxIdleConnsPerHost: adapters.Parallel}
	t.Cleanup(w.CloseIdleConnections)
	return w
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.sent = append(w.sent, name(r))
	w.mu.Unlock()
	return w.Client.Do(r)
}

// take returns the requests since it was called last, sorted, since parts have no order.
func (w *wire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := slices.Sorted(slices.Values(w.sent))
	w.sent = nil
	return sent
}

// serve starts a service, whose faults must have struck when the test ends.
func serve(t *testing.T) (*service, *httptest.Server) {
	t.Helper()
	s := newService()
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		if unused := s.unused(); len(unused) > 0 {
			t.Errorf("faults that did not strike: %v", unused)
		}
	})
	return s, server
}

// open returns a bucket on a service, by a client of the test's own that would repeat what it may.
func open(t *testing.T, options *azure.Options) (bucket.Bucket, *service, *wire) {
	t.Helper()
	s, server := serve(t)
	w := newWire(t)
	credential, err := container.NewSharedKeyCredential("account", key)
	if err != nil {
		t.Fatal(err)
	}
	client, err := container.NewClientWithSharedKeyCredential(server.URL+"/account/c", credential, &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: azure.Transport(w), Retry: policy.RetryOptions{RetryDelay: time.Millisecond},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := azure.New(t.Context(), client, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, s, w
}

// create puts an object of a text, which is not counted.
func create(t *testing.T, b bucket.Bucket, w *wire, key, text string) bucket.Version {
	t.Helper()
	if err := b.Put(t.Context(), key, bucket.Bytes([]byte(text)), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	info, err := b.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	w.take()
	return info.Version
}

func read(t *testing.T, object *bucket.Object) string {
	t.Helper()
	defer object.Body.Close()
	content, err := io.ReadAll(object.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// operation is a request to a bucket with the object "k" in a version.
type operation struct {
	verb bucket.Verb
	do   func(ctx context.Context, b bucket.Bucket, version bucket.Version) error
	on   string // as the service notes it
}

// large is the size of a body that goes in two parts.
const large = 9 << 20

// operations are all that a bucket does.
func operations() map[string]operation {
	small, parts := bucket.Bytes([]byte("new")), bucket.Bytes(make([]byte, large))
	return map[string]operation{
		"Get": {bucket.Get, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error { return got(b.Get(ctx, "k")) }, "GET k"},
		"GetRange": {bucket.GetRange, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			ranges, _ := bucket.As[bucket.RangeGetter](b)
			return got(ranges.GetRange(ctx, "k", 1, 1))
		}, "GET k"},
		"Stat": {bucket.Stat, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			_, err := b.Stat(ctx, "k")
			return err
		}, "HEAD k"},
		"Put IfAbsent": {bucket.Put, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			return b.Put(ctx, "new", small, bucket.IfAbsent())
		}, "PUT new"},
		"Put IfMatch": {bucket.Put, func(ctx context.Context, b bucket.Bucket, version bucket.Version) error {
			return b.Put(ctx, "k", small, bucket.IfMatch(version))
		}, "PUT k"},
		"Put in parts": {bucket.Put, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			return b.Put(ctx, "new", parts, bucket.IfAbsent())
		}, "PUT new?blocklist"},
		"Delete": {bucket.Delete, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error { return b.Delete(ctx, "k") }, "DELETE k"},
		"DeleteIf": {bucket.DeleteIf, func(ctx context.Context, b bucket.Bucket, version bucket.Version) error {
			conditional, _ := bucket.As[bucket.ConditionalDeleter](b)
			return conditional.DeleteIf(ctx, "k", version)
		}, "DELETE k"},
		"Remove": {bucket.Removal, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			return bucket.Remove(ctx, b, "k")
		}, "DELETE k"},
		"List": {bucket.List, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			_, err := b.List(ctx, bucket.ListOptions{Prefix: "k"})
			return err
		}, "LIST k"},
		"Folders": {bucket.ListFolders, func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			_, err := bucket.Folders(ctx, b, "k/")
			return err
		}, "FOLDERS k/"},
	}
}

func got(object *bucket.Object, err error) error {
	if err != nil {
		return err
	}
	defer object.Body.Close()
	_, err = io.Copy(io.Discard, object.Body)
	return err
}

// explained demands an error of a kind that names what was asked, and says all of some words.
func explained(t *testing.T, err error, verb bucket.Verb, kind error, words ...string) {
	t.Helper()
	failure, ok := errors.AsType[*bucket.Error](err)
	if !ok || !errors.Is(bucket.Kind(err), kind) || failure.Verb != verb {
		t.Errorf("the error is %v, not a failed %s of the kind %q", err, verb, kind)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error is %q and does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "-----") {
		t.Errorf("the error is more than a line: %q", err)
	}
}
