package export

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// columns are those of a CSV file: the same as a Parquet file's.
var columns = []string{"name", "module", "key", "version_integer", "version_text", "code", "arguments", "result", "parts", "metadata", "saved"}

// csvFile is a CSV file under way.
type csvFile struct{ cells *csv.Writer }

// CSV writes a CSV file with a header. Lists and metadata are JSON in a cell; what there is none of is an empty cell.
func CSV(w io.Writer) Writer {
	f := &csvFile{csv.NewWriter(w)}
	_ = f.cells.Write(columns) // the writer keeps its first failure, and tells of it again
	return f
}

// Write implements Writer.
func (f *csvFile) Write(key digest.Digest, r *callindex.Record) error {
	call, err := rowOf(key, r)
	if err != nil {
		return err
	}
	arguments, err := jsonOf(call.Arguments)
	if err != nil {
		return err
	}
	parts, err := jsonOf(call.Parts)
	if err != nil {
		return err
	}
	var integer, text string
	if call.VersionInteger != nil {
		integer = strconv.FormatInt(*call.VersionInteger, 10)
	}
	if call.VersionText != nil {
		text = *call.VersionText
	}
	return f.cells.Write([]string{call.Name, call.Module, call.Key, integer, text, call.Code, arguments, call.Result, parts, call.Metadata, r.Saved.UTC().Format(time.RFC3339Nano)})
}

// Close implements Writer.
func (f *csvFile) Close() error {
	f.cells.Flush()
	return f.cells.Error()
}
