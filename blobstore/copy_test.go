package blobstore_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
)

func TestACopyIsTheValueUnderItsKey(t *testing.T) {
	from, to := newBench(t, nil), newBench(t, nil)
	for _, size := range []int{0, 300, 3 << 20} {
		value := noise(1, size)
		key := must(from.SaveBytes(t.Context(), value))
		for range 2 {
			if err := from.CopyTo(t.Context(), to.Store, key); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := to.bothWays(key); err != nil || !bytes.Equal(got, value) {
			t.Errorf("the copy of %d bytes: %d bytes, %v", size, len(got), err)
		}
	}
	typed := must(from.Save(t.Context(), map[string]int{"a": 1}, nil))
	if err := from.CopyTo(t.Context(), to.Store, typed); err != nil {
		t.Fatal(err)
	}
	if got, err := blobstore.LoadAs[map[string]int](t.Context(), to.Store, typed); err != nil || got["a"] != 1 {
		t.Errorf("the copy of a map: %v, %v", got, err)
	}
}

func TestWhatIsMissingOrDamagedIsNotCopied(t *testing.T) {
	from, to := newBench(t, nil), newBench(t, nil)
	for name, key := range map[string]digest.Digest{
		"missing":       digest.OfBytes([]byte("nothing")),
		"small damaged": broken(from, noise(1, 300), 200),
		"large damaged": broken(from, noise(1, 3<<20), 200),
	} {
		if err := from.CopyTo(t.Context(), to.Store, key); !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if there, err := to.Contains(t.Context(), key); there || err != nil {
			t.Errorf("%s: Contains = %v, %v", name, there, err)
		}
	}
}
