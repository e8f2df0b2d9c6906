package digest

import (
	"reflect"
	"strconv"
	"strings"
)

// positionName returns the name that a type gets where it is found in an interface, or "" where its values are
// recognized without: no defined type is mentioned, or the type's own rule says what it is.
func (s *Scheme) positionName(t reflect.Type) string {
	t = withoutPointers(t)
	if c, _ := s.classify(t); c != byKind || t.Kind() == reflect.Interface {
		return "" // what a pointer to an interface leads to is found in an interface, and gets its own name there
	}
	name, mentionsDefined := describe(t)
	if !mentionsDefined {
		return ""
	}
	return name
}

// withoutPointers strips pointers, which are digested as what they point to. A defined pointer type has a name to go by,
// and may point to itself.
func withoutPointers(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t
}

// isDefined reports whether a type has a name that a package gave it.
func isDefined(t reflect.Type) bool { return t.Name() != "" && t.PkgPath() != "" }

// describe writes a type as Go does, with whole package paths and without pointers. It also reports whether a
// defined type is part of it; Digest does not count, since it stands for values of any type.
func describe(t reflect.Type) (description string, mentionsDefined bool) {
	var d describer
	d.write(t)
	return d.String(), d.defined
}

type describer struct {
	strings.Builder
	defined bool
}

func (d *describer) write(t reflect.Type) {
	t = withoutPointers(t)
	switch {
	case isDefined(t):
		d.defined = d.defined || t != digestType
		d.WriteString(t.PkgPath() + "." + t.Name())
		return
	case t.Name() != "":
		d.WriteString(t.Name())
		return
	}
	switch t.Kind() {
	case reflect.Array:
		d.WriteString("[" + strconv.Itoa(t.Len()) + "]")
		d.write(t.Elem())
	case reflect.Slice:
		d.WriteString("[]")
		d.write(t.Elem())
	case reflect.Map:
		d.WriteString("map[")
		d.write(t.Key())
		d.WriteString("]")
		d.write(t.Elem())
	case reflect.Chan:
		d.WriteString(t.ChanDir().String() + " (")
		d.write(t.Elem())
		d.WriteString(")")
	case reflect.Struct:
		d.WriteString("struct{")
		d.writeFields(t)
		d.WriteString("}")
	case reflect.Interface:
		d.WriteString("interface{")
		for m := range t.Methods() {
			d.WriteString(qualified(m.PkgPath, m.Name))
			d.writeSignature(m.Type)
			d.WriteString(";")
		}
		d.WriteString("}")
	case reflect.Func:
		d.WriteString("func")
		d.writeSignature(t)
	default: // every other kind has a name
		d.WriteString(t.String())
	}
}

func (d *describer) writeFields(t reflect.Type) {
	for f := range t.Fields() {
		if !f.Anonymous {
			d.WriteString(qualified(f.PkgPath, f.Name) + " ")
		}
		d.write(f.Type)
		d.WriteString(";")
	}
}

func (d *describer) writeSignature(t reflect.Type) {
	d.WriteString("(")
	for in := range t.Ins() {
		d.write(in)
		d.WriteString(",")
	}
	if t.IsVariadic() {
		d.WriteString("...")
	}
	d.WriteString(")(")
	for out := range t.Outs() {
		d.write(out)
		d.WriteString(",")
	}
	d.WriteString(")")
}

// qualified names an unexported field or method, which belongs to its package.
func qualified(pkgPath, name string) string {
	if pkgPath == "" {
		return name
	}
	return pkgPath + "." + name
}
