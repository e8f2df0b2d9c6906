package blobstore

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/quivercache/quiver/blobstore/internal/cbor"
)

// Codec turns Go values into bytes and back. Its name is written beside the value, so it must mean the same codec for ever.
//
// The same value must always be encoded to the same bytes, or saving it twice under an explicit key fails. What Decode makes of the bytes of Encode
// must have the digest of the value: Save checks that, so a codec may meet values that it does not keep whole.
type Codec interface {
	// Name has 1 to 32 characters of [a-z0-9.+-].
	Name() string
	Encode(v any) ([]byte, error)
	// Decode stores what the bytes encode in the zero value that into points to. It fails with an error that is ErrMalformed where the bytes are not
	// of its format, whatever they were to be decoded into; they may be anything.
	Decode(b []byte, into any) error
}

// ErrMalformed says that bytes are not of a codec's format, as against not fitting a Go type.
var ErrMalformed = errors.New("malformed")

var (
	// Raw keeps bytes as they are. It encodes []byte and string, and decodes into every type of bytes or text. It cannot tell nil from empty.
	Raw Codec = rawCodec{}

	// CBOR is deterministic CBOR, and keeps all that a digest tells apart: integers of any width, NaN, the infinities and −0, nil and empty, times with
	// their zones and nanoseconds, big integers, complex numbers. Structs have the fields of their digest, by the names of its tags. Types with MarshalBinary or
	// MarshalText, and their inverses, are encoded by them.
	//
	// An interface (an element of []any, say) forgets the type of what it holds. It comes back as nil, bool, int64, uint64 above the range of
	// int64, float64, complex128, string, []byte, []any, map[string]any, map[any]any where a key is no string, time.Time or *big.Int. So a defined type in
	// an interface cannot be saved, which its digest would name; nor can a string that is not UTF-8, or a big.Float of another precision than 64 bits.
	CBOR Codec = cborCodec{}

	// JSON is what encoding/json does: readable, and with less distinctions. In an interface every number is a float, so an integer there cannot be
	// saved; nor can NaN, the infinities, a time with a zone that has a name other than UTC, a string that is not UTF-8.
	JSON Codec = jsonCodec{}

	// Binary is encoding.BinaryMarshaler, and its inverse.
	Binary Codec = binaryCodec{}
)

type rawCodec struct{}

func (rawCodec) Name() string { return "raw" }

func (rawCodec) Encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	}
	return nil, fmt.Errorf("the codec raw takes []byte or string, not %T", v)
}

func (rawCodec) Decode(b []byte, into any) error {
	v := reflect.ValueOf(into).Elem()
	for v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch t := v.Type(); {
	case t.Kind() == reflect.String:
		v.SetString(string(b))
	case t.Kind() == reflect.Interface && t.NumMethod() == 0:
		v.Set(reflect.ValueOf(b))
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		v.SetBytes(b)
	case t.Kind() == reflect.Array && t.Elem().Kind() == reflect.Uint8 && t.Len() == len(b):
		reflect.Copy(v, reflect.ValueOf(b).Convert(reflect.SliceOf(t.Elem())))
	default:
		return fmt.Errorf("these are %d bytes", len(b))
	}
	return nil
}

type cborCodec struct{}

func (cborCodec) Name() string { return "cbor" }

func (cborCodec) Encode(v any) ([]byte, error) { return cbor.Marshal(v) }

func (cborCodec) Decode(b []byte, into any) error {
	err := cbor.Unmarshal(b, into)
	if errors.Is(err, cbor.ErrMalformed) {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return err
}

type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }

func (jsonCodec) Encode(v any) ([]byte, error) { return json.Marshal(v) }

func (jsonCodec) Decode(b []byte, into any) error {
	if !json.Valid(b) {
		return fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

type binaryCodec struct{}

func (binaryCodec) Name() string { return "binary" }

func (binaryCodec) Encode(v any) ([]byte, error) {
	m, ok := v.(encoding.BinaryMarshaler)
	if !ok {
		return nil, fmt.Errorf("the codec binary takes a type with MarshalBinary, not %T", v)
	}
	return m.MarshalBinary()
}

func (binaryCodec) Decode(b []byte, into any) error {
	v := reflect.ValueOf(into)
	for v.Elem().Kind() == reflect.Pointer {
		v.Elem().Set(reflect.New(v.Elem().Type().Elem()))
		v = v.Elem()
	}
	u, ok := v.Interface().(encoding.BinaryUnmarshaler)
	if !ok {
		return fmt.Errorf("%v has no UnmarshalBinary", v.Type())
	}
	return u.UnmarshalBinary(b)
}
