package lossy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Proxy stands before a server. Each fault counts the requests that match it, also those that another fault strikes; where two would strike one
// request, the first in the script does.
type Proxy struct {
	Address string // host:port on the loopback address

	upstream string
	client   *http.Transport
	server   *httptest.Server
	cancel   context.CancelFunc // ends the requests that are under way

	mu       sync.Mutex
	script   []Fault
	seen     []int           // requests that matched, by fault
	struck   []chan struct{} // by fault; closed when it has struck
	requests []string
}

// Start starts a proxy before the server at an address.
func Start(upstream string, script ...Fault) *Proxy {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{
		upstream: upstream,
		client:   &http.Transport{DisableCompression: true, DisableKeepAlives: true}, // no connection to a server that has been restarted since
		cancel:   cancel,
		script:   script,
		seen:     make([]int, len(script)),
	}
	for range script {
		p.struck = append(p.struck, make(chan struct{}))
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	p.server.Start()
	p.Address = p.server.Listener.Addr().String()
	return p
}

// Close ends the proxy and every connection through it.
func (p *Proxy) Close() {
	p.cancel()
	p.server.CloseClientConnections()
	p.server.Close()
}

// Requests lists what was asked, "PUT /bucket/key?query", in the order of arrival.
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Struck is closed when the fault at a place of the script, from 0, strikes: the request has landed, and its answer is there.
func (p *Proxy) Struck(fault int) <-chan struct{} { return p.struck[fault] }

// Done fails the test when a fault was not used up: the test did not test what its script says.
func (p *Proxy) Done(t testing.TB) {
	t.Helper()
	for i, fault := range p.script {
		select {
		case <-p.struck[i]:
		default:
			t.Errorf("struck no request: %v; the requests were:\n  %s", fault, strings.Join(p.Requests(), "\n  "))
		}
	}
}

// choose counts a request, and returns the place of the fault that is to strike it, -1 where none is.
func (p *Proxy) choose(r *http.Request) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := r.URL.RequestURI()
	p.requests = append(p.requests, r.Method+" "+path)
	strikes := -1
	for i, fault := range p.script {
		if !fault.is(r.Method, path) {
			continue
		}
		if p.seen[i]++; p.seen[i] == fault.nth() && strikes < 0 {
			strikes = i
		}
	}
	return strikes
}

var errCut = errors.New("the answer was cut")

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	strikes := p.choose(r)
	onward := r.Clone(r.Context()) // its Host is the client's
	onward.URL.Scheme, onward.URL.Host, onward.RequestURI = "http", p.upstream, ""
	answer, err := p.client.RoundTrip(onward)
	if err != nil {
		panic(http.ErrAbortHandler) // as a server that is not there: the connection ends without an answer
	}
	defer answer.Body.Close()
	action := pass
	if strikes >= 0 {
		close(p.struck[strikes])
		action = p.script[strikes].Do
	}
	if err := action.answer(w, r, answer); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// relay answers the client as the server did, with a body.
func relay(w http.ResponseWriter, answer *http.Response, body io.Reader) error {
	w.Header()["Content-Type"] = nil // none is made up
	maps.Copy(w.Header(), answer.Header)
	w.Header().Del("Connection") // is between two, not between three
	w.WriteHeader(answer.StatusCode)
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("relaying: %w", err)
	}
	return nil
}
