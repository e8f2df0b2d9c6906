package digest_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/digest"
)

type digester struct{ text string }

func (d digester) DigestValue() (any, error) { return d.text, nil }

type other struct{ text string }

func (o *other) DigestValue() (any, error) { return o.text, nil }

// A carrier is a value stored elsewhere that knows its digest.
type carrier struct{ known digest.Digest }

func (c carrier) DigestValue() (any, error) { return c.known, nil }

type octets byte

func (o octets) DigestValue() (any, error) { return int(o) + 1, nil }

type failing struct{ err error }

func (f failing) DigestValue() (any, error) { return nil, f.err }

type endless struct{ n int }

func (e endless) DigestValue() (any, error) { return endless{e.n + 1}, nil }

type nothing struct{ hidden int }

func (nothing) DigestValue() (any, error) { return nil, nil }

type borrowed struct {
	digester
	Extra int
}

type misfit struct{ A int }

func (*misfit) DigestValue() string { return "a" }

type inner struct {
	Method other
	Time   time.Time
	Bytes  [2]byte
	Digest digest.Digest
}

type opaque struct{ hidden int }

type seeker struct {
	io.ReadSeeker
	Offset int
}

func hook[T any](t *testing.T, f func(T) (any, error)) *digest.Scheme {
	t.Helper()
	s, err := digest.NewScheme(digest.HookFor(f))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAMethodBehavesTheSameWhereverTheValueIs(t *testing.T) {
	want := of(t, other{"a"})
	for name, got := range map[string]digest.Digest{
		"pointer":              of(t, &other{"a"}),
		"pointer to a pointer": of(t, ptr(&other{"a"})),
	} {
		if got != want {
			t.Error(name)
		}
	}
	list := of(t, []any{want})
	for name, v := range map[string]any{
		"element":              []other{{"a"}},
		"element of an array":  [1]other{{"a"}},
		"pointed to":           []*other{{"a"}},
		"in an interface":      []any{other{"a"}},
		"pointer in interface": []any{&other{"a"}},
		"in its interface":     []digest.Digester{&other{"a"}},
	} {
		if of(t, v) != list {
			t.Error(name)
		}
	}
	if of(t, map[string]other{"k": {"a"}}) != of(t, map[string]any{"k": want}) || of(t, map[other]int{{"a"}: 1}) != of(t, map[any]any{want: 1}) {
		t.Error("in a map")
	}
	if of(t, struct{ X other }{other{"a"}}) != of(t, struct{ X digest.Digest }{want}) {
		t.Error("in a struct")
	}
	if of(t, (*other)(nil)) != of(t, nil) {
		t.Error("a nil pointer is not asked")
	}
}

func TestFieldsOfAnUnexportedEmbeddedStructAreReadInFull(t *testing.T) {
	i := inner{other{"a"}, time.Unix(5, 0).UTC(), [2]byte{1, 2}, of(t, 1)}
	if want := of(t, i); of(t, struct{ inner }{i}) != want || of(t, struct{ *inner }{&i}) != want || of(t, &struct{ inner }{i}) != want {
		t.Error("differs")
	}
}

func TestAStandInIsDigestedUnderTheNameOfTheType(t *testing.T) {
	if of(t, digester{"a"}) == of(t, "a") || of(t, digester{"a"}) == of(t, other{"a"}) {
		t.Error("types are apart")
	}
	if of(t, nothing{1}) == of(t, nil) || of(t, nothing{1}) != of(t, nothing{2}) {
		t.Error("nil stands for a value of the type")
	}
	d := of(t, 1)
	if of(t, carrier{d}) != d || of(t, []any{carrier{d}}) != of(t, []any{1}) {
		t.Error("a digest that is returned stands for the value as it is")
	}
	if of(t, []octets{1}) == of(t, []byte{1}) || of(t, []octets{1}) != of(t, []any{octets(1)}) {
		t.Error("8-bit elements with a method are not bytes")
	}
}

func TestAHookSpeaksForATypeOfOthers(t *testing.T) {
	byValue := hook(t, func(o opaque) (any, error) { return o.hidden, nil })
	byPointer := hook(t, func(o *opaque) (any, error) { return o.hidden, nil })
	for _, v := range []any{opaque{1}, &opaque{1}, []opaque{{1}}, []any{opaque{1}}, []any{&opaque{1}}, map[string]opaque{"a": {1}}, map[opaque]int{{1}: 1}} {
		a, err := byValue.Of(v)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := byPointer.Of(v); err != nil || a != b {
			t.Errorf("%T: %v", v, err)
		}
		if _, err := digest.Of(v); err == nil {
			t.Errorf("%T without its hook", v)
		}
	}
	instants := hook(t, func(m time.Time) (any, error) { return m.UnixNano(), nil })
	a, errA := instants.Of(time.Unix(5, 0).UTC())
	b, errB := instants.Of(time.Unix(5, 0).In(time.FixedZone("X", 60)))
	if errA != nil || errB != nil || a != b || a == of(t, time.Unix(5, 0).UTC()) {
		t.Error("a hook goes before the rules", errA, errB)
	}
	embedded := hook(t, func(b borrowed) (any, error) { return []any{b.text, b.Extra}, nil })
	if _, err := embedded.Of(borrowed{digester{"a"}, 1}); err != nil {
		t.Error("a hook settles whose the method is:", err)
	}
}

func TestHooksThatCouldNotWorkAreRefused(t *testing.T) {
	one := digest.HookFor(func(opaque) (any, error) { return 1, nil })
	for name, hooks := range map[string][]digest.Hook{
		"empty":         {{}},
		"twice":         {one, digest.HookFor(func(*opaque) (any, error) { return 1, nil })},
		"digest":        {digest.HookFor(func(digest.Digest) (any, error) { return 1, nil })},
		"predeclared":   {digest.HookFor(func(string) (any, error) { return 1, nil })},
		"unnamed":       {digest.HookFor(func([]opaque) (any, error) { return 1, nil })},
		"interface":     {digest.HookFor(func(io.Reader) (any, error) { return 1, nil })},
		"error":         {digest.HookFor(func(error) (any, error) { return 1, nil })},
		"two pointers":  {digest.HookFor(func(**opaque) (any, error) { return 1, nil })},
		"has a method":  {digest.HookFor(func(digester) (any, error) { return 1, nil })},
		"has a method*": {digest.HookFor(func(*other) (any, error) { return 1, nil })},
	} {
		if _, err := digest.NewScheme(hooks...); err == nil {
			t.Error(name)
		}
	}
}

func TestFailuresOfHooksAndMethodsKeepTheirCause(t *testing.T) {
	cause := errors.New("no network")
	_, err := digest.Of([]any{1, failing{cause}})
	bad, ok := errors.AsType[*digest.IndigestibleError](err)
	if !ok || !errors.Is(err, cause) || bad.Path != "[1]" {
		t.Error(err)
	}
	if _, err := hook(t, func(opaque) (any, error) { return func() {}, nil }).Of(struct{ X opaque }{}); err == nil || !strings.Contains(err.Error(), ".X.(hook): func()") {
		t.Error(err)
	}
}
