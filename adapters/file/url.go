package file

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

// OpenURL opens the directory that a URL of the scheme "file" names: file:///an/absolute/dir, or file:a/relative/one. Its one parameter is sync; sync=false
// is Options.NoSync. Fails with bucket.ErrInvalid where the URL says anything else.
func OpenURL(_ context.Context, u *url.URL) (bucket.Bucket, error) {
	dir, err := urlDir(u)
	if err != nil {
		return nil, err
	}
	var options Options
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: the parameters of %s: %w", bucket.ErrInvalid, u, err)
	}
	for name, values := range parameters {
		if name != "sync" || len(values) != 1 {
			return nil, fmt.Errorf("%w: a file URL has no parameter %q; it has sync=true or sync=false, once", bucket.ErrInvalid, name)
		}
		sync, err := strconv.ParseBool(values[0])
		if err != nil {
			return nil, fmt.Errorf("%w: the parameter sync is true or false, not %q", bucket.ErrInvalid, values[0])
		}
		options.NoSync = !sync
	}
	b, err := New(dir, &options)
	if err != nil {
		return nil, err // and not a nil *Bucket
	}
	return b, nil
}

// urlDir is the directory of a file URL.
func urlDir(u *url.URL) (string, error) {
	if u.Host != "" && u.Host != "localhost" {
		return "", fmt.Errorf("%w: %s names the machine %q; write file:///dir for an absolute directory and file:dir for a relative one", bucket.ErrInvalid, u, u.Host)
	}
	if u.Fragment != "" {
		return "", fmt.Errorf("%w: %s has a fragment; write %%23 for '#'", bucket.ErrInvalid, u)
	}
	dir := u.Path
	if u.Opaque != "" {
		relative, err := url.PathUnescape(u.Opaque)
		if err != nil {
			return "", fmt.Errorf("%w: %s: %w", bucket.ErrInvalid, u, err)
		}
		dir = relative
	}
	if dir == "" {
		return "", fmt.Errorf("%w: %s names no directory", bucket.ErrInvalid, u)
	}
	// On Windows an absolute path has a slash before its drive in a URL.
	if local := strings.TrimPrefix(filepath.FromSlash(dir), `\`); filepath.VolumeName(local) != "" {
		return local, nil
	}
	return filepath.FromSlash(dir), nil
}
