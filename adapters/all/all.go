package all

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quivercache/quiver/adapters/azure"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/adapters/gcs"
	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

// Opener opens the bucket that a URL names. It refuses parameters that it does not know, with bucket.ErrInvalid.
type Opener func(ctx context.Context, u *url.URL) (bucket.Bucket, error)

// Schemes are openers by the schemes of their URLs. A program with a store of its own adds to them.
type Schemes map[string]Opener

// Default returns the schemes that this package knows.
func Default() Schemes {
	return Schemes{"file": file.OpenURL, s3.Scheme: s3.OpenURL, gcs.Scheme: gcs.OpenURL, azure.Scheme: azure.OpenURL}
}

// Open opens a bucket with the default schemes.
func Open(ctx context.Context, location string) (bucket.Bucket, error) {
	return Default().Open(ctx, location)
}

// Open opens the bucket at a location: a URL, or a directory that begins with "/", "./" or "../" (or "." or ".." themselves), every
// character of which is taken as it is. Fails with bucket.ErrInvalid where it is neither, or where the scheme is not known.
func (s Schemes) Open(ctx context.Context, location string) (bucket.Bucket, error) {
	if isPath(location) {
		b, err := file.New(location, nil)
		if err != nil {
			return nil, err // and not a nil *file.Bucket
		}
		return b, nil
	}
	u, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%w: the location is no URL, and no directory as ./dir or /dir", bucket.ErrInvalid) // the cause would show a password
	}
	if u.User != nil {
		return nil, fmt.Errorf("%w: %s has a user name or a password; a URL says where a bucket is, credentials come from the environment", bucket.ErrInvalid, u.Redacted())
	}
	if u.Scheme == "" {
		return nil, fmt.Errorf("%w: %q has no scheme; the schemes are %s; write ./%s for a directory", bucket.ErrInvalid, location, s, location)
	}
	open, ok := s[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("%w: the scheme of %s is not known; this version knows %s", bucket.ErrInvalid, u, s)
	}
	return open(ctx, u)
}

// String lists the schemes for people.
func (s Schemes) String() string { return strings.Join(slices.Sorted(maps.Keys(s)), ", ") }

func isPath(location string) bool {
	slashed := filepath.ToSlash(location)
	return slashed == "." || slashed == ".." || strings.HasPrefix(slashed, "/") || strings.HasPrefix(slashed, "./") || strings.HasPrefix(slashed, "../") ||
		filepath.VolumeName(location) != ""
}
