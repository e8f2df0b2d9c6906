package digest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver/digest"
)

func of(t testing.TB, v any) digest.Digest {
	t.Helper()
	d, err := digest.Of(v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ptr returns the address of a copy of v.
func ptr[T any](v T) *T { return &v }

type (
	shared struct{ A, B int }
	sharer struct{ X, Y *shared }
)

func TestValuesThatAreOne(t *testing.T) {
	one := &shared{1, 2}
	var inInterface any = celsius(3)
	var stringer fmt.Stringer = time.Second
	for name, values := range map[string][]any{
		"integers of any width and sign":  {5, int8(5), int16(5), int32(5), int64(5), uint(5), uint8(5), uint16(5), uint32(5), uint64(5), count(5)},
		"floats of any width":             {0.5, float32(0.5), celsius(0.5)},
		"NaN":                             {math.NaN(), math.Float64frombits(0xfff8000000000001), float32(math.NaN()), -math.NaN()},
		"named types in static positions": {"a", label("a"), ptr(label("a"))},
		"lists":                           {[]int{1, 2}, []any{1, uint8(2)}, [2]int8{1, 2}, [2]any{1, 2}, []count{1, 2}, &[]int{1, 2}, []*int{ptr(1), ptr(2)}},
		"bytes":                           {[]byte("ab"), [2]byte{'a', 'b'}, &[2]byte{'a', 'b'}, json8{'a', 'b'}, []octet{'a', 'b'}, [2]octet{'a', 'b'}},
		"maps":                            {map[string]int{"a": 1, "b": 2}, map[any]any{"b": 2, "a": 1}, map[label]int64{"a": 1, "b": 2}},
		"structs":                         {shared{1, 2}, &shared{1, 2}, struct{ B, A uint }{2, 1}, struct{ A, B any }{1, 2}},
		"nils":                            {nil, (*int)(nil), []int(nil), map[string]int(nil), (*any)(nil), []byte(nil), celsiuss(nil), (*shared)(nil), (*digest.Digest)(nil)},
		"values pointed to twice":         {sharer{one, one}, sharer{&shared{1, 2}, &shared{1, 2}}},
		"types in interfaces":             {[]any{celsius(3)}, []any{ptr(celsius(3))}, []any{&inInterface}, []any{inInterface}},
		"pointers to interfaces":          {[]any{time.Second}, []any{stringer}, []any{&stringer}, []fmt.Stringer{time.Second}},
		"a named list in an interface":    {[]any{celsiuss{3}}, []any{&celsiuss{3}}},
		"complex":                         {complex64(1 + 2i), 1 + 2i},
		"one instant, one zone":           {time.Unix(5, 0).UTC(), ptr(time.Unix(5, 0).UTC())},
		"big numbers":                     {big.NewInt(5), *big.NewInt(5), []any{big.NewInt(5)}[0]},
		"rationals":                       {big.NewRat(1, 2), *big.NewRat(2, 4)},
		"a digest and its value":          {digest.OfBytes([]byte("x")), []byte("x"), ptr(digest.OfBytes([]byte("x")))},
		"lists with digests":              {[]any{1, 2}, []any{of(t, 1), 2}, []digest.Digest{of(t, 1), of(t, 2)}, [2]digest.Digest{of(t, 1), of(t, 2)}},
		"lists of digests in interfaces":  {[]any{[]int{1}}, []any{[]digest.Digest{of(t, 1)}}},
		"maps with digests":               {map[string]int{"a": 1}, map[any]any{of(t, "a"): of(t, 1)}},
		"readers and their content":       {[]byte("abc"), strings.NewReader("abc"), bytes.NewReader([]byte("abc")), *strings.NewReader("abc")},
		"readers in interfaces":           {[]any{[]byte("abc")}, []any{strings.NewReader("abc")}, []io.Reader{strings.NewReader("abc")}},
		"a digest in place of a text":     {[]any{netip.MustParseAddr("::1")}, []any{of(t, netip.MustParseAddr("::1"))}},
		"a named part given as a digest":  {[]any{celsius(3)}, []any{of(t, &inInterface)}},
	} {
		for _, v := range values[1:] {
			if of(t, v) != of(t, values[0]) {
				t.Errorf("%s: %T %v and %T %v differ", name, values[0], values[0], v, v)
			}
		}
	}
}

func TestAnAddressMetTwiceIsNotAlwaysACycle(t *testing.T) {
	type first struct{ N int }
	type whole struct {
		First first
		P     *first
	}
	w := &whole{First: first{1}}
	w.P = &w.First // the address of the whole
	if of(t, w) != of(t, whole{first{1}, &first{1}}) {
		t.Error("a pointer to the first field")
	}
	list := []any{1, nil}
	list[1] = list[:1]
	if of(t, list) != of(t, []any{1, []any{1}}) {
		t.Error("a list that holds its own beginning")
	}
}

func TestValuesThatAreNotOne(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	moment := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	values := []any{
		nil, false, true, 0, 1, -1, 1.0, 0.0, math.Copysign(0, -1), math.NaN(), complex(1, 0), complex(0, math.Copysign(0, -1)),
		"", "1", "a", "nil", []byte{}, []byte("a"), []byte("1"), []string{}, map[string]int{}, struct{}{}, []any{nil}, []any{[]any{}},
		[]int{1}, []int{1, 1}, [][]int{{1}}, [][]int{{1}, {1}}, [][]int{{1, 1}}, []byte{1}, []int8{1, 2}, []int8{2, 1}, []byte{1, 2},
		[]string{"ab"}, []string{"a", "b"}, []string{"", "ab"}, []float64{1}, []any{1.0, 1}, []any{float32(1), "1"},
		map[string]int{"a": 1}, map[string]int{"a": 2}, map[string]int{"b": 1}, map[string]any{"a": nil}, map[string]string{"a": "1"}, map[int]string{1: "a"},
		struct{ A int }{1}, struct{ B int }{1}, struct{ A any }{nil}, struct{ A, B int }{1, 2}, struct{ A, B int }{2, 1}, struct{ AB int }{1},
		[]any{celsius(3)}, []any{3.0}, []any{count(3)}, []any{celsiuss{3}}, []any{[]celsius{3}}, []any{[]any{celsius(3)}}, []any{[]float64{3}},
		[]any{(*celsius)(nil)}, []any{toCelsius(ptr(celsius(3)))}, []any{itself(nil)}, []any{celsiuss(nil)}, []any{pair[string, int]{"a", 1}}, []any{pair[string, celsius]{"a", 1}}, []any{struct {
			Key   string
			Value int
		}{"a", 1}}, []any{struct{ X celsius }{3}}, []any{struct{ X float64 }{3}}, []any{map[label]int{"a": 1}}, []any{map[string]int{"a": 1}},
		[]any{json8{1}}, []any{[]byte{1}},
		moment, moment.In(berlin), moment.In(time.FixedZone("CET", 3600)), moment.In(time.FixedZone("UTC", 0)).Add(1), moment.In(time.FixedZone("X", 0)), moment.Unix(),
		big.NewInt(1), big.NewRat(1, 1), big.NewFloat(1), big.NewFloat(1).SetPrec(64), big.NewFloat(1).SetMode(big.ToZero), big.NewFloat(math.Copysign(0, -1)), big.NewFloat(0),
		netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("::ffff:1.2.3.4"), "1.2.3.4", netip.Addr{}, netip.AddrPort{}, netip.Prefix{},
		netip.AddrPortFrom(netip.Addr{}, 1), netip.AddrPortFrom(netip.Addr{}, 2), netip.PrefixFrom(netip.MustParseAddr("::1"), 999), netip.PrefixFrom(netip.MustParseAddr("::2"), 999),
		url.URL{Path: "p"}, url.URL{Path: "/p"}, url.URL{Host: "h", Path: "p"}, url.URL{Host: "h", Path: "/p"}, url.URL{Path: "a/b"}, url.URL{Path: "a/b", RawPath: "a%2Fb"},
		url.URL{User: url.User("u")}, url.URL{User: url.UserPassword("u", "")}, url.URL{Host: "u@"}, url.URL{Path: "p", RawPath: "stale"}, url.URL{Scheme: "a", Opaque: "b c"},
		of(t, 1).String(), [32]byte(of(t, 1)), digester{"a"}, other{"a"}, []any{digester{"a"}, 1},
	}
	seen := make(map[digest.Digest]string)
	for _, v := range values {
		d, text := of(t, v), fmt.Sprintf("%T %#v", v, v)
		if before, ok := seen[d]; ok {
			t.Errorf("%s and %s share a digest", before, text)
		}
		seen[d] = text
	}
}

type (
	celsiusHolder struct{ A celsius }
	toCelsius     *celsius
	itself        *itself

	json8 []byte
	octet byte
)

// sha is the digest of a whole message.
func sha(message []byte) digest.Digest { return sha256.Sum256(message) }

func TestTypesAreNamedInFull(t *testing.T) {
	type local struct{ A celsius }
	type unnamed = struct {
		A label
		B error                                `digest:"-"`
		C func(int, ...label) (celsius, error) `digest:"-"`
		D <-chan interface{ M(label) any }     `digest:"-"`
	}
	for _, c := range []struct {
		value any
		name  string
	}{
		{[]celsius{1}, "[]" + here + "celsius"},
		{&[]*celsius{}, "[]" + here + "celsius"},
		{[1]map[string]label{}, "[1]map[string]" + here + "label"},
		{local{1}, here + "local"},
		{pair[label, int]{}, here + "pair[" + here + "label,int]"},
		{unnamed{}, "struct{A " + here + "label;B error;C func(int,[]" + here + "label,...)(" + here + "celsius,error,);D <-chan (interface{M(" + here + "label,)(interface{},);});}"},
		{struct{ celsiusHolder }{}, "struct{" + here + "celsiusHolder;}"},
		{struct {
			hidden celsius `digest:"-"`
		}{}, "struct{" + here + "hidden " + here + "celsius;}"},
	} {
		static := of(t, c.value)
		message := append([]byte("quiver1vA"), number(8, int64(8+len(c.name)+digest.Size))...)
		message = append(append(message, counted(c.name)...), static[:]...)
		if got := of(t, []any{c.value}); got != of(t, []any{sha(message)}) {
			t.Errorf("%T is not named %s", c.value, c.name)
		}
	}
}

func TestTheDomainsAreApart(t *testing.T) {
	var s digest.Scheme
	for _, v := range []any{nil, 1, "a", []any{1}, bytes.Repeat([]byte("x"), 5000), strings.NewReader("abc"), digester{"a"}, ptr(1)} {
		value, err := s.In(digest.Value, v)
		if err != nil || value != of(t, v) {
			t.Error(v, err)
		}
		if call, err := s.In(digest.Call, v); err != nil || call == value {
			t.Error(v, call, err)
		}
	}
	for _, v := range []any{of(t, 1), ptr(of(t, 1)), carrier{of(t, 1)}} {
		if _, err := s.In(digest.Call, v); err == nil {
			t.Errorf("%T stands for a value, which is not a call", v)
		}
	}
	if _, err := s.In('x', 1); err == nil {
		t.Error("an unknown domain")
	}
	if d, err := (*digest.Scheme)(nil).Of(1); err != nil || d != of(t, 1) {
		t.Error("a nil scheme has no hooks", err)
	}
}

func TestBytesFromAnySource(t *testing.T) {
	for _, n := range []int{0, 1, 38, 39, 1024, 1025, 8192, 100_000} {
		content := bytes.Repeat([]byte("q"), n)
		want := of(t, content)
		w := digest.NewBytes(int64(n))
		if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		written, err := w.Sum()
		if err != nil {
			t.Fatal(err)
		}
		read, err := digest.OfReader(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if digest.OfBytes(content) != want || written != want || read != want {
			t.Errorf("%d bytes", n)
		}
	}
	if digest.OfBytes(nil) != of(t, []byte(nil)) || digest.OfBytes(nil) == digest.OfBytes([]byte{}) {
		t.Error("OfBytes of nil is nil, as it is for Of")
	}
}

func TestASchemeServesManyGoroutines(t *testing.T) {
	var s digest.Scheme
	var wg sync.WaitGroup
	type list struct {
		Next  *list
		Value any
	}
	want := of(t, &list{&list{nil, celsius(1)}, []any{shared{1, 2}}})
	for range 8 {
		wg.Go(func() {
			if d, err := s.Of(&list{&list{nil, celsius(1)}, []any{shared{1, 2}}}); err != nil || d != want {
				t.Error(d, err)
			}
		})
	}
	wg.Wait()
}

func TestAFileDigestsAsItsContentAndStaysWhereItStood(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "content")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("0123456789"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(3, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	want := digest.OfBytes([]byte("3456789"))
	if of(t, f) != want || of(t, []any{f, f}) != of(t, []any{want, want}) {
		t.Error("the bytes from where it stood")
	}
	if rest, err := io.ReadAll(f); err != nil || string(rest) != "3456789" {
		t.Error("not rewound:", string(rest), err)
	}
}

// The list of parts in urlText is complete only as long as the type has these.
func TestTheTextTypesHaveTheFieldsThatTheirTextsCover(t *testing.T) {
	if n := reflect.TypeFor[url.URL]().NumField(); n != 11 {
		t.Errorf("url.URL has %d fields", n)
	}
}
