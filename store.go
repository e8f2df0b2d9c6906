package quiver

import (
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/op"
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
	Context op.Context // entered around every operation on a key; default none
	Clock   op.Clock   // default the machine's
	Entropy op.Entropy // of ids and nonces; default the machine's
	Values  blobstore.Options
}

// Store is values and calls in one bucket. It may be used by many goroutines.
type Store struct {
	Values *blobstore.Store
	Calls  *callindex.Store
	bucket bucket.Bucket
}

// New returns the store in a bucket, without a request: whether the bucket is a store of this format is seen by the first one. The bucket should have
// been decorated with deadlines and retries (bucket.Decorate); Close closes it.
func New(b bucket.Bucket, options *Options) *Store {
	o := Options{}
	if options != nil {
		o = *options
	}
	if o.Entropy == nil {
		o.Entropy = op.SystemEntropy()
	}
	g := &gate{bucket: b, entropy: o.Entropy, turn: op.Serial()}
	b = bucket.Wrap(b, g.middleware)
	o.Values.Context, o.Values.Entropy = o.Context, o.Entropy
	return &Store{
		Values: blobstore.New(b, &o.Values),
		Calls:  callindex.New(b, &callindex.Options{Context: o.Context, Clock: o.Clock, Entropy: o.Entropy}),
		bucket: b,
	}
}

// Close closes the bucket.
func (s *Store) Close() error { return s.bucket.Close() }

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
