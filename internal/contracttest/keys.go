package contracttest

import (
	"errors"
	"slices"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// An AmbiguousDigestError has the prefix, both candidates, and the length that is needed.
func testAmbiguous(t *testing.T, s *subject) {
	first, second := collide(t, s)
	need := digest.CommonPrefix(first, second) + 1
	prefix := digest.Prefix(first.String()[:4])
	var ambiguous *quiver.AmbiguousError
	_, err := s.Values.Expand(t.Context(), prefix)
	if !errors.As(err, &ambiguous) || ambiguous.Prefix != prefix || ambiguous.Candidates != [2]digest.Digest{first, second} || ambiguous.Need != need {
		t.Errorf("Expand = %v", err)
	}
	if _, err := s.Values.Contains(t.Context(), prefix); !errors.As(err, &ambiguous) {
		t.Errorf("Contains = %v", err)
	}
	if err := s.Values.Evict(t.Context(), prefix); !errors.As(err, &ambiguous) {
		t.Errorf("Evict = %v", err)
	}
	var v any
	if err := s.Values.Load(t.Context(), prefix, &v); !errors.As(err, &ambiguous) {
		t.Errorf("Load = %v", err)
	}
}

// collide saves two values whose digests begin with the same 4 characters, and returns these in order.
func collide(t *testing.T, s *subject) (first, second digest.Digest) {
	t.Helper()
	seen := map[string]int{}
	for i := range 100_000 {
		start := mustDigest(t, i).String()[:4]
		if other, ok := seen[start]; ok {
			first, second = mustPut(t, s, other), mustPut(t, s, i)
			if first.Compare(second) > 0 {
				first, second = second, first
			}
			return first, second
		}
		seen[start] = i
	}
	t.Fatal("no two digests of 100,000 begin alike")
	return first, second
}

// No such key, and a prefix of fewer than 4 characters.
func testKeyError(t *testing.T, s *subject) {
	mustPut(t, s, "something")
	for _, key := range []digest.Key{digest.OfBytes([]byte("nothing")), digest.Prefix("ab"), digest.Prefix("")} {
		var v any
		for name, err := range map[string]error{
			"value load":  s.Values.Load(t.Context(), key, &v),
			"value evict": s.Values.Evict(t.Context(), key),
			"call evict":  s.Calls.Evict(t.Context(), key),
			"call load":   func() error { _, err := s.Calls.Load(t.Context(), key); return err }(),
			"shrink":      func() error { _, err := s.Values.Shrink(t.Context(), key); return err }(),
		} {
			if !errors.Is(err, quiver.ErrNotFound) {
				t.Errorf("%s of %q: %v", name, key, err)
			}
		}
	}
}

func testList(t *testing.T, s *subject) {
	var want []digest.Digest
	for i := range 30 {
		want = append(want, mustPut(t, s, i))
	}
	slices.SortFunc(want, digest.Digest.Compare)
	var got []digest.Digest
	for d, err := range s.Values.List(t.Context(), digest.Digest{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d)
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %d of %d keys", len(got), len(want))
	}
	for d, err := range s.Values.List(t.Context(), want[10]) {
		if err != nil || d != want[11] {
			t.Errorf("resumed with %v, %v", d, err)
		}
		break
	}
	for d, err := range s.Calls.List(t.Context(), digest.Digest{}) {
		t.Errorf("the calls have %v, %v", d, err)
	}
}

func testEvict(t *testing.T, s *subject) {
	value, call := mustPut(t, s, 1), mustSave(t, s, &callindex.Record{Call: callindex.Call{Name: "f"}})
	for i, key := range []digest.Key{value, digest.Prefix(call.String()[:8])} {
		evict, contains := s.Values.Evict, s.Values.Contains
		if i == 1 {
			evict, contains = s.Calls.Evict, s.Calls.Contains
		}
		if err := evict(t.Context(), key); err != nil {
			t.Error(err)
		}
		if there, err := contains(t.Context(), key); there || err != nil {
			t.Errorf("after Evict: Contains = %v, %v", there, err)
		}
		if err := evict(t.Context(), key); !errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("Evict again = %v", err)
		}
	}
}

func testContains(t *testing.T, s *subject) {
	d := mustPut(t, s, 1)
	for _, c := range []struct {
		key  digest.Key
		want bool
	}{{d, true}, {digest.Prefix(d.String()[:10]), true}, {digest.OfBytes([]byte("x")), false}, {digest.Prefix("0123456789"), false}, {digest.Prefix("01"), false}} {
		if got, err := s.Values.Contains(t.Context(), c.key); got != c.want || err != nil {
			t.Errorf("Contains(%v) = %v, %v", c.key, got, err)
		}
	}
}

func testExpand(t *testing.T, s *subject) {
	d := mustPut(t, s, 1)
	for _, key := range []digest.Key{d, digest.Prefix(d.String()), digest.Prefix(d.String()[:4])} {
		if got, err := s.Values.Expand(t.Context(), key); err != nil || got != d {
			t.Errorf("Expand(%v) = %v, %v", key, got, err)
		}
	}
	unknown := digest.OfBytes([]byte("unknown"))
	if got, err := s.Values.Expand(t.Context(), unknown); err != nil || got != unknown {
		t.Errorf("a full digest does not come back unchanged: %v, %v", got, err)
	}
}

func testShrink(t *testing.T, s *subject) {
	first, second := collide(t, s)
	third := mustPut(t, s, "third")
	got, err := s.Values.Shrink(t.Context(), second, third, digest.Prefix(first.String()[:20]))
	if err != nil {
		t.Fatal(err)
	}
	n := digest.CommonPrefix(first, second) + 1
	want := []digest.Prefix{digest.Prefix(second.String()[:n]), digest.Prefix(third.String()[:4]), digest.Prefix(first.String()[:n])}
	if !slices.Equal(got, want) {
		t.Errorf("Shrink = %v, want %v", got, want)
	}
	if _, err := s.Values.Shrink(t.Context(), first, digest.OfBytes([]byte("unknown"))); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("an unknown key: %v", err)
	}
}

// The same prefix naming two different digests in values and calls is ambiguous; the longer of two shrunk forms is the safe one.
func testTogether(t *testing.T, s *subject) {
	seen := map[string]int{} // values by what their digests begin with
	for i := range 2000 {
		seen[mustDigest(t, i).String()[:4]] = i
	}
	for i := range 100_000 {
		r := &callindex.Record{Call: callindex.Call{Name: "f", Version: callindex.IntVersion(int64(i))}}
		key := mustKey(t, &r.Call)
		v, ok := seen[key.String()[:4]]
		if !ok {
			continue
		}
		mustSave(t, s, r)
		value := mustPut(t, s, v)
		prefix := digest.Prefix(key.String()[:4])
		if got, err := s.Calls.Expand(t.Context(), prefix); err != nil || got != key {
			t.Errorf("among calls alone: %v, %v", got, err)
		}
		var ambiguous *quiver.AmbiguousError
		if _, err := s.Expand(t.Context(), prefix); !errors.As(err, &ambiguous) {
			t.Errorf("among both: %v", err)
		}
		short, err := s.Shrink(t.Context(), key)
		if err != nil || len(short[0]) != digest.CommonPrefix(key, value)+1 {
			t.Errorf("Shrink = %v, %v", short, err)
		}
		return
	}
	t.Fatal("no call begins like a value")
}
