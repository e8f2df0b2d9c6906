package digest_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/digest"
)

func TestEqualModelsAndOnlyEqualOnesShareADigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := models(3).Draw(t, "a")
		b := changed(t, a)
		if rapid.Bool().Draw(t, "independent") {
			b = models(3).Draw(t, "b")
		}
		same := mustDynamic(t, a.goValue(drawn{t})) == mustDynamic(t, b.goValue(drawn{t}))
		if want := a.notation() == b.notation(); same != want {
			t.Fatalf("equal digests: %v, equal models: %v\n%s\n%s", same, want, a.notation(), b.notation())
		}
	})
}

func TestTheGoTypesOfOneModelDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := models(3).Draw(t, "model")
		plain, other := mustDynamic(t, m.goValue(plainest{})), mustDynamic(t, m.goValue(drawn{t}))
		if plain != other {
			t.Fatalf("%s: %s and %s", m.notation(), plain, other)
		}
	})
}

func TestAnyPartMayBeGivenAsItsDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := models(3).Draw(t, "model")
		replaced := m.withDigests(t)
		if a, b := mustDynamic(t, m.goValue(plainest{})), mustDynamic(t, replaced.goValue(plainest{})); a != b {
			t.Fatalf("%s: %s and, with digests for parts, %s", m.notation(), a, b)
		}
	})
}

// withDigests replaces some parts by their digests.
func (m model) withDigests(t *rapid.T) model {
	if rapid.IntRange(0, 3).Draw(t, "replace") == 0 {
		return model{kind: "digest", goes: mustDynamic(t, m.goValue(plainest{}))}
	}
	if m.kind == "named" {
		return m // its Go value is of a defined type, which has no room for a digest
	}
	m.parts = slices.Clone(m.parts)
	for i, p := range m.parts {
		m.parts[i] = p.withDigests(t)
	}
	return m
}

func mustDynamic(t interface{ Fatal(...any) }, v any) digest.Digest {
	d, err := dynamic(v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
