package callindex

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
)

// rowOf is a record as a segment has it: all but the inlined result. It fails where the record cannot be a row.
func rowOf(key digest.Digest, r *Record) (*segment.Row, error) {
	row := &segment.Row{
		Name: r.Name, Module: r.Module, Key: key, Code: r.Code, Result: r.Result, Parts: r.Parts, Saved: r.Saved.UnixNano(),
	}
	if !time.Unix(0, row.Saved).Equal(r.Saved) {
		return row, fmt.Errorf("the time %v is too far away for a row", r.Saved)
	}
	if _, err := hex.Decode(row.Write[:], []byte(r.write)); err != nil || len(r.write) != 2*len(row.Write) {
		return row, fmt.Errorf("%q is no write id", r.write)
	}
	row.Version = versionOf(r.Version)
	for _, a := range r.Arguments {
		row.Arguments = append(row.Arguments, segment.Argument{Name: a.Name, Digest: a.Digest})
	}
	if len(r.Metadata) > 0 {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(r.Metadata); err != nil {
			return row, fmt.Errorf("metadata: %w", err)
		}
		row.Metadata = bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	}
	return row, row.Check()
}

// versionOf is a version as rows have it.
func versionOf(v Version) segment.Version {
	switch v := v.Value().(type) {
	case int64:
		return segment.Version{Kind: segment.IntegerVersion, Integer: v}
	case string:
		return segment.Version{Kind: segment.TextVersion, Text: v}
	}
	return segment.Version{}
}

// recordOf is the record of a row, without its inlined result.
func recordOf(row *segment.Row) (*Record, error) {
	r := &Record{
		Call:   Call{Name: row.Name, Module: row.Module, Code: row.Code, Arguments: make([]Argument, len(row.Arguments))},
		Result: row.Result, Parts: row.Parts, Saved: time.Unix(0, row.Saved).UTC(), key: row.Key, write: writeID(row),
	}
	switch row.Version.Kind {
	case segment.IntegerVersion:
		r.Version = IntVersion(row.Version.Integer)
	case segment.TextVersion:
		r.Version = TextVersion(row.Version.Text)
	}
	for i, a := range row.Arguments {
		r.Arguments[i] = Argument{a.Name, a.Digest}
	}
	if row.Metadata != nil {
		decoder := json.NewDecoder(bytes.NewReader(row.Metadata))
		decoder.UseNumber()
		if err := decoder.Decode(&r.Metadata); err != nil {
			return nil, fmt.Errorf("the metadata of the row of %s: %w", row.Key, err)
		}
	}
	return r, nil
}

// writeID is the write id of a row's record.
func writeID(row *segment.Row) string { return hex.EncodeToString(row.Write[:]) }

// functionOf is what a row counts for its function, times a sign.
func functionOf(row *segment.Row, sign int64) manifest.Function {
	f := manifest.Function{Name: row.Name, Calls: sign, Spent: time.Duration(sign) * spent(row.Metadata)}
	if sign > 0 {
		f.Saved = time.Unix(0, row.Saved).UTC()
	}
	return f
}

// spent is how long a call has run, by its metadata.
func spent(metadata []byte) time.Duration {
	var known struct {
		Runtime struct {
			Walltime float64 `json:"walltime"`
		} `json:"runtime"`
	}
	const most = 1 << 53 / float64(time.Second) // seconds, so that sums of many stay in range
	if json.Unmarshal(metadata, &known) != nil || known.Runtime.Walltime < 0 || known.Runtime.Walltime > most {
		return 0 // metadata is free
	}
	return time.Duration(known.Runtime.Walltime * float64(time.Second))
}

// rowsOf yields rows.
func rowsOf(rows []*segment.Row) iter.Seq2[*segment.Row, error] {
	return func(yield func(*segment.Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}
