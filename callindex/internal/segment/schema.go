package segment

import (
	"io"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/quivercache/quiver/digest"
)

// stored is a row as a table has it: its fields and their tags are the schema of docs/format.md. Rows are written and read by columns, never as values of it.
type stored struct {
	Name           string           `parquet:"name,dict"`
	Module         string           `parquet:"module,optional,dict"`
	Key            digest.Digest    `parquet:"key,uncompressed"` // what is random is read as it lies there
	VersionInteger int64            `parquet:"version_integer,optional,dict"`
	VersionText    string           `parquet:"version_text,optional,dict"`
	Code           digest.Digest    `parquet:"code,optional,dict"`
	Arguments      []storedArgument `parquet:"arguments,list"`
	Result         digest.Digest    `parquet:"result,optional"`
	Parts          []digest.Digest  `parquet:"parts,list"`
	Metadata       string           `parquet:"metadata,optional,json,plain"`
	Saved          int64            `parquet:"saved,timestamp(nanosecond:utc),delta"`
	Seq            int64            `parquet:"seq,dict"`
	Write          [16]byte         `parquet:"write,uncompressed"`
}

type storedArgument struct {
	Name   string        `parquet:"name,dict"`
	Digest digest.Digest `parquet:"digest,dict"`
}

var schema = parquet.NewSchema("row", parquet.SchemaOf(stored{}))

// specified is the schema as files have it.
var specified = sync.OnceValue(func() thrift.Slice[format.SchemaElement] {
	w := parquet.NewGenericWriter[any](io.Discard, schema)
	if err := w.Close(); err != nil {
		panic(err) // there is nothing that it could fail to write
	}
	return w.File().Metadata().Schema
})

// The columns of a table, in its order.
const (
	colName = iota
	colModule
	colKey
	colVersionInteger
	colVersionText
	colCode
	colArgumentName
	colArgumentDigest
	colResult
	colParts
	colMetadata
	colSaved
	colSeq
	colWrite
	columns
)

// formatKey is the name of the format in a table's metadata.
const formatKey = "quiver.segment"
