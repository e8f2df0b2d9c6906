package bucket_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handler is a bucket of one function.
func handler(handle bucket.Handler) bucket.Bucket {
	return bucket.Wrap(mem.New(nil), func(bucket.Handler) bucket.Handler { return handle })
}

// around makes a middleware of a function that has the next handler as its last argument.
func around(handle func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error)) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) { return handle(ctx, r, next) }
	}
}

// filled is a bucket with objects whose content is their key.
func filled(t *testing.T, keys ...string) *mem.Bucket {
	t.Helper()
	b := mem.New(nil)
	for _, key := range keys {
		if err := b.Put(t.Context(), key, bucket.Bytes([]byte(key)), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// pause lets time pass in a synctest bubble.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	if err := op.SystemClock().Sleep(t.Context(), d); err != nil {
		t.Error(err)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		t.Errorf("the error is %v, not %v", err, want)
	}
}
