// Package export writes calls for other tools: a call a row, digests as text, and no types that only some of those tools read.
package export

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// Writer writes calls in a format.
type Writer interface {
	// Write adds a call. The key is its digest.
	Write(key digest.Digest, r *callindex.Record) error

	// Close ends what was written, which is not whole before. What it was written to stays open.
	Close() error
}

// row is a call as a Parquet file has it: its fields and their tags are the schema. Encodings are those that every reader knows.
type row struct {
	Name           string     `parquet:"name,dict"`
	Module         string     `parquet:"module,optional,dict"`
	Key            string     `parquet:"key,plain"`
	VersionInteger *int64     `parquet:"version_integer,optional,dict"`
	VersionText    *string    `parquet:"version_text,optional,dict"`
	Code           string     `parquet:"code,optional,dict"`
	Arguments      []argument `parquet:"arguments,list"`
	Result         string     `parquet:"result,optional,plain"`
	Parts          []string   `parquet:"parts,list" parquet-element:",plain"`
	Metadata       string     `parquet:"metadata,optional,plain"` // JSON, as plain text
	Saved          int64      `parquet:"saved,timestamp(microsecond:utc),plain"`
}

type argument struct {
	Name   string `json:"name" parquet:"name,dict"`
	Digest string `json:"digest" parquet:"digest,plain"`
}

// rowOf is a call as a row.
func rowOf(key digest.Digest, r *callindex.Record) (row, error) {
	call := row{
		Name: r.Name, Module: r.Module, Key: key.String(), Code: hexOf(r.Code), Arguments: make([]argument, len(r.Arguments)),
		Result: hexOf(r.Result), Parts: make([]string, len(r.Parts)), Saved: r.Saved.UnixMicro(),
	}
	switch version := r.Version.Value().(type) {
	case int64:
		call.VersionInteger = &version
	case string:
		call.VersionText = &version
	}
	for i, a := range r.Arguments {
		call.Arguments[i] = argument{a.Name, a.Digest.String()}
	}
	for i, part := range r.Parts {
		call.Parts[i] = part.String()
	}
	if len(r.Metadata) > 0 {
		var err error
		if call.Metadata, err = jsonOf(r.Metadata); err != nil {
			return row{}, fmt.Errorf("the metadata of call %s: %w", key, err)
		}
	}
	return call, nil
}

// hexOf is a digest as text; empty where there is none.
func hexOf(d digest.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func jsonOf(v any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), err
}
