package cbor

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A field is an entry of the map that a struct is written as.
type field struct {
	name     string
	label    []byte // the name's encoding
	index    []int  // the way to it through embedded structs
	path     string // as one would select it in Go
	tagged   bool   // its tag names it
	omitZero bool
}

// find returns the field's value; not found, if it belongs to an embedded pointer that is nil.
func (f *field) find(v reflect.Value) (part reflect.Value, found bool) {
	for _, x := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return part, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// grow returns the field to be set, with the embedded pointers on the way to it made.
func (f *field) grow(v reflect.Value) (reflect.Value, error) {
	for _, x := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() && !v.CanSet() {
				return v, fmt.Errorf("the embedded pointer %v is not exported and cannot be set", v.Type())
			}
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, nil
}

var plans sync.Map // reflect.Type → []field

// fieldsOf returns the fields of a struct in the order in which they are written. They are those of its digest, by the same names: tags
// are digest:"name,omitzero" and digest:"-", embedded structs give theirs to the struct around them, and who loses his name to one that is less nested goes by
// his path.
func fieldsOf(t reflect.Type) ([]field, error) {
	if known, ok := plans.Load(t); ok {
		return known.([]field), nil
	}
	found := collect(t, field{}, nil)
	rank := func(f field) int { // the least nested one keeps a name, among those the tagged one
		if f.tagged {
			return 2 * len(f.index)
		}
		return 2*len(f.index) + 1
	}
	slices.SortStableFunc(found, func(a, b field) int { return cmp.Compare(rank(a), rank(b)) })
	taken := map[string]bool{}
	for i := range found {
		f := &found[i]
		if taken[f.name] {
			f.name = f.path
		}
		if taken[f.name] {
			return nil, fmt.Errorf("%v has two fields of the name %q; name one of them with a digest tag", t, f.name)
		}
		taken[f.name] = true
		f.label = append(appendHead(nil, textString, uint64(len(f.name))), f.name...)
	}
	slices.SortFunc(found, func(a, b field) int { return slices.Compare(a.label, b.label) })
	plans.Store(t, found)
	return found, nil
}

// collect returns the fields of t, which is embedded at a place, inside of other structs.
func collect(t reflect.Type, place field, through []reflect.Type) (found []field) {
	through = append(through, t)
	for sf := range t.Fields() {
		name, option, _ := strings.Cut(sf.Tag.Get("digest"), ",")
		if sf.Name == "_" || name == "-" {
			continue
		}
		f := field{
			name:     cmp.Or(name, sf.Name),
			index:    append(slices.Clip(place.index), sf.Index...),
			path:     place.path + sf.Name,
			tagged:   name != "",
			omitZero: option == "omitzero",
		}
		inner := sf.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case sf.Anonymous && !f.tagged && inner.Kind() == reflect.Struct && classOf(inner) == byKind && !slices.Contains(through, inner):
			f.path += "."
			found = append(found, collect(inner, f, through)...)
		case sf.IsExported():
			found = append(found, f)
		}
	}
	return found
}
