package roles_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/integration/servers"
)

// pool has the one server that these tests share.
var pool servers.Pool

// connections are those of all users in this process.
var connections = http.DefaultTransport.(*http.Transport).Clone()

// TestMain removes the server, the program and the connections before it looks for goroutines that are left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(pooled{m}) }

type pooled struct{ *testing.M }

func (p pooled) Run() int {
	code := p.M.Run()
	if err := errors.Join(pool.Close(), built.Remove()); err != nil {
		fmt.Fprintln(os.Stderr, "cleaning up:", err)
		code = 1
	}
	connections.CloseIdleConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return code
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
