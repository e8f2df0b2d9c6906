package gc_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
	"github.com/quivercache/quiver/op"
	"github.com/quivercache/quiver/signing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const day = 24 * time.Hour

// failing is a test, or a check of rapid's.
type failing interface {
	Helper()
	Errorf(format string, arguments ...any)
	Fatalf(format string, arguments ...any)
}

// handClock is moved by hand.
type handClock struct{ passed atomic.Int64 }

func (c *handClock) Now() time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *handClock) Sleep(_ context.Context, d time.Duration) error {
	c.pass(d)
	return nil
}

func (c *handClock) pass(d time.Duration) { c.passed.Add(int64(d)) }

// skewed is a client's clock, which is wrong by a constant.
type skewed struct {
	op.Clock
	by time.Duration
}

func (c skewed) Now() time.Time { return c.Clock.Now().Add(c.by) }

// counted is entropy without chance: waits are short, and ids are numbers.
type counted struct{ n atomic.Uint64 }

func (c *counted) Read(p []byte) (int, error) {
	n := c.n.Add(1)
	for i := range p {
		p[i] = byte(n >> (8 * (i % 8)))
	}
	return len(p), nil
}

var entropy io.Reader = &counted{}

// world is a bucket in memory with a clock, and a client of it.
type world struct {
	client
	t      failing
	bucket *mem.Bucket
	clock  *handClock
}

// client is what a process has of a store.
type client struct{ gc.Store }

func newWorld(t failing) *world {
	clock := &handClock{}
	w := &world{t: t, bucket: mem.New(&mem.Options{Clock: clock}), clock: clock}
	w.client = newClient(w.bucket, clock, nil)
	return w
}

// newClient is another process.
func newClient(b bucket.Bucket, clock op.Clock, signer *signing.Signer) client {
	values := blobstore.New(b, &blobstore.Options{Clock: clock, Entropy: entropy, Signer: signer})
	return client{gc.Store{
		Bucket: b, Values: values,
		Calls:  callindex.New(b, &callindex.Options{Clock: clock, Entropy: entropy, Signer: signer, Values: values}),
		Leases: lease.New(b, &lease.Options{Clock: clock, Entropy: entropy, Owner: "somebody", Host: "somewhere"}),
	}}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// value saves a value of its own.
func (w *world) value(v any) digest.Digest {
	w.t.Helper()
	key, err := w.Values.Save(context.Background(), v, nil)
	if err != nil {
		w.t.Fatalf("saving %v: %v", v, err)
	}
	return key
}

// callOf is a call of a function with one argument.
func callOf(name string, argument digest.Digest) callindex.Call {
	return callindex.Call{Name: name, Version: callindex.IntVersion(1), Arguments: []callindex.Argument{{Name: "x", Digest: argument}}}
}

// call saves a record, and returns its key.
func (w *world) call(r *callindex.Record) digest.Digest {
	w.t.Helper()
	if _, err := w.Calls.Save(context.Background(), r, nil); err != nil {
		w.t.Fatalf("saving a call: %v", err)
	}
	return must(r.Key())
}

func (w *world) fold() {
	w.t.Helper()
	w.clock.pass(callindex.Grace + time.Second)
	if _, err := w.Calls.Fold(context.Background(), nil); err != nil {
		w.t.Fatalf("fold: %v", err)
	}
}

// has says whether there is an object.
func (w *world) has(name string) bool {
	w.t.Helper()
	_, err := w.bucket.Stat(context.Background(), name)
	if err != nil && !errors.Is(err, bucket.ErrNotFound) {
		w.t.Fatalf("%v", err)
	}
	return err == nil
}

func (w *world) hasValue(key digest.Digest) bool { return w.has(layout.ValueSpace.Name(key)) }

// plant writes an object, whatever is there.
func (w *world) plant(name string, content []byte) {
	w.t.Helper()
	condition := bucket.IfAbsent()
	if info, err := w.bucket.Stat(context.Background(), name); err == nil {
		condition = bucket.IfMatch(info.Version)
	}
	if err := w.bucket.Put(context.Background(), name, bucket.Bytes(content), condition); err != nil {
		w.t.Fatalf("%v", err)
	}
}

func (w *world) object(name string) []byte {
	w.t.Helper()
	content, _, err := bucket.ReadAll(context.Background(), w.bucket, name, 1<<20)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return content
}

// find finds garbage, and closes it when it is not needed any more.
func (w *world) find(c client, options *gc.Options) *gc.Garbage {
	w.t.Helper()
	g, err := gc.Find(context.Background(), c.Store, options)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return g
}

func (w *world) remove(g *gc.Garbage) gc.Removed {
	w.t.Helper()
	removed, err := g.Remove(context.Background())
	if err := errors.Join(err, g.Close()); err != nil {
		w.t.Fatalf("%v", err)
	}
	return removed
}

// collect finds garbage and removes it.
func (w *world) collect(options *gc.Options) (gc.Summary, gc.Removed) {
	w.t.Helper()
	g := w.find(w.client, options)
	return g.Summary, w.remove(g)
}

// names are the names of all objects.
func (w *world) names() (names []string) {
	w.t.Helper()
	for info, err := range bucket.All(context.Background(), w.bucket, bucket.ListOptions{}) {
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		names = append(names, info.Key)
	}
	return names
}

// recorded is a client whose requests are recorded.
func (w *world) recorded(recorder *buckettest.Recorder) client {
	return newClient(bucket.Wrap(w.bucket, recorder.Record), w.clock, nil)
}

func is[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, not %v", what, got, want)
	}
}
