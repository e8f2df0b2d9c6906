package integration_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
)

// pool has the servers that these tests share; a test that ends a server starts its own.
var pool servers.Pool

// TestMain removes the servers before it looks for goroutines that are left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(pooled{m}) }

type pooled struct{ *testing.M }

func (p pooled) Run() int {
	code := p.M.Run()
	if err := pool.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "removing the servers:", err)
		code = 1
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return code
}

// shared returns the shared server of a product, with its environment set for the whole test binary: tests of one product do not disturb each other's.
func shared(t *testing.T, which servers.Product) *servers.Server {
	t.Helper()
	s, err := pool.Server(t.Context(), which)
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range s.Env() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// fresh makes a bucket of a server and returns where it is, under a prefix that may be empty.
func fresh(t *testing.T, s *servers.Server, prefix string) string {
	t.Helper()
	made, err := s.NewBucket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.URL(made.Name + "/" + prefix)
}

// open opens a bucket as programs do: by its URL, with all decorators that suit its store.
func open(t *testing.T, url string) bucket.Bucket {
	t.Helper()
	b, err := all.Open(context.WithoutCancel(t.Context()), url)
	if err != nil {
		t.Fatal(err)
	}
	decorated, err := bucket.Decorate(b, bucket.Decorators{})
	if err != nil {
		t.Fatal(err)
	}
	return decorated
}
