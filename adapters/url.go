package adapters

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

// URL is the location of a bucket: its name is the host, a prefix may be the path, and the rest are parameters, which are taken one by one: what is
// left over is for gocloud to know or to refuse.
type URL struct {
	Values url.Values // the parameters that have not been taken
	url    *url.URL
	prefix string // with its closing slash, or empty
	err    error
}

// ParseURL reads a location. Fails with bucket.ErrInvalid.
func ParseURL(u *url.URL) (*URL, error) {
	if u.User != nil {
		return nil, fmt.Errorf("%w: %s has a user name or a password; a URL says where a bucket is, credentials come from the environment", bucket.ErrInvalid, u.Redacted())
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: the parameters of %s: %w", bucket.ErrInvalid, u, err)
	}
	prefix := strings.Trim(u.Path, "/")
	switch {
	case u.Host == "" || u.Opaque != "":
		return nil, fmt.Errorf("%w: the URL %q names no bucket; write %s://bucket, or %s://bucket/prefix", bucket.ErrInvalid, u, u.Scheme, u.Scheme)
	case u.Fragment != "":
		return nil, fmt.Errorf("%w: %s has a fragment; a key has no '#'", bucket.ErrInvalid, u)
	case strings.Contains(u.Host, ":"):
		return nil, fmt.Errorf("%w: %s has a port; the host of such a URL is the name of a bucket", bucket.ErrInvalid, u)
	}
	for name, given := range values {
		if len(given) != 1 {
			return nil, fmt.Errorf("%w: %s has the parameter %q %d times", bucket.ErrInvalid, u, name, len(given))
		}
	}
	if prefix != "" {
		if err := bucket.CheckKey(prefix); err != nil {
			return nil, fmt.Errorf("the prefix in %s: %w", u, err)
		}
		prefix += "/"
	}
	return &URL{Values: values, url: u, prefix: prefix}, nil
}

// Take takes a parameter, empty where it is not given.
func (u *URL) Take(name string) string {
	value := u.Values.Get(name)
	u.Values.Del(name)
	return value
}

// Bool takes a parameter that is true or false. Err tells of what is neither.
func (u *URL) Bool(name string, otherwise bool) bool {
	if !u.Values.Has(name) {
		return otherwise
	}
	text := u.Take(name)
	value, err := strconv.ParseBool(text)
	if err != nil {
		u.err = errors.Join(u.err, fmt.Errorf("%w: the parameter %s is true or false, not %q", bucket.ErrInvalid, name, text))
	}
	return value
}

// Err is what was wrong with the parameters taken so far.
func (u *URL) Err() error { return u.err }

// Rest is the URL without the prefix and the parameters that were taken.
func (u *URL) Rest() *url.URL {
	return &url.URL{Scheme: u.url.Scheme, Host: u.url.Host, RawQuery: u.Values.Encode()}
}

// Under puts the bucket's keys under the prefix.
func (u *URL) Under(b bucket.Bucket) (bucket.Bucket, error) {
	if u.prefix == "" {
		return b, nil
	}
	return bucket.Under(b, u.prefix)
}
