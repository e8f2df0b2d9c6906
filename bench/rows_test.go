package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// row is a call as both sides tell it.
type row struct {
	Key, Name, Module, Version, Code, Result string
	Arguments                                [][2]string
	Parts                                    []string
	Metadata                                 any
	Saved                                    int64 // in microseconds: DuckDB knows no nanoseconds of times that have a zone
}

// text is a record in a form in which equal ones are equal.
func text(t *testing.T, r *callindex.Record) string {
	t.Helper()
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	plain := row{Key: key.String(), Name: r.Name, Module: r.Module, Version: fmt.Sprintf("%T %[1]v", r.Version.Value()), Code: hexOf(r.Code), Result: hexOf(r.Result), Saved: r.Saved.UnixMicro()}
	for _, a := range r.Arguments {
		plain.Arguments = append(plain.Arguments, [2]string{a.Name, a.Digest.String()})
	}
	for _, p := range r.Parts {
		plain.Parts = append(plain.Parts, p.String())
	}
	if r.Metadata != nil {
		plain.Metadata = r.Metadata
	}
	return jsonOf(t, plain)
}

func hexOf(d digest.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// texts are records in the form of text.
func texts(t *testing.T, records iter.Seq2[*callindex.Record, error]) []string {
	t.Helper()
	var all []string
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text(t, r))
	}
	return all
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}

// agree wants that DuckDB's rows are those of a query.
func agree(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("DuckDB has %d rows, the query %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("row %d: DuckDB has\n%s\nand the query\n%s", i, got[i], want[i])
		}
	}
}

// chained yields what all the sequences do.
func chained[T any](sequences ...iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, sequence := range sequences {
			for v := range sequence {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// run builds quiver, runs it, and returns what it prints.
func run(t *testing.T, arguments ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "quiver")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/quiver")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ran := exec.CommandContext(t.Context(), program, append([]string{"--cache-dir", "off"}, arguments...)...)
	var talk bytes.Buffer
	ran.Stderr = &talk
	out, err := ran.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, talk.String())
	}
	return string(out)
}

// textsOf are DuckDB's rows of a table, whose columns are those of an exported file, in the form of text and in its order, and what is in their metadata columns.
func textsOf(t *testing.T, db *sql.DB, table string) (texts []string, metadata []*string) {
	t.Helper()
	found, err := db.QueryContext(t.Context(), `SELECT name, coalesce(module, ''), key, version_integer, version_text, coalesce(code, ''), coalesce(result, ''),
		list_transform(arguments, lambda a: [a.name, a.digest]), parts, metadata::VARCHAR, epoch_us(saved) FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var r row
		var integer *int64
		var version, meta *string
		var arguments, parts []any
		if err := found.Scan(&r.Name, &r.Module, &r.Key, &integer, &version, &r.Code, &r.Result, anything{&arguments}, anything{&parts}, &meta, &r.Saved); err != nil {
			t.Fatal(err)
		}
		r.Version = versionText(integer, version)
		for _, a := range arguments {
			pair := a.([]any)
			r.Arguments = append(r.Arguments, [2]string{pair[0].(string), pair[1].(string)})
		}
		for _, p := range parts {
			r.Parts = append(r.Parts, p.(string))
		}
		if meta != nil {
			decoder := json.NewDecoder(strings.NewReader(*meta))
			decoder.UseNumber()
			if err := decoder.Decode(&r.Metadata); err != nil {
				t.Fatal(err)
			}
		}
		texts, metadata = append(texts, jsonOf(t, r)), append(metadata, meta)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return texts, metadata
}

// versionText is a version as text has it.
func versionText(integer *int64, version *string) string {
	switch {
	case integer != nil:
		return fmt.Sprintf("%T %[1]v", *integer)
	case version != nil:
		return fmt.Sprintf("%T %[1]v", *version)
	}
	return fmt.Sprintf("%T %[1]v", nil)
}

// anything takes a list as the driver gives it.
type anything struct{ list *[]any }

func (a anything) Scan(v any) error {
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%v is no list: %v", v, reflect.TypeOf(v))
	}
	*a.list = list
	return nil
}
