package segment_test

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/FastFilter/xorfilter"
	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
)

// TestNumbersAreThoseOfTheSpecification computes them as docs/format.md does.
func TestNumbersAreThoseOfTheSpecification(t *testing.T) {
	d := nth("d", 1)
	number := func(tag string) uint64 {
		n := binary.LittleEndian.Uint64(d[:])
		if tag != "" {
			constant := sha256.Sum256([]byte(tag))
			n ^= binary.LittleEndian.Uint64(constant[:])
		}
		return n
	}
	for what, got := range map[string]uint64{
		"": segment.NumberOfKey(d), "quiver filter result 1": segment.NumberOfResult(d),
		"quiver filter argument 1\x00x": segment.NumberOfArgument("x", d), "quiver filter argument 1\x00é": segment.NumberOfArgument("é", d),
	} {
		if got != number(what) {
			t.Errorf("%q: %016x, want %016x", what, got, number(what))
		}
	}
}

// TestFiltersKnowAllThatIsThere holds that a filter has no false no, whatever the rows share.
func TestFiltersKnowAllThatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, w := oddSegment(t)
		h, _ := w.open(t)
		keys, err := segment.ParseKeys(w.filter[h.Keys().Offset:h.Keys().End()])
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			of := block(t, w, h, groupOf(h, int64(i)))
			p := segment.Predicate{Result: &r.Result, Arguments: r.Arguments}
			if !keys.MayHave(segment.NumberOfKey(r.Key)) || !of.MayHave(segment.NumberOfKey(r.Key)) || !of.MayHaveAll(p.Numbers()) {
				t.Fatalf("row %d is not known", i)
			}
			if got := of.Keys([]digest.Digest{r.Key}); !slices.Equal(got, []digest.Digest{r.Key}) {
				t.Fatalf("row %d is not known by its key", i)
			}
		}
	})
}

// TestFiltersSeldomKnowWhatIsNotThere bounds the false positives: 1 in 256 of a block, 1 in 65,536 of keys.
func TestFiltersSeldomKnowWhatIsNotThere(t *testing.T) {
	w := write(t, fleet(9000, 5))
	h, _ := w.open(t)
	keys, err := segment.ParseKeys(w.filter[h.Keys().Offset:h.Keys().End()])
	if err != nil {
		t.Fatal(err)
	}
	r := newRandom(7)
	const probes = 1 << 18
	inKeys, inBlock := 0, 0
	of := block(t, w, h, 1)
	for range probes {
		d := randomDigest(r)
		if keys.MayHave(segment.NumberOfKey(d)) {
			inKeys++
		}
		if of.MayHave(segment.NumberOfArgument("input", d)) {
			inBlock++
		}
	}
	// The means are 4 and 1,024; these are 6 standard deviations away.
	if inKeys > 16 || inBlock > 1216 || inBlock < 832 {
		t.Errorf("of %d, %d keys and %d arguments may be there", probes, inKeys, inBlock)
	}
	// A row of another kind with the same digest is not there either.
	_, table := w.open(t)
	_, rows, err := scan(table, []int{1}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	confused := 0
	for _, row := range rows {
		if of.MayHave(segment.NumberOfResult(row.Key)) || of.MayHave(segment.NumberOfArgument("model", row.Arguments[0].Digest)) {
			confused++
		}
	}
	if confused > len(rows)/50 {
		t.Errorf("%d of %d digests may be there as what they are not", confused, len(rows))
	}
}

// TestFiltersAreReadAsTheirLibraryDoes compares answers with those of the library that builds them.
func TestFiltersAreReadAsTheirLibraryDoes(t *testing.T) {
	w := write(t, fleet(5000, 5))
	h, _ := w.open(t)
	b := w.filter[h.Block(0).Offset:h.Block(0).End()]
	u32 := binary.LittleEndian.Uint32
	theirs := xorfilter.BinaryFuse[uint8]{
		Seed: binary.LittleEndian.Uint64(b), SegmentLength: u32(b[8:]), SegmentLengthMask: u32(b[8:]) - 1, SegmentCount: u32(b[12:]),
		SegmentCountLength: u32(b[8:]) * u32(b[12:]), Fingerprints: b[20 : 20+u32(b[16:])],
	}
	ours := block(t, w, h, 0)
	r := newRandom(3)
	for range 100_000 {
		n := r.Uint64()
		if ours.MayHave(n) != theirs.Contains(n) {
			t.Fatalf("number %016x: %v, and the library says %v", n, ours.MayHave(n), theirs.Contains(n))
		}
	}
}

func TestNumbersThatArePartOfAPredicate(t *testing.T) {
	zero, result := digest.Digest{}, nth("result", 1)
	for name, c := range map[string]struct {
		p    segment.Predicate
		want []uint64
	}{
		"none":            {segment.Predicate{Name: "f"}, nil},
		"without result":  {segment.Predicate{Result: &zero}, nil},
		"any value":       {segment.Predicate{Arguments: []segment.Argument{{Name: "x"}}}, nil},
		"result and args": {segment.Predicate{Result: &result, Arguments: []segment.Argument{{Name: "x", Digest: result}}}, []uint64{segment.NumberOfResult(result), segment.NumberOfArgument("x", result)}},
	} {
		if got := c.p.Numbers(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %x, want %x", name, got, c.want)
		}
	}
}
