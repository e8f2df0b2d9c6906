package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Opener opens another client of the bucket, without decorators.
type Opener func(ctx context.Context) (bucket.Bucket, error)

// Options are the settings of an examination; nil means the defaults.
type Options struct {
	// Conditional opens a client of the same bucket that deletes conditionally, where those of Open do not because the store is not known to honour
	// that. It fails with bucket.ErrInvalid where there is no such way. Nil: there is none.
	Conditional Opener
	Location    string // of the bucket, for people: what its keys come after, as s3://bucket/team/
	NoLarge     bool   // leave the large uploads out
	Large       int    // bytes of a large upload, above the 8 MiB from which it has parts; default 20 MiB
	Full        bool   // the whole contract of package bucket/buckettest, too
	Clock       op.Clock
	Entropy     op.Entropy
	Begin       func(check string) // is told what is being looked at; it must return soon
	Found       func(Finding)      // gets each finding as it is made
}

const (
	clients = 8  // at once
	rounds  = 20 // of a race

	// MostRequests is how many requests an examination without Full sends at the most: some 1,200, and their repetitions.
	MostRequests = 1500

	repetitions  = 150 // of requests that were not answered, and a tenth of those that were
	briefly      = 30 * time.Second
	usually      = 2 * time.Minute
	long         = 10 * time.Minute
	cleaningTime = 2 * time.Minute
)

// examination is one run of the doctor.
type examination struct {
	Options
	open    Opener
	folder  string
	meter   *bucket.Meter
	budget  *op.Budget
	ledger  ledger
	clients []bucket.Bucket // of one store, each confined to the folder

	verdicts map[string]Verdict // of the checks so far
	missing  error              // how the store answers for a missing key
}

// Run examines a bucket. It fails where the bucket cannot be opened; what comes of the examination is in the report.
func Run(ctx context.Context, open Opener, options *Options) (*Report, error) {
	x := &examination{open: open, verdicts: map[string]Verdict{}, missing: bucket.ErrNotFound, budget: op.NewBudget(repetitions)}
	if options != nil {
		x.Options = *options
	}
	x.setDefaults()
	id, err := op.NewID(x.Entropy)
	if err != nil {
		return nil, err
	}
	x.folder = "quiver-doctor/" + id + "/"
	x.meter = bucket.NewMeter(x.Clock)
	defer x.close()
	for range clients {
		b, err := x.client(ctx, open)
		if err != nil {
			return nil, err
		}
		x.clients = append(x.clients, b)
	}
	return x.examine(ctx), nil
}

func (x *examination) setDefaults() {
	if x.Clock == nil {
		x.Clock = op.SystemClock()
	}
	if x.Entropy == nil {
		x.Entropy = op.SystemEntropy()
	}
	if x.Large == 0 {
		x.Large = 20 << 20
	}
	if x.Begin == nil {
		x.Begin = func(string) {}
	}
	if x.Found == nil {
		x.Found = func(Finding) {}
	}
}

// client opens a client that is confined to the folder and whose requests are counted.
func (x *examination) client(ctx context.Context, open Opener) (bucket.Bucket, error) {
	bare, err := open(ctx)
	if err != nil {
		return nil, err
	}
	b, err := bucket.Decorate(bare, bucket.Decorators{
		Prefix: x.folder, Meter: x.meter,
		Retry: bucket.RetryOptions{Budget: x.budget, Backoff: op.Backoff{Clock: x.Clock, Entropy: x.Entropy}},
	})
	if err != nil {
		return nil, errors.Join(err, bare.Close())
	}
	return bucket.Wrap(b, x.ledger.note), nil
}

func (x *examination) close() {
	for _, b := range x.clients {
		b.Close() // nothing is written by it any more
	}
}

// examine makes the checks in their order, then cleans up. It ends early where the store cannot be reached, does not answer twice running, or ctx is done.
func (x *examination) examine(ctx context.Context) *Report {
	begun := x.Clock.Now()
	r := &Report{Folder: x.place()}
	silent := 0
	for _, c := range x.checks() {
		x.Begin(c.name)
		f, err := x.try(ctx, c)
		if ctx.Err() != nil {
			r.failure = context.Cause(ctx)
			break
		}
		x.report(r, f)
		if err == nil {
			silent = 0
			continue
		}
		if silent++; c.needed && r.failure == nil {
			r.failure = &Failure{c.name, err}
		}
		if c.name == reach || silent == 2 {
			break
		}
	}
	if x.ledger.used() {
		x.Begin(cleanup)
		limit := cleaningTime
		if silent > 0 {
			limit = briefly
		}
		f, err := x.cleanUp(ctx, limit)
		if err != nil && r.failure == nil {
			r.failure = &Failure{cleanup, err}
		}
		x.report(r, f)
		r.Left = x.ledger.keys()
	}
	r.Usage, r.Took = x.meter.Total(), x.Clock.Now().Sub(begun)
	return r
}

// place is where the folder is, for people.
func (x *examination) place() string { return x.Location + x.folder }

func (x *examination) report(r *Report, f Finding) {
	x.verdicts[f.Check] = f.Holds
	r.Findings = append(r.Findings, f)
	x.Found(f)
}
