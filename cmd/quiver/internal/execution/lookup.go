package execution

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

// Why the command runs: the reasons of a miss, as they are counted, and what is neither hit nor miss.
const (
	missNew     = "not remembered yet"
	missRefresh = "asked to run anew"
	missExpired = "older than --ttl"
	missFailure = "a remembered failure"
	missLost    = "damaged or lost"
	missLocal   = "cannot be written here"
	storeFailed = "the store failed"
)

// finding is what a look-up found.
type finding struct {
	record  *callindex.Record // nil: none that could be read
	outcome *Outcome          // nil: a miss, or the store failed
	why     string            // the command runs, where there is no outcome
	err     error             // what explains it, where something is wrong
	store   *quiver.Store     // that was asked; nil: it could not be opened
}

// lookUp asks the store, which has a limited time to answer.
func (s *session) lookUp(ctx context.Context) finding {
	if s.Refresh {
		return finding{why: missRefresh}
	}
	f, err := within(ctx, lookUpTime, func(ctx context.Context) (finding, error) {
		store, err := s.openStore(ctx)
		if err != nil {
			return finding{}, err
		}
		record, err := store.Calls.Load(ctx, s.key)
		if err != nil {
			return finding{store: store}, err
		}
		outcome, err := load(ctx, store, record)
		return finding{store: store, record: record, outcome: outcome}, err
	})
	if f.store != nil {
		s.store = f.store
	}
	switch {
	case err == nil:
		return s.judge(f)
	case errors.Is(err, errSlow):
		return finding{why: storeFailed, err: err}
	case isLost(err, f.record != nil):
		return finding{record: f.record, why: missLost, err: err}
	case errors.Is(err, digest.ErrNotFound):
		return finding{why: missNew}
	default:
		return finding{why: storeFailed, err: err}
	}
}

// isLost says whether an error means that there was something which cannot be used any more.
func isLost(err error, hadRecord bool) bool {
	_, damaged := errors.AsType[*keyspace.DamagedError](err)
	_, foreign := errors.AsType[*blobstore.DecodeError](err)
	return damaged || foreign || hadRecord && errors.Is(err, digest.ErrNotFound)
}

// judge says whether what was found will do.
func (s *session) judge(f finding) finding {
	switch err := s.fits(f.outcome); {
	case err != nil:
		f.why, f.err = missLost, err
	case s.TTL > 0 && s.Clock.Now().Sub(f.record.Saved) > s.TTL:
		f.why = missExpired
	case f.outcome.Exit != 0 && !s.KeepFailures:
		f.why = missFailure
	default:
		return f
	}
	f.outcome = nil
	return f
}

// fits refuses an outcome that is not one of this command line.
func (s *session) fits(o *Outcome) error {
	if err := o.check(); err != nil {
		return err
	}
	var names []string
	for _, out := range o.Outs {
		names = append(names, string(out.Name))
	}
	if !slices.Equal(names, s.outs.names) {
		return fmt.Errorf("%w: it has the outputs %q, where the command line has %q", errOutcome, names, s.outs.names)
	}
	return nil
}

// load returns the outcome of a record, with a request only where it is not in the record.
func load(ctx context.Context, store *quiver.Store, record *callindex.Record) (*Outcome, error) {
	o := &Outcome{}
	if record.Inline == nil || record.Inline.Codec != blobstore.CBOR.Name() {
		return o, store.Values.Load(ctx, record.Result, o)
	}
	if err := blobstore.CBOR.Decode(record.Inline.Data, o); err != nil {
		return nil, fmt.Errorf("%w: %w: %w", digest.ErrNotFound, errOutcome, err)
	}
	if d, err := digest.Of(*o); err != nil || d != record.Result {
		return nil, fmt.Errorf("%w: %w: it does not have the digest %s", digest.ErrNotFound, errOutcome, record.Result)
	}
	return o, nil
}

// origin is when, where and how fast a remembered outcome was computed.
type origin struct {
	at   time.Time
	host string
	took time.Duration
}

func (o origin) String() string {
	return fmt.Sprintf("computed %s on %s in %s", o.at.UTC().Format(time.RFC3339), o.host, o.took.Round(time.Millisecond))
}

// originOf reads the metadata of a record, which may have been written by others.
func originOf(r *callindex.Record) origin {
	o := origin{at: r.Saved, host: "an unknown host"}
	runtime := r.Metadata["runtime"]
	if text, ok := runtime["timestop"].(string); ok {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			o.at = at
		}
	}
	if host, ok := runtime["hostname"].(string); ok && host != "" {
		o.host = host
	}
	if number, ok := runtime["walltime"].(interface{ Float64() (float64, error) }); ok {
		if seconds, err := number.Float64(); err == nil && seconds >= 0 {
			o.took = time.Duration(seconds * float64(time.Second))
		}
	}
	return o
}
