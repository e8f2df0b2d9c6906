package blobstore

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
	"github.com/quivercache/quiver/signing"
)

// Store keeps values in a bucket under their digests. It may be used by many goroutines.
//
// Contract: ValueStorage, ValueMixin.
type Store struct {
	*keyspace.Keys

	bucket      bucket.Bucket
	scheme      *digest.Scheme
	codec       Codec
	codecs      map[string]Codec // by name
	entropy     op.Entropy
	signer      *signing.Signer
	spoolDir    string
	spoolLimit  int64
	memoryLimit int64
	compression *compression
	damaged     *damageLog
	clock       op.Clock
	ages        ages
	unkept      func(error)
	refused     atomic.Pointer[time.Time] // when the role might not write a value again; for KeepFor from then on it is not tried
}

// Options are the settings of a Store; nil, and the zero value of a field, mean the defaults.
type Options struct {
	Context     op.Context     // entered around every keyed operation; default none
	Scheme      *digest.Scheme // digests the values; default the one without hooks
	Codec       Codec          // encodes the values that are saved, except []byte and readers; default CBOR
	Codecs      []Codec        // further ones that values may be saved and loaded with
	Clock       op.Clock       // default the machine's
	Entropy     op.Entropy     // default the machine's
	SpoolDir    string         // where streams that cannot seek are kept while they are saved; default the system's folder for temporary files
	SpoolLimit  int64          // bytes that one such stream may have; default 64 GiB
	MemoryLimit int64          // bytes, encoded, of a value that is saved or loaded other than as a stream; default 1 GiB
	Level       int            // of compression, as zstd counts them, 1 to 22; default 3

	Signer *signing.Signer // signs what is saved, and says what to believe; default none, which believes all

	// Unkept is told, about once in KeepFor, that the role may not write a value again that is there, as Terraform's writers on Google Cloud may not: what is old and about to be named
	// stays as old as it is, and a gc that runs at that time may remove it. Default: it is an error of the save, or of Keep.
	Unkept func(error)
}

const (
	defaultSpoolLimit  = 64 << 30
	defaultMemoryLimit = 1 << 30
	defaultLevel       = 3
	maxLevel           = 22
)

// New returns the values in a bucket. No request is sent. A codec without a proper name, or with the name of another, is a mistake in the
// program: New panics.
func New(b bucket.Bucket, options *Options) *Store {
	var o Options
	if options != nil {
		o = *options
	}
	if o.Codec == nil {
		o.Codec = CBOR
	}
	if o.Entropy == nil {
		o.Entropy = op.SystemEntropy()
	}
	if o.Clock == nil {
		o.Clock = op.SystemClock()
	}
	s := &Store{
		Keys:        keyspace.New(b, layout.ValueSpace, o.Context),
		bucket:      b,
		scheme:      o.Scheme,
		codec:       o.Codec,
		codecs:      map[string]Codec{},
		entropy:     o.Entropy,
		signer:      o.Signer,
		spoolDir:    o.SpoolDir,
		spoolLimit:  positive(o.SpoolLimit, defaultSpoolLimit),
		memoryLimit: positive(o.MemoryLimit, defaultMemoryLimit),
		compression: compressionOf(int(min(positive(int64(o.Level), defaultLevel), maxLevel))),
		damaged:     newDamageLog(),
		clock:       o.Clock,
		unkept:      o.Unkept,
	}
	for _, c := range []Codec{Raw, CBOR, JSON, Binary} {
		s.codecs[c.Name()] = c
	}
	if s.codecs[o.Codec.Name()] != o.Codec {
		s.register(o.Codec)
	}
	for _, c := range o.Codecs {
		s.register(c)
	}
	return s
}

func (s *Store) register(c Codec) {
	name := c.Name()
	if err := checkCodecName(name); err != nil {
		panic("blobstore: " + err.Error())
	}
	if s.codecs[name] != nil {
		panic(fmt.Sprintf("blobstore: there is a codec of the name %q already", name))
	}
	s.codecs[name] = c
}

func positive(n, otherwise int64) int64 {
	if n > 0 {
		return n
	}
	return otherwise
}

// name is the name of a value's object.
func name(key digest.Digest) string { return layout.ValueSpace.Name(key) }
