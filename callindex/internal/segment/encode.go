package segment

import (
	"bufio"
	"hash/crc32"
	"io"
	"strconv"
	"sync"
	"unsafe"

	compress "github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

const (
	// metadataRows and metadataSize bound a page of metadata: who looks for one row decompresses all that share its page. Other columns have one page a row group.
	metadataRows = 1024
	metadataSize = 1 << 20
)

// codec is the library's, with encoders that stay: its own, of megabytes each, are in a pool that every garbage collection empties.
type codec struct{ zstd.Codec }

// compressors are as many as work at once. A faster level costs 2 bytes a row, the next better one saves 0.2.
var compressors = sync.OnceValues(func() (*compress.Encoder, error) {
	return compress.NewWriter(nil, compress.WithEncoderLevel(compress.SpeedDefault), compress.WithEncoderConcurrency(4), compress.WithZeroFrames(true), compress.WithEncoderCRC(false))
})

func (*codec) Encode(dst, src []byte) ([]byte, error) {
	c, err := compressors()
	if err != nil {
		return nil, err
	}
	return c.EncodeAll(src, dst[:0]), nil
}

// encoder writes a table.
type encoder struct {
	out      *recorder
	table    *parquet.GenericWriter[any]
	pageRows int // of metadata
	values   []parquet.Value
}

func newEncoder(table io.Writer, pageRows int) *encoder {
	out := &recorder{out: bufio.NewWriterSize(table, 32<<10)}
	return &encoder{out: out, pageRows: pageRows, table: parquet.NewGenericWriter[any](out, schema,
		parquet.Compression(&codec{}),
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("name"), parquet.NullsFirst(parquet.Ascending("module")), parquet.Ascending("key"))),
		parquet.KeyValueMetadata(formatKey, strconv.Itoa(Format)),
		parquet.PageBufferSize(1<<10), parquet.WriteBufferSize(0), // a page ends where we say
		parquet.DataPageStatistics(false), // those of a row group are enough
	)}
}

// group writes a row group, column by column, and returns how many bytes it has, and their checksum.
func (e *encoder) group(rows []Row) (size int64, sum uint32, err error) {
	e.out.size, e.out.sum = 0, 0
	for i, column := range e.table.ColumnWriters() {
		e.values = e.values[:0]
		bytes, from := 0, 0
		for j := range rows {
			r := &rows[j]
			if i == colMetadata && (j-from == e.pageRows || j > from && bytes+len(r.Metadata) > metadataSize) {
				if err := e.page(column); err != nil {
					return 0, 0, err
				}
				bytes, from = 0, j
			}
			bytes += len(r.Metadata)
			e.values = appendValues(e.values, r, i)
		}
		if err := e.page(column); err != nil {
			return 0, 0, err
		}
	}
	err = e.table.Flush()
	return e.out.size, e.out.sum, err
}

// page writes a page of the values.
func (e *encoder) page(column *parquet.ColumnWriter) error {
	if _, err := column.WriteRowValues(e.values); err != nil {
		return err
	}
	e.values = e.values[:0]
	return column.Flush()
}

// finish writes the end of the table and returns the excerpts of its metadata, one of each row group.
func (e *encoder) finish() ([][]byte, error) {
	end := e.out.written
	e.out.ending = true
	if err := e.table.Close(); err != nil {
		return nil, err
	}
	if _, err := e.out.out.Write(e.out.end); err != nil {
		return nil, err
	}
	file := e.table.File().Metadata()
	excerpts := make([][]byte, len(file.RowGroups))
	for i := range excerpts {
		c := &file.RowGroups[i].Columns[colMetadata]
		index := e.out.end[c.OffsetIndexOffset-end:][:c.OffsetIndexLength]
		var err error
		if excerpts[i], err = excerpt(file, i, index); err != nil {
			return nil, err
		}
	}
	return excerpts, e.out.out.Flush()
}

// appendValues appends what a column has of a row.
func appendValues(values []parquet.Value, r *Row, column int) []parquet.Value {
	switch column {
	case colName:
		return append(values, textOf(r.Name).Level(0, 0, column))
	case colModule:
		return appendOptional(values, textOf(r.Module), r.Module != "", column)
	case colKey:
		return append(values, parquet.FixedLenByteArrayValue(r.Key[:]).Level(0, 0, column))
	case colVersionInteger:
		return appendOptional(values, parquet.Int64Value(r.Version.Integer), r.Version.Kind == IntegerVersion, column)
	case colVersionText:
		return appendOptional(values, textOf(r.Version.Text), r.Version.Kind == TextVersion, column)
	case colCode:
		return appendOptional(values, parquet.FixedLenByteArrayValue(r.Code[:]), !r.Code.IsZero(), column)
	case colArgumentName:
		return appendList(values, len(r.Arguments), func(i int) parquet.Value { return textOf(r.Arguments[i].Name) }, column)
	case colArgumentDigest:
		return appendList(values, len(r.Arguments), func(i int) parquet.Value { return parquet.FixedLenByteArrayValue(r.Arguments[i].Digest[:]) }, column)
	case colResult:
		return appendOptional(values, parquet.FixedLenByteArrayValue(r.Result[:]), !r.Result.IsZero(), column)
	case colParts:
		return appendList(values, len(r.Parts), func(i int) parquet.Value { return parquet.FixedLenByteArrayValue(r.Parts[i][:]) }, column)
	case colMetadata:
		return appendOptional(values, parquet.ByteArrayValue(r.Metadata), len(r.Metadata) > 0, column)
	case colSaved:
		return append(values, parquet.Int64Value(r.Saved).Level(0, 0, column))
	case colSeq:
		return append(values, parquet.Int64Value(r.Seq).Level(0, 0, column))
	}
	return append(values, parquet.FixedLenByteArrayValue(r.Write[:]).Level(0, 0, column))
}

func appendOptional(values []parquet.Value, value parquet.Value, there bool, column int) []parquet.Value {
	if !there {
		return append(values, parquet.NullValue().Level(0, 0, column))
	}
	return append(values, value.Level(0, 1, column))
}

func appendList(values []parquet.Value, n int, at func(i int) parquet.Value, column int) []parquet.Value {
	if n == 0 {
		return append(values, parquet.NullValue().Level(0, 0, column))
	}
	for i := range n {
		values = append(values, at(i).Level(min(i, 1), 1, column))
	}
	return values
}

// textOf is a text as a value, which refers to it.
func textOf(s string) parquet.Value {
	return parquet.ByteArrayValue(unsafe.Slice(unsafe.StringData(s), len(s)))
}

// recorder is between the library and the table: it sums up row groups, and keeps the end.
type recorder struct {
	out     *bufio.Writer
	written int64
	size    int64  // of the row group
	sum     uint32 // of it
	ending  bool
	end     []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.ending {
		r.end = append(r.end, b...)
		return len(b), nil
	}
	if r.written > 0 { // the magic is no part of a row group
		r.sum = crc32.Update(r.sum, castagnoli, b)
		r.size += int64(len(b))
	}
	n, err := r.out.Write(b)
	r.written += int64(n)
	return n, err
}

// parquetMagic is what a table begins with, in a write of its own.
const parquetMagic = "PAR1"
