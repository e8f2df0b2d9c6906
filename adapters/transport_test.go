package adapters_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

func TestAClientFollowsNoRedirect(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; r.URL.Path == "/" {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	client := adapters.Client()
	defer client.CloseIdleConnections()
	response, err := client.Get(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusTemporaryRedirect || asked != 1 {
		t.Errorf("%s after %d requests", response.Status, asked)
	}
}

func TestAClientTakesWhatIsStoredAsItIs(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if encoding := r.Header.Get("Accept-Encoding"); encoding != "" {
			t.Errorf("the client would take %s", encoding)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "no gzip")
	}))
	defer server.Close()
	client := adapters.Client()
	defer client.CloseIdleConnections()
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if content, err := io.ReadAll(response.Body); string(content) != "no gzip" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
}

func TestAClientKeepsConnectionsForItsParallelRequests(t *testing.T) {
	arrived, leave := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-leave
	}))
	made := make(chan struct{}, 3*adapters.Parallel)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	client := adapters.Client()
	defer client.CloseIdleConnections()
	for range 3 {
		answered := make(chan error, adapters.Parallel)
		for range adapters.Parallel {
			go func() {
				response, err := client.Get(server.URL)
				if err == nil {
					err = response.Body.Close()
				}
				answered <- err
			}()
		}
		for range adapters.Parallel {
			<-arrived
		}
		for range adapters.Parallel { // all of them are under way at once
			leave <- struct{}{}
		}
		for range adapters.Parallel {
			if err := <-answered; err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(made) != adapters.Parallel {
		t.Errorf("%d connections were made", len(made))
	}
}

func TestAWriteThatNobodyTakesEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		conn, begun := adapters.Impatient(near, op.SystemClock()), time.Now()
		go func() {
			_, _ = io.ReadFull(far, make([]byte, 3)) // and then nothing more
		}()
		n, err := conn.Write([]byte(digits))
		if took := time.Since(begun); n != 3 || !errors.Is(err, os.ErrDeadlineExceeded) || took != adapters.Patience {
			t.Errorf("%d bytes, %v, after %v", n, err, took)
		}
	})
}

func TestASlowReceiverIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		conn := adapters.Impatient(near, op.SystemClock())
		go func() {
			for range len(digits) {
				pause(t, adapters.Patience-time.Second)
				_, _ = io.ReadFull(far, make([]byte, 1))
			}
		}()
		for i := range len(digits) { // each write has its own time
			if _, err := conn.Write([]byte{digits[i]}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// said is a transport whose answers say of themselves what headers say.
func said(headers ...string) wire {
	return func(r *http.Request) (*http.Response, error) {
		header := http.Header{}
		for i := 0; i < len(headers); i += 2 {
			header.Set(headers[i], headers[i+1])
		}
		return &http.Response{Body: http.NoBody, Header: header, Request: r}, nil
	}
}

// clients are the two ways in which an SDK's answers come to be seen.
func clients(base http.RoundTripper) map[string]http.RoundTripper {
	return map[string]http.RoundTripper{
		"a transport": adapters.Watched(base),
		"a client":    wire(adapters.WatchedClient{Base: &http.Client{Transport: base}}.Do),
	}
}

func TestTheStoresTimeIsThatOfItsAnswer(t *testing.T) {
	date := time.Date(2026, 11, 22, 10, 20, 30, 0, time.UTC)
	for text, want := range map[string]time.Time{date.Format(http.TimeFormat): date, "": {}, "yesterday": {}} {
		for name, transport := range clients(said("Date", text)) {
			service := newCloud()
			b := service.bridge(t, nil)
			create(t, b, "k", digits)
			service.wire = transport
			object := opened(t, t.Context(), b)
			page, err := b.List(t.Context(), bucket.ListOptions{})
			if !object.Date.Equal(want) || !page.Date.Equal(want) || err != nil {
				t.Errorf("%s that says %q: %v, %v, %v", name, text, object.Date, page.Date, err)
			}
		}
	}
}

func TestARequestIsNamedByItsAnswer(t *testing.T) {
	for _, header := range []string{"X-Amz-Request-Id", "X-GUploader-UploadID", "X-Ms-Request-Id"} {
		for name, transport := range clients(said(header, "7B1C")) {
			service := newCloud()
			service.fails = refusal{adapters.Refusal{Status: http.StatusForbidden}}
			service.wire = transport
			for request, send := range requests(service.bridge(t, &adapters.Options{ConditionalDelete: true}), "1") {
				if err := send(t.Context()); err == nil || !strings.Contains(err.Error(), "(Forbidden, request 7B1C)") {
					t.Errorf("%s: a %s, %s: %v", name, request, header, err)
				}
			}
		}
	}
}

func TestAWatchedTransportClosesItsIdleConnections(t *testing.T) {
	base := &idle{}
	(&http.Client{Transport: adapters.Watched(base)}).CloseIdleConnections()
	(&http.Client{Transport: adapters.Watched(said())}).CloseIdleConnections() // which has none
	if base.closed != 1 {
		t.Errorf("closed %d times", base.closed)
	}
}

type idle struct {
	http.RoundTripper
	closed int
}

func (i *idle) CloseIdleConnections() { i.closed++ }

func TestADescriptionNamesWhoAnsweredAndExplainsWhatIsUntold(t *testing.T) {
	service := newCloud()
	service.wire = adapters.Watched(said())
	service.untold = refusal{adapters.Refusal{Status: http.StatusForbidden, Denied: true}}
	describer, _ := bucket.As[bucket.Describer](service.bridge(t, nil))
	told, err := describer.Describe(t.Context())
	if err != nil || told.Endpoint != "cloud.example" || !errors.Is(told.Untold, bucket.ErrRefused) || !strings.Contains(told.Untold.Error(), "the right to describe the versions of") {
		t.Errorf("%+v, %v", told, err)
	}
}
