package azure

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

func (p *provider) Location() bucket.Location {
	at := bucket.Location{Service: Scheme}
	if u, err := url.Parse(p.client.URL()); err == nil {
		folder, container := path.Split(u.Path)
		at.Endpoint, at.Bucket = u.Host+strings.TrimSuffix(folder, "/"), container
	}
	return at
}

// Copy refuses: what Azure copies by itself shows before it is whole, or wants a signed URL of the original.
func (p *provider) Copy(context.Context, bucket.Location, int64, string) error {
	return fmt.Errorf("%w: Azure does not copy whole or not at all", bucket.ErrRefused)
}
