package gcs

import (
	"context"
	"net/http"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"github.com/quivercache/quiver/adapters"
)

// Repetitions is repetitions, for a test that waits for none.
var Repetitions = repetitions

// NewClient is what OpenURL does to come to the store, over an HTTP client of the test's.
func NewClient(ctx context.Context, own *http.Client, project, universe string) (*storage.Client, func() error, error) {
	return newClient(ctx, own, access{project: project, universe: universe})
}

// Refusal is what the provider makes of an answer.
func Refusal(status int, contentType, body string) (adapters.Refusal, bool) {
	return (&provider{}).Refusal(&googleapi.Error{Code: status, Body: body, Header: http.Header{"Content-Type": {contentType}}})
}
