// Package cbor encodes Go values as deterministic CBOR and decodes them without losing or guessing anything. docs/format.md says how each kind of value is
// written.
//
// Only what this package could have written is read: [Unmarshal] first walks over all of its input, which may come from anyone, and refuses it unless it is
// one well-formed item in core deterministic encoding (RFC 8949, section 4.2.1). Decoding then meets no surprise, and is strict about the Go type too: no number
// is rounded or cut, no text becomes bytes, no field is dropped.
package cbor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
)

// ErrMalformed says that bytes are not deterministic CBOR, whatever Go type they were meant for.
var ErrMalformed = errors.New("not deterministic CBOR")

// MaxDepth is how many levels of arrays, maps and tags an item may nest; of a Go value, pointers and interfaces count too.
const MaxDepth = 1000

// The major types of RFC 8949.
const (
	unsigned byte = iota << 5
	negative
	byteString
	textString
	array
	dict
	tag
	simple
)

// The simple values and floats, as first bytes.
const (
	falseByte   = simple | 20
	trueByte    = simple | 21
	nullByte    = simple | 22
	float32Byte = simple | 26
	float64Byte = simple | 27
)

// The one NaN of each width.
const (
	nan32 = 0x7fc00000
	nan64 = 0x7ff8000000000000
)

// The tags.
const (
	positiveBignum = 2
	negativeBignum = 3
	complexTag     = 43000
	timeTag        = 0x51756976 // "Quiv"
)

// appendHead appends the first bytes of an item: its major type and a number in its shortest form.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendInt(b []byte, i int64) []byte {
	if i < 0 {
		return appendHead(b, negative, uint64(^i))
	}
	return appendHead(b, unsigned, uint64(i))
}

func appendFloat64(b []byte, f float64) []byte {
	bits := math.Float64bits(f)
	if f != f {
		bits = nan64
	}
	return binary.BigEndian.AppendUint64(append(b, float64Byte), bits)
}

func appendFloat32(b []byte, f float32) []byte {
	bits := math.Float32bits(f)
	if f != f {
		bits = nan32
	}
	return binary.BigEndian.AppendUint32(append(b, float32Byte), bits)
}

// Marshal returns the encoding of v.
func Marshal(v any) ([]byte, error) {
	e := encoder{}
	if err := e.value(reflect.ValueOf(v)); err != nil {
		return nil, fmt.Errorf("cbor: %w", err)
	}
	return e.out, nil
}

// Unmarshal decodes into what the pointer into points to, which must be the zero value. Bytes that are malformed are ErrMalformed; otherwise an
// error says that the Go type cannot hold them.
func Unmarshal(b []byte, into any) error {
	if err := wellFormed(b); err != nil {
		return fmt.Errorf("cbor: %w: %w", ErrMalformed, err)
	}
	d := decoder{in: b}
	if err := d.value(reflect.ValueOf(into).Elem()); err != nil {
		return fmt.Errorf("cbor: byte %d: %w", d.at, err)
	}
	return nil
}
