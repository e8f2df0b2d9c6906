package callindex

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/cache"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
	"github.com/quivercache/quiver/signing"
)

// Options are the settings of a call storage; nil, or a zero field, means the default.
type Options struct {
	Context op.Context // entered around every operation on a key; default none
	Clock   op.Clock   // default the machine's
	Entropy op.Entropy // of write ids; default the machine's

	Signer *signing.Signer // signs what is saved, and says what to believe; default none, which believes all

	Scheme *digest.Scheme // digests the values that queries ask for; default the one without hooks

	Cache CacheOptions // of the parts of the index that queries have read

	Values Keeper // of what records name; default none, for which nothing is looked at

	// Damaged is told of a damaged record that a query or a transformation meets. What it returns ends that; nil passes the record over, as
	// it does where Damaged is nil.
	Damaged func(*keyspace.DamagedError) error
}

// Keeper keeps values from gc: see blobstore.Store, which is one.
type Keeper interface {
	// Keep sees to it that values stay for hours, as far as they are there.
	Keep(ctx context.Context, keys ...digest.Digest) error
	// Known says whether that costs no request.
	Known(key digest.Digest) bool
}

// Store is a call storage in a bucket. It may be used by many goroutines. List, Contains, Expand and Shrink are those of its Keys.
//
// Contract: CallStorage.
type Store struct {
	*keyspace.Keys
	bucket  bucket.Bucket
	clock   op.Clock
	signer  *signing.Signer
	marks   *marker
	retry   op.Backoff
	entropy op.Entropy
	cache   *cache.Cache
	written written
	scheme  *digest.Scheme
	values  Keeper
	damaged func(*keyspace.DamagedError) error
}

// New returns the call storage of a bucket, without a request.
func New(b bucket.Bucket, options *Options) *Store {
	o := Options{}
	if options != nil {
		o = *options
	}
	if o.Clock == nil {
		o.Clock = op.SystemClock()
	}
	if o.Entropy == nil {
		o.Entropy = op.SystemEntropy()
	}
	if o.Scheme == nil {
		o.Scheme = scheme
	}
	if o.Damaged == nil {
		o.Damaged = func(*keyspace.DamagedError) error { return nil }
	}
	return &Store{
		Keys:    keyspace.New(b, layout.RecordSpace, o.Context),
		bucket:  b,
		clock:   o.Clock,
		signer:  o.Signer,
		marks:   newMarker(b, o.Clock, o.Entropy),
		retry:   op.Backoff{Base: 50 * time.Millisecond, Cap: time.Second, Clock: o.Clock, Entropy: o.Entropy},
		entropy: o.Entropy,
		cache:   newCache(o.Cache, o.Clock),
		scheme:  o.Scheme,
		values:  o.Values,
		damaged: o.Damaged,
	}
}

// Load returns the record of a key: one GET, and a LIST of two keys before it for a prefix. A record that is not there is digest.ErrNotFound; one that
// cannot be believed is a *keyspace.DamagedError, which is ErrNotFound too.
//
// Contract: CallStorage.load.
func (s *Store) Load(ctx context.Context, key digest.Key) (record *Record, err error) {
	full, err := s.Expand(ctx, key)
	if err != nil {
		return nil, err
	}
	err = s.Do(ctx, full, op.Read, func(ctx context.Context) error {
		record, err = s.get(ctx, full)
		return err
	})
	return record, err
}

// get reads a record.
func (s *Store) get(ctx context.Context, key digest.Digest) (*Record, error) {
	name := layout.RecordSpace.Name(key)
	body, info, err := bucket.ReadAll(ctx, s.bucket, name, RecordLimit)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return nil, fmt.Errorf("call %s: %w", key, digest.ErrNotFound)
	case errors.Is(err, bucket.ErrInvalid) && info.Size > RecordLimit:
		return nil, keyspace.Damaged(info, nil, "it has %d bytes, more than a record may have", info.Size)
	case err != nil:
		return nil, err
	}
	return s.decode(ctx, info, key, body)
}
