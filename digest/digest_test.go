package digest_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/digest"
)

var (
	_ encoding.TextMarshaler   = digest.Digest{}
	_ encoding.TextAppender    = digest.Digest{}
	_ encoding.TextUnmarshaler = (*digest.Digest)(nil)
	_ driver.Valuer            = digest.Digest{}
	_ sql.Scanner              = (*digest.Digest)(nil)
)

const hex64 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func parse(t testing.TB, s string) digest.Digest {
	t.Helper()
	d, err := digest.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func digests() *rapid.Generator[digest.Digest] {
	return rapid.Map(rapid.SliceOfN(rapid.Byte(), digest.Size, digest.Size), func(b []byte) digest.Digest { return digest.Digest(b) })
}

func TestEveryTextFormReadsBackTheDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := digests().Draw(t, "digest")
		if got, err := digest.Parse(strings.ToUpper(d.String())); err != nil || got != d {
			t.Fatal(got, err)
		}
		if got, err := digest.ParseKey(d.String()); err != nil || got != digest.Key(d) {
			t.Fatal(got, err)
		}
		text, err := json.Marshal(map[digest.Digest]digest.Digest{d: d})
		if err != nil || string(text) != `{"`+d.String()+`":"`+d.String()+`"}` {
			t.Fatal(string(text), err)
		}
		var read map[digest.Digest]digest.Digest
		if err := json.Unmarshal(text, &read); err != nil || read[d] != d {
			t.Fatal(read, err)
		}
		stored, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range []any{stored, []byte(d.String()), d[:]} {
			var scanned digest.Digest
			if err := scanned.Scan(column); err != nil || scanned != d {
				t.Fatal(column, scanned, err)
			}
		}
	})
}

func TestOrderIsThatOfTheTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := digests().Draw(t, "a"), digests().Draw(t, "b")
		if a.Compare(b) != strings.Compare(a.String(), b.String()) {
			t.Fatal(a, b)
		}
	})
}

func TestMalformedTextIsRefusedAndChangesNothing(t *testing.T) {
	for _, s := range []string{"", "ab12", hex64[:63], hex64 + "0", hex64[:63] + "g", hex64[:63] + " ", strings.Repeat("é", 32)} {
		d := parse(t, hex64)
		for _, err := range []error{d.UnmarshalText([]byte(s)), d.Scan(s), d.Scan([]byte(s)), json.Unmarshal([]byte(`"`+s+`"`), &d)} {
			if !errors.Is(err, digest.ErrMalformed) {
				t.Errorf("%q: %v", s, err)
			}
		}
		if d.String() != hex64 {
			t.Errorf("%q changed the digest to %s", s, d)
		}
	}
	for _, column := range []any{nil, 1, 1.5, true, [32]byte{}} {
		if err := new(digest.Digest).Scan(column); !errors.Is(err, digest.ErrMalformed) {
			t.Errorf("%v: %v", column, err)
		}
	}
}

func TestTheZeroDigestIsNone(t *testing.T) {
	if !(digest.Digest{}).IsZero() || parse(t, hex64).IsZero() {
		t.Error("IsZero")
	}
	text, err := json.Marshal(struct {
		Result digest.Digest `json:"result,omitzero"`
	}{})
	if err != nil || string(text) != "{}" {
		t.Error(string(text), err)
	}
}

func TestKeysAreSplitAndFolded(t *testing.T) {
	full := parse(t, hex64)
	for _, c := range []struct {
		key    digest.Key
		full   digest.Digest
		short  digest.Prefix
		isFull bool
		err    error
	}{
		{key: full, full: full, isFull: true},
		{key: digest.Prefix(hex64), full: full, isFull: true},
		{key: digest.Prefix(strings.ToUpper(hex64)), full: full, isFull: true},
		{key: digest.Prefix("AB12"), short: "ab12"},
		{key: digest.Prefix(hex64[:63]), short: digest.Prefix(hex64[:63])},
		{key: digest.Prefix(""), err: digest.ErrTooShort},
		{key: digest.Prefix("abc"), err: digest.ErrTooShort},
		{key: digest.Prefix("xyz"), err: digest.ErrMalformed},
		{key: digest.Prefix("abcx"), err: digest.ErrMalformed},
		{key: digest.Prefix("../../etc"), err: digest.ErrMalformed},
		{key: digest.Prefix(hex64 + "0"), err: digest.ErrMalformed},
		{key: digest.Prefix(strings.Repeat("z", 1000)), err: digest.ErrMalformed},
		{key: nil, err: digest.ErrMalformed},
		{key: &full, err: digest.ErrMalformed},
	} {
		gotFull, short, isFull, err := digest.Split(c.key)
		if gotFull != c.full || short != c.short || isFull != c.isFull || !errors.Is(err, c.err) {
			t.Errorf("%v: %v %q %v %v", c.key, gotFull, short, isFull, err)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
	if !errors.Is(digest.ErrTooShort, digest.ErrNotFound) || errors.Is(digest.ErrMalformed, digest.ErrNotFound) {
		t.Error("a prefix that is too short is not found; one that is malformed is an error")
	}
	if p, err := digest.ParsePrefix("ABCD"); p != "abcd" || err != nil {
		t.Error(p, err)
	}
	if _, err := digest.ParsePrefix("abc"); !errors.Is(err, digest.ErrTooShort) {
		t.Error(err)
	}
	if digest.CommonPrefix(full, full) != 64 {
		t.Error("a digest shares all of itself")
	}
	if _, err := digest.ParsePrefix(hex64); !errors.Is(err, digest.ErrMalformed) {
		t.Error("a whole digest is not a prefix:", err)
	}
}

func TestResolveFollowsTheContract(t *testing.T) {
	a := parse(t, "abcdef0123"+strings.Repeat("0", 54))
	b := parse(t, "abcdef0123"+strings.Repeat("1", 54))
	c := parse(t, "abcd"+strings.Repeat("f", 60))
	other := parse(t, strings.Repeat("9", 64))
	for _, r := range []struct {
		prefix     digest.Prefix
		candidates []digest.Digest
		want       digest.Digest
		need       int
		err        error
	}{
		{prefix: "abcd", err: digest.ErrNotFound},
		{prefix: "abcd", candidates: []digest.Digest{other}, err: digest.ErrNotFound},
		{prefix: "ABCD", candidates: []digest.Digest{a}, want: a},
		{prefix: "abcd", candidates: []digest.Digest{a, a, other}, want: a},
		{prefix: "abcd", candidates: []digest.Digest{c, b, a}, need: 11},
		{prefix: "abcd", candidates: []digest.Digest{b, c}, need: 5},
		{prefix: "abcdef01231", candidates: []digest.Digest{a, b}, want: b},
		{prefix: digest.Prefix(a.String()), candidates: []digest.Digest{a, b}, want: a},
		{prefix: digest.Prefix(a.String()), candidates: []digest.Digest{b}, err: digest.ErrNotFound},
		{prefix: "abc", candidates: []digest.Digest{a}, err: digest.ErrTooShort},
		{prefix: "wxyz", candidates: []digest.Digest{a}, err: digest.ErrMalformed},
	} {
		got, err := digest.Resolve(r.prefix, r.candidates)
		if r.need != 0 {
			amb, ok := errors.AsType[*digest.AmbiguousError](err)
			if !ok || amb.Need != r.need || amb.Candidates[0].Compare(amb.Candidates[1]) >= 0 {
				t.Errorf("%s: %v, want a need of %d", r.prefix, err, r.need)
			}
			continue
		}
		if got != r.want || !errors.Is(err, r.err) {
			t.Errorf("%s: %v, %v", r.prefix, got, err)
		}
	}
	_, err := digest.Resolve("abcd", []digest.Digest{a, b})
	if err == nil || !strings.Contains(err.Error(), "need at least 11 characters") {
		t.Error(err)
	}
}

// clustered draws sorted sets whose digests share long prefixes.
func clustered() *rapid.Generator[[]digest.Digest] {
	return rapid.Map(rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x10, 0xff}), 3, 3), 1, 20), func(seeds [][]byte) []digest.Digest {
		all := make([]digest.Digest, len(seeds))
		for i, s := range seeds {
			all[i][1], all[i][15], all[i][31] = s[0], s[1], s[2]
		}
		slices.SortFunc(all, digest.Digest.Compare)
		return slices.Compact(all)
	})
}

func TestAShortestFormResolvesAndOneCharacterLessDoesNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := clustered().Draw(t, "all")
		key := rapid.SampledFrom(all).Draw(t, "key")
		shared := 0
		for _, other := range all {
			if other != key {
				shared = max(shared, digest.CommonPrefix(key, other))
			}
		}
		short, err := digest.Shortest([]digest.Digest{key, key}, all)
		if shared == 63 {
			if amb, ok := errors.AsType[*digest.AmbiguousError](err); !ok || amb.Need != 64 {
				t.Fatal("only all 64 characters tell this key apart:", err)
			}
			return
		}
		if err != nil || len(short) != 2 || short[0] != short[1] {
			t.Fatal(short, err)
		}
		if got, err := digest.Resolve(short[0], all); err != nil || got != key {
			t.Fatal(short, got, err)
		}
		if less := short[0][:len(short[0])-1]; len(less) >= digest.MinPrefix {
			if _, err := digest.Resolve(less, all); err == nil {
				t.Fatal(less, "would do")
			}
		}
	})
}

func TestShortestAnswersInOrderAndChecksItsInput(t *testing.T) {
	a, b := parse(t, "1111"+strings.Repeat("0", 60)), parse(t, "1111"+strings.Repeat("1", 60))
	c := parse(t, strings.Repeat("2", 64))
	got, err := digest.Shortest([]digest.Digest{c, b, a, b}, []digest.Digest{a, b, c})
	if want := []digest.Prefix{"2222", "11111", "11110", "11111"}; err != nil || !slices.Equal(got, want) {
		t.Error(got, err)
	}
	if _, err := digest.Shortest([]digest.Digest{c}, []digest.Digest{a, b}); !errors.Is(err, digest.ErrNotFound) {
		t.Error("unknown key:", err)
	}
	for _, all := range [][]digest.Digest{{b, a}, {a, a}} {
		if _, err := digest.Shortest([]digest.Digest{a}, all); err == nil || errors.Is(err, digest.ErrNotFound) {
			t.Error("not a sorted set:", err)
		}
	}
}

func TestPrefixesOfADigest(t *testing.T) {
	d := parse(t, hex64)
	for n, want := range map[int]digest.Prefix{-1: "0011", 4: "0011", 5: "00112", 63: digest.Prefix(hex64[:63]), 99: digest.Prefix(hex64[:63])} {
		if got := d.Abbreviate(n); got != want {
			t.Error(n, got)
		}
	}
	for p, want := range map[digest.Prefix]bool{"0011": true, "00112233445566778899AABB": true, hex64: true, "0012": false, "001": false, "": false, "zzzz": false} {
		if d.HasPrefix(p) != want {
			t.Error(p)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"", "abc", "ab12", "AB12", hex64, hex64[:63], hex64 + "0", "zzzz", "ab\x0012", "../../x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := digest.ParseKey(s)
		if err != nil {
			if !errors.Is(err, digest.ErrMalformed) && !errors.Is(err, digest.ErrTooShort) {
				t.Fatal(err)
			}
			return
		}
		if key.String() != strings.ToLower(s) {
			t.Fatalf("%q became %q", s, key)
		}
		if again, err := digest.ParseKey(key.String()); err != nil || again != key {
			t.Fatal(again, err)
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{"", `"`, hex64, `"` + hex64 + `"`, strings.Repeat("x", 32), "null", `"abc"`, "{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var fromText, fromJSON, scanned digest.Digest
		if err := fromText.UnmarshalText(text); err == nil && fromText.String() != strings.ToLower(string(text)) {
			t.Fatalf("%q became %s", text, fromText)
		}
		if err := scanned.Scan(text); err == nil && len(text) != digest.Size && scanned != fromText {
			t.Fatalf("%q became %s", text, scanned)
		}
		if err := json.Unmarshal(text, &fromJSON); err == nil && string(text) != "null" {
			if again, err := json.Marshal(fromJSON); err != nil || len(again) != 66 {
				t.Fatal(string(again), err)
			}
		}
	})
}
