package failures_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
)

// pool has the servers that these tests share; a test that ends a server, or stops it, starts its own.
var pool servers.Pool

// TestMain removes the servers and the program before it looks for goroutines that are left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(pooled{m}) }

type pooled struct{ *testing.M }

func (p pooled) Run() int {
	code := p.M.Run()
	if err := errors.Join(pool.Close(), built.Remove()); err != nil {
		fmt.Fprintln(os.Stderr, "cleaning up:", err)
		code = 1
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return code
}

// everywhere runs a test on a bucket of its own of every server.
func everywhere(t *testing.T, test func(t *testing.T, at place)) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			t.Parallel()
			test(t, shared(t, which))
		})
	}
}

// place is a bucket of a server, as a client sees it: at the server's own address or at that of a proxy.
type place struct {
	server     *servers.Server
	address    string
	bucket     string
	parameters string // of the URL, as "&conditional_delete=true"
}

// shared is a fresh bucket of the shared server of a product.
func shared(t *testing.T, which servers.Product) place {
	t.Helper()
	s, err := pool.Server(t.Context(), which)
	if err != nil {
		t.Fatal(err)
	}
	return fresh(t, s)
}

// own is a fresh bucket of a server of the test's own.
func own(t *testing.T, which servers.Product) place {
	t.Helper()
	s, err := servers.Start(t.Context(), which)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return fresh(t, s)
}

func fresh(t *testing.T, s *servers.Server) place {
	t.Helper()
	made, err := s.NewBucket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return place{server: s, address: s.Address, bucket: made.Name}
}

// through is the place seen through a proxy.
func (p place) through(address string) place {
	p.address = address
	return p
}

func (p place) url() string {
	url := p.server.URLAt(p.address, p.bucket)
	if p.parameters != "" && !strings.Contains(url, "?") {
		return url + "?" + strings.TrimPrefix(p.parameters, "&")
	}
	return url + p.parameters
}

// environment is held while a bucket is opened: a client of fake-gcs-server is told its server by a variable of the process.
var environment sync.Mutex

// bare opens the bucket without decorators.
func (p place) bare(t testing.TB) bucket.Bucket {
	t.Helper()
	environment.Lock()
	defer environment.Unlock()
	for _, variable := range p.server.EnvAt(p.address) {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
	b, err := all.Open(context.WithoutCancel(t.Context()), p.url())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// open opens the bucket as programs do, with deadlines and retries.
func (p place) open(t testing.TB, retry bucket.RetryOptions) bucket.Bucket {
	t.Helper()
	b, err := bucket.Decorate(p.bare(t), bucket.Decorators{Retry: retry, Limit: 64})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// store opens the store in the bucket.
func (p place) store(t testing.TB, retry bucket.RetryOptions) *quiver.Store {
	t.Helper()
	return storeIn(t, p.open(t, retry), nil)
}

func storeIn(t testing.TB, b bucket.Bucket, options *quiver.Options) *quiver.Store {
	t.Helper()
	s, err := quiver.New(t.Context(), b, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// content is some bytes of a name, which no other name has.
func content(name string, size int) []byte {
	bytes := make([]byte, size)
	if _, err := io.ReadFull(rand.NewChaCha8(sha256.Sum256([]byte(name))), bytes); err != nil {
		panic(err) // it reads for ever
	}
	return bytes
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
