package gcs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/quivercache/quiver/adapters"
)

// Watched is adapters.Watched for a client of GCS's SDK. Besides, it lets a read be sent once, since the SDK goes on with a body that was cut as often as it is
// cut, without a pause, where the Bridge has a budget; and it keeps the words of a 404, which the SDK throws away.
func Watched(base http.RoundTripper) http.RoundTripper { return watched{adapters.Watched(base)} }

type watched struct{ base http.RoundTripper }

// answer is what a read has got from its one request.
type answer struct {
	sent  atomic.Bool
	words string // of a 404
}

type answerKey struct{}

// once returns a context under which one request is sent.
func once(ctx context.Context) (context.Context, *answer) {
	a := &answer{}
	return context.WithValue(ctx, answerKey{}, a), a
}

var errCut = errors.New("the body was cut")

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	a, reads := r.Context().Value(answerKey{}).(*answer)
	if reads && a.sent.Swap(true) {
		return nil, errCut
	}
	response, err := w.base.RoundTrip(r)
	if reads && err == nil && response.StatusCode == http.StatusNotFound {
		words, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // fewer words are no failure: the status says most
		response.Body.Close()
		a.words = string(words)
		response.Body = io.NopCloser(bytes.NewReader(words))
	}
	return response, err
}

// CloseIdleConnections lets an http.Client close the base's.
func (w watched) CloseIdleConnections() {
	if closer, ok := w.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
