package gc

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/digest"
)

// keyOf is a key that begins with one number and ends with another.
func keyOf(begins uint64, ends byte) (d digest.Digest) {
	binary.BigEndian.PutUint64(d[:8], begins)
	d[31] = ends
	return d
}

func filled(t interface{ Fatalf(string, ...any) }, dir string, all []digest.Digest) *keys {
	k, err := newKeys(dir)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for i, key := range all {
		if err := k.add(entry{key, int64(i), time.Unix(int64(i), 5)}); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if err := k.seal(true); err != nil {
		t.Fatalf("%v", err)
	}
	return k
}

func (k *keys) allFound() (found []digest.Digest) {
	_ = k.all(func(i int, e entry) error {
		if k.isFound(i) {
			found = append(found, e.key)
		}
		return nil
	})
	return found
}

// TestWhatIsFoundIsWhatWasLookedFor: among keys of which many begin with the same 8 bytes.
func TestWhatIsFoundIsWhatWasLookedFor(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		all := rapid.SliceOfDistinct(rapid.Custom(func(r *rapid.T) digest.Digest {
			return keyOf(1<<20+uint64(rapid.IntRange(0, 5).Draw(r, "begins")), byte(rapid.IntRange(0, 9).Draw(r, "ends")))
		}), func(d digest.Digest) digest.Digest { return d }).Draw(r, "keys")
		slices.SortFunc(all, digest.Digest.Compare)
		k := filled(r, dir, all)
		defer k.close()
		var want []digest.Digest
		for i, key := range all {
			if rapid.Bool().Draw(r, "wanted") {
				k.find(key, uint32(i))
				want = append(want, key)
			}
		}
		for _, other := range []uint64{1 << 19, 1<<20 + 6, 1 << 63} {
			k.find(keyOf(other, 0), always) // none of them
		}
		if found := k.allFound(); !slices.Equal(found, want) {
			r.Fatalf("found %v, not %v", found, want)
		}
		k.forget()
		if len(k.allFound()) > 0 {
			r.Fatal("it does not forget")
		}
	})
}

func TestWhatIsFoundMayBeginInOneChunkAndEndInTheNext(t *testing.T) {
	for _, from := range []int{chunkSize - 5, chunkSize} {
		var all []digest.Digest
		for i := range from {
			all = append(all, keyOf(uint64(i), 0))
		}
		for ends := range byte(10) {
			all = append(all, keyOf(1<<20, ends))
		}
		k := filled(t, t.TempDir(), all)
		for _, key := range all[from-2:] {
			if numbers := slices.Collect(k.numbers(key)); len(numbers) != 1 || all[numbers[0]] != key {
				t.Errorf("%s has the numbers %v", key, numbers)
			}
		}
		k.find(keyOf(1<<20, 99), 0)
		if found := k.allFound(); !slices.Equal(found, all[from:]) {
			t.Errorf("found %v", found)
		}
		if err := k.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAKeyThatIsNotThereStandsForThoseThatBeginAsItDoes(t *testing.T) {
	k := filled(t, t.TempDir(), []digest.Digest{keyOf(1, 1), keyOf(2, 1), keyOf(2, 2)})
	defer k.close()
	k.find(keyOf(2, 9), 7)
	if found := k.allFound(); !slices.Equal(found, []digest.Digest{keyOf(2, 1), keyOf(2, 2)}) {
		t.Errorf("found %v", found)
	}
}

func TestTheLatestTimeCounts(t *testing.T) {
	k := filled(t, t.TempDir(), []digest.Digest{keyOf(1, 1), keyOf(2, 1)})
	defer k.close()
	for _, minute := range []uint32{5, 9, 3} {
		k.find(keyOf(2, 1), minute)
	}
	if a, b := k.latest[0].Load(), k.latest[1].Load(); a != 0 || b != 9 {
		t.Errorf("the latest are %d and %d", a, b)
	}
}

func TestKeysComeBackAsTheyWere(t *testing.T) {
	var all []digest.Digest
	for i := range 3 * chunkSize / 2 {
		all = append(all, keyOf(uint64(i), byte(i)))
	}
	k := filled(t, t.TempDir(), all)
	if len(k.chunks) != 2 {
		t.Errorf("%d chunks", len(k.chunks))
	}
	n := 0
	err := k.all(func(i int, e entry) error {
		if i != n || e.key != all[i] || e.size != int64(i) || !e.time.Equal(time.Unix(int64(i), 5)) {
			t.Fatalf("key %d is %+v", i, e)
		}
		n++
		return nil
	})
	if err != nil || n != len(all) {
		t.Errorf("%d keys, %v", n, err)
	}
	stop := errors.New("stop")
	if err := k.all(func(int, entry) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	if err := k.file.Truncate(100); err != nil {
		t.Fatal(err)
	}
	if err := k.all(func(int, entry) error { return nil }); err == nil {
		t.Error("a file that was cut is no error")
	}
	if err := k.close(); err != nil {
		t.Error(err)
	}
}
