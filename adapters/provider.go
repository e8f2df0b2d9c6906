package adapters

import (
	"context"
	"io"

	"github.com/quivercache/quiver/bucket"
)

// Provider is what differs between clouds: questions with short answers, so that a wrong one is easy to see. What follows from the answers is the Bridge's.
//
// The first two shape and read what gocloud.dev/blob does, through its As functions. The others are single requests to the SDK itself: gocloud
// would make them dearer (an object of 1 KiB costs a third more CPU, a page of a listing a third more memory, S3's delete a HEAD), and hides what they need (a
// version to read, a precondition to delete, a key to begin after). Where a service deletes many objects in one request, its Provider is a bucket.BulkDeleter too,
// whose DeleteAll sends that request for one key or more; where it keeps uploads that were begun and never ended, it is bucket.Uploads too. Limit of its ListUploads is no more than Options.PageSize, and its answer needs no Date.
type Provider interface {
	// Condition puts the condition of a write on the request that an upload of gocloud is about to send.
	Condition(as func(any) bool, condition bucket.Condition) error
	// Info describes an object by the attributes that gocloud has got of it: all but the key.
	Info(as func(any) bool) bucket.Info

	// Get asks for an object or a part of it. Size of the result is that of the whole object, -1 where the answer does not tell;
	// it needs no Date.
	Get(ctx context.Context, key string, part Part) (*bucket.Object, error)
	// Put sends a body of size bytes in one request, and returns the version that it has written.
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, condition bucket.Condition) (bucket.Version, error)
	// List asks for one page, which has the service's own token as Next; it needs no Date.
	List(ctx context.Context, listing Listing) (bucket.Page, error)
	// Folders asks for one page of the folders right under the listing's prefix, in ascending order; its token is the service's own.
	Folders(ctx context.Context, listing Listing) (bucket.FolderPage, error)
	// Delete sends one DELETE, of this version only where one is given. Whether a missing object is an error is the service's affair.
	Delete(ctx context.Context, key string, version bucket.Version) error

	// Location is where the bucket is: all but the key.
	Location() bucket.Location
	// Copy makes an object of one elsewhere on the server, by a single request, on condition that there is none where the service knows such a condition. Fails
	// with bucket.ErrRefused where the service cannot.
	Copy(ctx context.Context, from bucket.Location, size int64, key string) error

	// Describe says what the service tells of the bucket; the endpoint is the Bridge's part.
	Describe(ctx context.Context) (bucket.Description, error)

	// Refusal is what the service said in an error of the SDK or of gocloud. It says false where no service has answered, unless that means more in this
	// cloud than it does everywhere.
	Refusal(err error) (Refusal, bool)
	// Right is the hint on a request that is denied: which right just this one needs. The verb may be Description or Versioning, too.
	Right(verb bucket.Verb, condition bucket.Condition) string
}

// The verbs of what Describe asks, in errors and to Provider.Right. No decorator sees them, so that package bucket has none.
const (
	Description bucket.Verb = "describe"
	Versioning  bucket.Verb = "describe the versions of"
)

// Part says which bytes of which version to read.
type Part struct {
	Offset  int64
	Length  int64          // -1: to the end
	Version bucket.Version // only of this one; empty: of any
}

// Whole is all of any version.
var Whole = Part{Length: -1}

// Listing says what page of a listing to ask for.
type Listing struct {
	Prefix string
	After  string // begin after it, or at it; empty where Options.FromStart says that this cannot be
	Token  string // Next of the page before, empty for the first
	Size   int    // keys at the most, which is no more than Options.PageSize
}

// Refusal is the answer of a service that did not do what it was asked.
type Refusal struct {
	Status    int    // of HTTP
	Code      string // the service's own, as NoSuchKey; may be empty
	Message   string // for people; may be empty
	RequestID string // what the service's support asks for; may be empty
	Key       string // of the object that was refused, where more were asked for
	Kind      error  // one of package bucket's, where the status would mislead
	Hint      string // what to do about it, where the service knows
	Denied    bool   // the role lacks a right: Provider.Right comes before the hint
	There     bool   // the role lacks the right to replace, so that there is an object: to a write that would replace none that is no refusal
}
