package gcs

import (
	"context"
	"fmt"
	"net/http"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/quivercache/quiver/bucket"
)

// access says how a client of OpenURL's comes to the store.
type access struct {
	anonymous bool
	project   string // that pays, empty: the bucket's
	universe  string // domain of the cloud, empty: that of the credentials
}

// newClient returns a client over an HTTP client of its own, and what closes both.
func newClient(ctx context.Context, own *http.Client, a access) (*storage.Client, func() error, error) {
	settings := &httptransport.Options{
		BaseRoundTripper: Watched(own.Transport), DisableTelemetry: true, DisableAuthentication: a.anonymous, Headers: http.Header{},
	}
	if a.project != "" {
		settings.Headers.Set("X-Goog-User-Project", a.project)
	}
	if !a.anonymous {
		var err error
		if settings.Credentials, a.universe, err = find(ctx, own, a.universe); err != nil {
			return nil, nil, err
		}
	}
	settings.UniverseDomain = a.universe
	authenticated, err := httptransport.NewClient(settings)
	if err != nil {
		return nil, nil, err
	}
	authenticated.CheckRedirect = own.CheckRedirect
	options := []option.ClientOption{option.WithHTTPClient(authenticated), option.WithoutAuthentication(), storage.WithXMLReads(), storage.WithDisabledClientMetrics()}
	if a.universe != "" {
		options = append(options, option.WithUniverseDomain(a.universe))
	}
	client, err := storage.NewClient(ctx, options...)
	if err != nil {
		return nil, nil, err
	}
	return client, func() error {
		defer own.CloseIdleConnections()
		return client.Close()
	}, nil
}

const credentialsHint = "give credentials by GOOGLE_APPLICATION_CREDENTIALS, by gcloud auth application-default login or by the machine's role; a public bucket needs ?anonymous=true"

// find finds the credentials by the SDK's chain, and the domain of the cloud that they are good for where none is given.
func find(ctx context.Context, client *http.Client, universe string) (*auth.Credentials, string, error) {
	found, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{storage.ScopeReadWrite}, Client: client, UniverseDomain: universe})
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w; %s", bucket.ErrRefused, err, credentialsHint)
	}
	if len(found.JSON()) == 0 { // a machine's role, which is of the machine's cloud
		return found, universe, nil
	}
	universe, err = found.UniverseDomain(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("%w: the domain of the credentials: %w", bucket.ErrRefused, err)
	}
	return found, universe, nil
}
