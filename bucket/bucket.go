package bucket

import (
	"context"
	"io"
	"time"
)

// Bucket is a set of objects with names. All methods may be called from many goroutines.
//
// A key is 1 to 1,024 characters of [a-z0-9/._-], without path segments that are empty or end with a dot ([CheckKey]). A store may refuse, with ErrRefused, a
// key that is a folder of another ("a" beside "a/b"), or that is longer than its names can be. Errors are [*Error].
type Bucket interface {
	// Get returns an object whose body must be closed; ctx governs the reading of the body too. Fails with ErrNotFound.
	Get(ctx context.Context, key string) (*Object, error)

	// Stat returns what Get would say of the object, without its body. Fails with ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)

	// Put writes an object, whole or not at all. IfAbsent fails with ErrExists where there is one; IfMatch fails with ErrChanged
	// where there is another version, or none.
	Put(ctx context.Context, key string, body Source, condition Condition) error

	// Delete removes an object. Fails with ErrNotFound where there is none.
	Delete(ctx context.Context, key string) error

	// List returns one page of the objects whose keys begin with a prefix, in ascending byte order of their keys.
	List(ctx context.Context, options ListOptions) (Page, error)

	// Close releases what the bucket holds (connections, not objects). Requests after it fail.
	Close() error
}

// Info describes an object.
type Info struct {
	Key     string
	Size    int64     // bytes
	Version Version   // empty in a listing of a store that does not list versions
	ModTime time.Time // by the store's clock, to the second at least
	Date    time.Time // the store's clock as it answered; zero where it does not tell, and in a listing, whose Page has it
}

// Version identifies the bytes of an object: an ETag, a generation. It is compared, never interpreted.
type Version string

// Object is an object being read. It belongs to whom it was returned to, who may change it: a decorator gives it another Body.
type Object struct {
	Info
	// Body yields Size bytes, then io.EOF. A body that was cut fails with ErrUnavailable instead of ending early.
	Body io.ReadCloser
}

// ListOptions says what to list.
type ListOptions struct {
	Prefix string // keys begin with it; any part of a key, not only whole path segments
	After  string // keys are greater than it; empty: from the start
	Token  string // Next of the page before, with the same Prefix, After and Limit; empty: the first page
	Limit  int    // keys a page, 1 to MaxPage; 0 means the store's own page size, PageSize on most
}

// How many keys a page of a listing has: a store may give fewer than it was asked for, and says in Next that there are more.
const (
	PageSize = 1000 // where nobody asked for a number
	MaxPage  = 5000 // at the most
)

// Page is one page of a listing.
type Page struct {
	Objects []Info
	Next    string    // asks for the page after this one; empty at the end
	Date    time.Time // the store's clock as it answered; zero where it does not tell
}
