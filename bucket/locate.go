package bucket

import "context"

// Locator says where objects are, for others than this bucket. It sends no request.
type Locator interface {
	Locate(key string) Location
}

// Location is where an object is.
type Location struct {
	Service  string // the scheme of its URLs, as "s3"
	Endpoint string // which server, where that is not the service's own
	Bucket   string // empty in a directory
	Key      string // as the service knows it, with all prefixes; in a directory the file's absolute name
}

// String is the URL of the object as most tools write it, or the file's name.
func (l Location) String() string {
	if l.Bucket == "" {
		return l.Key
	}
	return l.Service + "://" + l.Bucket + "/" + l.Key
}

// Copier copies objects that are on the same server, without their bytes passing through this machine.
type Copier interface {
	// Copy makes an object under key of the one of size bytes that is elsewhere, whole or not at all. Fails with ErrNotFound where that is not there, with ErrRefused where the
	// server cannot copy it, or this bucket's role may not read it, and with ErrExists where there is one under key: but many servers replace that.
	Copy(ctx context.Context, from Location, size int64, key string) error
}

// Near says whether b may be able to copy what is at a location.
func Near(b Bucket, from Location) (Copier, bool) {
	locator, can := As[Locator](b)
	copier, too := As[Copier](b)
	if !can || !too {
		return nil, false
	}
	here := locator.Locate("a")
	return copier, here.Service == from.Service && here.Endpoint == from.Endpoint
}
