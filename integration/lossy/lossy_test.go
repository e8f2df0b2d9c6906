package lossy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/integration/lossy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upstream is a server that remembers what it is sent.
type upstream struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string]string
	hosts   []string
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{objects: map[string]string{}}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.hosts = append(u.hosts, r.Host)
		if r.Method == http.MethodPut {
			content, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			u.objects[r.URL.Path] = string(content)
			w.WriteHeader(http.StatusCreated)
			return
		}
		content, ok := u.objects[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Header().Set("X-Test", r.Header.Get("X-Test"))
		_, _ = io.WriteString(w, content)
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) holds(path, content string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.objects[path] == content
}

func proxied(t *testing.T, u *upstream, script ...lossy.Fault) *lossy.Proxy {
	p := lossy.Start(u.Listener.Addr().String(), script...)
	t.Cleanup(p.Close)
	return p
}

// ask sends a request through the proxy, once, over a connection of its own.
func ask(ctx context.Context, p *lossy.Proxy, method, path, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+p.Address+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("X-Test", "kept")
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if method == http.MethodGet && answer.Header.Get("X-Test") != "kept" && answer.StatusCode == http.StatusOK {
		err = errors.Join(err, fmt.Errorf("headers are lost: %v", answer.Header))
	}
	return answer.StatusCode, string(content), err
}

func TestWithoutFaultsNothingIsChanged(t *testing.T) {
	u := newUpstream(t)
	p := proxied(t, u)
	large := strings.Repeat("0123456789", 1<<18)
	if status, _, err := ask(t.Context(), p, http.MethodPut, "/a?x=1", large); status != http.StatusCreated || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	if status, content, err := ask(t.Context(), p, http.MethodGet, "/a", ""); status != http.StatusOK || content != large || err != nil {
		t.Errorf("%d, %d bytes, %v", status, len(content), err)
	}
	if status, _, err := ask(t.Context(), p, http.MethodGet, "/missing", ""); status != http.StatusNotFound || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	if want := []string{"PUT /a?x=1", "GET /a", "GET /missing"}; !slices.Equal(p.Requests(), want) {
		t.Errorf("%q", p.Requests())
	}
	for _, host := range u.hosts {
		if host != p.Address {
			t.Errorf("the server sees the host %s, the client has signed for %s", host, p.Address)
		}
	}
	p.Done(t)
}

func TestADroppedAnswerIsOfARequestThatLanded(t *testing.T) {
	u := newUpstream(t)
	p := proxied(t, u, lossy.Fault{Method: http.MethodPut, Path: "/a/*", Nth: 2, Do: lossy.Drop()})
	for i, path := range []string{"/a/1", "/b/1", "/a/2", "/a/3"} {
		_, _, err := ask(t.Context(), p, http.MethodPut, path, path)
		if lost := i == 2; lost != errors.Is(err, syscall.ECONNRESET) || !lost && err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if !u.holds(path, path) {
			t.Errorf("%s has not landed", path)
		}
	}
	p.Done(t)
}

func TestACutBodyEndsEarlyAndSaysSo(t *testing.T) {
	u := newUpstream(t)
	content := strings.Repeat("0123456789", 1<<16)
	u.objects["/a"] = content
	for _, n := range []int64{0, 1, 1 << 16, 10<<16 - 1} {
		p := proxied(t, u, lossy.Fault{Do: lossy.Cut(n)})
		status, got, err := ask(t.Context(), p, http.MethodGet, "/a", "")
		if status != http.StatusOK || got != content[:n] || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d: %d, %d bytes, %v", n, status, len(got), err)
		}
		if _, got, err := ask(t.Context(), p, http.MethodGet, "/a", ""); got != content || err != nil {
			t.Errorf("the next one has %d bytes, %v", len(got), err)
		}
		p.Done(t)
	}
}

func TestAHeldAnswerWaits(t *testing.T) {
	u := newUpstream(t)
	release := make(chan struct{})
	p := proxied(t, u, lossy.Fault{Method: http.MethodPut, Do: lossy.Hold(release)}, lossy.Fault{Method: http.MethodPut, Nth: 2, Do: lossy.Hold(nil)})
	answered := make(chan error)
	go func() {
		_, _, err := ask(t.Context(), p, http.MethodPut, "/a", "a")
		answered <- err
	}()
	<-p.Struck(0)
	if !u.holds("/a", "a") {
		t.Error("the request has not landed")
	}
	select {
	case err := <-answered:
		t.Errorf("answered before it was let go: %v", err)
	default:
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := ask(ctx, p, http.MethodPut, "/b", "b"); !errors.Is(err, context.DeadlineExceeded) || !u.holds("/b", "b") {
		t.Errorf("%v; has landed: %v", err, u.holds("/b", "b"))
	}
	p.Done(t)
}

func TestClosingEndsWhatIsHeld(t *testing.T) {
	u := newUpstream(t)
	p := proxied(t, u, lossy.Fault{Do: lossy.Hold(nil)})
	answered := make(chan error)
	go func() {
		_, _, err := ask(t.Context(), p, http.MethodPut, "/a", "a")
		answered <- err
	}()
	<-p.Struck(0)
	p.Close()
	if err := <-answered; err == nil {
		t.Error("a request that was held when the proxy closed has succeeded")
	}
}

func TestAServerThatIsGoneIsAnEndedConnection(t *testing.T) {
	u := newUpstream(t)
	p := proxied(t, u)
	u.Close()
	if status, _, err := ask(t.Context(), p, http.MethodGet, "/a", ""); err == nil {
		t.Errorf("answered %d", status)
	}
}

// failures counts instead of failing.
type failures struct {
	testing.TB
	text []string
}

func (f *failures) Helper() {}
func (f *failures) Errorf(format string, args ...any) {
	f.text = append(f.text, fmt.Sprintf(format, args...))
}

func TestAFaultThatStruckNothingFailsTheTest(t *testing.T) {
	u := newUpstream(t)
	p := proxied(t, u, lossy.Fault{Method: http.MethodGet, Do: lossy.Cut(0)}, lossy.Fault{Path: "/elsewhere", Do: lossy.Drop()})
	if _, _, err := ask(t.Context(), p, http.MethodGet, "/a", ""); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	var failed failures
	p.Done(&failed)
	if len(failed.text) != 1 || !strings.Contains(failed.text[0], "/elsewhere") || !strings.Contains(failed.text[0], "GET /a") {
		t.Errorf("%q", failed.text)
	}
}

func ExampleStart() {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fmt.Println("landed") }))
	defer server.Close()
	proxy := lossy.Start(server.Listener.Addr().String(), lossy.Fault{Method: http.MethodPut, Do: lossy.Drop()})
	defer proxy.Close()
	request, err := http.NewRequest(http.MethodPut, "http://"+proxy.Address, http.NoBody)
	if err != nil {
		fmt.Println(err)
	}
	_, err = http.DefaultClient.Do(request)
	fmt.Println(errors.Is(err, syscall.ECONNRESET))
	// Output:
	// landed
	// true
}
