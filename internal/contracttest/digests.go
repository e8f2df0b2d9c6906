package contracttest

import (
	"errors"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/digest"
)

// A digest is SHA-256 in 64 lower-case hex characters; a digest digests to itself; containers are built from their parts' digests.
func testDigest(t *testing.T, s *subject) {
	d := mustPut(t, s, []int{1, 2, 3})
	if d != mustDigest(t, []int{1, 2, 3}) || len(d.String()) != 64 || d.String() != strings.ToLower(d.String()) {
		t.Errorf("saved under %v", d)
	}
	if mustDigest(t, d) != d {
		t.Error("a digest does not digest to itself")
	}
	parts := []any{mustDigest(t, 1), 2, mustDigest(t, 3)}
	if mustDigest(t, parts) != d {
		t.Error("a part given as its digest has another outcome")
	}
	_, err := digest.Of(map[string]any{"callback": []any{0, func() {}}})
	var indigestible *quiver.IndigestibleError
	if !errors.As(err, &indigestible) || !strings.Contains(indigestible.Path, "callback") {
		t.Errorf("a function: %v", err)
	}
}

// Any prefix of 4 to 63 hex characters is accepted wherever a key is; upper case is folded.
func testShortDigest(t *testing.T, s *subject) {
	d := mustPut(t, s, "value")
	for _, n := range []int{4, 12, 63} {
		for _, text := range []string{d.String()[:n], strings.ToUpper(d.String()[:n])} {
			var got string
			if err := s.Values.Load(t.Context(), digest.Prefix(text), &got); err != nil || got != "value" {
				t.Errorf("Load(%s) = %q, %v", text, got, err)
			}
		}
	}
	for _, bad := range []string{"wxyz", strings.Repeat("0", 65)} {
		if _, err := digest.ParseKey(bad); !errors.Is(err, digest.ErrMalformed) {
			t.Errorf("ParseKey(%s) = %v", bad, err)
		}
	}
}

// None is not found, one is it, two are ambiguous, and the message says how many characters are needed.
func testResolvePrefix(t *testing.T, _ *subject) {
	a, errA := digest.Parse("aaaabbbbcc0" + strings.Repeat("0", 53))
	b, errB := digest.Parse("aaaabbbbcc1" + strings.Repeat("0", 53))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if _, err := digest.Resolve("aaaa", nil); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("of none: %v", err)
	}
	if got, err := digest.Resolve("aaaa", []digest.Digest{a}); err != nil || got != a {
		t.Errorf("of one: %v, %v", got, err)
	}
	if _, err := digest.Resolve("aaaa", []digest.Digest{a, b}); err == nil || !strings.Contains(err.Error(), "need at least 11 characters") {
		t.Errorf("of two: %v", err)
	}
}
