package quiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/lease"
	"github.com/quivercache/quiver/op"
	"github.com/quivercache/quiver/signing"
)

// The errors to decide on; a failure of the store itself is a *bucket.Error with one of package bucket's kinds.
var ErrNotFound = digest.ErrNotFound

// What explains an error.
type (
	AmbiguousError    = digest.AmbiguousError
	IndigestibleError = digest.IndigestibleError
	SaveError         = keyspace.SaveError
	DamagedError      = keyspace.DamagedError
	NewerFormatError  = keyspace.NewerFormatError
)

// Options are the settings of a store; nil, or a zero field, means the default.
type Options struct {
	Context op.Context     // entered around every operation on a key; default none
	Clock   op.Clock       // default the machine's
	Entropy op.Entropy     // of ids and nonces; default the machine's
	Scheme  *digest.Scheme // digests values, arguments and results; default the one without hooks
	Values  blobstore.Options

	ReadOnly bool // refuse every write with bucket.ErrRefused, before it is sent; memoised functions then save nothing

	// Strict makes an error of what a memoised function gets by with otherwise: a store that fails, a record or a value that is damaged or lost.
	Strict bool

	// Logger is told once of what a memoised function got by with, which Stats counts. Default slog.Default().
	Logger *slog.Logger

	// Index says how queries are answered. Its zero value keeps what they read of the index in memory, up to 64 MiB.
	Index callindex.CacheOptions
	// FoldOnClose lets Close fold the functions whose calls were saved: for programs that run seldom, and may delete. Many short-lived ones leave that to one (quiver fold).
	FoldOnClose bool

	Owner string // who stands in leases, for people; default the program and its process id

	Signing        *signing.Ring // signs what is saved, and only what is signed with one of its keys is believed; default none, which believes all
	AcceptUnsigned bool          // believe what is not signed too
}

// Store is values and calls in one bucket. It may be used by many goroutines.
type Store struct {
	Values *blobstore.Store
	Calls  *callindex.Store
	Leases *lease.Leases // of calls that are computed once, or prepared

	bucket   bucket.Bucket
	scheme   *digest.Scheme
	clock    op.Clock
	readOnly bool
	strict   bool
	folds    bool // when it is closed
	id       func(ctx context.Context, write bool) (string, error)

	flights flights
	outage  outage
	tally   tally
	notices *notices
	saves   saves
}

// New returns the store in a bucket. No request is sent: whether the bucket is a store of this format is seen by the first one. The bucket should have
// been decorated with deadlines and retries (bucket.Decorate); Close closes it.
func New(ctx context.Context, b bucket.Bucket, options *Options) (*Store, error) {
	if over := ctx.Err(); over != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, over) { // as that of a signal is not
			over = fmt.Errorf("%w: %w", over, cause)
		}
		return nil, fmt.Errorf("opening the store: %w", over)
	}
	if b == nil {
		return nil, errors.New("opening the store: there is no bucket; make one with adapters/all, or mem.New for a test")
	}
	o := Options{}
	if options != nil {
		o = *options
	}
	if o.Entropy == nil {
		o.Entropy = op.SystemEntropy()
	}
	if o.Clock == nil {
		o.Clock = op.SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Scheme == nil {
		o.Scheme = o.Values.Scheme
	}
	if o.ReadOnly {
		b = bucket.Wrap(b, bucket.ReadOnly())
	}
	g := &gate{bucket: b, entropy: o.Entropy}
	b = bucket.Wrap(b, g.middleware)
	var signer *signing.Signer
	if o.Signing != nil {
		signer = &signing.Signer{Ring: o.Signing, AcceptUnsigned: o.AcceptUnsigned, StoreID: g.id}
	}
	o.Values.Context, o.Values.Clock, o.Values.Entropy, o.Values.Scheme, o.Values.Signer = o.Context, o.Clock, o.Entropy, o.Scheme, signer
	told := &notices{logger: o.Logger, said: map[string]bool{}}
	if o.Values.Unkept == nil {
		o.Values.Unkept = told.unkept
	}
	s := &Store{
		Values:   blobstore.New(b, &o.Values),
		Leases:   lease.New(b, &lease.Options{Clock: o.Clock, Entropy: o.Entropy, Owner: o.Owner}),
		bucket:   b,
		scheme:   o.Scheme,
		clock:    o.Clock,
		readOnly: o.ReadOnly,
		strict:   o.Strict,
		folds:    o.FoldOnClose,
		id:       g.id,
		flights:  flights{table: map[flightKey]*flight{}},
		notices:  told,
		saves:    saves{over: make(chan struct{})},
	}
	s.Calls = callindex.New(bucket.Conditional(b), &callindex.Options{
		Context: o.Context, Clock: o.Clock, Entropy: o.Entropy, Signer: signer, Scheme: o.Scheme, Values: s.Values, Damaged: s.passOver, Cache: o.Index,
	})
	return s, nil
}

// passOver is what becomes of a damaged record that a query or a transformation meets: it is counted and told of once, and ends a strict one.
func (s *Store) passOver(damaged *DamagedError) error {
	s.tally.count(func(stats *Stats) { stats.PassedOver++ })
	if s.strict {
		return damaged
	}
	s.notices.once(context.Background(), damaged.Object, "a record cannot be believed, and is passed over", "error", damaged)
	return nil
}

// Close waits for the results that are being saved, for as long as they may take, folds where Options.FoldOnClose says so, and closes the bucket.
func (s *Store) Close() error {
	s.saves.finish()
	var err error
	if s.folds {
		err = s.foldOnClose()
	}
	return errors.Join(err, s.bucket.Close())
}

// Expand returns the digest that a key stands for among values and calls together, by at most two LISTs of two keys. A prefix that names a value and another call is
// ambiguous.
func (s *Store) Expand(ctx context.Context, key digest.Key) (digest.Digest, error) {
	var candidates []digest.Digest
	var miss error
	for _, keys := range []*keyspace.Keys{s.Values.Keys, s.Calls.Keys} {
		d, err := keys.Expand(ctx, key)
		switch {
		case err == nil && (len(candidates) == 0 || candidates[0] != d):
			candidates = append(candidates, d)
		case errors.Is(err, ErrNotFound):
			miss = err
		case err != nil:
			return digest.Digest{}, err
		}
	}
	switch len(candidates) {
	case 0:
		return digest.Digest{}, miss
	case 1:
		return candidates[0], nil
	}
	_, short, _, err := digest.Split(key)
	if err != nil {
		return digest.Digest{}, err
	}
	return digest.Resolve(short, candidates)
}

// Shrink returns the shortest prefixes that name the keys among values and calls together, in their order: of the two forms that a key has in
// them, the longer one.
func (s *Store) Shrink(ctx context.Context, keys ...digest.Key) ([]digest.Prefix, error) {
	short := make([]digest.Prefix, len(keys))
	for i, key := range keys {
		full, err := s.Expand(ctx, key)
		if err != nil {
			return nil, err
		}
		value, isValue, err := s.Values.Distinguish(ctx, full)
		if err != nil {
			return nil, err
		}
		call, isCall, err := s.Calls.Distinguish(ctx, full)
		if err != nil {
			return nil, err
		}
		if !isValue && !isCall {
			return nil, fmt.Errorf("%s: %w", full, ErrNotFound)
		}
		if short[i] = value; len(call) > len(value) {
			short[i] = call
		}
	}
	return short, nil
}
