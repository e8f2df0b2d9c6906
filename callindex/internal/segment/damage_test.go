package segment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/quivercache/quiver/callindex/internal/segment"
)

// small is a segment with all that a row can have, of three row groups, and its deletions.
func small(t fatal) ([]*segment.Row, *written) {
	t.Helper()
	rows := ordered([]*segment.Row{
		{Name: "f", Key: nth("key", 1), Saved: 1, Seq: 1},
		{Name: "f", Module: "m", Key: nth("key", 2), Version: segment.Version{Kind: segment.IntegerVersion, Integer: 3}, Saved: 2, Seq: 1, Result: nth("result", 1)},
		{Name: "f", Module: "m", Key: nth("key", 3), Version: segment.Version{Kind: segment.TextVersion, Text: "v3"}, Code: nth("code", 1), Saved: -3, Seq: 2,
			Arguments: []segment.Argument{{Name: "x", Digest: nth("x", 1)}, {Name: "y", Digest: nth("y", 1)}}},
		{Name: "g", Key: nth("key", 4), Result: nth("result", 2), Parts: nths("part", 2), Metadata: []byte(`{"tags":{"a":"é"}}`), Write: [16]byte{15: 1}},
		{Name: "g", Key: nth("key", 5), Arguments: []segment.Argument{{Name: "x", Digest: nth("x", 1)}}, Metadata: []byte(`{}`), Saved: 4},
	})
	var table, filter bytes.Buffer
	s, err := segment.WriteWith(&table, &filter, len(rows), sequence(rows), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	return rows, &written{table.Bytes(), filter.Bytes(), s}
}

// readAll reads a segment whose bytes need not be right: its rows, and whether its filters may have what the rows have.
func (w *written) readAll(rows []*segment.Row) ([]*segment.Row, error) {
	h, err := segment.ParseHead(w.filter)
	if err != nil {
		return nil, err
	}
	if int64(len(w.filter)) != h.FilterSize() || int64(len(w.table)) != h.TableSize() {
		return nil, segment.ErrDamaged // a manifest says how large they are
	}
	keys, err := segment.ParseKeys(w.filter[h.Keys().Offset:h.Keys().End()])
	if err != nil {
		return nil, err
	}
	blocks := make([]*segment.Filter, h.Groups())
	for g := range blocks {
		if blocks[g], err = segment.ParseBlock(w.filter[h.Block(g).Offset:h.Block(g).End()]); err != nil {
			return nil, err
		}
	}
	table := segment.OpenTable(h, bytes.NewReader(w.table))
	_, got, err := scan(table, all(table), nil, nil)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		of := blocks[groupOf(h, int64(i))]
		p := segment.Predicate{Result: &r.Result, Arguments: r.Arguments}
		if !keys.MayHave(segment.NumberOfKey(r.Key)) || !of.MayHave(segment.NumberOfKey(r.Key)) || !of.MayHaveAll(p.Numbers()) {
			return nil, errors.New("a filter does not know a row")
		}
	}
	return got, nil
}

func groupOf(h *segment.Head, row int64) int {
	for g := range h.Groups() {
		if first, n := h.GroupRows(g); row >= first && row < first+n {
			return g
		}
	}
	return -1
}

// TestEveryDamagedByteIsNoticed changes each byte of a segment in each bit. What is not noticed is what is not read.
func TestEveryDamagedByteIsNoticed(t *testing.T) {
	rows, w := small(t)
	h, table := w.open(t)
	if _, err := w.readAll(rows); err != nil {
		t.Fatal(err)
	}
	flips := []byte{1, 2, 4, 8, 16, 32, 64, 128, 255}
	for i := range w.filter {
		for _, flip := range flips {
			w.filter[i] ^= flip
			if _, err := w.readAll(rows); !errors.Is(err, segment.ErrDamaged) {
				t.Fatalf("byte %d of the filter is not noticed: %v", i, err)
			}
			w.filter[i] ^= flip
		}
	}
	unread := 0
	for i := range w.table {
		g := slices.IndexFunc(all(table), func(g int) bool { return int64(i) >= table.Range(g).Offset && int64(i) < table.Range(g).End() })
		if g < 0 {
			unread++ // the magic, and the end, which the head has
			continue
		}
		for _, flip := range flips {
			w.table[i] ^= flip
			if _, got, err := scan(table, []int{g}, nil, nil); !errors.Is(err, segment.ErrDamaged) || len(got) > 0 {
				t.Fatalf("byte %d of the table is not noticed: %d rows, %v", i, len(got), err)
			}
			w.table[i] ^= flip
		}
	}
	if want := len("PAR1") + int(h.TableSize()-table.Range(table.Groups()-1).End()); unread != want {
		t.Errorf("%d bytes of the table are not read, want %d", unread, want)
	}
}

// TestATableThatEndsEarlyIsDamaged cuts the table at many lengths.
func TestATableThatEndsEarlyIsDamaged(t *testing.T) {
	rows, w := small(t)
	h, table := w.open(t)
	end := table.Range(table.Groups() - 1).End()
	at := bytes.NewReader(nil)
	cut := segment.OpenTable(h, at)
	for size := int64(0); size < end; size += stride {
		at.Reset(w.table[:size])
		if _, _, err := scan(cut, all(cut), nil, nil); !errors.Is(err, segment.ErrDamaged) {
			t.Fatalf("a table of %d bytes: %v", size, err)
		}
	}
	at.Reset(w.table[:end])
	if _, got, err := scan(cut, all(cut), nil, nil); err != nil || len(got) != len(rows) {
		t.Errorf("without its end the table has %d rows, %v", len(got), err)
	}
}

// TestPartsOfAFilterThatAreCutAreDamaged cuts and changes what is read on its own.
func TestPartsOfAFilterThatAreCutAreDamaged(t *testing.T) {
	_, w := small(t)
	h, _ := w.open(t)
	for name, c := range map[string]struct {
		at    segment.Range
		parse func([]byte) error
	}{
		"head":  {segment.Range{Length: w.summary.Head}, func(b []byte) error { _, err := segment.ParseHead(b); return err }},
		"keys":  {h.Keys(), func(b []byte) error { _, err := segment.ParseKeys(b); return err }},
		"block": {h.Block(1), func(b []byte) error { _, err := segment.ParseBlock(b); return err }},
	} {
		whole := w.filter[c.at.Offset:c.at.End()]
		if err := c.parse(whole); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i := range whole {
			if err := c.parse(whole[:i]); !errors.Is(err, segment.ErrDamaged) {
				t.Fatalf("%d bytes of a %s: %v", i, name, err)
			}
		}
		if err := c.parse(append(slices.Clone(whole), 0)); name != "head" && !errors.Is(err, segment.ErrDamaged) {
			t.Errorf("a %s with a byte more: %v", name, err)
		}
	}
}

// TestWrongBytesWithRightChecksumsAreNoPanic changes bytes of the row groups and makes their checksums right: the library reads what it does not expect. What comes of it is an error, or rows.
func TestWrongBytesWithRightChecksumsAreNoPanic(t *testing.T) {
	rows, w := small(t)
	h, table := w.open(t)
	end := table.Range(table.Groups() - 1).End()
	noticed := 0
	for i := int64(0); i < end; i += stride {
		flip := []byte{1, 64, 255}[i/stride%3]
		w.table[i] ^= flip
		segment.Reseal(h, w.filter, w.table)
		if _, err := w.readAll(rows); errors.Is(err, segment.ErrDamaged) {
			noticed++
		} else if err != nil {
			t.Fatalf("byte %d: %v", i, err)
		}
		w.table[i] ^= flip
	}
	if noticed == 0 {
		t.Error("none was noticed: the checksums of pages are not looked at")
	}
}

// resealHead gives a head the checksum that its bytes would have.
func (w *written) resealHead() {
	size := binary.LittleEndian.Uint32(w.filter[8:])
	binary.LittleEndian.PutUint32(w.filter[size-4:], crc32.Checksum(w.filter[:size-4], crc32.MakeTable(crc32.Castagnoli)))
}

// TestAWrongHeadWithARightChecksumIsDamaged changes what a head says and makes its checksum right.
func TestAWrongHeadWithARightChecksumIsDamaged(t *testing.T) {
	put := binary.LittleEndian.PutUint32
	for name, change := range map[string]func(b []byte){
		"version 0":                         func(b []byte) { put(b[4:], 0) },
		"a table of no bytes":               func(b []byte) { put(b[12:], 0) },
		"a table of too many bytes":         func(b []byte) { put(b[16:], 1<<31) },
		"other rows":                        func(b []byte) { put(b[20:], 4) },
		"no row groups":                     func(b []byte) { put(b[32:], 0) },
		"a row group less":                  func(b []byte) { put(b[32:], 2) },
		"a row group more":                  func(b []byte) { put(b[32:], 4) },
		"too many row groups":               func(b []byte) { put(b[32:], 257) },
		"a row group without rows":          func(b []byte) { put(b[36:], 0) },
		"a row group of many rows":          func(b []byte) { put(b[36:], 8193) },
		"a row group of other rows":         func(b []byte) { put(b[36:], 1); put(b[20:], 4) },
		"a row group without bytes":         func(b []byte) { put(b[44:], 0) },
		"a row group of fewer bytes":        func(b []byte) { put(b[44:], 100) },
		"a row group of too many bytes":     func(b []byte) { put(b[44:], 1<<31) },
		"a row group with another checksum": func(b []byte) { b[48]++ },
		"a first name after the last":       func(b []byte) { b[69] = 'h' },
		"a name that is longer":             func(b []byte) { b[68] = 255 },
	} {
		rows, w := small(t)
		if w.filter[69] != 'f' {
			t.Fatal("the first name of a row group is not where it should be")
		}
		change(w.filter)
		w.resealHead()
		if _, err := w.readAll(rows); !errors.Is(err, segment.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnExcerptWithARightChecksumIsCheckedToo changes bytes of what a head says in Parquet's words. What comes of it is an error, or rows.
func TestAnExcerptWithARightChecksumIsCheckedToo(t *testing.T) {
	rows, w := small(t)
	noticed := 0
	for _, i := range excerptBytes(t, w) {
		w.filter[i] ^= 1
		w.resealHead()
		if _, err := w.readAll(rows); errors.Is(err, segment.ErrDamaged) {
			noticed++
		} else if later, ok := errors.AsType[*segment.NewerError](err); err != nil && (!ok || later.Found <= 1) {
			t.Fatalf("byte %d: %v", i, err)
		}
		w.filter[i] ^= 1
	}
	if noticed == 0 {
		t.Error("none was noticed")
	}
}

// excerptBytes are bytes of the first excerpt: of its schema, that is not taken for another.
func excerptBytes(t *testing.T, w *written) []int {
	var at []int
	start := bytes.Index(w.filter, []byte("version_integer"))
	if start < 0 {
		t.Fatal("there is no excerpt")
	}
	for i := start; i < start+200; i++ {
		at = append(at, i)
	}
	return at
}

func TestASegmentOfALaterVersionIsNotDamaged(t *testing.T) {
	rows, w := small(t)
	w.filter[4] = 2
	w.resealHead()
	_, err := w.readAll(rows)
	later, ok := errors.AsType[*segment.NewerError](err)
	if !ok || later.Found != 2 || errors.Is(err, segment.ErrDamaged) {
		t.Errorf("%v", err)
	}
	// The table says so too.
	_, w = small(t)
	at := bytes.Index(w.filter, []byte("quiver.segment\x18\x011"))
	if at < 0 {
		t.Fatal("the metadata of the table does not say which format it has")
	}
	w.filter[at+len("quiver.segment\x18\x01")] = '2'
	w.resealHead()
	_, err = w.readAll(rows)
	if later, ok := errors.AsType[*segment.NewerError](err); !ok || later.Found != 2 {
		t.Errorf("%v", err)
	}
}
