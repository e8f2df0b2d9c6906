package lossy

import (
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/quivercache/quiver/bucket/buckettest"
)

// Fault is one line of a script: what happens to the answer of the nth request of a kind.
type Fault struct {
	Method string // empty: every method
	Path   string // a pattern (buckettest.Match) of the path and query, as "*/values/*"; empty: every path
	Nth    int    // of the requests of this method and path, 1 being the first; 0 means 1
	Do     Action
}

func (f Fault) String() string {
	return fmt.Sprintf("%s of %s %q, number %d", f.Do.name, f.Method, f.Path, f.nth())
}

func (f Fault) nth() int { return max(1, f.Nth) }

func (f Fault) is(method, path string) bool {
	return (f.Method == "" || f.Method == method) && (f.Path == "" || buckettest.Match(f.Path, path))
}

// Action is what a Fault does to an answer.
type Action struct {
	name   string
	answer func(w http.ResponseWriter, r *http.Request, answer *http.Response) error
}

var pass = Action{"nothing", func(w http.ResponseWriter, _ *http.Request, answer *http.Response) error {
	return relay(w, answer, answer.Body)
}}

// Drop loses the answer: the request has landed, and the connection is reset before a byte of the answer is sent.
func Drop() Action {
	return Action{"dropped answer", func(w http.ResponseWriter, _ *http.Request, answer *http.Response) error {
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return err
		}
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		if tcp, ok := connection.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // closing then resets the connection
		}
		return connection.Close()
	}}
}

// Cut ends the connection after n bytes of the answer's body, whose header told of all of them.
func Cut(n int64) Action {
	return Action{"cut body", func(w http.ResponseWriter, _ *http.Request, answer *http.Response) error {
		if err := relay(w, answer, io.LimitReader(answer.Body, n)); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		return errCut
	}}
}

// Hold keeps the answer until a channel is closed, or the client has gone.
func Hold(until <-chan struct{}) Action {
	return Action{"held answer", func(w http.ResponseWriter, r *http.Request, answer *http.Response) error {
		select {
		case <-until:
			return relay(w, answer, answer.Body)
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}}
}
