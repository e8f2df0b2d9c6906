package cbor

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"time"
)

type encoder struct {
	out   []byte
	depth int
}

var errDeep = fmt.Errorf("it is nested more than %d levels deep, or contains itself", MaxDepth)

// value appends the encoding of v; the zero Value is nil.
func (e *encoder) value(v reflect.Value) error {
	if !v.IsValid() {
		e.out = append(e.out, nullByte)
		return nil
	}
	if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
		switch classOf(v.Type()) {
		case asTime:
			e.time(v.Interface().(time.Time))
			return nil
		case asBigInt:
			e.bigInt(addressed(v).(*big.Int))
			return nil
		case asBinary:
			b, err := addressed(v).(encoding.BinaryMarshaler).MarshalBinary()
			e.bytes(byteString, b)
			return within(err, v.Type())
		case asText:
			b, err := addressed(v).(encoding.TextMarshaler).MarshalText()
			e.bytes(textString, b)
			return within(err, v.Type())
		case byKind:
		}
	}
	return e.kind(v)
}

func (e *encoder) kind(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			e.out = append(e.out, trueByte)
		} else {
			e.out = append(e.out, falseByte)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.out = appendInt(e.out, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.out = appendHead(e.out, unsigned, v.Uint())
	case reflect.Float32:
		e.out = appendFloat32(e.out, float32(v.Float()))
	case reflect.Float64:
		e.out = appendFloat64(e.out, v.Float())
	case reflect.Complex64, reflect.Complex128:
		c := v.Complex()
		e.out = appendHead(appendHead(e.out, tag, complexTag), array, 2)
		e.out = appendFloat64(appendFloat64(e.out, real(c)), imag(c))
	case reflect.String:
		e.out = append(appendHead(e.out, textString, uint64(v.Len())), v.String()...)
	default:
		e.depth++
		defer func() { e.depth-- }()
		if e.depth > MaxDepth {
			return errDeep
		}
		return e.container(v)
	}
	return nil
}

func (e *encoder) container(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			e.out = append(e.out, nullByte)
			return nil
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return e.value(v.Elem())
	case reflect.Slice, reflect.Array:
		return e.list(v)
	case reflect.Map:
		return e.dict(v)
	case reflect.Struct:
		return e.fields(v)
	}
	return fmt.Errorf("a %v cannot be saved", v.Type())
}

func (e *encoder) bytes(major byte, b []byte) {
	e.out = append(appendHead(e.out, major, uint64(len(b))), b...)
}

func (e *encoder) list(v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if v.Kind() == reflect.Array {
			v = addressable(v)
		}
		e.bytes(byteString, v.Bytes())
		return nil
	}
	e.out = appendHead(e.out, array, uint64(v.Len()))
	if floats, ok := reflect.TypeAssert[[]float64](v); ok {
		e.floats(floats)
		return nil
	}
	for i := range v.Len() {
		if err := e.value(v.Index(i)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

// floats is appendFloat64 for many, in place.
func (e *encoder) floats(floats []float64) {
	const each = 9
	start := len(e.out)
	e.out = slices.Grow(e.out, each*len(floats))[:start+each*len(floats)]
	for i, f := range floats {
		appendFloat64(e.out[start+each*i:start+each*i:start+each*i+each], f)
	}
}

func (e *encoder) dict(v reflect.Value) error {
	type entry struct {
		key   []byte
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	keys := encoder{depth: e.depth}
	for k, x := range v.Seq2() {
		start := len(keys.out)
		if err := keys.value(k); err != nil {
			return fmt.Errorf("a key: %w", err)
		}
		entries = append(entries, entry{keys.out[start:], x})
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	e.out = appendHead(e.out, dict, uint64(len(entries)))
	for i, entry := range entries {
		if i > 0 && bytes.Equal(entries[i-1].key, entry.key) {
			return errors.New("two keys of a map have one encoding: they are NaN, or of types that only Go tells apart")
		}
		e.out = append(e.out, entry.key...)
		if err := e.value(entry.value); err != nil {
			return fmt.Errorf("[key %x]: %w", entry.key, err)
		}
	}
	return nil
}

func (e *encoder) fields(v reflect.Value) error {
	fields, err := fieldsOf(v.Type())
	if err != nil {
		return err
	}
	head := len(e.out)
	e.out = append(e.out, dict) // most structs have less than 24 fields
	n := uint64(0)
	for _, f := range fields {
		part, found := f.find(v)
		if !found || f.omitZero && part.IsZero() {
			continue
		}
		n++
		e.out = append(e.out, f.label...)
		if err := e.value(part); err != nil {
			return fmt.Errorf(".%s: %w", f.name, err)
		}
	}
	if n < 24 {
		e.out[head] |= byte(n)
	} else {
		e.out = slices.Replace(e.out, head, head+1, appendHead(nil, dict, n)...)
	}
	return nil
}

// addressable is v where it can be addressed, else a copy of it that can.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	return copied
}

// addressed is a pointer to v, or to a copy, which has all methods of v's type.
func addressed(v reflect.Value) any { return addressable(v).Addr().Interface() }

func within(err error, t reflect.Type) error {
	if err != nil {
		return fmt.Errorf("%v: %w", t, err)
	}
	return nil
}
