package azure_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/quivercache/quiver/adapters/azure"
)

// slow is a transport that answers, or fails, while it is still sending.
type slow struct {
	sending chan *http.Request
	err     error
}

func (s slow) Do(r *http.Request) (*http.Response, error) {
	s.sending <- r
	if s.err != nil {
		return nil, s.err
	}
	return &http.Response{StatusCode: http.StatusForbidden, Request: r, Body: http.NoBody}, nil
}

// counted is a body that counts what is read of it.
type counted struct {
	*bytes.Reader
	read int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}

func (c *counted) Close() error { return nil }

func TestABodyIsNotReadWhenItsRequestIsOver(t *testing.T) {
	for name, failure := range map[string]error{"answered early": nil, "canceled": io.ErrUnexpectedEOF} {
		t.Run(name, func(t *testing.T) {
			body, again := &counted{Reader: bytes.NewReader(make([]byte, 100))}, &counted{Reader: bytes.NewReader(make([]byte, 100))}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://127.0.0.1/", body)
			if err != nil {
				t.Fatal(err)
			}
			r.GetBody = func() (io.ReadCloser, error) { return again, nil }
			base := slow{make(chan *http.Request, 1), failure}
			answer, err := azure.Transport(base).Do(r)
			if !errors.Is(err, failure) || err == nil && answer.Request != r {
				t.Fatalf("the answer is %v, %v", answer, err)
			}
			sent := <-base.sending
			repeated, err := sent.GetBody()
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range []io.Reader{sent.Body, repeated} {
				if n, err := b.Read(make([]byte, 10)); n > 0 || err == nil || !strings.Contains(err.Error(), "over") {
					t.Errorf("read %d bytes, %v", n, err)
				}
			}
			if body.read+again.read > 0 {
				t.Errorf("%d bytes were read after the request", body.read+again.read)
			}
		})
	}
}

func TestABodyIsReadWhileItsRequestIsUnderWay(t *testing.T) {
	body := &counted{Reader: bytes.NewReader(make([]byte, 100))}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://127.0.0.1/", body)
	if err != nil {
		t.Fatal(err)
	}
	whole := reading(func(r *http.Request) error {
		n, err := io.Copy(io.Discard, r.Body)
		if n != 100 {
			t.Errorf("%d bytes were sent", n)
		}
		return err
	})
	if _, err := azure.Transport(whole).Do(r); err != nil {
		t.Error(err)
	}
}

type reading func(r *http.Request) error

func (f reading) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusCreated, Request: r, Body: http.NoBody}, f(r)
}
