package blobstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/op"
)

// Load loads a value into what into points to, which it zeroes first. One GET, for a large object more (bucket.ReadAhead); a prefix costs one LIST more.
//
// An unknown key is digest.ErrNotFound, and so is a damaged value, which is a *keyspace.DamagedError. No miss are: a prefix of several keys
// (*digest.AmbiguousError), an object of a newer format (*keyspace.NewerFormatError), an unknown codec (*CodecError), a value that does not fit into
// (*DecodeError), one that is larger than Options.MemoryLimit (*SizeError), and whatever kept the store from answering (*bucket.Error).
//
// Contract: ValueStorage.load.
func (s *Store) Load(ctx context.Context, key digest.Key, into any) error {
	return s.load(ctx, key, into, s.memoryLimit)
}

// LoadAs is Load into a new T. An interface type other than any cannot be loaded.
func LoadAs[T any](ctx context.Context, s *Store, key digest.Key) (T, error) {
	var value T
	err := s.Load(ctx, key, &value)
	return value, err
}

// LoadBytes is Load into a []byte, of at most limit bytes encoded, or of Options.MemoryLimit if that is less. Its value may have been saved as bytes, as a stream, or by
// another codec as a []byte.
func (s *Store) LoadBytes(ctx context.Context, key digest.Key, limit int64) ([]byte, error) {
	var value []byte
	err := s.load(ctx, key, &value, min(limit, s.memoryLimit))
	return value, err
}

func (s *Store) load(ctx context.Context, key digest.Key, into any, limit int64) error {
	if _, err := target(keyspace.Text(key), into); err != nil {
		return err
	}
	e, err := s.loadEncoded(ctx, key, limit)
	if err != nil {
		return err
	}
	return s.Decode(e, into)
}

// target is where into points to.
func target(key string, into any) (reflect.Value, error) {
	pointer := reflect.ValueOf(into)
	if pointer.Kind() != reflect.Pointer || pointer.IsNil() {
		return reflect.Value{}, fmt.Errorf("loading value %s: into is a %T, not a pointer to store it in", key, into)
	}
	return pointer.Elem(), nil
}

// decode is codec.Decode with a panic as an error: what it is given may be anything, and come from anyone.
func decode(codec Codec, encoded []byte, into any) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("the codec %s panicked: %v", codec.Name(), problem)
		}
	}()
	return codec.Decode(encoded, into)
}

// Open returns a reader of a value as it is encoded, for values of any size: of one that was saved as bytes or as a stream, the bytes. Errors are those of Load as far as the
// object and its header go; the Reader has the rest. The requests are those of Load. The operation context is left when Open returns.
func (s *Store) Open(ctx context.Context, key digest.Key) (r *Reader, err error) {
	full, err := s.Expand(ctx, key)
	if err != nil {
		return nil, err
	}
	err = s.Do(ctx, full, op.Read, func(context.Context) error {
		if r != nil { // the operation is run again
			r.Close()
		}
		r, err = s.get(ctx, full) // under the caller's ctx, which lives as long as the reader
		return err
	})
	if err != nil && r != nil {
		r.Close()
		r = nil
	}
	return r, err
}

// get opens the object of a value.
func (s *Store) get(ctx context.Context, key digest.Digest) (*Reader, error) {
	object, err := bucket.ReadAhead(ctx, s.bucket, name(key))
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, fmt.Errorf("value %s: %w", key, digest.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return s.newReader(ctx, key, object)
}
