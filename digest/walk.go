package digest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

func digestBool(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	return e.bool(v.Bool()), nil
}

func digestInt(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	return e.int(v.Int()), nil
}

func digestUint(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	return e.integer(false, v.Uint()), nil
}

func digestFloat(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	return e.float(v.Float()), nil
}

func digestComplex(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	return e.complex(v.Complex()), nil
}

func digestString(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	return e.string(v.String()), nil
}

func digestDigest(_ *encoder, v reflect.Value) (d Digest, _ *IndigestibleError) {
	return Digest(addressable(v).Bytes()), nil
}

func digestBytes(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	if v.Kind() == reflect.Array {
		v = addressable(v)
	} else if v.IsNil() {
		return e.null(), nil
	}
	return e.bytes(v.Bytes()), nil
}

// addressable returns v, or a copy of it where v has no address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	room := reflect.New(v.Type()).Elem()
	room.Set(v)
	return room
}

func digestInterface(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	if v.IsNil() {
		return e.null(), nil
	}
	return digestDynamic(e, v.Elem())
}

// digestDynamic digests what was found in an interface: its type is not part of the place where it was found, so it is
// part of the message, if it says more than the value's kind does.
func digestDynamic(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	p := e.scheme.planFor(v.Type())
	if p.name == "" {
		return p.digest(e, v)
	}
	return e.named(p.name, p.digest, v)
}

func (e *encoder) named(name string, digest rule, v reflect.Value) (Digest, *IndigestibleError) {
	start := e.open(kindNamed)
	e.buf = appendCounted(e.buf, name)
	d, err := digest(e, v)
	if err != nil {
		return Digest{}, err
	}
	e.buf = append(e.buf, d[:]...)
	return e.close(start), nil
}

func digestPointer(elem *plan) rule {
	return func(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
		if v.IsNil() {
			return e.null(), nil
		}
		if err := e.enter(v); err != nil {
			return Digest{}, err
		}
		defer e.leave()
		return elem.digest(e, v.Elem())
	}
}

func digestList(elem *plan) rule {
	return func(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
		if v.Kind() == reflect.Slice && v.IsNil() {
			return e.null(), nil
		}
		if err := e.enter(v); err != nil {
			return Digest{}, err
		}
		defer e.leave()
		start := e.open(kindList)
		n := v.Len()
		e.buf = slices.Grow(e.buf, n*Size)
		for i := range n {
			d, err := elem.digest(e, v.Index(i))
			if err != nil {
				return Digest{}, err.under("[" + strconv.Itoa(i) + "]")
			}
			e.buf = append(e.buf, d[:]...)
		}
		return e.close(start), nil
	}
}

func digestMap(key, elem *plan) rule {
	type entry struct{ key, elem Digest }
	return func(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
		if v.IsNil() {
			return e.null(), nil
		}
		if err := e.enter(v); err != nil {
			return Digest{}, err
		}
		defer e.leave()
		start := e.open(kindMap)
		entries := make([]entry, 0, v.Len())
		for it := v.MapRange(); it.Next(); {
			k, err := key.digest(e, it.Key())
			if err != nil {
				return Digest{}, err.under("[key " + keyText(it.Key()) + "]")
			}
			d, err := elem.digest(e, it.Value())
			if err != nil {
				return Digest{}, err.under("[" + keyText(it.Key()) + "]")
			}
			entries = append(entries, entry{k, d})
		}
		slices.SortFunc(entries, func(a, b entry) int { return a.key.Compare(b.key) })
		for i, it := range entries {
			if i > 0 && it.key == entries[i-1].key {
				return Digest{}, refuse(v.Type(), "two of its keys have the same digest (NaNs, or equal numbers of different types, or pointers to equal values)")
			}
			e.buf = append(e.buf, it.key[:]...)
			e.buf = append(e.buf, it.elem[:]...)
		}
		return e.close(start), nil
	}
}

// keyText writes a map key into a path.
func keyText(k reflect.Value) string {
	if k.Kind() == reflect.Interface && !k.IsNil() {
		k = k.Elem()
	}
	switch k.Kind() {
	case reflect.String:
		return strconv.Quote(k.String())
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return fmt.Sprint(k)
	default:
		return k.Type().String()
	}
}

func digestStruct(fields []field) rule {
	return func(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
		if err := e.enter(v); err != nil {
			return Digest{}, err
		}
		defer e.leave()
		start := e.open(kindStruct)
		for i := range fields {
			f := &fields[i]
			part, found := f.find(v)
			if !found || f.omitZero && isZero(part) || f.onlyNil && !part.IsNil() {
				continue
			}
			d, err := f.plan.digest(e, part)
			if err != nil {
				return Digest{}, err.under("." + f.goPath)
			}
			e.buf = append(e.buf, f.label...)
			e.buf = append(e.buf, d[:]...)
		}
		return e.close(start), nil
	}
}

// digestStandIn digests what a hook or a DigestValue method returns for a value of type t.
func digestStandIn(t reflect.Type, segment string, ask standIn) rule {
	name, _ := describe(t)
	return func(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
		if err := e.enter(v); err != nil {
			return Digest{}, err
		}
		defer e.leave()
		stand, err := ask(v)
		if err != nil {
			return Digest{}, caused(t, "asked what stands for it, its "+segment[1:]+" failed", err)
		}
		if d, ok := stand.(Digest); ok {
			return d, nil
		}
		d, bad := e.named(name, digestInterface, reflect.ValueOf(&stand).Elem())
		if bad != nil {
			return Digest{}, bad.under(segment)
		}
		return d, nil
	}
}
