package chaos_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// weathers are what a connection may meet, as toxics of toxiproxy. A connection keeps the weather that it was made in: toxiproxy has a race where the toxics of a link at work change.
var weathers = map[string][]string{
	calm: nil,
	"latency": {
		`{"type": "latency", "stream": "upstream", "attributes": {"latency": 40, "jitter": 30}}`,
		`{"type": "latency", "stream": "downstream", "attributes": {"latency": 40, "jitter": 30}}`,
	},
	"a slow line": {
		`{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 128}}`,
		`{"type": "bandwidth", "stream": "downstream", "attributes": {"rate": 128}}`,
	},
	"limited data": {
		`{"type": "drained limit_data", "stream": "upstream", "toxicity": 0.3, "attributes": {"bytes": 5000}}`,
		`{"type": "drained limit_data", "stream": "downstream", "toxicity": 0.3, "attributes": {"bytes": 3000}}`,
	},
	"timeouts": {
		`{"type": "drained timeout", "stream": "upstream", "toxicity": 0.15, "attributes": {"timeout": 1500}}`,
		`{"type": "drained timeout", "stream": "downstream", "toxicity": 0.15, "attributes": {"timeout": 1500}}`,
	},
	resets: { // toxiproxy's reset_peer is this with connections that are closed by a reset
		`{"type": "drained timeout", "stream": "upstream", "toxicity": 0.2, "attributes": {"timeout": 20}}`,
		`{"type": "drained timeout", "stream": "downstream", "toxicity": 0.2, "attributes": {"timeout": 20}}`,
	},
	"slow closing": {
		`{"type": "slow_close", "stream": "upstream", "attributes": {"delay": 700}}`,
		`{"type": "slow_close", "stream": "downstream", "attributes": {"delay": 700}}`,
	},
}

const (
	calm   = "calm"
	resets = "resets"
)

// limitData and timeout are toxiproxy's, and take what still comes after them: who brings that waits for ever otherwise.
type (
	limitData struct{ toxics.LimitDataToxic }
	timeout   struct{ toxics.TimeoutToxic }
)

func init() {
	toxics.Register("drained limit_data", &limitData{})
	toxics.Register("drained timeout", &timeout{})
}

// Pipe implements toxics.Toxic.
func (t *limitData) Pipe(stub *toxics.ToxicStub) {
	t.LimitDataToxic.Pipe(stub)
	drain(stub)
}

// Pipe implements toxics.Toxic.
func (t *timeout) Pipe(stub *toxics.ToxicStub) {
	t.TimeoutToxic.Pipe(stub)
	drain(stub)
}

// drain takes what comes until the other end has gone.
func drain(stub *toxics.ToxicStub) {
	for range stub.Input {
	}
}

// network lies between the workers and the server.
type network struct {
	address string // host:port on the loopback address

	upstream string
	api      *toxiproxy.ApiServer
	links    map[string]*toxiproxy.ToxicCollection // by weather
	listener net.Listener
	serving  sync.WaitGroup

	mu      sync.Mutex
	weather string
	ends    map[*net.TCPConn]bool // that are open
}

func newNetwork(t *testing.T, upstream string) *network {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	n := &network{
		address: listener.Addr().String(), upstream: upstream, api: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()),
		links: map[string]*toxiproxy.ToxicCollection{}, listener: listener, weather: calm, ends: map[*net.TCPConn]bool{},
	}
	for weather, descriptions := range weathers {
		n.links[weather] = toxiproxy.NewProxy(n.api, weather, n.address, upstream).Toxics
		for _, description := range descriptions {
			_, err := n.links[weather].AddToxicJson(strings.NewReader(description))
			must(t, err)
		}
	}
	n.serving.Go(n.serve)
	t.Cleanup(n.close)
	return n
}

func (n *network) serve() {
	for i := 0; ; i++ {
		client, err := n.listener.Accept()
		if err != nil {
			return // it was closed
		}
		server, err := net.Dial("tcp", n.upstream)
		if err != nil {
			client.Close()
			continue
		}
		pair := &pair{network: n, client: client.(*net.TCPConn), server: server.(*net.TCPConn)}
		links := n.admit(pair)
		links.StartLink(n.api, fmt.Sprint(i, " up"), client, half{server, pair}, stream.Upstream)
		links.StartLink(n.api, fmt.Sprint(i, " down"), server, half{client, pair}, stream.Downstream)
	}
}

// admit notes a connection, and returns the links of the weather.
func (n *network) admit(p *pair) *toxiproxy.ToxicCollection {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ends[p.client], n.ends[p.server] = true, true
	if n.weather == resets {
		_ = errors.Join(p.client.SetLinger(0), p.server.SetLinger(0))
	}
	return n.links[n.weather]
}

// become changes the weather for connections that are made from now on.
func (n *network) become(weather string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = weather
}

// cut resets those of the open connections that are chosen.
func (n *network) cut(chosen func() bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for end := range n.ends {
		if chosen() {
			_ = errors.Join(end.SetLinger(0), end.Close())
		}
	}
}

func (n *network) close() {
	_ = n.listener.Close()
	n.serving.Wait()
	n.cut(func() bool { return true })
}

// pair is the two ends of a connection.
type pair struct {
	network        *network
	client, server *net.TCPConn
}

func (p *pair) close() error {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	delete(p.network.ends, p.client)
	delete(p.network.ends, p.server)
	_ = errors.Join(p.client.Close(), p.server.Close()) // one may be closed already
	return nil
}

// half is where a link ends. It takes all that is written to it; what cannot be delivered ends the connection, and so does the end of either link.
type half struct {
	net.Conn
	pair *pair
}

func (h half) Write(b []byte) (int, error) {
	if _, err := h.Conn.Write(b); err != nil {
		_ = h.pair.close()
	}
	return len(b), nil
}

func (h half) Close() error { return h.pair.close() }
