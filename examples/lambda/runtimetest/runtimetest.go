// Package runtimetest plays the Lambda service for a test: it builds a function's bootstrap, starts it as an instance, and invokes it over the runtime API, as
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html describes that.
package runtimetest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quivercache/quiver/op"
)

// Main builds the program of the package that is tested as it is deployed, but for this machine, and runs the tests: it is for TestMain, and returns the status to exit with.
func Main(m *testing.M, bootstrap *string) int {
	dir, err := os.MkdirTemp("", "lambda")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	*bootstrap = filepath.Join(dir, "bootstrap")
	command := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", *bootstrap, ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n%s", command, err, out)
		return 1
	}
	return m.Run()
}

// Instance is a process that serves a function.
type Instance struct {
	t        testing.TB
	command  *exec.Cmd
	stderr   bytes.Buffer
	ended    chan struct{} // closed when the process has ended, how err says
	err      error
	extended chan struct{} // the instance has asked for a SIGTERM at its end
	invoked  chan invocation
	answered chan Answer
	count    int
}

type invocation struct {
	id       string
	payload  string
	deadline time.Time
}

// Answer is what an invocation came to.
type Answer struct {
	Failed bool
	Body   string // JSON: of the handler, or of its error
}

// Start starts an instance, with these variables besides the test's own. It ends with the test.
func Start(t testing.TB, bootstrap string, environment ...string) *Instance {
	t.Helper()
	i := &Instance{t: t, ended: make(chan struct{}), extended: make(chan struct{}, 1), invoked: make(chan invocation), answered: make(chan Answer, 1)}
	server := httptest.NewServer(i.api())
	t.Cleanup(server.Close)
	i.command = exec.CommandContext(t.Context(), bootstrap)
	i.command.Env = append(append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"), "AWS_EC2_METADATA_DISABLED=true"), environment...)
	i.command.Stderr = &i.stderr
	if err := i.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		i.err = i.command.Wait()
		close(i.ended)
	}()
	t.Cleanup(func() {
		_ = i.command.Process.Kill() // which has mostly ended
		<-i.ended
	})
	return i
}

// api serves what the service serves to an instance.
func (i *Instance) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case next := <-i.invoked:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", next.id)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(next.deadline.UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:000000000000:function:test")
			_, _ = io.WriteString(w, next.payload)
		case <-r.Context().Done():
		}
	})
	answer := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusAccepted)
			i.answered <- Answer{failed, string(body)}
		}
	}
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", answer(false))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", answer(true))
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Lambda-Extension-Identifier", "test")
		i.extended <- struct{}{}
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

// Invoke invokes the function with a payload, for which it has some time. An instance that ends without an answer fails the test, and so does one that answers later than that.
func (i *Instance) Invoke(payload string, timeout time.Duration) Answer {
	i.t.Helper()
	i.count++
	next := invocation{id: fmt.Sprint("invocation-", i.count), payload: payload, deadline: op.SystemClock().Now().Add(timeout)}
	select {
	case i.invoked <- next:
	case <-i.ended:
		i.t.Fatalf("the instance ended before it was invoked: %v\n%s", i.err, &i.stderr)
	}
	select {
	case a := <-i.answered:
		return a
	case <-i.ended:
		i.t.Fatalf("the instance ended during an invocation: %v\n%s", i.err, &i.stderr)
	case <-time.After(timeout):
		i.t.Fatalf("there is no answer after %v, at the invocation's deadline", timeout)
	}
	return Answer{}
}

// Shutdown ends the instance as the service does, by a SIGTERM, which it must have asked for, and returns what it has said.
func (i *Instance) Shutdown() string {
	i.t.Helper()
	select {
	case <-i.extended:
	case <-i.ended:
		i.t.Fatalf("the instance has ended: %v\n%s", i.err, &i.stderr)
	}
	if err := i.command.Process.Signal(syscall.SIGTERM); err != nil {
		i.t.Fatal(err)
	}
	select {
	case <-i.ended:
	case <-time.After(10 * time.Second):
		i.t.Fatal("the instance goes on 10 s after a SIGTERM")
	}
	if i.err != nil {
		i.t.Fatalf("after a SIGTERM: %v\n%s", i.err, &i.stderr)
	}
	return i.stderr.String()
}

// End waits until the instance has ended by itself, and returns how, and what it has said.
func (i *Instance) End() (string, error) {
	<-i.ended
	return i.stderr.String(), i.err
}
