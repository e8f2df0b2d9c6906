package cbor

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"time"
)

// decoder reads what wellFormed has found to be so. It checks types and ranges, not bounds.
type decoder struct {
	in []byte
	at int
}

// peek is the first byte of the next item.
func (d *decoder) peek() byte { return d.in[d.at] }

func (d *decoder) major() byte { return d.peek() & 0xe0 }

// number reads the head of an item.
func (d *decoder) number() (n uint64) {
	info := d.peek() & 0x1f
	d.at++
	if info < 24 {
		return uint64(info)
	}
	for range 1 << (info - 24) {
		n = n<<8 | uint64(d.in[d.at])
		d.at++
	}
	return n
}

// length reads the head of an item that must be of a major type.
func (d *decoder) length(major byte) (int, error) {
	if d.major() != major {
		return 0, d.mismatch(majorNames[major>>5])
	}
	return int(d.number()), nil
}

// content reads a string.
func (d *decoder) content(major byte) ([]byte, error) {
	n, err := d.length(major)
	if err != nil {
		return nil, err
	}
	d.at += n
	return d.in[d.at-n : d.at], nil
}

var majorNames = [...]string{"an unsigned integer", "a negative integer", "a byte string", "text", "an array", "a map", "a tag", "a simple value or float"}

func (d *decoder) mismatch(wanted any) error {
	if d.at >= len(d.in) {
		return fmt.Errorf("this cannot be %v", wanted)
	}
	return fmt.Errorf("%s cannot be %v", majorNames[d.major()>>5], wanted)
}

// value decodes the next item into v.
func (d *decoder) value(v reflect.Value) error {
	t := v.Type()
	if d.peek() == nullByte {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
			d.at++
			v.SetZero()
			return nil
		}
		return fmt.Errorf("null cannot be a %v", t)
	}
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		return d.value(v.Elem())
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("which type the interface %v held is not known", t)
		}
		x, err := d.any()
		if x != nil {
			v.Set(reflect.ValueOf(x))
		}
		return err
	}
	switch classOf(t) {
	case asTime, asBigInt:
		return d.tagged(v)
	case asBinary:
		b, err := d.content(byteString)
		if err != nil {
			return err
		}
		return within(v.Addr().Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(b), t)
	case asText:
		b, err := d.content(textString)
		if err != nil {
			return err
		}
		return within(v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(b), t)
	}
	return d.kind(v)
}

// tagged decodes a tag and what follows it.
func (d *decoder) tagged(v reflect.Value) error {
	if d.major() != tag {
		return d.mismatch(v.Type())
	}
	x, err := d.any()
	if err != nil {
		return err
	}
	switch x := x.(type) {
	case time.Time:
		if v.Type() == timeType {
			v.Set(reflect.ValueOf(x))
			return nil
		}
	case *big.Int:
		if v.Type() == bigIntType {
			v.Set(reflect.ValueOf(x).Elem())
			return nil
		}
	case complex128:
		if v.Kind() == reflect.Complex128 || v.Kind() == reflect.Complex64 && isFloat32(real(x)) && isFloat32(imag(x)) {
			v.SetComplex(x)
			return nil
		}
	}
	return fmt.Errorf("the %T %v cannot be a %v", x, x, v.Type())
}

func (d *decoder) kind(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		if first := d.peek(); first != falseByte && first != trueByte {
			return d.mismatch(v.Type())
		}
		v.SetBool(d.peek() == trueByte)
		d.at++
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return d.integer(v)
	case reflect.Float32, reflect.Float64:
		return d.float(v)
	case reflect.Complex64, reflect.Complex128:
		return d.tagged(v)
	case reflect.String:
		b, err := d.content(textString)
		v.SetString(string(b))
		return err
	case reflect.Slice:
		return d.slice(v)
	case reflect.Array:
		return d.array(v)
	case reflect.Map:
		return d.dict(v)
	case reflect.Struct:
		return d.fields(v)
	default:
		return fmt.Errorf("a %v cannot be loaded", v.Type())
	}
	return nil
}

func (d *decoder) integer(v reflect.Value) error {
	major := d.major()
	if major != unsigned && major != negative {
		return d.mismatch(v.Type())
	}
	n := d.number()
	if v.CanUint() {
		if major == negative || v.OverflowUint(n) {
			return d.outside(major, n, v.Type())
		}
		v.SetUint(n)
		return nil
	}
	i := int64(n)
	if major == negative {
		i = ^i
	}
	if n > math.MaxInt64 || v.OverflowInt(i) {
		return d.outside(major, n, v.Type())
	}
	v.SetInt(i)
	return nil
}

func (d *decoder) outside(major byte, n uint64, t reflect.Type) error {
	i := new(big.Int).SetUint64(n)
	if major == negative {
		i.Not(i)
	}
	return fmt.Errorf("%v does not fit a %v", i, t)
}

func (d *decoder) float(v reflect.Value) error {
	f, ok := d.number64()
	if !ok {
		return d.mismatch(v.Type())
	}
	if v.Kind() == reflect.Float32 && !isFloat32(f) {
		return fmt.Errorf("%v does not fit a %v", f, v.Type())
	}
	v.SetFloat(f)
	return nil
}

// isFloat32 says whether f is a float32, to the bit.
func isFloat32(f float64) bool { return float64(float32(f)) == f || f != f }

// number64 reads a float, if the next item is one.
func (d *decoder) number64() (float64, bool) {
	switch d.peek() {
	case float32Byte:
		d.at += 5
		return float64(math.Float32frombits(binary.BigEndian.Uint32(d.in[d.at-4:]))), true
	case float64Byte:
		d.at += 9
		return math.Float64frombits(binary.BigEndian.Uint64(d.in[d.at-8:])), true
	}
	return 0, false
}

func (d *decoder) slice(v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b, err := d.content(byteString)
		v.SetBytes(append([]byte{}, b...))
		return err
	}
	n, err := d.length(array)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, min(n, roomFor(v.Type().Elem()))))
	if floats, ok := v.Addr().Interface().(*[]float64); ok {
		return d.floats(floats, n)
	}
	for i := range n {
		if i == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(i + 1)
		if err := d.value(v.Index(i)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

// roomFor is for how many elements room is made at once. That there are so many items is known, but an item of one byte may become a large element.
func roomFor(element reflect.Type) int {
	const small, most = 64, 1 << 16 // bytes
	if element.Size() <= small {
		return math.MaxInt
	}
	return max(1, most/int(element.Size()))
}

func (d *decoder) floats(floats *[]float64, n int) error {
	for i := range n {
		f, ok := d.number64()
		if !ok {
			return fmt.Errorf("[%d]: %w", i, d.mismatch("a float64"))
		}
		*floats = append(*floats, f)
	}
	return nil
}

func (d *decoder) array(v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b, err := d.content(byteString)
		if err == nil && len(b) != v.Len() {
			err = fmt.Errorf("%d bytes cannot be a %v", len(b), v.Type())
		}
		copy(v.Bytes(), b)
		return err
	}
	n, err := d.length(array)
	if err == nil && n != v.Len() {
		err = fmt.Errorf("%d items cannot be a %v", n, v.Type())
	}
	if err != nil {
		return err
	}
	for i := range n {
		if err := d.value(v.Index(i)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func (d *decoder) dict(v reflect.Value) error {
	n, err := d.length(dict)
	if err != nil {
		return err
	}
	t := v.Type()
	v.Set(reflect.MakeMapWithSize(t, min(n, 1<<10)))
	for range n {
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := d.value(key); err != nil {
			return fmt.Errorf("a key: %w", err)
		}
		if !key.Comparable() {
			return fmt.Errorf("a %v has a key that cannot be compared", t)
		}
		if v.MapIndex(key).IsValid() {
			return fmt.Errorf("two keys are one in a %v: %v", t, key)
		}
		if err := d.value(value); err != nil {
			return fmt.Errorf("[%v]: %w", key, err)
		}
		v.SetMapIndex(key, value)
	}
	return nil
}

func (d *decoder) fields(v reflect.Value) error {
	n, err := d.length(dict)
	if err != nil {
		return err
	}
	fields, err := fieldsOf(v.Type())
	if err != nil {
		return err
	}
	for range n {
		name, err := d.content(textString)
		if err != nil {
			return err
		}
		for len(fields) > 0 && fields[0].name != string(name) { // both are in one order, and a field may be missing
			fields = fields[1:]
		}
		if len(fields) == 0 {
			return fmt.Errorf("a %v has no field %q", v.Type(), name)
		}
		part, err := fields[0].grow(v)
		if err == nil {
			err = d.value(part)
		}
		if err != nil {
			return fmt.Errorf(".%s: %w", name, err)
		}
	}
	return nil
}
