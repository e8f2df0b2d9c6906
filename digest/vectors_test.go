package digest_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	_ "time/tzdata" // for the zones of the vectors, wherever the test runs

	"github.com/quivercache/quiver/digest"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorsFile = "testdata/vectors.json"

// A vector is one line of the table for implementers: a value of the model in the notation of docs/format.md, and its
// digest where it stands in a static position.
type vector struct {
	Name    string          `json:"name"`
	Domain  string          `json:"domain"`
	Value   json.RawMessage `json:"value"`
	Message string          `json:"message,omitempty"` // hex; for leaves of up to 100 bytes
	Digest  digest.Digest   `json:"digest"`
}

func readVectors(t testing.TB) []vector {
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestVectorsAreWhatOfAnswers(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	models, vectors := vectorModels(), readVectors(t)
	if len(models) != len(vectors) || len(vectors) < 150 {
		t.Fatalf("%d vectors for %d values", len(vectors), len(models))
	}
	for i, v := range vectors {
		var want bytes.Buffer
		if err := json.Compact(&want, v.Value); err != nil {
			t.Fatal(err)
		}
		if got := models[i].notation(); got != want.String() || v.Name != models[i].name {
			t.Fatalf("vector %d is %s %s, not %s %s", i, v.Name, want.String(), models[i].name, got)
		}
		domain := digest.Domain(v.Domain[0])
		if got, err := new(digest.Scheme).In(domain, rooted(models[i].model)); err != nil || got != v.Digest {
			t.Errorf("%s: %s, %v; want %s", v.Name, got, err, v.Digest)
		}
	}
}

func TestVectorsFollowFromTheSpecification(t *testing.T) {
	for _, v := range readVectors(t) {
		message, got := specified(v.Domain, v.Value)
		if got != v.Digest {
			t.Errorf("%s: the specification says %s, the vector %s", v.Name, got, v.Digest)
		}
		if v.Message != "" && v.Message != fmt.Sprintf("%x", message) {
			t.Errorf("%s: the specified message is %x, the vector has %s", v.Name, message, v.Message)
		}
	}
}

func TestVectorsDifferWhereTheirValuesDo(t *testing.T) {
	seen := make(map[digest.Digest]string)
	for _, v := range readVectors(t) {
		if strings.HasPrefix(string(v.Value), `{"digest"`) || strings.Contains(v.Name, "given as its digest") {
			continue
		}
		if other, ok := seen[v.Digest]; ok {
			t.Errorf("%s and %s share a digest", other, v.Name)
		}
		seen[v.Digest] = v.Name
	}
}

// rooted puts a model where its own type name, if it has one, counts.
func rooted(m model) any {
	v := m.goValue(plainest{})
	if m.kind == "named" {
		return &v
	}
	return v
}

func writeVectors(t *testing.T) {
	var out bytes.Buffer
	for i, m := range vectorModels() {
		domain := cmp.Or(m.domain, digest.Value)
		d, err := new(digest.Scheme).In(domain, rooted(m.model))
		if err != nil {
			t.Fatal(m.name, err)
		}
		v := vector{Name: m.name, Domain: string(rune(domain)), Value: json.RawMessage(m.notation()), Digest: d}
		if message, _ := specified(v.Domain, v.Value); len(m.parts) == 0 && len(message) <= 100 {
			v.Message = fmt.Sprintf("%x", message)
		}
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n%s", map[bool]string{true: "[", false: ","}[i == 0], line)
	}
	out.WriteString("\n]\n")
	if err := os.WriteFile(vectorsFile, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

type namedModel struct {
	model
	name   string
	domain digest.Domain
}

// vectorModels are the values of the vectors: the edges of every kind, and what tells kinds apart.
func vectorModels() []namedModel {
	var all []namedModel
	add := func(name string, m model) { all = append(all, namedModel{model: m, name: name}) }

	add("nil", mNil())
	add("false", mBool(false))
	add("true", mBool(true))
	for _, i := range []int64{0, 1, -1, 2, 127, 128, -128, -129, 255, 256, -255, -256, 65535, 65536, 1 << 24, 1<<31 - 1, -1 << 31, 1 << 32, -1 << 32,
		1<<53 + 1, 1 << 56, math.MaxInt64, math.MinInt64, math.MinInt64 + 1} {
		add(fmt.Sprintf("integer %d", i), mInt(i))
	}
	for _, u := range []uint64{1 << 63, 1<<63 + 1, math.MaxUint64} {
		add(fmt.Sprintf("integer %d", u), mUint(u))
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1, 0.5, 0.1, float64(float32(0.1)), 1.5e300, math.Pi, 1 << 53, math.SmallestNonzeroFloat64,
		-math.SmallestNonzeroFloat64, math.MaxFloat64, math.SmallestNonzeroFloat32, math.MaxFloat32, math.Inf(1), math.Inf(-1), math.NaN()} {
		add(fmt.Sprintf("float %v", f), mFloat(f))
	}
	negative := math.Copysign(0, -1)
	for _, c := range []complex128{0, 1, 1i, complex(negative, 0), complex(0, negative), complex(1.5, -2.5), complex(math.NaN(), 1), complex(1, math.NaN()), complex(math.Inf(1), math.Inf(-1))} {
		add(fmt.Sprintf("complex %v", c), mComplex(c))
	}
	for _, s := range []string{"", "a", "A", "1", "true", "null", "\x00", "\x00\x00", "é", "e\u0301", "日本語", "🏹", "\xff\xfe", "a\nb", `"`,
		"0000000000000000000000000000000000000000000000000000000000000001"} {
		add(fmt.Sprintf("string %q", s), mString(s))
	}
	for _, n := range []int{37, 38, 39, 46, 47, 48, 55, 56, 63, 64, 65, 1023, 1024, 1025, 8192, 8193, 10000} {
		add(fmt.Sprintf("string of %d times x", n), mString(strings.Repeat("x", n)))
	}
	for _, b := range []string{"", "a", "A", "1", "\x00", "\x00\x00", "\xff\xfe", strings.Repeat("\x00", 32)} {
		add(fmt.Sprintf("bytes %x", b), mBytes([]byte(b)))
	}
	for _, n := range []int{38, 39, 64, 1024, 1025, 10000} {
		add(fmt.Sprintf("bytes, %d times x", n), mBytes([]byte(strings.Repeat("x", n))))
	}

	one, two, a, b := mInt(1), mInt(2), mString("a"), mString("b")
	add("empty list", mList())
	add("list of nil", mList(mNil()))
	add("list of the empty list", mList(mList()))
	add("list 1", mList(one))
	add("list 1 2", mList(one, two))
	add("list 2 1", mList(two, one))
	add("list 1 in list", mList(mList(one)))
	add("list (1) 2", mList(mList(one), two))
	add("list 1 (2)", mList(one, mList(two)))
	add("list 1 1", mList(one, one))
	add("list of every leaf", mList(leaves...))
	add("list of floats", mList(mFloat(1), mFloat(2)))
	var thousand []model
	for i := range 1000 {
		thousand = append(thousand, mInt(int64(i)))
	}
	add("list of 0 to 999", mList(thousand...))

	add("empty map", mMap())
	add("map a 1", mMap(a, one))
	add("map 1 a", mMap(one, a))
	add("map a 1 b 2", mMap(a, one, b, two))
	add("map a 2 b 1", mMap(a, two, b, one))
	add("map of nil", mMap(a, mNil()))
	add("map of mixed keys", mMap(one, a, mFloat(1), b, mString("1"), one, mBool(true), two))
	add("map with NaN for a key", mMap(mFloat(math.NaN()), one))
	add("map with a named key", mMap(mLabel("a"), one, a, two))
	add("map of maps", mMap(a, mMap(), b, mMap(a, mMap())))

	add("empty struct", mStruct(nil))
	add("struct A 1", mStruct([]string{"A"}, one))
	add("struct a 1", mStruct([]string{"a"}, one))
	add("struct A 1 B 2", mStruct([]string{"A", "B"}, one, two))
	add("struct A 2 B 1", mStruct([]string{"A", "B"}, two, one))
	add("struct AB 1", mStruct([]string{"AB"}, one))
	add("struct A nil", mStruct([]string{"A"}, mNil()))
	add("struct in struct", mStruct([]string{"A"}, mStruct([]string{"A"}, one)))
	add("struct with a name in Greek", mStruct([]string{"Ω", "Z"}, one, two))
	add("struct of every container", mStruct([]string{"L", "M", "S"}, mList(a), mMap(a, b), mStruct(nil)))

	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	moment := time.Date(2026, 11, 22, 10, 41, 56, 123456789, time.UTC)
	add("time zero", mTime(time.Time{}))
	add("time of the Unix epoch", mTime(time.Unix(0, 0).UTC()))
	add("time before the epoch", mTime(time.Unix(-1, 999999999).UTC()))
	add("time in UTC", mTime(moment))
	add("time in Berlin", mTime(moment.In(berlin)))
	add("time in Berlin in summer", mTime(moment.AddDate(0, -4, 0).In(berlin)))
	add("time in a fixed zone", mTime(moment.In(time.FixedZone("CET", 3600))))
	add("time in a zone of the west", mTime(moment.In(time.FixedZone("", -12600))))
	add("time far away", mTime(time.Date(292277, 1, 1, 0, 0, 0, 0, time.UTC)))

	for _, s := range []string{"1.2.3.4", "::ffff:1.2.3.4", "::1", "fe80::1%eth0"} {
		add("address "+s, mText("net/netip.Addr", s, netip.MustParseAddr(s)))
	}
	add("address invalid", mText("net/netip.Addr", "invalid IP", netip.Addr{}))
	for _, s := range []string{"1.2.3.4:80", "[::1]:443"} {
		add("address and port "+s, mText("net/netip.AddrPort", s, netip.MustParseAddrPort(s)))
	}
	add("port without an address", mText("net/netip.AddrPort", "invalid IP:80", netip.AddrPortFrom(netip.Addr{}, 80)))
	for _, s := range []string{"10.0.0.0/8", "10.0.0.1/8", "::/0"} {
		add("prefix "+s, mText("net/netip.Prefix", s, netip.MustParsePrefix(s)))
	}
	add("prefix invalid", mText("net/netip.Prefix", "10.0.0.0/-1", netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 99)))
	for _, s := range []string{"0", "1", "-1", "340282366920938463463374607431768211456"} {
		n, _ := new(big.Int).SetString(s, 10)
		add("big integer "+s, mText("math/big.Int", s, *n))
	}
	for _, s := range []string{"0/1", "1/2", "-3/1"} {
		n, _ := new(big.Rat).SetString(s)
		add("big rational "+s, mText("math/big.Rat", s, *n))
	}
	add("big float 1.5", mText("math/big.Float", "0x.cp+1 prec=53 mode=ToNearestEven", *big.NewFloat(1.5)))
	add("big float 1.5 of 100 bits", mText("math/big.Float", "0x.cp+1 prec=100 mode=ToNearestEven", *big.NewFloat(1.5).SetPrec(100)))
	add("big float 1.5 rounding to zero", mText("math/big.Float", "0x.cp+1 prec=53 mode=ToZero", *big.NewFloat(1.5).SetMode(big.ToZero)))
	add("big float infinite", mText("math/big.Float", "-Inf prec=53 mode=ToNearestEven", *big.NewFloat(math.Inf(-1))))
	add("big float −0", mText("math/big.Float", "-0 prec=53 mode=ToNearestEven", *big.NewFloat(negative)))
	for _, s := range []string{"https://u:p@example.com/a%2Fb?q=1#f", "mailto:a@b", ""} {
		u, err := url.Parse(s)
		if err != nil {
			panic(err)
		}
		add("URL "+s, mText("net/url.URL", s, *u))
	}
	add("URL that does not survive being written", mText("net/url.URL",
		"\n"+`["" "" "" "" "h" "p" "" "" "" ""] false false false false`, url.URL{Host: "h", Path: "p"}))

	add("named float", mCelsius(3))
	add("named integer", mCount(3))
	add("named string", mLabel("a"))
	add("named bool", mNamed(here+"warm", mBool(true), warm(true)))
	add("named nil list", mNamed(here+"celsiuss", mNil(), celsiuss(nil)))
	add("named list", mNamed(here+"celsiuss", mList(mFloat(1)), celsiuss{1}))
	add("list type with a named part", mNamed("[]"+here+"celsius", mList(mFloat(1)), []celsius{1}))
	add("map type with named parts", mNamed("map["+here+"label]"+here+"celsius", mMap(a, mFloat(1)), map[label]celsius{"a": 1}))
	add("named struct with type arguments", mNamed(here+"pair[string,"+here+"celsius]", mStruct([]string{"Key", "Value"}, a, mFloat(1)), pair[string, celsius]{"a", 1}))
	add("list of a named and a plain float", mList(mCelsius(1), mFloat(1)))
	add("list of a time and an address", mList(mTime(moment), mText("net/netip.Addr", "::1", netip.MustParseAddr("::1"))))

	part, err := digest.Of(1)
	if err != nil {
		panic(err)
	}
	given := model{kind: "digest", leaf: quote(part.String()), goes: part}
	add("digest of 1", given)
	add("list with 1 given as its digest", mList(given, two))
	add("map with 1 given as its digest", mMap(a, given))
	add("struct with 1 given as its digest", mStruct([]string{"A"}, given))

	inCall := func(name string, m model) { all = append(all, namedModel{m, name, digest.Call}) }
	inCall("call domain, nil", mNil())
	inCall("call domain, 1", one)
	inCall("call domain, list", mList(one, two))
	inCall("call domain, struct", mStruct([]string{"A", "B"}, a, mList(one)))
	inCall("call domain, bytes", mBytes([]byte(strings.Repeat("x", 2000))))
	inCall("call domain, named", mCelsius(1))
	return all
}
