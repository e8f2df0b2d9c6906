package cbor_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/blobstore/internal/cbor"
	"github.com/quivercache/quiver/digest"
)

type Inner struct{ Q int }

type outer struct {
	A     []int
	B     map[string]int
	P     *int
	T     time.Time
	TP    *time.Time
	X     any
	Bytes [3]byte
	F     float32
	Named string `digest:"called"`
	Zero  []int  `digest:"zero,omitzero"`
	*Inner
	Deep struct{ Inner }
}

type point struct{ X, Y int }

type chain struct{ Next *chain }

type shadow struct {
	Inner
	Q string
}

type secret struct{ hidden string }

func (s secret) MarshalText() ([]byte, error) { return []byte("<" + s.hidden + ">"), nil }
func (s *secret) UnmarshalText(b []byte) error {
	s.hidden = strings.Trim(string(b), "<>")
	return nil
}
func (s secret) DigestValue() (any, error) { return s.hidden, nil }

// roundTrip returns what v becomes, in a new value of its type.
func roundTrip(v any) (any, error) {
	b, err := cbor.Marshal(v)
	if err != nil {
		return nil, err
	}
	t := reflect.TypeOf(v)
	if t == nil {
		t = reflect.TypeFor[any]()
	}
	loaded := reflect.New(t)
	err = cbor.Unmarshal(b, loaded.Interface())
	return loaded.Elem().Interface(), err
}

func values(t testing.TB) []any {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 123456789).UTC()
	summer := time.Date(2026, 7, 1, 0, 0, 0, 1, berlin)
	seven := 7
	pointer := &seven
	var none *int
	return []any{
		nil, true, false, 1, int8(-128), int16(-1), int32(math.MinInt32), int64(math.MinInt64), int64(math.MaxInt64), uint8(255), uint64(math.MaxUint64), uint16(24), uint32(65536),
		1.5, 0.0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, float32(1.1), float32(math.Inf(1)),
		complex(1, -2), complex64(complex(0, 1.5)), complex(math.NaN(), 0), "", "ü\x00", []byte(nil), []byte{}, []byte("a"),
		[]int(nil), []int{}, []any(nil), []any{}, map[string]int(nil), map[string]int{}, [][]int{nil, {}, {1}}, []map[string]int{nil, {}}, map[string][]int{"a": nil, "b": {}}, [][]byte{nil, {}, {1}},
		map[int]string{1: "a", -1: "b"}, map[point]int{{1, 2}: 3}, map[[2]int]int{{1, 2}: 3}, map[float64]int{0.5: 1, -1: 2}, map[bool]int{true: 1, false: 0}, map[uint8]int{1: 2}, map[time.Time]int{now: 1},
		map[any]any{1: 2, "a": 3, true: nil}, [3]int{1, 2, 3}, [3]byte{1, 2, 3}, [0]int{}, [2][]int{nil, {}},
		[]any{1, -1, "a", []byte{1}, []byte{}, nil, 1.5, uint64(math.MaxUint64), math.MinInt64, []any{}, map[string]any{}, []int(nil), map[int]int{1: 2}, now, true, complex(1, 2), []float32{1.1}},
		map[string]any{"a": nil, "b": []any{}, "c": []any(nil), "d": map[string]int{}},
		now, &now, summer, now.In(berlin), now.Local(), now.In(time.FixedZone("X", 60)), now.In(time.FixedZone("", -3600)), now.In(time.FixedZone("UTC", 3600)), time.Time{}, time.Unix(1<<40, 999999999),
		outer{}, outer{A: []int{}, B: map[string]int{}, P: &seven, T: summer, TP: &now, X: now, Inner: &Inner{3}, Named: "n", Zero: []int{}}, &outer{Inner: &Inner{}}, shadow{Inner{1}, "a"},
		[]*int{nil, &seven}, []*outer{nil}, &pointer, none, &none, chain{&chain{}}, struct{}{}, []struct{}{{}, {}}, map[string]struct{}{"a": {}}, map[string]*int{"a": nil},
		big.NewInt(5), *big.NewInt(-5), new(big.Int).Lsh(big.NewInt(-1), 200), big.NewRat(1, 3), netip.MustParseAddr("::1%eth0"), url.URL{Scheme: "a", Host: "b", User: url.UserPassword("u", "")},
		time.Duration(5), []time.Duration{5}, secret{"x"}, []secret{{"y"}}, map[string]secret{"k": {"z"}}, []float64{1, math.NaN(), math.Copysign(0, -1)}, []float64{}, []float64(nil), []uint16{1, 65535}, []bool{true},
	}
}

func TestValuesKeepTheirDigests(t *testing.T) {
	for _, v := range values(t) {
		got, err := roundTrip(v)
		if err != nil {
			t.Errorf("%T %v: %v", v, v, err)
			continue
		}
		want, err := digest.Of(v)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := digest.Of(got); err != nil || d != want {
			t.Errorf("%T %#v became %#v (%v)", v, v, got, err)
		}
	}
}

func TestGoValuesSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anything(t, 4)
		got, err := roundTrip(v)
		if err != nil {
			t.Fatalf("%#v: %v", v, err)
		}
		before, _ := digest.Of(v)
		if after, err := digest.Of(got); err != nil || after != before {
			t.Fatalf("%#v became %#v (%v)", v, got, err)
		}
	})
}

// anything draws a value of a drawn type.
func anything(t *rapid.T, depth int) any {
	typ := anyType(t, depth)
	v := reflect.New(typ).Elem()
	fill(t, v)
	return v.Interface()
}

var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[complex64](), reflect.TypeFor[complex128](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](),
}

var keys = []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[uint8](), reflect.TypeFor[bool](), reflect.TypeFor[point](), reflect.TypeFor[[2]string]()}

func anyType(t *rapid.T, depth int) reflect.Type {
	if depth == 0 {
		return rapid.SampledFrom(leaves).Draw(t, "leaf")
	}
	part := func() reflect.Type { return anyType(t, depth-1) }
	switch rapid.IntRange(0, 6).Draw(t, "shape") {
	case 0:
		return reflect.SliceOf(part())
	case 1:
		return reflect.ArrayOf(rapid.IntRange(0, 3).Draw(t, "length"), part())
	case 2:
		return reflect.MapOf(rapid.SampledFrom(keys).Draw(t, "key"), part())
	case 3:
		return reflect.PointerTo(part())
	case 4:
		var fields []reflect.StructField
		for i := range rapid.IntRange(0, 30).Draw(t, "fields") {
			fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: rapid.SampledFrom(leaves).Draw(t, "field")})
		}
		if len(fields) > 0 {
			fields[0].Type = part()
		}
		return reflect.StructOf(fields)
	case 5:
		return reflect.TypeFor[any]()
	}
	return rapid.SampledFrom(leaves).Draw(t, "leaf")
}

func fill(t *rapid.T, v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		zone := rapid.SampledFrom([]*time.Location{time.UTC, time.Local, time.FixedZone("X", 1234), time.FixedZone("", 0)}).Draw(t, "zone")
		v.Set(reflect.ValueOf(time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).In(zone)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := v.Type().Bits()
		v.SetInt(rapid.Int64Range(-1<<(bits-1), 1<<(bits-1)-1).Draw(t, "int"))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64Range(0, 1<<v.Type().Bits()-1).Draw(t, "uint"))
	case reflect.Float32:
		v.SetFloat(float64(math.Float32frombits(rapid.Uint32().Draw(t, "float32"))))
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(rapid.Uint64().Draw(t, "float64")))
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(float64(float32(rapid.Float64().Draw(t, "re"))), float64(float32(rapid.Float64().Draw(t, "im")))))
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "string"))
	case reflect.Slice:
		if n := rapid.IntRange(-1, 3).Draw(t, "n"); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		n := rapid.IntRange(-1, 3).Draw(t, "n")
		if n < 0 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for range n {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key)
			fill(t, value)
			v.SetMapIndex(key, value)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "nil") {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Interface:
		loose := rapid.SampledFrom([]any{nil, true, 1, -1, uint64(math.MaxUint64), 1.5, "a", []byte{1}, []any{1, "b", nil}, map[string]any{"a": []any{}}, map[any]any{1: "x"}, time.Unix(1, 2).UTC()})
		if x := loose.Draw(t, "any"); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	}
}

func TestWhatGoCannotKeepIsRefused(t *testing.T) {
	loop := map[string]any{}
	loop["me"] = loop
	var ring chain
	ring.Next = &ring
	for _, v := range []any{
		func() {}, make(chan int), []any{func() {}}, map[float64]int{math.NaN(): 1, math.Float64frombits(math.Float64bits(math.NaN()) + 1): 2}, map[any]int{int8(1): 1, int16(1): 2},
		"\xff", map[string]int{"\xff": 1}, loop, ring, struct{ R fmt.Stringer }{time.Second},
		struct {
			C int `digest:"B"`
			A int `digest:"x"`
			B int `digest:"x"`
		}{},
	} {
		if got, err := roundTrip(v); err == nil {
			t.Errorf("%T became %#v", v, got)
		}
	}
}

func TestDecodingNeverConverts(t *testing.T) {
	for _, c := range []struct{ from, into any }{
		{300, new(int8)}, {-1, new(uint)}, {uint64(math.MaxUint64), new(int64)}, {int64(math.MinInt64), new(int32)}, {1, new(float64)}, {1.0, new(int)}, {1.1, new(float32)}, {1e300, new(float32)},
		{"a", new([]byte)}, {[]byte("a"), new(string)}, {"1", new(int)}, {true, new(int)}, {nil, new(int)}, {nil, new(string)}, {nil, new(point)}, {[]int{1, 2}, new([1]int)}, {[]int{1}, new([2]int)}, {[]int{1}, new([]byte)},
		{[]byte{1, 2}, new([1]byte)}, {[]byte{1}, new([]int)}, {point{1, 2}, new(struct{ X int })}, {map[string]int{"Y": 1, "Z": 2}, new(point)}, {map[int]int{1: 2}, new(map[string]int)}, {point{}, new([]int)},
		{time.Unix(0, 0), new(int64)}, {1, new(time.Time)}, {big.NewInt(1), new(int)}, {1, new(big.Int)}, {complex(1, 0), new(float64)}, {complex(1.1, 0), new(complex64)}, {"a", new(fmt.Stringer)}, {[]any{[]any{}}, new(map[any]int)},
		{map[any]any{1: 2}, new([]any)}, {"::1", new(netip.Addr)}, {time.Unix(0, 0), new(big.Int)}, {[]byte("abc"), new(netip.Addr)},
	} {
		b, err := cbor.Marshal(c.from)
		if err != nil {
			t.Fatal(err)
		}
		if err := cbor.Unmarshal(b, c.into); err == nil || errors.Is(err, cbor.ErrMalformed) {
			t.Errorf("%T %v into %T: %v, %v", c.from, c.from, c.into, reflect.ValueOf(c.into).Elem(), err)
		}
	}
}

func TestEncodingsAreThoseOfTheStandard(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{0, "00"}, {23, "17"}, {24, "1818"}, {100, "1864"}, {1000, "1903e8"}, {1000000, "1a000f4240"}, {1000000000000, "1b000000e8d4a51000"}, {uint64(math.MaxUint64), "1bffffffffffffffff"},
		{-1, "20"}, {-100, "3863"}, {-1000, "3903e7"}, {1.1, "fb3ff199999999999a"}, {float32(100000.0), "fa47c35000"}, {math.Inf(-1), "fbfff0000000000000"}, {math.NaN(), "fb7ff8000000000000"},
		{false, "f4"}, {true, "f5"}, {nil, "f6"}, {[]byte{1, 2, 3, 4}, "4401020304"}, {"IETF", "6449455446"}, {"ü", "62c3bc"}, {[]int{1, 2, 3}, "83010203"},
		{[]any{1, []int{2, 3}, []int{4, 5}}, "8301820203820405"}, {map[int]int{1: 2, 3: 4}, "a201020304"}, {map[string]any{"a": 1, "b": []int{2, 3}}, "a26161016162820203"},
		{map[any]int{10: 0, 100: 1, -1: 2, "z": 3, "aa": 4, false: 5}, "a60a00186401200261" + "7a03626161" + "04f405"}, // the order of RFC 8949, 4.2.1, without its arrays
		{new(big.Int).Lsh(big.NewInt(1), 64), "c249010000000000000000"}, {point{1, 2}, "a2615801615902"}, {complex(1, 2), "d9a7f882fb3ff0000000000000fb4000000000000000"},
		{time.Unix(1, 2).UTC(), "da51756976850102006355544363555443"},
	} {
		b, err := cbor.Marshal(c.v)
		if got := hex.EncodeToString(b); got != c.want || err != nil {
			t.Errorf("%v: %s instead of %s (%v)", c.v, got, c.want, err)
		}
	}
}

var malformed = []string{
	"", "18", "1801", "1817", "190001", "1a00000001", "1b0000000000000001", "1c", "1f", "41", "5f4101ff", "7f6161ff", "9f01ff", "bf0102ff", "61ff", "62c328", "81", "8201", "9b7fffffffffffffff", "9bffffffffffffffff00", "bbffffffffffffffff0000", "5bffffffffffffffff00",
	"a1", "a101", "a201020101", "a202010102", "a2616101616100", "f7", "f9", "f90000", "f97e00", "fa", "fa7fc00001", "fb7ff8000000000001", "fbfff8000000000000", "f0", "f820", "ff", "c2", "c200", "c24100", "c3420001", "c26161", "0000", "f6f6", strings.Repeat("81", 2000) + "00", strings.Repeat("d9a7f8", 2000) + "00",
}

func TestMalformedBytesAreRefused(t *testing.T) {
	for _, text := range malformed {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := cbor.Unmarshal(b, &v); !errors.Is(err, cbor.ErrMalformed) {
			t.Errorf("%.40s became %v, %v", text, v, err)
		}
	}
}

func TestNestedMapsAreReadInOnePass(t *testing.T) {
	// Each level holds a text key and then one that is no text; a decoder that starts a level over takes 2 to the 200th steps.
	text := strings.Repeat("a2616100f5", 200) + "00"
	b, _ := hex.DecodeString(text)
	var v any
	if err := cbor.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if _, ok := v.(map[any]any); !ok {
		t.Errorf("a %T", v)
	}
}

func TestTimesKeepTheRulesOfTheirLocation(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	summer := time.Date(2026, 7, 1, 12, 0, 0, 0, berlin)
	got, err := roundTrip(summer)
	if err != nil {
		t.Fatal(err)
	}
	if winter, want := got.(time.Time).AddDate(0, 6, 0), summer.AddDate(0, 6, 0); !winter.Equal(want) {
		t.Errorf("half a year later it is %v, not %v", winter, want)
	}
	// One whose location this machine does not have, as "Local" of another machine.
	var far time.Time
	b, _ := hex.DecodeString("da5175697685010219" + "0e10" + "63" + "464f4f" + "65" + "4c6f63616c")
	if err := cbor.Unmarshal(b, &far); err != nil {
		t.Fatal(err)
	}
	if name, offset := far.Zone(); name != "FOO" || offset != 3600 || far.Location().String() != "Local" || far.UnixNano() != 1e9+2 {
		t.Errorf("%v in %v", far, far.Location())
	}
}

// FuzzUnmarshal: whatever is read, nothing panics, and what was read is written as the same bytes.
func FuzzUnmarshal(f *testing.F) {
	for _, v := range values(f) {
		b, err := cbor.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, text := range malformed {
		b, _ := hex.DecodeString(text)
		f.Add(b[:min(len(b), 64)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, into := range []any{new(outer), new(map[point]any), new([]map[string]*chain), new(time.Time), new([]float64), new(*big.Int), new([]secret)} {
			_ = cbor.Unmarshal(b, into) // only a panic is a failure here: any bytes may or may not fit
		}
		var v any
		if cbor.Unmarshal(b, &v) != nil {
			return
		}
		again, err := cbor.Marshal(v)
		if err != nil {
			t.Fatalf("%x became %#v, which cannot be written: %v", b, v, err)
		}
		var second any
		if err := cbor.Unmarshal(again, &second); err != nil {
			t.Fatalf("%x was written as %x, which cannot be read: %v", b, again, err)
		}
		third, err := cbor.Marshal(second)
		if err != nil || string(third) != string(again) {
			t.Fatalf("%x and %x are of one value (%v)", again, third, err)
		}
	})
}
