package segment_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/internal/parquettest"
)

// wholeFile opens a table as any reader of Parquet does, from its own bytes.
func wholeFile(t *testing.T, w *written) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(w.table), int64(len(w.table)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const specified = `message row {
	required binary name (STRING);
	optional binary module (STRING);
	required fixed_len_byte_array(32) key;
	optional int64 version_integer (INT(64,true));
	optional binary version_text (STRING);
	optional fixed_len_byte_array(32) code;
	required group arguments (LIST) {
		repeated group list {
			required group element {
				required binary name (STRING);
				required fixed_len_byte_array(32) digest;
			}
		}
	}
	optional fixed_len_byte_array(32) result;
	required group parts (LIST) {
		repeated group list {
			required fixed_len_byte_array(32) element;
		}
	}
	optional binary metadata (JSON);
	required int64 saved (TIMESTAMP(isAdjustedToUTC=true,unit=NANOS));
	required int64 seq (INT(64,true));
	required fixed_len_byte_array(16) write;
}`

func TestATableIsAsSpecified(t *testing.T) {
	f := wholeFile(t, write(t, fleet(5000, 5)))
	if got := f.Schema().String(); got != specified {
		t.Errorf("the schema is\n%s", got)
	}
	if version, _ := f.Lookup("quiver.segment"); version != "1" {
		t.Errorf("quiver.segment is %q", version)
	}
	dictionaries := []int{0, 1, 3, 4, 5, 6, 7, 12}
	for i, g := range f.Metadata().RowGroups {
		if want := (thrift.Slice[format.SortingColumn]{{ColumnIdx: 0}, {ColumnIdx: 1, NullsFirst: true}, {ColumnIdx: 2}}); !reflect.DeepEqual(g.SortingColumns, want) {
			t.Errorf("row group %d is sorted by %+v", i, g.SortingColumns)
		}
		for j, c := range g.Columns {
			codec := format.Zstd
			if j == 2 || j == 13 { // key and write
				codec = format.Uncompressed
			}
			switch {
			case c.MetaData.BloomFilterOffset != 0:
				t.Errorf("column %d has a bloom filter, with which DuckDB has found no rows", j)
			case c.MetaData.Codec != codec:
				t.Errorf("column %d is compressed by %v", j, c.MetaData.Codec)
			case c.ColumnIndexOffset == 0 || c.OffsetIndexOffset == 0:
				t.Errorf("column %d has no page index", j)
			case slices.Contains(c.MetaData.Encoding, format.RLEDictionary) != slices.Contains(dictionaries, j):
				t.Errorf("column %d is encoded by %v", j, c.MetaData.Encoding)
			}
		}
	}
	if err := parquettest.Bounds(f); err != nil {
		t.Error(err)
	}
	pages(t, f, func(column int, header format.PageHeader) {
		if header.CRC == 0 {
			t.Errorf("a page of column %d has no checksum", column)
		}
	})
}

func TestColumnsHaveOnePageARowGroupButForMetadata(t *testing.T) {
	f := wholeFile(t, write(t, fleet(5000, 5)))
	n := map[int]int{}
	pages(t, f, func(column int, header format.PageHeader) {
		if header.Type != format.DictionaryPage {
			n[column]++
		}
	})
	for column := range 14 {
		want := 2
		if column == 10 { // 4,096 rows and 904, by 1,024
			want = 5
		}
		if n[column] != want {
			t.Errorf("column %d has %d pages, want %d", column, n[column], want)
		}
	}
}

// pages shows the headers of all pages.
func pages(t *testing.T, f *parquet.File, each func(column int, header format.PageHeader)) {
	t.Helper()
	var protocol thrift.CompactProtocol
	for _, g := range f.Metadata().RowGroups {
		for i, c := range g.Columns {
			at := c.MetaData.DataPageOffset
			if c.MetaData.DictionaryPageOffset > 0 {
				at = c.MetaData.DictionaryPageOffset
			}
			b := make([]byte, c.MetaData.TotalCompressedSize)
			if _, err := f.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			for len(b) > 0 {
				var header format.PageHeader
				r := protocol.NewReaderFromBytes(b)
				if err := thrift.NewDecoder(r).Decode(&header); err != nil {
					t.Fatal(err)
				}
				each(i, header)
				b = b[r.BytesRead()+int(header.CompressedPageSize):]
			}
		}
	}
}

// TestOthersReadTheSameRows reads a table by the library's row reader, which knows Parquet and nothing of segments.
func TestOthersReadTheSameRows(t *testing.T) {
	rows, w := small(t)
	r := parquet.NewReader(wholeFile(t, w))
	defer r.Close()
	got := make([]parquet.Row, len(rows)+1)
	if n, err := r.ReadRows(got); n != len(rows) || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%d rows of %d, %v", n, len(rows), err)
	}
	for i, want := range rows {
		var r segment.Row
		var names []string
		var digests []digest.Digest
		for _, v := range got[i] {
			if v.IsNull() {
				continue
			}
			switch column := v.Column(); column {
			case 0:
				r.Name = string(v.ByteArray())
			case 1:
				r.Module = string(v.ByteArray())
			case 2:
				r.Key = digest.Digest(v.ByteArray())
			case 3:
				r.Version = segment.Version{Kind: segment.IntegerVersion, Integer: v.Int64()}
			case 4:
				r.Version = segment.Version{Kind: segment.TextVersion, Text: string(v.ByteArray())}
			case 5:
				r.Code = digest.Digest(v.ByteArray())
			case 6:
				names = append(names, string(v.ByteArray()))
			case 7:
				digests = append(digests, digest.Digest(v.ByteArray()))
			case 8:
				r.Result = digest.Digest(v.ByteArray())
			case 9:
				r.Parts = append(r.Parts, digest.Digest(v.ByteArray()))
			case 10:
				r.Metadata = bytes.Clone(v.ByteArray())
			case 11:
				r.Saved = v.Int64()
			case 12:
				r.Seq = v.Int64()
			case 13:
				r.Write = [16]byte(v.ByteArray())
			default:
				t.Errorf("a value of column %d", column)
			}
		}
		for j := range names {
			r.Arguments = append(r.Arguments, segment.Argument{Name: names[j], Digest: digests[j]})
		}
		if !reflect.DeepEqual(&r, want) {
			t.Errorf("row %d is\n%+v and was\n%+v", i, r, want)
		}
	}
}

var update = flag.Bool("update", false, "write the files of testdata/format/v1 anew: only before a version that reads them is released")

// TestFilesOfEveryVersionAreRead reads what earlier versions have written.
func TestFilesOfEveryVersionAreRead(t *testing.T) {
	folder := filepath.Join("testdata", "format", "v1")
	if *update {
		rows, w := small(t)
		text, err := json.MarshalIndent(rows, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		deletions, err := (*segment.Deletions)(nil).With(1, 3).Encode()
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"small.parquet": w.table, "small.filter": w.filter, "small.deletions": deletions, "small.json": text} {
			if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	w := &written{table: read("small.parquet"), filter: read("small.filter")}
	var rows []*segment.Row
	if err := json.Unmarshal(read("small.json"), &rows); err != nil {
		t.Fatal(err)
	}
	got, err := w.readAll(rows)
	if err != nil || !slices.EqualFunc(got, rows, func(a, b *segment.Row) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("%d rows of %d, %v", len(got), len(rows), err)
	}
	skip, err := segment.DecodeDeletions(read("small.deletions"), int64(len(rows)))
	if err != nil {
		t.Fatal(err)
	}
	_, table := w.open(t)
	numbers, _, err := scan(table, all(table), &segment.Predicate{First: digest.Digest{}}, skip)
	if err != nil || !slices.Equal(numbers, []int64{0, 2, 4}) {
		t.Errorf("rows %d are left, %v", numbers, err)
	}
}
