package segment

import (
	"bytes"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
)

// Deletions is which rows of a table count no more, by their numbers. It is not changed once it is made. A nil *Deletions is none.
type Deletions struct{ rows *roaring.Bitmap }

// With is the deletions and further ones.
func (d *Deletions) With(rows ...int64) *Deletions {
	all := roaring.New()
	if d != nil {
		all = d.rows.Clone()
	}
	for _, row := range rows {
		all.Add(uint32(row)) // a table has fewer
	}
	return &Deletions{all}
}

// Len is how many rows are deleted.
func (d *Deletions) Len() int64 {
	if d == nil {
		return 0
	}
	return int64(d.rows.GetCardinality())
}

// Rows are the deleted rows, by their numbers, in ascending order.
func (d *Deletions) Rows() []uint32 {
	if d == nil {
		return nil
	}
	return d.rows.ToArray()
}

// Has says whether a row is deleted.
func (d *Deletions) Has(row int64) bool {
	return d != nil && row >= 0 && row < MaxRows && d.rows.Contains(uint32(row))
}

// Encode is the deletions as a RoaringBitmap in its portable format.
func (d *Deletions) Encode() ([]byte, error) {
	small := d.With().rows
	small.RunOptimize()
	b, err := small.ToBytes()
	if err != nil {
		return nil, fmt.Errorf("encoding the deletions of %d rows: %w", d.Len(), err)
	}
	return b, nil
}

// DecodeDeletions reads the deletions of a table of so many rows. What is none is ErrDamaged.
func DecodeDeletions(b []byte, rows int64) (*Deletions, error) {
	all := roaring.New()
	n, err := all.ReadFrom(bytes.NewReader(b)) // a copy, whatever becomes of b
	if err == nil {
		err = all.Validate()
	}
	switch {
	case err != nil:
		return nil, damaged("its deletions: %v", err)
	case n != int64(len(b)):
		return nil, damaged("its deletions have %d bytes, followed by %d", n, int64(len(b))-n)
	case !all.IsEmpty() && int64(all.Maximum()) >= rows:
		return nil, damaged("row %d of %d is deleted", all.Maximum(), rows)
	}
	return &Deletions{all}, nil
}

// drop drops the deleted rows of a row group.
func (d *Deletions) drop(s *selection, first, n int64) {
	if d == nil {
		return
	}
	deleted := d.rows.Iterator()
	deleted.AdvanceIfNeeded(uint32(first))
	for deleted.HasNext() {
		row := int64(deleted.Next()) - first
		if row >= n {
			return
		}
		s.drop(int(row))
	}
}
