package quiver

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"

	"github.com/quivercache/quiver/digest"
)

// signatureOf writes the types of a function in full: names with package paths and type arguments, and what the types are made of, as far as it counts
// for a value. So a changed type is another signature, and a remembered result is never decoded into a type that it was not made for.
func signatureOf(in, out reflect.Type) string {
	w := typeWriter{seen: map[reflect.Type]bool{}}
	w.WriteString("func(")
	w.write(in)
	w.WriteString(")(")
	w.write(out)
	w.WriteString(")")
	return w.String()
}

// typeWriter writes types. A defined type is written with what it is made of the first time.
type typeWriter struct {
	strings.Builder
	seen map[reflect.Type]bool
}

func (w *typeWriter) write(t reflect.Type) {
	if t.Name() != "" {
		if t.PkgPath() != "" {
			w.WriteString(t.PkgPath() + ".")
		}
		w.WriteString(t.Name())
		if t.PkgPath() == "" || w.seen[t] || isOpaque(t) {
			return
		}
		w.seen[t] = true
		w.WriteString(" ")
	}
	switch t.Kind() {
	case reflect.Pointer:
		w.WriteString("*")
		w.write(t.Elem())
	case reflect.Slice:
		w.WriteString("[]")
		w.write(t.Elem())
	case reflect.Array:
		w.WriteString("[" + strconv.Itoa(t.Len()) + "]")
		w.write(t.Elem())
	case reflect.Map:
		w.WriteString("map[")
		w.write(t.Key())
		w.WriteString("]")
		w.write(t.Elem())
	case reflect.Struct:
		w.writeFields(t)
	case reflect.Interface, reflect.Func, reflect.Chan: // no result is decoded into them, except any
		w.WriteString(t.String())
	default:
		w.WriteString(t.Kind().String())
	}
}

// writeFields writes the fields that a value is made of. Those that are left out while they are zero are not written, so that they can be added later.
func (w *typeWriter) writeFields(t reflect.Type) {
	w.WriteString("struct{")
	for f := range t.Fields() {
		name, option, _ := strings.Cut(f.Tag.Get("digest"), ",")
		if name == "-" || option == "omitzero" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if f.Anonymous {
			w.WriteString("embedded ")
		}
		w.WriteString(f.Name + " ")
		w.write(f.Type)
		w.WriteString(strconv.Quote(string(f.Tag)) + ";")
	}
	w.WriteString("}")
}

var opaque = []reflect.Type{reflect.TypeFor[digest.Digester](), reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.BinaryMarshaler]()}

// isOpaque says whether the values of a type are what its methods say, whatever it is made of.
func isOpaque(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	for _, methods := range opaque {
		if reflect.PointerTo(t).Implements(methods) {
			return true
		}
	}
	return false
}
