package adapters

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/op"
)

// Parallel is how many requests at once the clients of this package are made for: beyond it connections are made anew.
const Parallel = 64

// patience is how long a connection may take no more bytes, and a service may be silent after it has got a request.
const patience = time.Minute

// Client returns an HTTP client for an SDK: it keeps connections for 64 requests at once, waits for nothing without an end, and follows no redirect, since
// a signature is good for one host.
func Client() *http.Client {
	return &http.Client{
		Transport:     transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport speaks HTTP/1.1, where a connection carries one request: one that stalls holds up no other.
func transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return impatient{conn, op.SystemClock()}, nil
		},
		MaxIdleConns:          2 * Parallel,
		MaxIdleConnsPerHost:   Parallel,
		IdleConnTimeout:       50 * time.Second, // under the minute after which services close idle connections
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: patience,
		ExpectContinueTimeout: time.Second,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
		DisableCompression:    true, // values are compressed already, and are wanted as they are stored
	}
}

// impatient fails a write that nobody takes.
type impatient struct {
	net.Conn
	clock op.Clock
}

func (c impatient) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(c.clock.Now().Add(patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Watched is a transport for an SDK, which tells the Bridge what an answer says of itself: the store's time, and the id of the request.
func Watched(base http.RoundTripper) http.RoundTripper { return watched{base} }

type watched struct{ base http.RoundTripper }

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.base.RoundTrip(r)
	note(r.Context(), response)
	return response, err
}

// CloseIdleConnections lets an http.Client close the base's.
func (w watched) CloseIdleConnections() {
	if closer, ok := w.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// WatchedClient is Watched for an SDK that takes a client.
type WatchedClient struct {
	Base interface {
		Do(r *http.Request) (*http.Response, error)
	}
}

// Do sends a request.
func (c WatchedClient) Do(r *http.Request) (*http.Response, error) {
	response, err := c.Base.Do(r)
	note(r.Context(), response)
	return response, err
}

// note keeps what an answer says of itself for the Bridge that asked.
func note(ctx context.Context, response *http.Response) {
	if seen, ok := ctx.Value(seenKey{}).(*seen); ok && response != nil {
		seen.header.Store(&response.Header)
	}
}

type seenKey struct{}

// seen is what the latest answer to a request said of itself.
type seen struct{ header atomic.Pointer[http.Header] }

// watch returns a context under which answers are seen.
func watch(ctx context.Context) (context.Context, *seen) {
	s := &seen{}
	return context.WithValue(ctx, seenKey{}, s), s
}

// date is the store's clock as it answered, zero where it did not tell.
func (s *seen) date() time.Time {
	header := s.header.Load()
	if header == nil {
		return time.Time{}
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date
}

// requestIDs are the headers in which services name a request.
var requestIDs = []string{"X-Amz-Request-Id", "X-Guploader-Uploadid", "X-Ms-Request-Id"}

func (s *seen) requestID() string {
	if header := s.header.Load(); header != nil {
		for _, name := range requestIDs {
			if id := header.Get(name); id != "" {
				return id
			}
		}
	}
	return ""
}
