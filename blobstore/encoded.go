package blobstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/op"
)

// Encoded is a value as its object would hold it, packing apart: for whoever keeps small values elsewhere too, or decodes one value several times.
type Encoded struct {
	Key    digest.Digest // the value's digest
	Codec  string        // its name
	Data   []byte        // what was decoded from it may share its memory
	object bucket.Info   // what it was read from; zero: none
}

// Encode does what Save does before it sends anything, by a codec that may be nil: what it returns is known to decode to the value. Every error is a
// *keyspace.SaveError.
func (s *Store) Encode(value any, codec Codec) (*Encoded, error) {
	o := s.saveOptions(value, &SaveOptions{Codec: codec})
	key, err := s.digest(value)
	if err != nil {
		return nil, &keyspace.SaveError{Err: err}
	}
	data, err := s.encode(value, key, o.Codec)
	if err != nil {
		return nil, &keyspace.SaveError{Key: key, Err: err}
	}
	return &Encoded{Key: key, Codec: o.Codec.Name(), Data: data}, nil
}

// SaveEncoded saves a value that Encode has encoded, in the requests and with the errors of Save.
func (s *Store) SaveEncoded(ctx context.Context, e *Encoded) error {
	return s.writeWhole(ctx, &writing{header: header{codec: e.Codec, key: e.Key}}, e.Data)
}

// LoadEncoded loads a value and leaves it encoded. Requests and errors are those of Load, as far as they do not come of decoding.
func (s *Store) LoadEncoded(ctx context.Context, key digest.Key) (*Encoded, error) {
	return s.loadEncoded(ctx, key, s.memoryLimit)
}

func (s *Store) loadEncoded(ctx context.Context, key digest.Key, limit int64) (e *Encoded, err error) {
	full, err := s.Expand(ctx, key)
	if err != nil {
		return nil, err
	}
	err = s.Do(ctx, full, op.Read, func(ctx context.Context) error {
		r, err := s.get(ctx, full)
		if err != nil {
			return err
		}
		defer r.Close()
		if s.codecs[r.Codec()] == nil {
			return &CodecError{Object: r.Object().Key, Codec: r.Codec()}
		}
		if r.Size() > limit {
			return &SizeError{Size: r.Size(), Limit: limit, Hint: "read it as a stream with Open, or raise the limit"}
		}
		data, err := r.whole()
		if err != nil {
			return err
		}
		e = &Encoded{Key: full, Codec: r.Codec(), Data: data, object: r.Object()}
		return nil
	})
	return e, err
}

// Decode decodes a value into what into points to, which it zeroes first. What its codec cannot read at all is ErrMalformed, and a *keyspace.DamagedError where it was
// loaded; what does not fit into is a *DecodeError.
func (s *Store) Decode(e *Encoded, into any) error {
	codec := s.codecs[e.Codec]
	if codec == nil {
		return &CodecError{Object: name(e.Key), Codec: e.Codec}
	}
	value, err := target(e.Key.String(), into)
	if err != nil {
		return err
	}
	value.SetZero()
	err = decode(codec, e.Data, into)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrMalformed) && e.object.Version != "":
		s.damaged.note(e.Key, e.object.Version)
		return keyspace.Damaged(e.object, err, "its codec cannot read it")
	case errors.Is(err, ErrMalformed):
		return fmt.Errorf("value %s: %w", e.Key, err)
	}
	return &DecodeError{Key: e.Key, Codec: e.Codec, Into: value.Type(), Err: err}
}
