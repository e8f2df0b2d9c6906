package segment_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
)

// TestRowsComeBackAsTheyWere writes odd rows and reads them all. The summary says what is there.
func TestRowsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, w := oddSegment(t)
		checkSummary(t, rows, w)
		_, table := w.open(t)
		numbers, got, err := scan(table, all(table), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(rows) {
			t.Fatalf("%d rows of %d", len(got), len(rows))
		}
		for i := range rows {
			if numbers[i] != int64(i) || !reflect.DeepEqual(got[i], rows[i]) {
				t.Fatalf("row %d is\n%+v and was\n%+v", numbers[i], got[i], rows[i])
			}
		}
	})
}

// checkSummary holds what a manifest is told against the rows and the bytes.
func checkSummary(t *rapid.T, rows []*segment.Row, w *written) {
	want := segment.Summary{
		Rows: int64(len(rows)), Table: object(w.table), Filter: object(w.filter),
		First: rows[0].Position(), Last: rows[len(rows)-1].Position(), Saved: segment.Span{First: rows[0].Saved, Last: rows[0].Saved},
	}
	for _, r := range rows {
		want.Saved = segment.Span{First: min(want.Saved.First, r.Saved), Last: max(want.Saved.Last, r.Saved)}
		if !slices.Contains(want.Names, r.Name) {
			want.Names = append(want.Names, r.Name)
		}
	}
	h, table := w.open(t)
	want.Head = h.Keys().Offset
	if !reflect.DeepEqual(w.summary, want) {
		t.Fatalf("the summary is\n%+v, want\n%+v", w.summary, want)
	}
	if h.Rows() != want.Rows || h.TableSize() != want.Table.Size || h.FilterSize() != want.Filter.Size || h.Groups() != table.Groups() {
		t.Errorf("the head says %d rows, a table of %d bytes, a filter of %d", h.Rows(), h.TableSize(), h.FilterSize())
	}
	row, at := int64(0), int64(len("PAR1"))
	for g := range h.Groups() {
		first, n := h.GroupRows(g)
		if first != row || n < 1 || table.Range(g).Offset != at {
			t.Errorf("row group %d has %d rows from %d on, at %v", g, n, first, table.Range(g))
		}
		row, at = row+n, table.Range(g).End()
	}
}

func object(b []byte) segment.Object {
	return segment.Object{Size: int64(len(b)), SHA256: sha256.Sum256(b)}
}

func TestMoreThan64NamesAreNotListed(t *testing.T) {
	rows := make([]*segment.Row, segment.MaxNames+1)
	for i := range rows {
		rows[i] = &segment.Row{Name: strings.Repeat("f", i+1), Key: nth("key", i)}
	}
	if got := write(t, rows[1:]).summary.Names; len(got) != segment.MaxNames {
		t.Errorf("of %d names, %d are listed", segment.MaxNames, len(got))
	}
	if got := write(t, rows).summary.Names; got != nil {
		t.Errorf("of %d names, %d are listed", len(rows), len(got))
	}
}

func TestRowGroupsAreAsLargeAsTheTableWillBe(t *testing.T) {
	rows := make([]*segment.Row, 9000)
	for i := range rows {
		rows[i] = &segment.Row{Name: "f", Key: nth("key", i)}
	}
	rows = ordered(rows)
	for atMost, want := range map[int][]int64{len(rows): {4096, 4096, 808}, 1 << 16: {4096, 4096, 808}, 1<<16 + 1: {8192, 808}} {
		var table, filter bytes.Buffer
		if _, err := segment.Write(&table, &filter, atMost, sequence(rows)); err != nil {
			t.Fatal(err)
		}
		h, _ := (&written{table: table.Bytes(), filter: filter.Bytes()}).open(t)
		var got []int64
		for g := range h.Groups() {
			_, n := h.GroupRows(g)
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("at most %d rows: row groups of %d, want %d", atMost, got, want)
		}
	}
}

func TestRowsOfManyBytesEndARowGroup(t *testing.T) {
	rows := make([]*segment.Row, 17)
	for i := range rows {
		rows[i] = &segment.Row{Name: "f", Key: nth("key", i), Metadata: bytes.Repeat([]byte{' '}, 4<<20)}
	}
	rows = ordered(rows)
	h, table := write(t, rows).open(t)
	if h.Groups() != 2 {
		t.Errorf("%d MiB of rows are in %d row groups", 68, h.Groups())
	}
	_, got, err := scan(table, all(table), &segment.Predicate{Keys: []digest.Digest{rows[16].Key}}, nil)
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], rows[16]) {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

func TestRowsThatCannotBeWrittenAreRefused(t *testing.T) {
	a, b := &segment.Row{Name: "a"}, &segment.Row{Name: "b"}
	broken := errors.New("broken")
	failing := func(yield func(*segment.Row, error) bool) { _ = yield(a, nil) && yield(nil, broken) }
	for _, c := range []struct {
		name   string
		atMost int
		rows   iter.Seq2[*segment.Row, error]
		want   string
	}{
		{"none", 10, sequence(nil), "no rows"},
		{"no room for any", 0, sequence(nil), "1 to 1048576"},
		{"room for too many", segment.MaxRows + 1, sequence(nil), "1 to 1048576"},
		{"more than announced", 1, sequence([]*segment.Row{a, b}), "more rows than the 1"},
		{"out of order", 10, sequence([]*segment.Row{b, a}), "does not come after"},
		{"twice", 10, sequence([]*segment.Row{a, a}), "does not come after"},
		{"an error of the sequence", 10, failing, "broken"},
		{"no name", 10, sequence([]*segment.Row{{}}), "name"},
		{"a name that is no text", 10, sequence([]*segment.Row{{Name: "\xff"}}), "UTF-8"},
		{"an argument that is no text", 10, sequence([]*segment.Row{{Name: "a", Arguments: []segment.Argument{{Name: "\xff"}}}}), "UTF-8"},
		{"metadata that are no text", 10, sequence([]*segment.Row{{Name: "a", Metadata: []byte{0xff}}}), "UTF-8"},
		{"two versions", 10, sequence([]*segment.Row{{Name: "a", Version: segment.Version{Kind: segment.IntegerVersion, Text: "3"}}}), "version"},
		{"an unknown version", 10, sequence([]*segment.Row{{Name: "a", Version: segment.Version{Kind: 3}}}), "version"},
		{"too large", 10, sequence([]*segment.Row{{Name: "a", Metadata: make([]byte, 8<<20)}}), "more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := segment.Write(io.Discard, io.Discard, c.atMost, c.rows)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestAWriterThatFailsEndsIt(t *testing.T) {
	full := errors.New("full")
	rows := fleet(500, 3)
	for _, room := range []int64{0, 3, 10_000} {
		for name, into := range map[string][2]io.Writer{"table": {&limited{room, full}, io.Discard}, "filter": {io.Discard, &limited{room / 10, full}}} {
			if _, err := segment.Write(into[0], into[1], len(rows), sequence(rows)); !errors.Is(err, full) {
				t.Errorf("a %s with room for %d bytes: %v", name, room, err)
			}
		}
	}
}

// limited takes so many bytes and then fails.
type limited struct {
	left int64
	err  error
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= int64(len(b)); l.left < 0 {
		return 0, l.err
	}
	return len(b), nil
}
