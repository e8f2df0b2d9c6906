package segment

import (
	"bytes"
	"hash/crc32"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// WriteWith is Write with row groups, and pages of metadata, of so many rows.
var WriteWith = write

// Stored is a row as a table has it, and as another writer may write it.
type Stored = stored

// Reseal gives a filter the checksums of a table's row groups as they are now: what a writer with other ideas would have written.
func Reseal(h *Head, filter, table []byte) {
	for i := range h.groups {
		g := &h.groups[i]
		g.sum = crc32.Checksum(table[g.table.Offset:g.table.End()], castagnoli)
	}
	copy(filter, appendHead(nil, h.tableSize, h.rows, int(h.keys), h.groups))
}

// HeadOf is the head that the filter of a table by another writer, of one row group, would have. It says of pages of metadata what change makes of it.
func HeadOf(table []byte, change func(*format.OffsetIndex)) (*Head, error) {
	file, err := parquet.OpenFile(bytes.NewReader(table), int64(len(table)))
	if err != nil {
		return nil, err
	}
	meta := file.Metadata()
	c := &meta.RowGroups[0].Columns[colMetadata]
	index := file.OffsetIndexes()[colMetadata]
	change(&index)
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &index)
	if err != nil {
		return nil, err
	}
	c.OffsetIndexLength = int32(len(b))
	of, err := excerpt(meta, 0, b)
	if err != nil {
		return nil, err
	}
	at := Range{int64(len(parquetMagic)), meta.RowGroups[0].TotalCompressedSize}
	g := group{rows: meta.NumRows, table: at, sum: crc32.Checksum(table[at.Offset:at.End()], castagnoli), high: Position{Name: "\xff"}, excerpt: of}
	return ParseHead(appendHead(nil, int64(len(table)), meta.NumRows, 0, []group{g}))
}
