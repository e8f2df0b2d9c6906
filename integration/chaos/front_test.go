package chaos_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quivercache/quiver/op"
)

// front is an HTTP proxy right before the server. In a storm it answers 503 instead of it, before a request has landed or after, loses answers and holds them back.
type front struct {
	address string

	storm atomic.Int64 // of a hundred requests, so many are struck
	hit   atomic.Int64 // requests that were

	mu     sync.Mutex
	chance *rand.Rand
}

// The ways of a storm.
const (
	refuse     = iota // 503, and nothing has landed
	denied            // 503, and it has
	lost              // no answer, and it has
	held              // the answer comes late
	waysToFail        // their number
)

var errLost = errors.New("the answer is lost")

func newFront(t *testing.T, upstream string, seed uint64) *front {
	t.Helper()
	f := &front{chance: rand.New(rand.NewPCG(seed, 0))}
	target := &url.URL{Scheme: "http", Host: upstream}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // for which the client has signed
		},
		Transport:      transport,
		ModifyResponse: spoil,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		way := f.draw()
		if way == refuse {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, slowDown)
			return
		}
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), struck{}, way)))
	}))
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Start()
	f.address = server.Listener.Addr().String()
	t.Cleanup(func() {
		cancel()
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	return f
}

// struck is the context key of the way in which a request is struck.
type struck struct{}

const slowDown = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>A storm.</Message></Error>`

// spoil does to an answer what its request was struck with.
func spoil(answer *http.Response) error {
	switch answer.Request.Context().Value(struck{}) {
	case denied:
		answer.Body.Close()
		answer.StatusCode, answer.Status = http.StatusServiceUnavailable, "503 Service Unavailable"
		answer.Header = http.Header{"Content-Type": {"application/xml"}}
		answer.ContentLength, answer.Body = int64(len(slowDown)), io.NopCloser(strings.NewReader(slowDown))
	case lost:
		return errLost
	case held:
		return op.SystemClock().Sleep(answer.Request.Context(), 1200*time.Millisecond)
	}
	return nil
}

// draw draws how a request is struck, -1 if it is not.
func (f *front) draw() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.chance.Int64N(100) >= f.storm.Load() {
		return -1
	}
	f.hit.Add(1)
	return f.chance.IntN(waysToFail)
}
