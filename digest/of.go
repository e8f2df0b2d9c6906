package digest

import (
	"fmt"
	"reflect"
	"sync"
)

// Of returns the digest of a value by the rules on the package page. The error is an *[IndigestibleError] with the
// path to the part that has no digest.
//
// The argument counts as a static position: Of(Celsius(3)) is the digest of the float 3.
//
// Contract: digest(value).
func Of(v any) (Digest, error) { return standard.Of(v) }

// OfBytes returns the digest of a byte slice: the same as [Of], without its error. So a nil slice is nil and not the
// empty content; for that, pass a slice that is empty.
func OfBytes(b []byte) Digest {
	e := newEncoder(&standard, Value)
	defer e.release()
	if b == nil {
		return e.null()
	}
	return e.bytes(b)
}

// A Scheme is a set of hooks and what was learned about the types seen so far. It is safe for concurrent use. The
// zero Scheme, and a nil one, have no hooks: they digest as [Of] does.
type Scheme struct {
	hooks    map[reflect.Type]standIn
	plans    sync.Map   // reflect.Type → *plan, complete ones only
	planning sync.Mutex // held while new plans are made
}

var standard Scheme

// A Digester decides by itself what stands for it: for types that you can change. The method may have a pointer
// receiver.
//
// What DigestValue returns is digested as an element of []any is, under the full name of the receiver's type; so values
// of two types never meet. A returned [Digest] stands for the receiver as it is, without a name: a value that is stored
// elsewhere and knows its digest returns it.
//
// A nil pointer is nil and is not asked. A struct that embeds a Digester is refused, since Go cannot tell
// whether its method is its own and counts all of its fields; use a named field, or a hook.
type Digester interface {
	DigestValue() (any, error)
}

// A standIn returns the value that stands for v, whose type it is made for.
type standIn func(v reflect.Value) (any, error)

// A Hook decides what stands for the values of one type: for types that you cannot change. See [HookFor].
type Hook struct {
	typ     reflect.Type // without pointers
	standIn standIn
}

// HookFor makes a hook for T, or for what T points to: HookFor[big] and HookFor[*big] are hooks for the same type, and
// the second spares a copy. The value that it returns is treated as that of a [Digester].
func HookFor[T any](hook func(T) (any, error)) Hook {
	t := reflect.TypeFor[T]()
	call := func(v reflect.Value) (any, error) { return hook(v.Interface().(T)) }
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		return Hook{t.Elem(), func(v reflect.Value) (any, error) { return call(addressable(v).Addr()) }}
	}
	return Hook{t, call}
}

// NewScheme returns a scheme with hooks. A hook that could never be reached is an error, as are two for one type, and
// one for a type without a name of its own.
func NewScheme(hooks ...Hook) (*Scheme, error) {
	s := &Scheme{hooks: make(map[reflect.Type]standIn, len(hooks))}
	for _, h := range hooks {
		switch {
		case h.typ == nil:
			return nil, fmt.Errorf("digest: an empty Hook; make it with HookFor")
		case h.typ == digestType:
			return nil, fmt.Errorf("digest: a hook for %v: a Digest stands for its value, and no hook can change that", h.typ)
		case !isDefined(h.typ), h.typ.Kind() == reflect.Interface, h.typ.Kind() == reflect.Pointer:
			return nil, fmt.Errorf("digest: a hook for %v: hooks are for defined types that are neither interfaces nor pointers to pointers", h.typ)
		case has(h.typ, digesterType) && !embeds(h.typ, digesterType):
			return nil, fmt.Errorf("digest: a hook for %v: its DigestValue method goes first, so the hook would never be asked", h.typ)
		case s.hooks[h.typ] != nil:
			return nil, fmt.Errorf("digest: two hooks for %v", h.typ)
		}
		s.hooks[h.typ] = h.standIn
	}
	return s, nil
}

// Of is the package's [Of] with the hooks of s.
func (s *Scheme) Of(v any) (Digest, error) { return s.In(Value, v) }

// In is [Scheme.Of] in another domain: v's parts are digested as values, and v itself under the domain's tag. A v that
// is only a stand-in for a value (a [Digest]) has no message that could carry the tag and is refused outside of [Value].
func (s *Scheme) In(domain Domain, v any) (Digest, error) {
	if domain != Value && domain != Call {
		return Digest{}, fmt.Errorf("digest: unknown domain %q", domain)
	}
	if s == nil {
		s = &standard
	}
	e := newEncoder(s, domain)
	defer e.release()
	if v == nil {
		return e.null(), nil
	}
	value := reflect.ValueOf(v)
	d, err := s.planFor(value.Type()).digest(e, value)
	if err != nil {
		return Digest{}, err
	}
	if e.domain != Value {
		return Digest{}, refuse(value.Type(), "a digest stands for a value and cannot be used in domain %q", domain)
	}
	return d, nil
}
