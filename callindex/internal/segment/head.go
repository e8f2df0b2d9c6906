package segment

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/quivercache/quiver/digest"
)

const (
	magic     = "QFIL"
	headFixed = 36 // bytes of a head before its row groups
	headLeast = headFixed + checksum

	// MaxRows is how many rows a table has at the most.
	MaxRows = 1 << 20
	// MaxGroups is how many row groups a table has at the most.
	MaxGroups = 256

	maxGroupRows = 8192
	maxGroupSize = 128 << 20 // bytes
	maxTextSize  = 255       // bytes of a text in a head
)

// Head is the start of a filter: where its parts and the table's row groups lie, and what is needed to choose and to read these. It keeps the bytes that it was parsed from.
type Head struct {
	size      int64
	tableSize int64
	rows      int64
	keys      int64 // bytes
	groups    []group
}

// group is what a head says of a row group.
type group struct {
	first, rows int64  // the number of its first row in the table, and how many there are
	table       Range  // of its bytes in the table
	sum         uint32 // their CRC-32C
	block       Range  // of its filter
	saved       Span
	low, high   Position // its first and its last row, or positions before the one and after the other where their texts are long
	excerpt     []byte   // of the table's metadata: what Parquet says of the row group
}

// Range is where bytes lie in an object.
type Range struct{ Offset, Length int64 }

// End is the offset of the first byte after the range.
func (r Range) End() int64 { return r.Offset + r.Length }

// ParseHead reads a head from the first bytes of a filter: all of its head at least. What is none is ErrDamaged, what a later version wrote a *NewerError. It keeps the bytes.
func ParseHead(b []byte) (*Head, error) {
	if len(b) < headLeast || string(b[:4]) != magic {
		return nil, damaged("it does not begin as a filter does")
	}
	size := uint64(binary.LittleEndian.Uint32(b[8:]))
	if size < headLeast || size > uint64(len(b)) {
		return nil, damaged("a head of %d bytes in %d", size, len(b))
	}
	body := b[: size-checksum : size-checksum]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[len(body):]) {
		return nil, damaged("the checksum of the head is not that of its bytes")
	}
	if version := binary.LittleEndian.Uint32(b[4:]); version > Format {
		return nil, &NewerError{int64(version)}
	} else if version < Format {
		return nil, damaged("a filter of version %d", version)
	}
	f := fields{b: body[12:]}
	h := &Head{size: int64(size), tableSize: int64(f.uint64()), rows: int64(f.uint64()), keys: int64(f.uint32())}
	n := f.uint32()
	if n < 1 || n > MaxGroups {
		return nil, damaged("a table of %d row groups", n)
	}
	h.groups = make([]group, n)
	row, at, block := int64(0), int64(len(parquetMagic)), h.size+h.keys
	for i := range h.groups {
		g := &h.groups[i]
		f.group(g)
		if f.bad || g.rows < 1 || g.rows > maxGroupRows || g.table.Length < 1 || g.table.Length > maxGroupSize || g.low.Compare(g.high) > 0 {
			return nil, damaged("row group %d has %d rows in %d bytes", i, g.rows, g.table.Length)
		}
		g.first, g.table.Offset, g.block.Offset = row, at, block
		row, at, block = row+g.rows, g.table.End(), g.block.End()
	}
	if len(f.b) > 0 || row > MaxRows || row != h.rows || at >= h.tableSize {
		return nil, damaged("row groups of %d rows in %d bytes are not a table of %d in %d", row, at, h.rows, h.tableSize)
	}
	return h, nil
}

// fields reads numbers and texts. Beyond the end it is bad, and they are empty.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) bytes(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.b, f.bad = nil, true
		return make([]byte, digest.Size)
	}
	b := f.b[:n:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) uint32() uint32 { return binary.LittleEndian.Uint32(f.bytes(4)) }
func (f *fields) uint64() uint64 { return binary.LittleEndian.Uint64(f.bytes(8)) }
func (f *fields) text() string   { return string(f.bytes(int(f.bytes(1)[0]))) }

func (f *fields) group(g *group) {
	g.rows, g.block.Length, g.table.Length, g.sum = int64(f.uint32()), int64(f.uint32()), int64(f.uint32()), f.uint32()
	g.saved = Span{int64(f.uint64()), int64(f.uint64())}
	g.low = Position{f.text(), f.text(), digest.Digest(f.bytes(digest.Size))}
	g.high = Position{f.text(), f.text(), digest.Digest(f.bytes(digest.Size))}
	g.excerpt = f.bytes(int(f.uint32()))
}

// Rows is how many rows the table has.
func (h *Head) Rows() int64 { return h.rows }

// Groups is how many row groups the table has, 1 to MaxGroups.
func (h *Head) Groups() int { return len(h.groups) }

// GroupRows is the number of the first row of a row group, from 0 on, and how many there are.
func (h *Head) GroupRows(group int) (first, n int64) {
	return h.groups[group].first, h.groups[group].rows
}

// Keys is where the filter over all keys lies in the filter's object.
func (h *Head) Keys() Range { return Range{h.size, h.keys} }

// Block is where the filter of a row group lies in the filter's object.
func (h *Head) Block(group int) Range { return h.groups[group].block }

// FilterSize is how many bytes the filter's object has.
func (h *Head) FilterSize() int64 { return h.groups[len(h.groups)-1].block.End() }

// TableSize is how many bytes the table has.
func (h *Head) TableSize() int64 { return h.tableSize }

// appendHead appends the head of a filter.
func appendHead(b []byte, tableSize int64, rows int64, keys int, groups []group) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, Format)
	b = binary.LittleEndian.AppendUint32(b, 0) // its size, which is not known yet
	b = binary.LittleEndian.AppendUint64(b, uint64(tableSize))
	b = binary.LittleEndian.AppendUint64(b, uint64(rows))
	b = binary.LittleEndian.AppendUint32(b, uint32(keys))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(groups)))
	for i := range groups {
		g := &groups[i]
		b = binary.LittleEndian.AppendUint32(b, uint32(g.rows))
		b = binary.LittleEndian.AppendUint32(b, uint32(g.block.Length))
		b = binary.LittleEndian.AppendUint32(b, uint32(g.table.Length))
		b = binary.LittleEndian.AppendUint32(b, g.sum)
		b = binary.LittleEndian.AppendUint64(b, uint64(g.saved.First))
		b = binary.LittleEndian.AppendUint64(b, uint64(g.saved.Last))
		b = append(appendLow(appendLow(b, g.low.Name), g.low.Module), g.low.Key[:]...)
		b = append(appendHigh(appendHigh(b, g.high.Name), g.high.Module), g.high.Key[:]...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(g.excerpt)))
		b = append(b, g.excerpt...)
	}
	binary.LittleEndian.PutUint32(b[start+8:], uint32(len(b)-start+checksum))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// appendLow appends a text, or one before it where it is long.
func appendLow(b []byte, text string) []byte {
	text = text[:min(len(text), maxTextSize)]
	return append(append(b, byte(len(text))), text...)
}

// appendHigh appends a text, or one after it where it is long: no text has a byte of ff.
func appendHigh(b []byte, text string) []byte {
	if len(text) > maxTextSize {
		text = text[:maxTextSize-1] + "\xff"
	}
	return append(append(b, byte(len(text))), text...)
}
