package bucket

import (
	"context"
	"time"
)

// Describer says what a store is like, apart from what is in it. It is asked seldom, by people's tools, in a few requests that no decorator sees.
type Describer interface {
	Describe(ctx context.Context) (Description, error)
}

// Description is what a store says of itself.
type Description struct {
	Service    string        // as "s3"
	Endpoint   string        // the host that answers
	Region     string        // of the bucket; empty where it does not tell
	Versioning string        // empty: off; else what the service calls the state of it
	SoftDelete time.Duration // how long a deleted object stays, and is paid for
	Untold     error         // why versioning and soft delete cannot be told; nil: they are
}
