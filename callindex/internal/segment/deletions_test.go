package segment_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex/internal/segment"
)

func TestDeletionsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(0, segment.MaxRows-1))).Draw(t, "rows")
		d := (*segment.Deletions)(nil).With(rows...)
		b, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := segment.DecodeDeletions(b, segment.MaxRows)
		if err != nil {
			t.Fatal(err)
		}
		want := map[int64]bool{}
		for _, row := range rows {
			want[row] = true
		}
		if back.Len() != int64(len(want)) {
			t.Fatalf("%d rows of %d", back.Len(), len(want))
		}
		for _, row := range append(rows, 0, 1, 100, segment.MaxRows-1) {
			if back.Has(row) != want[row] {
				t.Fatalf("row %d: %v", row, back.Has(row))
			}
		}
		again, err := back.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("the same rows have other bytes: %v", err)
		}
	})
}

func TestFurtherDeletionsLeaveTheOldOnesAlone(t *testing.T) {
	var none *segment.Deletions
	first := none.With(1, 2)
	second := first.With(2, 3)
	if b, err := none.Encode(); err != nil {
		t.Error(err)
	} else if back, err := segment.DecodeDeletions(b, 1); err != nil || back.Len() != 0 {
		t.Errorf("%d rows, %v", back.Len(), err)
	}
	if none.Len() != 0 || none.Has(1) || first.Len() != 2 || first.Has(3) || second.Len() != 3 || !second.Has(1) || second.Has(-1) || second.Has(1<<32+1) {
		t.Errorf("%d, %d and %d rows", none.Len(), first.Len(), second.Len())
	}
}

// TestDeletionsAreInThePortableFormat reads and writes them by the library alone.
func TestDeletionsAreInThePortableFormat(t *testing.T) {
	bitmap := roaring.BitmapOf(1, 5, 70_000)
	b, err := bitmap.ToBytes()
	if err != nil {
		t.Fatal(err)
	}
	d, err := segment.DecodeDeletions(b, 70_001)
	if err != nil || d.Len() != 3 || !d.Has(70_000) {
		t.Errorf("%v", err)
	}
	ours, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back := roaring.New()
	if err := back.UnmarshalBinary(ours); err != nil || !slices.Equal(back.ToArray(), bitmap.ToArray()) {
		t.Errorf("%d, %v", back.ToArray(), err)
	}
}

func TestDamagedDeletionsAreNoticed(t *testing.T) {
	d := (*segment.Deletions)(nil).With(1, 2, 3, 100, 70_000)
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"nothing":           nil,
		"a byte more":       append(slices.Clone(b), 0),
		"not a bitmap":      []byte("not a bitmap"),
		"rows out of order": {0x3a, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 2, 0, 1, 0},
	} {
		if _, err := segment.DecodeDeletions(damaged, segment.MaxRows); !errors.Is(err, segment.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range b {
		if _, err := segment.DecodeDeletions(b[:i], segment.MaxRows); !errors.Is(err, segment.ErrDamaged) {
			t.Errorf("%d bytes: %v", i, err)
		}
	}
	if _, err := segment.DecodeDeletions(b, 70_000); !errors.Is(err, segment.ErrDamaged) {
		t.Errorf("a row that is not there: %v", err)
	}
	if _, err := segment.DecodeDeletions(b, 70_001); err != nil {
		t.Error(err)
	}
}
