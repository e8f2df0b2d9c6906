package digest

import (
	"io"
	"reflect"
	"time"
)

// A rule digests a value of the type that it was chosen for.
type rule func(*encoder, reflect.Value) (Digest, *IndigestibleError)

// A plan is what to do with the values of one type.
type plan struct {
	digest rule

	// name is added where the type is found in an interface; empty where it needs no name.
	name string
}

// A class says which rule a type falls under, in the order in which they are tried.
type class int

const (
	byMethod class = iota
	byHook
	asDigest
	asTime
	asText
	asReader
	byKind
	refused
)

var (
	digestType   = reflect.TypeFor[Digest]()
	digesterType = reflect.TypeFor[Digester]()
	timeType     = reflect.TypeFor[time.Time]()
	readerType   = reflect.TypeFor[io.Reader]()
	seekerType   = reflect.TypeFor[io.Seeker]()
)

// classify finds the rule for a type; reason says why there is none.
func (s *Scheme) classify(t reflect.Type) (c class, reason string) {
	_, isText := textOf[t]
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return byKind, "" // what they hold is classified when it is reached
	case has(t, digesterType) && !embeds(t, digesterType):
		return byMethod, ""
	case s.hooks[t] != nil:
		return byHook, ""
	case has(t, digesterType):
		return refused, "it embeds a type with a DigestValue method, which may not count its other fields; use a named field, or a hook for it"
	case hasMisfit(t):
		return refused, "its DigestValue method is not the one of Digester, which is DigestValue() (any, error)"
	case t == digestType:
		return asDigest, ""
	case t == timeType:
		return asTime, ""
	case isText:
		return asText, ""
	case embeds(t, readerType) || embeds(t, seekerType):
		return byKind, "" // its methods may be borrowed, and reading it would miss the other fields
	case has(t, readerType) && has(t, seekerType):
		return asReader, ""
	case has(t, readerType):
		return refused, "it is a reader that cannot seek, and reading it would use it up; read it into memory or a file, or pass the digest of its content"
	default:
		return byKind, ""
	}
}

// has reports whether a value of type t has the methods, by itself or through its address.
func has(t, methods reflect.Type) bool {
	return t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(methods)
}

// hasMisfit reports whether a type, known not to be a Digester, has a method that was meant to make it one.
func hasMisfit(t reflect.Type) bool {
	_, found := reflect.PointerTo(t).MethodByName("DigestValue")
	return found
}

// embeds reports whether a struct has an embedded field with the methods, from which it may have borrowed its own.
func embeds(t, methods reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if f.Anonymous && (f.Type.Implements(methods) || reflect.PointerTo(f.Type).Implements(methods)) {
			return true
		}
	}
	return false
}

// planFor returns the plan for a type, which is made once.
func (s *Scheme) planFor(t reflect.Type) *plan {
	if p, ok := s.plans.Load(t); ok {
		return p.(*plan)
	}
	s.planning.Lock()
	defer s.planning.Unlock()
	w := planner{scheme: s, made: make(map[reflect.Type]*plan)}
	p := w.plan(t)
	for t, p := range w.made {
		s.plans.Store(t, p)
	}
	return p
}

// A planner makes the plans for a type and for all that it is made of. They may refer to each other in circles, so
// none is published before all are complete.
type planner struct {
	scheme *Scheme
	made   map[reflect.Type]*plan
}

func (w *planner) plan(t reflect.Type) *plan {
	if p, ok := w.scheme.plans.Load(t); ok {
		return p.(*plan)
	}
	if p, ok := w.made[t]; ok {
		return p
	}
	p := &plan{name: w.scheme.positionName(t)}
	w.made[t] = p
	c, reason := w.scheme.classify(t)
	switch c {
	case byMethod:
		p.digest = digestStandIn(t, ".DigestValue()", func(v reflect.Value) (any, error) {
			return addressable(v).Addr().Interface().(Digester).DigestValue()
		})
	case byHook:
		p.digest = digestStandIn(t, ".(hook)", w.scheme.hooks[t])
	case asDigest:
		p.digest = digestDigest
	case asTime:
		p.digest = digestTime
	case asText:
		p.digest = digestText(t, textOf[t])
	case asReader:
		p.digest = digestReader
	case refused:
		p.digest = refuseAll(t, reason)
	case byKind:
		p.digest = w.byKind(t)
	}
	return p
}

func (w *planner) byKind(t reflect.Type) rule {
	switch t.Kind() {
	case reflect.Bool:
		return digestBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return digestInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return digestUint
	case reflect.Float32, reflect.Float64:
		return digestFloat
	case reflect.Complex64, reflect.Complex128:
		return digestComplex
	case reflect.String:
		return digestString
	case reflect.Interface:
		return digestInterface
	case reflect.Pointer:
		return digestPointer(w.plan(t.Elem()))
	case reflect.Array, reflect.Slice:
		if w.isByte(t.Elem()) {
			return digestBytes
		}
		return digestList(w.plan(t.Elem()))
	case reflect.Map:
		return digestMap(w.plan(t.Key()), w.plan(t.Elem()))
	case reflect.Struct:
		fields, reason := w.fields(t)
		if reason != "" {
			return refuseAll(t, reason)
		}
		return digestStruct(fields)
	case reflect.Uintptr, reflect.UnsafePointer:
		return refuseAll(t, "an address means nothing outside of this process")
	default:
		return refuseAll(t, "a "+t.Kind().String()+" has no content; leave the field out with the tag digest:\"-\", or give its type a hook or a DigestValue method")
	}
}

// isByte reports whether a list of these elements is bytes: unsigned 8-bit, and nothing but its kind decides about it.
func (w *planner) isByte(elem reflect.Type) bool {
	c, _ := w.scheme.classify(elem)
	return elem.Kind() == reflect.Uint8 && c == byKind
}

func refuseAll(t reflect.Type, reason string) rule {
	return func(*encoder, reflect.Value) (Digest, *IndigestibleError) {
		return Digest{}, refuse(t, "%s", reason)
	}
}
