package segment

import (
	"encoding/binary"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// excerpt is what Parquet says of one row group of a table: where the pages of its metadata lie, then the end of a file that has that row group alone. A table of a million rows has 128
// row groups, and who wants one row needs one of them: decoding the metadata of all takes twice as long as reading that row.
func excerpt(file *format.FileMetaData, i int, index []byte) ([]byte, error) {
	g := &file.RowGroups[i]
	one := format.FileMetaData{
		Version: file.Version, Schema: file.Schema, NumRows: g.NumRows, KeyValueMetadata: file.KeyValueMetadata, ColumnOrders: file.ColumnOrders,
		RowGroups: thrift.Slice[format.RowGroup]{{TotalByteSize: g.TotalByteSize, NumRows: g.NumRows, TotalCompressedSize: g.TotalCompressedSize}},
	}
	for j := range g.Columns {
		c, m := &g.Columns[j], &g.Columns[j].MetaData
		of := format.ColumnChunk{FileOffset: c.FileOffset, MetaData: format.ColumnMetaData{
			Type: m.Type, Encoding: m.Encoding, PathInSchema: m.PathInSchema, Codec: m.Codec, NumValues: m.NumValues,
			TotalUncompressedSize: m.TotalUncompressedSize, TotalCompressedSize: m.TotalCompressedSize, DataPageOffset: m.DataPageOffset, DictionaryPageOffset: m.DictionaryPageOffset,
			Statistics: format.Statistics{NullCount: m.Statistics.NullCount},
		}}
		if j == colMetadata {
			of.OffsetIndexOffset, of.OffsetIndexLength = c.OffsetIndexOffset, c.OffsetIndexLength
		}
		one.RowGroups[0].Columns = append(one.RowGroups[0].Columns, of)
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &one)
	if err != nil {
		return nil, err
	}
	b := append(append([]byte(nil), index...), footer...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(footer))), parquetMagic...), nil
}

// opened is a row group whose excerpt was read.
type opened struct {
	chunks []*parquet.FileColumnChunk // a column's part of it each
	index  window                     // has where the pages of metadata lie
}

// open reads the excerpt of a row group.
func (g *group) open(tableSize int64) (o opened, err error) {
	file, err := parquet.OpenFile(window{tableSize - int64(len(g.excerpt)), g.excerpt}, tableSize, parquet.SkipMagicBytes(true), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return o, damaged("what its filter says of the row group: %v", err)
	}
	meta := file.Metadata()
	if text, _ := file.Lookup(formatKey); text != strconv.Itoa(Format) {
		if version, err := strconv.ParseInt(text, 10, 64); err == nil && version > Format {
			return o, &NewerError{version}
		}
		return o, damaged("a table of format %q", text)
	}
	if !reflect.DeepEqual(meta.Schema, specified()) {
		return o, damaged("the table does not have the columns of a segment")
	}
	if len(meta.RowGroups) != 1 || meta.RowGroups[0].NumRows != g.rows {
		return o, damaged("what its filter says of the row group is not about one of %d rows", g.rows)
	}
	for _, chunk := range file.RowGroups()[0].ColumnChunks() {
		o.chunks = append(o.chunks, chunk.(*parquet.FileColumnChunk))
	}
	c := &meta.RowGroups[0].Columns[colMetadata]
	if int64(c.OffsetIndexLength) > int64(len(g.excerpt)) || c.OffsetIndexLength < 1 {
		return o, damaged("it does not say where the pages of metadata lie")
	}
	o.index = window{c.OffsetIndexOffset, g.excerpt[:c.OffsetIndexLength]}
	return o, nil
}
