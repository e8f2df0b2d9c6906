package docs_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/integration/servers"
)

// pool has the servers that the documents share; each document has buckets of its own there.
var pool servers.Pool

// TestMain is the main function of the tests, and of the stand-ins: this binary under another name.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); standIns[name] != nil {
		os.Exit(play(name, os.Args[1:]))
	}
	goleak.VerifyTestMain(pooled{m})
}

type pooled struct{ *testing.M }

func (p pooled) Run() int {
	code := p.M.Run()
	if n := counted.commands.Load(); n > 0 {
		fmt.Printf("docs: %d commands ran; %d times a stand-in played a program, of a cloud or of what takes hours\n", n, counted.played.Load())
	}
	if err := pool.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "removing the servers:", err)
		code = 1
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return code
}
