package segment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/quivercache/quiver/callindex/internal/segment"
)

// damagedOr fails on an error that is neither damage nor of a later version.
func damagedOr(t *testing.T, err error) {
	t.Helper()
	if later, ok := errors.AsType[*segment.NewerError](err); err != nil && !errors.Is(err, segment.ErrDamaged) && (!ok || later.Found < 2) {
		t.Fatalf("%v", err)
	}
}

// sealed is bytes of which the last four are the checksum of the others: a fuzzer does not find them.
func sealed(b []byte) []byte {
	b = bytes.Clone(b)
	if n := len(b) - 4; n >= 0 {
		binary.LittleEndian.PutUint32(b[n:], crc32.Checksum(b[:n], crc32.MakeTable(crc32.Castagnoli)))
	}
	return b
}

func FuzzParseHead(f *testing.F) {
	_, w := small(f)
	f.Add(w.filter)
	f.Add(w.filter[:w.summary.Head])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := segment.ParseHead(b)
		if damagedOr(t, err); err == nil {
			table := segment.OpenTable(h, bytes.NewReader(nil))
			_, _, err = scan(table, all(table), nil, nil)
			damagedOr(t, err)
		}
		if len(b) < 12 {
			return
		}
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
		h, err = segment.ParseHead(sealed(b))
		if damagedOr(t, err); err != nil {
			return
		}
		row, at := int64(0), h.Keys().End()
		for g := range h.Groups() {
			first, n := h.GroupRows(g)
			if first != row || n < 1 || h.Block(g).Offset != at {
				t.Errorf("row group %d has rows %d to %d, a filter at %v", g, first, n, h.Block(g))
			}
			row, at = first+n, h.Block(g).End()
		}
		if row != h.Rows() || at != h.FilterSize() {
			t.Errorf("%d rows of %d, %d bytes of %d", row, h.Rows(), at, h.FilterSize())
		}
	})
}

func fuzzFilter(f *testing.F, seed []byte, parse func([]byte) (*segment.Filter, error)) {
	f.Add(seed, uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, number uint64) {
		for _, b := range [][]byte{b, sealed(b)} {
			filter, err := parse(b)
			if damagedOr(t, err); err == nil {
				for i := range uint64(64) {
					filter.MayHave(number * (i + 1))
				}
			}
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	_, w := small(f)
	h, _ := w.open(f)
	fuzzFilter(f, w.filter[h.Keys().Offset:h.Keys().End()], segment.ParseKeys)
}

func FuzzParseBlock(f *testing.F) {
	_, w := small(f)
	h, _ := w.open(f)
	fuzzFilter(f, w.filter[h.Block(0).Offset:h.Block(0).End()], segment.ParseBlock)
}

// FuzzScan reads row groups whose bytes are changed in places, and whose checksums are right all the same.
func FuzzScan(f *testing.F) {
	_, w := small(f)
	h, opened := w.open(f)
	end := opened.Range(opened.Groups() - 1).End()
	f.Add([]byte{0, 10, 1})
	f.Add([]byte{1, 0, 255, 1, 1, 255, 1, 2, 255})
	f.Fuzz(func(t *testing.T, changes []byte) {
		table, filter := bytes.Clone(w.table), bytes.Clone(w.filter)
		for ; len(changes) >= 3; changes = changes[3:] {
			table[(int64(changes[0])<<8|int64(changes[1]))%end] ^= changes[2]
		}
		segment.Reseal(h, filter, table)
		_, err := (&written{table: table, filter: filter}).readAll(nil)
		damagedOr(t, err)
	})
}

func FuzzDecodeDeletions(f *testing.F) {
	for _, rows := range [][]int64{nil, {1, 2, 3, 9}, {5, 70_000}} {
		b, err := (*segment.Deletions)(nil).With(rows...).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	_, w := small(f)
	_, table := w.open(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := segment.DecodeDeletions(b, 100_000)
		if damagedOr(t, err); err != nil {
			return
		}
		n := int64(0)
		for row := range int64(100_000) {
			if d.Has(row) {
				n++
			}
		}
		if n != d.Len() {
			t.Errorf("%d rows of %d are deleted", n, d.Len())
		}
		if _, _, err := scan(table, all(table), nil, d); err != nil {
			t.Error(err)
		}
	})
}
