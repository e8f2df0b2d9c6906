package digest_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/digest"
)

// A model is a value of the model in docs/format.md, apart from all Go types. Its notation is canonical: two models are
// equal exactly when their notations are. It is slow and shares no code with the package.
type model struct {
	kind  string
	leaf  string  // the notation of a leaf's content
	parts []model // of a map: key, value, key, value
	names []string
	goes  any // a Go value for a leaf
}

func (m model) notation() string {
	content := m.leaf
	switch m.kind {
	case "list":
		texts := make([]string, len(m.parts))
		for i, p := range m.parts {
			texts[i] = p.notation()
		}
		content = "[" + strings.Join(texts, ",") + "]"
	case "map":
		texts := make([]string, 0, len(m.parts)/2)
		for pair := range slices.Chunk(m.parts, 2) {
			texts = append(texts, "["+pair[0].notation()+","+pair[1].notation()+"]")
		}
		slices.Sort(texts)
		content = "[" + strings.Join(texts, ",") + "]"
	case "struct":
		texts := make([]string, len(m.parts))
		for i, p := range m.parts {
			texts[i] = quote(m.names[i]) + ":" + p.notation()
		}
		slices.Sort(texts)
		content = "{" + strings.Join(texts, ",") + "}"
	case "named":
		content = `{"type":` + quote(m.leaf) + `,"value":` + m.parts[0].notation() + "}"
	}
	return `{"` + m.kind + `":` + content + "}"
}

func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func mNil() model { return model{kind: "nil", leaf: "null"} }

func mBool(b bool) model { return model{kind: "bool", leaf: strconv.FormatBool(b), goes: b} }

func mInt(i int64) model {
	return model{kind: "int", leaf: fmt.Sprintf("%q", strconv.FormatInt(i, 10)), goes: i}
}

func mUint(u uint64) model {
	return model{kind: "int", leaf: fmt.Sprintf("%q", strconv.FormatUint(u, 10)), goes: u}
}

func floatHex(f float64) string {
	if math.IsNaN(f) {
		return "7ff8000000000000"
	}
	return fmt.Sprintf("%016x", math.Float64bits(f))
}

func mFloat(f float64) model { return model{kind: "float", leaf: quote(floatHex(f)), goes: f} }

func mComplex(c complex128) model {
	return model{kind: "complex", leaf: fmt.Sprintf("[%q,%q]", floatHex(real(c)), floatHex(imag(c))), goes: c}
}

func mString(s string) model {
	return model{kind: "string", leaf: quote(hex.EncodeToString([]byte(s))), goes: s}
}

func mBytes(b []byte) model { return model{kind: "bytes", leaf: quote(hex.EncodeToString(b)), goes: b} }

func mList(parts ...model) model { return model{kind: "list", parts: parts} }

func mMap(keysAndValues ...model) model { return model{kind: "map", parts: keysAndValues} }

func mStruct(names []string, parts ...model) model {
	return model{kind: "struct", names: names, parts: parts}
}

func mTime(t time.Time) model {
	zone, offset := t.Zone()
	return model{kind: "time", goes: t, leaf: fmt.Sprintf(
		`{"seconds":"%d","nanoseconds":%d,"offset":%d,"abbreviation":%s,"location":%s}`,
		t.Unix(), t.Nanosecond(), offset, quote(zone), quote(t.Location().String()))}
}

func mText(typeName, text string, goes any) model {
	return model{kind: "text", goes: goes, leaf: `{"type":` + quote(typeName) + `,"text":` + quote(text) + "}"}
}

// Defined types for the named parts, one a kind.
type (
	celsius                   float64
	count                     int
	label                     string
	warm                      bool
	celsiuss                  []celsius
	pair[K comparable, V any] struct {
		Key   K
		Value V
	}
)

const here = "github.com/quivercache/quiver/digest_test."

func mNamed(typeName string, part model, goes any) model {
	return model{kind: "named", leaf: typeName, parts: []model{part}, goes: goes}
}

func mCelsius(f float64) model { return mNamed(here+"celsius", mFloat(f), celsius(f)) }
func mCount(i int64) model     { return mNamed(here+"count", mInt(i), count(i)) }
func mLabel(s string) model    { return mNamed(here+"label", mString(s), label(s)) }

// A maker chooses among the Go values that are one model.
type maker interface {
	choose(n int) int // 0 to n-1
}

type plainest struct{}

func (plainest) choose(int) int { return 0 }

type drawn struct{ *rapid.T }

func (d drawn) choose(n int) int { return rapid.IntRange(0, n-1).Draw(d.T, "choice") }

// goValue returns a Go value for an interface position.
func (m model) goValue(c maker) any {
	switch m.kind {
	case "nil":
		return [...]any{nil, (*int)(nil), []string(nil), map[string]int(nil), (*any)(nil), []byte(nil)}[c.choose(6)]
	case "int":
		return pointed(c, narrowed(c, m.goes))
	case "float":
		if f := m.goes.(float64); float64(float32(f)) == f && c.choose(2) == 1 {
			return pointed(c, float32(f))
		}
	case "bytes":
		if b := m.goes.([]byte); c.choose(2) == 1 {
			array := reflect.New(reflect.ArrayOf(len(b), reflect.TypeFor[byte]())).Elem()
			reflect.Copy(array, reflect.ValueOf(b))
			return pointed(c, array.Interface())
		}
	case "list":
		parts := make([]any, len(m.parts))
		for i, p := range m.parts {
			parts[i] = p.goValue(c)
		}
		if typed, ok := typedList(parts); ok && c.choose(2) == 1 {
			return pointed(c, typed)
		}
		return pointed(c, any(parts))
	case "map":
		return pointed(c, any(m.goMap(c)))
	case "struct":
		return pointed(c, m.goStruct(c))
	}
	return pointed(c, m.goes)
}

func (m model) goMap(c maker) map[any]any {
	entries := make(map[any]any)
	for pair := range slices.Chunk(m.parts, 2) {
		key := pair[0].goes
		if pair[0].kind == "int" {
			key = narrowed(c, key)
		}
		entries[key] = pair[1].goValue(c)
	}
	return entries
}

// goStruct makes a struct type with the fields in any order, each of a static type or an interface.
func (m model) goStruct(c maker) any {
	fields, values := make([]reflect.StructField, len(m.parts)), make([]any, len(m.parts))
	for i, p := range m.parts {
		values[i] = p.goValue(c)
		typ := reflect.TypeFor[any]()
		if values[i] != nil && predeclared(values[i]) && c.choose(2) == 1 {
			typ = reflect.TypeOf(values[i])
		}
		fields[i] = reflect.StructField{Name: "F" + strconv.Itoa(i), Type: typ, Tag: reflect.StructTag(`digest:"` + m.names[i] + `"`)}
	}
	for i := range fields {
		j := i + c.choose(len(fields)-i)
		fields[i], fields[j], values[i], values[j] = fields[j], fields[i], values[j], values[i]
	}
	s := reflect.New(reflect.StructOf(fields)).Elem()
	for i, v := range values {
		if v != nil {
			s.Field(i).Set(reflect.ValueOf(v))
		}
	}
	return s.Interface()
}

// pointed may put a pointer in front of a value.
func pointed(c maker, v any) any {
	if v == nil || c.choose(4) != 1 {
		return v
	}
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	return p.Interface()
}

// narrowed returns an integer in any of the types that hold it.
func narrowed(c maker, integer any) any {
	n, ok := new(big.Int).SetString(fmt.Sprint(integer), 10)
	if !ok {
		panic("not an integer")
	}
	fits := []any{integer}
	for _, t := range []reflect.Type{reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[int]()} {
		if n.IsInt64() && !reflect.Zero(t).OverflowInt(n.Int64()) {
			fits = append(fits, reflect.ValueOf(n.Int64()).Convert(t).Interface())
		}
	}
	for _, t := range []reflect.Type{reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uint]()} {
		if n.IsUint64() && !reflect.Zero(t).OverflowUint(n.Uint64()) {
			fits = append(fits, reflect.ValueOf(n.Uint64()).Convert(t).Interface())
		}
	}
	return fits[c.choose(len(fits))]
}

func predeclared(v any) bool {
	t := reflect.TypeOf(v)
	return t.Name() != "" && t.PkgPath() == ""
}

// typedList returns the parts as a slice of their type, where they have one predeclared type that is not a byte.
func typedList(parts []any) (any, bool) {
	if len(parts) == 0 || parts[0] == nil || !predeclared(parts[0]) {
		return nil, false
	}
	t := reflect.TypeOf(parts[0])
	list := reflect.MakeSlice(reflect.SliceOf(t), 0, len(parts))
	for _, p := range parts {
		if reflect.TypeOf(p) != t || t.Kind() == reflect.Uint8 {
			return nil, false
		}
		list = reflect.Append(list, reflect.ValueOf(p))
	}
	return list.Interface(), true
}

// dynamic returns the digest of a Go value as an interface position sees it.
func dynamic(v any) (digest.Digest, error) { return digest.Of(&v) }

// leaves are few and close to each other, so that drawn models are often equal and often nearly equal.
var leaves = []model{
	mNil(), mBool(false), mBool(true), mInt(0), mInt(1), mInt(-1), mInt(256), mInt(math.MinInt64), mUint(math.MaxUint64),
	mFloat(0), mFloat(math.Copysign(0, -1)), mFloat(1), mFloat(0.1), mFloat(math.NaN()), mFloat(math.Inf(1)), mComplex(1), mComplex(1i),
	mString(""), mString("1"), mString("a"), mString("true"), mString("\xff"), mString(strings.Repeat("a", 2000)),
	mBytes([]byte{}), mBytes([]byte("a")), mBytes([]byte{1}), mBytes(make([]byte, 2000)), mBytes(make([]byte, 32)),
	mCelsius(1), mCount(1), mLabel("a"),
	mTime(time.Unix(0, 0).UTC()), mTime(time.Unix(0, 1).UTC()), mTime(time.Unix(0, 0).In(time.FixedZone("A", 0))),
	mText("net/netip.Addr", "10.0.0.1", netip.MustParseAddr("10.0.0.1")), mText("math/big.Int", "1", *big.NewInt(1)),
	mText("net/url.URL", "a", url.URL{Path: "a"}),
}

var fieldNames = []string{"A", "B", "AB", "a"}

// models draws a model of at most the given depth.
func models(depth int) *rapid.Generator[model] {
	if depth == 0 {
		return rapid.SampledFrom(leaves)
	}
	return rapid.Custom(func(t *rapid.T) model {
		part := models(depth - 1)
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0, 1:
			return mList(rapid.SliceOfN(part, 0, 3).Draw(t, "list")...)
		case 2:
			var parts []model
			keys := rapid.SliceOfNDistinct(rapid.SampledFrom(leaves), 0, 3, model.notation).Draw(t, "keys")
			for _, key := range keys {
				if key.kind != "nil" && key.kind != "bytes" && reflect.TypeOf(key.goes).Comparable() {
					parts = append(parts, key, part.Draw(t, "value"))
				}
			}
			return mMap(parts...)
		case 3:
			fields := rapid.MapOfN(rapid.SampledFrom(fieldNames), part, 0, 3).Draw(t, "fields")
			names := slices.Sorted(maps.Keys(fields))
			parts := make([]model, len(names))
			for i, name := range names {
				parts[i] = fields[name]
			}
			return mStruct(names, parts...)
		default:
			return rapid.SampledFrom(leaves).Draw(t, "leaf")
		}
	})
}

// changed draws a model that differs from m in one place, or is m.
func changed(t *rapid.T, m model) model {
	if len(m.parts) == 0 || m.kind == "named" || rapid.Bool().Draw(t, "here") {
		return models(1).Draw(t, "other")
	}
	i := rapid.IntRange(0, len(m.parts)-1).Draw(t, "where")
	if m.kind == "map" {
		i |= 1 // values only: a changed key might meet another
	}
	m.parts = slices.Clone(m.parts)
	m.parts[i] = changed(t, m.parts[i])
	return m
}
