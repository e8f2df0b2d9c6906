package adapters

import (
	"context"
	"io"

	"github.com/quivercache/quiver/bucket"
)

// Provider is what differs between clouds: questions with short answers, so that a wrong one is easy to see. What follows from the answers is the Bridge's.
//
// The first three read and shape what gocloud.dev/blob does, through its As functions. Get, Put and Delete are single requests to the SDK itself: gocloud
// would make them dearer (an object of 1 KiB costs a third more CPU, S3's delete a HEAD), and hides what they need (a version to read, a precondition to delete).
type Provider interface {
	// Condition puts the condition of a write on the request that an upload of gocloud is about to send.
	Condition(as func(any) bool, condition bucket.Condition) error
	// List shapes a listing that gocloud is about to ask for: where after is not empty it begins after that key, or at it. It is empty where Options.FromStart
	// says that this cannot be.
	List(as func(any) bool, after string) error
	// Info describes what gocloud has got of an object: all but the key of attributes, everything of an item of a listing.
	Info(as func(any) bool) bucket.Info

	// Get asks for an object or a part of it. Size of the result is that of the whole object, -1 where the answer does not tell;
	// it needs no Date.
	Get(ctx context.Context, key string, part Part) (*bucket.Object, error)
	// Put sends a body of size bytes in one request.
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, condition bucket.Condition) error
	// Delete sends one DELETE, of this version only where one is given. Whether a missing object is an error is the service's affair.
	Delete(ctx context.Context, key string, version bucket.Version) error

	// Describe says what the service tells of the bucket; the endpoint is the Bridge's part.
	Describe(ctx context.Context) (bucket.Description, error)

	// Refusal is what the service said in an error of the SDK or of gocloud. It says false where no service has answered.
	Refusal(err error) (Refusal, bool)
}

// Part says which bytes of which version to read.
type Part struct {
	Offset  int64
	Length  int64          // -1: to the end
	Version bucket.Version // only of this one; empty: of any
}

// Whole is all of any version.
var Whole = Part{Length: -1}

// Refusal is the answer of a service that did not do what it was asked.
type Refusal struct {
	Status    int    // of HTTP
	Code      string // the service's own, as NoSuchKey; may be empty
	Message   string // for people; may be empty
	RequestID string // what the service's support asks for; may be empty
	Kind      error  // one of package bucket's, where the status would mislead
	Hint      string // what to do about it, where the service knows
}
