package digest

import (
	"reflect"
	"slices"
)

// A Field is a field of a struct that counts in the struct's digest, its own or an embedded struct's.
type Field struct {
	Name  string // by which it counts
	Path  string // as one selects it in Go: "Base.A"
	Index []int  // the way to it, as reflect.Value.FieldByIndex takes it
	field field
}

// Fields returns the fields that make the digest of a struct type, in declared order. It returns false where the digest is made otherwise: the type
// is no struct, or it has a DigestValue method, a hook, or a rule of its own, as time.Time has. The error is the *[IndigestibleError] that every value of
// the type has.
func (s *Scheme) Fields(t reflect.Type) (fields []Field, byFields bool, err error) {
	if s == nil {
		s = &standard
	}
	if class, _ := s.classify(t); class != byKind || t.Kind() != reflect.Struct {
		return nil, false, nil
	}
	s.planning.Lock()
	defer s.planning.Unlock()
	w := planner{scheme: s, made: make(map[reflect.Type]*plan)}
	found, reason := w.fields(t)
	if reason != "" {
		return nil, true, refuse(t, "%s", reason)
	}
	for t, p := range w.made {
		s.plans.Store(t, p)
	}
	for _, f := range found {
		if sf := t.FieldByIndex(f.index); !sf.IsExported() && !f.onlyNil {
			return nil, true, refuse(sf.Type, "the field %s of %v is not exported, so it cannot be read; leave it out with the tag digest:\"-\"", f.goPath, t)
		}
		fields = append(fields, Field{Name: f.name, Path: f.goPath, Index: f.index, field: f})
	}
	slices.SortFunc(fields, func(a, b Field) int { return slices.Compare(a.Index, b.Index) })
	return fields, true, nil
}

// Of returns the field of a struct, and false where it does not count there: it is zero and its tag says omitzero; it belongs to an embedded pointer that is nil;
// or it is such a pointer, which counts only where it is nil.
func (f *Field) Of(v reflect.Value) (part reflect.Value, counts bool) {
	part, found := f.field.find(v)
	if !found || f.field.omitZero && isZero(part) || f.field.onlyNil && !part.IsNil() {
		return reflect.Value{}, false
	}
	return part, true
}
