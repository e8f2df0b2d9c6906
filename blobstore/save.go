package blobstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

// SaveOptions are the settings of one save; nil, and the zero value of a field, mean the defaults.
type SaveOptions struct {
	Key   digest.Digest // default the value's digest
	Codec Codec         // default raw for a []byte that is not nil, else that of the store; it must be known to the store

	// Replace is the version of an object that may be replaced: that of a *keyspace.DamagedError which another process met. What this Store has
	// itself met damaged it replaces anyway.
	Replace bucket.Version

	// Verify reads what is there already, whole, and replaces it if it is damaged. Without it, what this Store has not met damaged is believed, since a
	// program that remembers results has tried to load before it saves. It costs a GET where the value is there.
	Verify bool
}

// Save saves a value and returns its key. What is there already is not sent again. A small value costs one PUT, from 1 MiB encoded on one HEAD first. Every error is a
// *keyspace.SaveError.
//
// Nothing is saved that would be loaded as something else: the value is decoded again, and its digest must be the same. So a value must have
// a digest, also under a key of the caller's choice, and its codec must keep what the digest tells apart.
//
// Under a key of the caller's choice, content that the key already holds is a success (one GET more to see), other content an error.
//
// Contract: ValueStorage.save, StorageBackend.put.
func (s *Store) Save(ctx context.Context, value any, options *SaveOptions) (digest.Digest, error) {
	o := s.saveOptions(value, options)
	content, err := s.digest(value)
	if err != nil {
		return digest.Digest{}, &keyspace.SaveError{Key: o.Key, Err: err}
	}
	key := cmp.Or(o.Key, content)
	encoded, err := s.encode(value, content, o.Codec)
	if err != nil {
		return digest.Digest{}, &keyspace.SaveError{Key: key, Err: err}
	}
	err = s.writeWhole(ctx, &writing{
		header:   header{codec: o.Codec.Name(), key: key},
		explicit: key != content,
		replace:  o.Replace,
		verify:   o.Verify,
	}, encoded)
	if err != nil {
		return digest.Digest{}, err
	}
	return key, nil
}

// SaveBytes is Save of bytes, by the codec raw. Nil is saved as the empty content.
func (s *Store) SaveBytes(ctx context.Context, value []byte) (digest.Digest, error) {
	if value == nil {
		value = []byte{}
	}
	return s.Save(ctx, value, &SaveOptions{Codec: Raw})
}

func (s *Store) saveOptions(value any, options *SaveOptions) SaveOptions {
	var o SaveOptions
	if options != nil {
		o = *options
	}
	if o.Codec == nil {
		o.Codec = s.codec
		if b, ok := value.([]byte); ok && b != nil {
			o.Codec = Raw
		}
	}
	return o
}

// digest refuses what only stands for a value: it would be stored in the value's place.
func (s *Store) digest(value any) (digest.Digest, error) {
	switch value.(type) {
	case digest.Digest, *digest.Digest:
		return digest.Digest{}, errors.New("a Digest stands for the value it is the digest of, and has no content of its own: save the value, or the digest's text")
	}
	return s.scheme.Of(value)
}

// encode returns the value as bytes that are known to decode to the same content.
func (s *Store) encode(value any, content digest.Digest, codec Codec) ([]byte, error) {
	if s.codecs[codec.Name()] == nil {
		return nil, fmt.Errorf("the codec %q is not known to the store, which could not load the value: add it to Options.Codecs", codec.Name())
	}
	encoded, err := codec.Encode(value)
	if err != nil {
		return nil, err
	}
	if size := int64(len(encoded)); size > s.memoryLimit {
		return nil, &SizeError{Size: size, Limit: s.memoryLimit, Hint: "save it as a stream with SaveReader, or raise Options.MemoryLimit"}
	}
	if codec == Raw {
		return encoded, nil
	}
	t := reflect.TypeOf(value)
	if t == nil {
		t = reflect.TypeFor[any]()
	}
	loaded := reflect.New(t)
	if err := decode(codec, encoded, loaded.Interface()); err != nil {
		return nil, fmt.Errorf("%v could not be loaded again from the codec %s: %w", t, codec.Name(), err)
	}
	again, err := s.scheme.Of(loaded.Elem().Interface())
	if err != nil {
		return nil, err
	}
	if again != content {
		return nil, fmt.Errorf("%v would be loaded as another value (digest %s, not %s): the codec %s does not keep all of it; see its documentation, "+
			"use types in place of interfaces, another codec, or SaveReader for a reader", t, again, content, codec.Name())
	}
	return encoded, nil
}

// writeWhole writes a value that is in memory.
func (s *Store) writeWhole(ctx context.Context, w *writing, encoded []byte) error {
	w.header.size, w.header.sum = int64(len(encoded)), sha256.Sum256(encoded)
	w.source = &packed{pack: sync.OnceValue(func() []byte {
		return s.compression.pack(w.header.appendTo(nil), encoded)
	})}
	return s.write(ctx, w)
}

// packed is an object that is packed when it is first sent, which is not before it is known to be needed.
type packed struct{ pack func() []byte }

func (p *packed) Size() int64 { return int64(len(p.pack())) }

func (p *packed) Open() (io.ReadCloser, error) { return bucket.Bytes(p.pack()).Open() }
