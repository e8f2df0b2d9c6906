package cbor

import (
	"encoding"
	"math/big"
	"reflect"
	"sync"
	"time"
)

// A class is how the values of a type are written.
type class int

const (
	byKind class = iota
	asTime
	asBigInt
	asBinary // by MarshalBinary
	asText   // by MarshalText
)

var (
	timeType   = reflect.TypeFor[time.Time]()
	bigIntType = reflect.TypeFor[big.Int]()

	binaryOut = reflect.TypeFor[encoding.BinaryMarshaler]()
	binaryIn  = reflect.TypeFor[encoding.BinaryUnmarshaler]()
	textOut   = reflect.TypeFor[encoding.TextMarshaler]()
	textIn    = reflect.TypeFor[encoding.TextUnmarshaler]()
)

var classes sync.Map // reflect.Type → class

// classOf is the class of a type that is neither a pointer nor an interface.
func classOf(t reflect.Type) class {
	if t.PkgPath() == "" {
		return byKind // not a defined type: it has no methods
	}
	if known, ok := classes.Load(t); ok {
		return known.(class)
	}
	c := classify(t)
	classes.Store(t, c)
	return c
}

func classify(t reflect.Type) class {
	switch {
	case t == timeType:
		return asTime
	case t == bigIntType:
		return asBigInt
	case has(t, binaryOut, binaryIn):
		return asBinary
	case has(t, textOut, textIn):
		return asText
	}
	return byKind
}

// has says whether a type, or its pointer, has two methods of its own. Those of an embedded field would write that field alone.
func has(t, out, in reflect.Type) bool {
	p := reflect.PointerTo(t)
	if !p.Implements(out) || !p.Implements(in) {
		return false
	}
	if t.Kind() == reflect.Struct {
		for f := range t.Fields() {
			if f.Anonymous && (borrowed(f.Type, out) || borrowed(f.Type, in)) {
				return false
			}
		}
	}
	return true
}

func borrowed(embedded, methods reflect.Type) bool {
	return embedded.Implements(methods) || embedded.Kind() != reflect.Pointer && reflect.PointerTo(embedded).Implements(methods)
}
