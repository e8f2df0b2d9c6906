package mem_test

import (
	"errors"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
)

func TestACopyIsTheObjectUnderAnotherKeyOrFailsAsTheContractSays(t *testing.T) {
	b, other := mem.New(nil), mem.New(nil)
	for key, content := range map[string]string{"k": "0123456789", "there": "something else"} {
		if err := b.Put(t.Context(), key, bucket.Bytes([]byte(content)), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Copy(t.Context(), b.Locate("k"), 10, "l"); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"k": "0123456789", "l": "0123456789", "there": "something else"} {
		if content, _, err := bucket.ReadAll(t.Context(), b, key, 100); string(content) != want || err != nil {
			t.Errorf("%s is %q, %v", key, content, err)
		}
	}
	for name, c := range map[string]struct {
		from bucket.Location
		key  string
		kind error
	}{
		"the original is missing": {b.Locate("missing"), "m", bucket.ErrNotFound},
		"there is one already":    {b.Locate("k"), "there", bucket.ErrExists},
		"the key is invalid":      {b.Locate("k"), "A", bucket.ErrInvalid},
		"it is elsewhere":         {other.Locate("k"), "m", bucket.ErrRefused},
	} {
		err := b.Copy(t.Context(), c.from, 10, c.key)
		failure, ok := errors.AsType[*bucket.Error](err)
		if !ok || failure.Verb != bucket.Copy || failure.Key != c.key || !errors.Is(failure.Kind, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, near := bucket.Near(b, other.Locate("k")); near {
		t.Error("two buckets in memory are near")
	}
}
