package integration_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/lossy"
	"github.com/quivercache/quiver/integration/servers"
)

// beside opens a bucket through a proxy with a script, without retries, so that each fault meets the request that it is meant for.
func beside(t *testing.T, which servers.Product, script ...lossy.Fault) (bucket.Bucket, *lossy.Proxy) {
	t.Helper()
	s := shared(t, which)
	made, err := s.NewBucket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	proxy := lossy.Start(s.Address, script...)
	t.Cleanup(proxy.Close)
	for _, variable := range s.EnvAt(proxy.Address) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	b, err := all.Open(t.Context(), s.URLAt(proxy.Address, made.Name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, proxy
}

func content(ctx context.Context, b bucket.Bucket, key string) (string, error) {
	object, err := b.Get(ctx, key)
	if err != nil {
		return "", err
	}
	defer object.Body.Close()
	content, err := io.ReadAll(object.Body)
	return string(content), err
}

func TestAWriteWhoseAnswerIsLostHasLanded(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			method := http.MethodPut
			if which == servers.FakeGCS {
				method = http.MethodPost
			}
			b, proxy := beside(t, which, lossy.Fault{Method: method, Do: lossy.Drop()})
			err := b.Put(t.Context(), "a/b", bucket.Bytes([]byte("content")), bucket.IfAbsent())
			if !errors.Is(err, bucket.ErrUnavailable) {
				t.Errorf("a write without an answer fails with %v", err)
			}
			if got, err := content(t.Context(), b, "a/b"); got != "content" || err != nil {
				t.Errorf("the object holds %q, %v", got, err)
			}
			proxy.Done(t)
		})
	}
}

func TestABodyThatIsCutIsReadToItsEnd(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			b, proxy := beside(t, which, lossy.Fault{Method: http.MethodGet, Path: "*/a*", Do: lossy.Cut(1000)})
			long := strings.Repeat("0123456789", 1000)
			if err := b.Put(t.Context(), "a", bucket.Bytes([]byte(long)), bucket.IfAbsent()); err != nil {
				t.Fatal(err)
			}
			if got, err := content(t.Context(), b, "a"); got != long || err != nil {
				t.Errorf("%d of %d bytes, %v", len(got), len(long), err)
			}
			proxy.Done(t)
		})
	}
}

func TestAnAnswerThatIsHeldEndsWithTheDeadline(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			b, proxy := beside(t, which, lossy.Fault{Method: http.MethodGet, Path: "*/a*", Do: lossy.Hold(nil)})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if _, err := content(ctx, b, "a"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, bucket.ErrUnavailable) {
				t.Errorf("at its deadline the request fails with %v", err)
			}
			proxy.Done(t)
		})
	}
}
