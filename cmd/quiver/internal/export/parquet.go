package export

import (
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// A row group ends at so many rows, or bytes of them before compression: it is kept in memory until it is written, and readers want large ones.
const (
	groupRows = 1 << 16
	groupSize = 64 << 20
)

// parquetFile is a Parquet file under way.
type parquetFile struct {
	file               *parquet.GenericWriter[row]
	mostRows, mostSize int // of a row group
	rows, size         int // of the row group so far
}

// Parquet writes a Parquet file.
func Parquet(w io.Writer) Writer { return parquetInGroups(w, groupRows, groupSize) }

func parquetInGroups(w io.Writer, rows, size int) Writer {
	return &parquetFile{mostRows: rows, mostSize: size, file: parquet.NewGenericWriter[row](w,
		parquet.NewSchema("call", parquet.SchemaOf(row{})),
		parquet.Compression(&codec{}),
		parquet.DataPageVersion(1),        // not all readers know the second
		parquet.DataPageStatistics(false), // those of a row group, and the page index, are enough
	)}
}

// Write implements Writer.
func (f *parquetFile) Write(key digest.Digest, r *callindex.Record) error {
	call, err := rowOf(key, r)
	if err != nil {
		return err
	}
	if _, err := f.file.Write([]row{call}); err != nil {
		return err
	}
	f.rows++
	f.size += call.size()
	if f.rows < f.mostRows && f.size < f.mostSize {
		return nil
	}
	f.rows, f.size = 0, 0
	return f.file.Flush()
}

// Close implements Writer.
func (f *parquetFile) Close() error { return f.file.Close() }

// size is about how many bytes the row has.
func (r *row) size() int {
	const fixed = 16 // of the version and the time
	n := fixed + len(r.Name) + len(r.Module) + len(r.Key) + len(r.Code) + len(r.Result) + len(r.Metadata)
	for _, a := range r.Arguments {
		n += len(a.Name) + len(a.Digest)
	}
	return n + len(r.Parts)*len(r.Key)
}
