package segment_test

import (
	"bytes"
	"cmp"
	"errors"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"github.com/quivercache/quiver/callindex/internal/segment"
)

// foreign is a table by a writer that does not keep to docs/format.md, and has the right checksums all the same.
type foreign struct {
	row   func(parquet.Row) parquet.Row // changes values of a row
	index func(*format.OffsetIndex)     // changes where the pages of metadata are
	page  int                           // bytes of a page
}

func table[V any](t *testing.T, f foreign, rows ...V) *segment.Table {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[V](&b, parquet.Compression(&zstd.Codec{}), parquet.KeyValueMetadata("quiver.segment", "1"),
		parquet.NewSchema("row", parquet.SchemaOf(rows[0])), parquet.PageBufferSize(cmp.Or(f.page, 1<<10)))
	for _, r := range rows {
		row := w.Schema().Deconstruct(nil, r) // the library writes Go values of this schema wrongly
		if f.row != nil {
			row = f.row(row)
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if f.index == nil {
		f.index = func(*format.OffsetIndex) {}
	}
	h, err := segment.HeadOf(b.Bytes(), f.index)
	if err != nil {
		t.Fatal(err)
	}
	return segment.OpenTable(h, bytes.NewReader(b.Bytes()))
}

// TestTablesThatDoNotKeepToTheFormatAreDamaged reads tables whose checksums are right and whose rows cannot be.
func TestTablesThatDoNotKeepToTheFormatAreDamaged(t *testing.T) {
	a, b := segment.Stored{Name: "a", Key: nth("key", 1)}, segment.Stored{Name: "b", Key: nth("key", 2)}
	two := segment.Stored{Name: "c", VersionInteger: 3, VersionText: "v3"}
	another := func(row parquet.Row) parquet.Row {
		for i, v := range row {
			if v.Column() == 7 {
				row[i] = parquet.FixedLenByteArrayValue(a.Key[:]).Level(0, 1, 7)
			}
		}
		return row
	}
	beyond := func(index *format.OffsetIndex) {
		index.PageLocations = append(index.PageLocations, index.PageLocations[0])
		index.PageLocations[1].FirstRowIndex = 1
	}
	backwards := func(index *format.OffsetIndex) { index.PageLocations[0].FirstRowIndex = 1 }
	for name, c := range map[string]struct {
		table *segment.Table
		want  string // empty: it is right
	}{
		"one that does":   {table(t, foreign{}, a, b), ""},
		"out of order":    {table(t, foreign{}, b, a), "come after"},
		"a row twice":     {table(t, foreign{}, a, a), "come after"},
		"two versions":    {table(t, foreign{}, a, two), "two versions"},
		"pages of a row":  {table(t, foreign{page: 1}, a, b), "a page of 1 values in 1 rows"},
		"more digests":    {table(t, foreign{row: another}, a, b), "as many digests"},
		"a page too many": {table(t, foreign{index: beyond}, a, b), "a page of 2 rows where there should be 1"},
		"no first page":   {table(t, foreign{index: backwards}, a, b), "its pages begin at"},
		"a column too many": {table(t, foreign{}, struct {
			segment.Stored
			Another int64
		}{a, 1}), "columns of a segment"},
	} {
		_, rows, err := scan(c.table, []int{0}, nil, nil)
		switch {
		case c.want == "":
			if err != nil || len(rows) != 2 {
				t.Errorf("%s: %d rows, %v", name, len(rows), err)
			}
		case !errors.Is(err, segment.ErrDamaged) || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
