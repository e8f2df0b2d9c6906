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
func Client() *http.Client { return ClientOver(&http.Transport{Proxy: http.ProxyFromEnvironment}) }

// ClientOver is Client with the certificates and the proxy of a transport, which becomes the client's. It speaks HTTP/1.1, where a connection carries one
// request: one that stalls holds up no other.
func ClientOver(t *http.Transport) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return impatient{conn, op.SystemClock()}, nil
	}
	t.ForceAttemptHTTP2 = false
	t.MaxIdleConns = 2 * Parallel
	t.MaxIdleConnsPerHost = Parallel
	t.IdleConnTimeout = 50 * time.Second // under the minute after which services close idle connections
	t.TLSHandshakeTimeout = 10 * time.Second
	t.ResponseHeaderTimeout = patience
	t.ExpectContinueTimeout = time.Second
	t.WriteBufferSize = 64 << 10
	t.ReadBufferSize = 64 << 10
	t.DisableCompression = true // values are compressed already, and are wanted as they are stored
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
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

// Watched is a transport for an SDK, which tells the Bridge what an answer says of itself: the store's time, and the id of the request. It sends no request whose time is over (op.WhileFresh).
func Watched(base http.RoundTripper) http.RoundTripper { return watched{base} }

type watched struct{ base http.RoundTripper }

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := leaves(r); err != nil {
		return nil, err
	}
	response, err := w.base.RoundTrip(r)
	Note(r.Context(), response)
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
	if err := leaves(r); err != nil {
		return nil, err
	}
	if r.ProtoMajor == 0 {
		// AWS's SDK asks for consent to a large body (Expect: 100-continue), and net/http waits for it only where the request says its version: else a refusal
		// breaks off the sending, and may be lost with it.
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	}
	response, err := c.Base.Do(r)
	Note(r.Context(), response)
	return response, err
}

// leaves refuses a request that is signed and must not be sent any more.
func leaves(r *http.Request) error {
	err := op.StillFresh(r.Context())
	if err != nil && r.Body != nil {
		r.Body.Close()
	}
	return err
}

// Note keeps what an answer says of itself for the Bridge that asked: ctx is that of its request.
func Note(ctx context.Context, response *http.Response) {
	if seen, ok := ctx.Value(seenKey{}).(*seen); ok && response != nil {
		seen.answer.Store(response)
	}
}

type seenKey struct{}

// seen is what the latest answer to a request said of itself.
type seen struct{ answer atomic.Pointer[http.Response] }

// watch returns a context under which answers are seen.
func watch(ctx context.Context) (context.Context, *seen) {
	s := &seen{}
	return context.WithValue(ctx, seenKey{}, s), s
}

// date is the store's clock as it answered, zero where it did not tell.
func (s *seen) date() time.Time {
	answer := s.answer.Load()
	if answer == nil {
		return time.Time{}
	}
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date
}

// requestIDs are the headers in which services name a request.
var requestIDs = []string{"X-Amz-Request-Id", "X-Guploader-Uploadid", "X-Ms-Request-Id"}

func (s *seen) requestID() string {
	if answer := s.answer.Load(); answer != nil {
		for _, name := range requestIDs {
			if id := answer.Header.Get(name); id != "" {
				return id
			}
		}
	}
	return ""
}

// host is who answered, empty where nobody has.
func (s *seen) host() string {
	if answer := s.answer.Load(); answer != nil && answer.Request != nil {
		return answer.Request.URL.Host
	}
	return ""
}
