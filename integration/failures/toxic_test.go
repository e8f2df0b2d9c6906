package failures_test

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// toxic is toxiproxy between clients and a server: its links and its toxics, but not its listener. That one leaves goroutines behind for ever where an end of a connection goes while
// bytes are on their way to it.
type toxic struct {
	address string // host:port on the loopback address

	upstream string
	api      *toxiproxy.ApiServer
	links    *toxiproxy.ToxicCollection
	cuts     []*cut
	listener net.Listener
	serving  sync.WaitGroup

	mu   sync.Mutex
	ends map[net.Conn]bool // that are open
}

// poison starts a proxy before the server at an address, with toxics as toxiproxy takes them. They do not change: toxiproxy has a race where a link is at work.
func poison(t testing.TB, upstream string, descriptions ...string) *toxic {
	t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &toxic{
		address: listener.Addr().String(), upstream: upstream, api: api, listener: listener, ends: map[net.Conn]bool{},
		links: toxiproxy.NewProxy(api, t.Name(), listener.Addr().String(), upstream).Toxics,
	}
	for _, description := range descriptions {
		wrapper, err := p.links.AddToxicJson(strings.NewReader(description))
		must(t, err)
		if c, ok := wrapper.Toxic.(*cut); ok {
			p.cuts = append(p.cuts, c)
		}
	}
	p.serving.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

func (p *toxic) serve() {
	for n := 0; ; n++ {
		client, err := p.listener.Accept()
		if err != nil {
			return // it was closed
		}
		server, err := net.Dial("tcp", p.upstream)
		if err != nil {
			client.Close()
			continue
		}
		p.links.StartLink(p.api, fmt.Sprint(n, " up"), client, p.end(server, client), stream.Upstream)
		p.links.StartLink(p.api, fmt.Sprint(n, " down"), server, p.end(client, server), stream.Downstream)
	}
}

// end is where a link of a connection ends.
func (p *toxic) end(own, other net.Conn) *end {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends[own] = true
	if len(p.cuts) > 0 {
		_ = own.(*net.TCPConn).SetLinger(0) // closing then resets the connection
	}
	return &end{own, other, p}
}

func (p *toxic) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ends, c)
}

func (p *toxic) close() {
	_ = p.listener.Close()
	p.serving.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.ends {
		_ = c.Close()
	}
}

// end takes all that is written to it: what cannot be delivered ends the connection.
type end struct {
	net.Conn
	other net.Conn
	proxy *toxic
}

func (e *end) Write(b []byte) (int, error) {
	if _, err := e.Conn.Write(b); err != nil {
		_ = errors.Join(e.Conn.Close(), e.other.Close())
	}
	return len(b), nil
}

func (e *end) Close() error {
	e.proxy.forget(e.Conn)
	return e.Conn.Close()
}

// cut is a toxic that ends, or silences, the first and every nth more of the connections that bring more than so many bytes in its direction. Toxiproxy's own reset_peer, limit_data and timeout do so by chance, and
// nothing takes what still comes after them: who brings it waits for ever.
type cut struct {
	Every  int64 `json:"every"`
	Bytes  int64 `json:"bytes"`
	Silent bool  `json:"silent"` // the connection stays

	reached, struck atomic.Int64 // connections
}

func init() { toxics.Register("cut", &cut{}) }

// Pipe implements toxics.Toxic.
func (c *cut) Pipe(stub *toxics.ToxicStub) {
	left := c.Bytes
	for chunk := range stub.Input {
		size := int64(len(chunk.Data))
		if size <= left {
			left -= size
			stub.Output <- chunk
			continue
		}
		if (c.reached.Add(1)-1)%c.Every != 0 {
			left = math.MaxInt64
			stub.Output <- chunk
			continue
		}
		c.struck.Add(1)
		chunk.Data = chunk.Data[:left]
		stub.Output <- chunk
		if !c.Silent {
			stub.Close()
		}
		for range stub.Input { // until the other end has gone
		}
		break
	}
	stub.Close()
}
