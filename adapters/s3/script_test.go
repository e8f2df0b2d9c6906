package s3_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/quivercache/quiver/bucket/buckettest"
)

// fault is one line of a fake's script: what it does to requests that fit a pattern, as "PUT k" or "GET *".
type fault struct {
	pattern string
	times   int // how many such requests are struck
	do      action
}

// action answers a request in the fake's stead; the fake may still do what was asked.
type action func(w http.ResponseWriter, r *http.Request, f *fake)

// strikes adds a fault that strikes the next requests of a pattern. One that has not struck fails the test at its end: it has not tested what it says.
func (f *fake) strikes(t *testing.T, pattern string, times int, do action) {
	t.Helper()
	added := &fault{pattern, times, do}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, added)
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if added.times > 0 {
			t.Errorf("%q was to be struck %d times more", added.pattern, added.times)
		}
	})
}

// strike is the fault that strikes a request, nil if none does.
func (f *fake) strike(request string) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.script {
		if fault.times > 0 && buckettest.Match(fault.pattern, request) {
			fault.times--
			return fault
		}
	}
	return nil
}

// refused does nothing, and says why; the headers are names and values.
func refused(status int, code string, headers ...string) action {
	return func(w http.ResponseWriter, r *http.Request, _ *fake) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		refuse(w, r, status, code)
	}
}

// landed does what was asked, and says something else.
func landed(then action) action {
	return func(w http.ResponseWriter, r *http.Request, f *fake) {
		f.serve(httptest.NewRecorder(), r)
		then(w, r, f)
	}
}

// hung says nothing until the client has gone.
func hung(_ http.ResponseWriter, r *http.Request, _ *fake) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// dropped closes the connection.
func dropped(http.ResponseWriter, *http.Request, *fake) { panic(http.ErrAbortHandler) }

// cut gives the answer that was asked for, of its body only so many bytes.
func cut(bytes int) action {
	return func(w http.ResponseWriter, r *http.Request, f *fake) {
		whole := httptest.NewRecorder()
		f.serve(whole, r)
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes()[:bytes])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// unsized gives the answer that was asked for without its length.
func unsized(w http.ResponseWriter, r *http.Request, f *fake) {
	whole := httptest.NewRecorder()
	f.serve(whole, r)
	for name, values := range whole.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(whole.Code)
	w.(http.Flusher).Flush()
	_, _ = w.Write(whole.Body.Bytes())
}

// nonsense is the answer of something that is not S3.
func nonsense(status int) action {
	const page = "<html><body>It works!</body></html>"
	return func(w http.ResponseWriter, _ *http.Request, _ *fake) {
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, page)
	}
}

// wordless is a success that says nothing.
func wordless(w http.ResponseWriter, _ *http.Request, _ *fake) { w.WriteHeader(http.StatusOK) }
