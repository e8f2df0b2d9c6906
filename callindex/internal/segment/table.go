package segment

import (
	"fmt"
	"hash/crc32"
	"io"
)

// Table is a table being read. Its methods may be called from many goroutines.
type Table struct {
	head *Head
	at   io.ReaderAt
}

// OpenTable is the table whose filter has a head and whose bytes are at hand. It reads none of them.
func OpenTable(h *Head, at io.ReaderAt) *Table { return &Table{h, at} }

// Groups is how many row groups the table has.
func (t *Table) Groups() int { return len(t.head.groups) }

// Range is where a row group lies in the table. Those of successive row groups adjoin. Scan reads just that, at once.
func (t *Table) Range(group int) Range { return t.head.groups[group].table }

// Prune returns the row groups that may have rows that are wanted, ascending, as far as names, modules, keys and times tell. It reads nothing.
func (t *Table) Prune(p *Predicate) []int {
	var may []int
	for i := range t.head.groups {
		if p.mayMatch(&t.head.groups[i]) {
			may = append(may, i)
		}
	}
	return may
}

// window is some bytes of a table, where they lie in it.
type window struct {
	offset int64
	bytes  []byte
}

func (w window) ReadAt(b []byte, offset int64) (int, error) {
	at := offset - w.offset
	if at < 0 || at > int64(len(w.bytes)) {
		return 0, io.EOF
	}
	n := copy(b, w.bytes[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// read reads the bytes of a row group, into memory that is used again, and checks them.
func (t *Table) read(g *group, buffer *[]byte) (window, error) {
	if int64(cap(*buffer)) < g.table.Length {
		*buffer = make([]byte, g.table.Length)
	}
	b := (*buffer)[:g.table.Length]
	n, err := t.at.ReadAt(b, g.table.Offset)
	switch {
	case n < len(b) && err == io.EOF:
		return window{}, damaged("the table ends before byte %d", g.table.End())
	case n < len(b):
		return window{}, fmt.Errorf("reading %d bytes of the table at %d: %w", len(b), g.table.Offset, err)
	case crc32.Checksum(b, castagnoli) != g.sum:
		return window{}, damaged("the checksum of the row group at byte %d of the table is not that of its bytes", g.table.Offset)
	}
	return window{g.table.Offset, b}, nil
}

// guard makes damage of a panic: the library has some for bytes that it does not expect. Checksums tell most damage before that.
func guard(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged("the library gave up on it: %v", p)
		}
	}()
	return read()
}
