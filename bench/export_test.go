package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/callindex"
)

// TestDuckDBReadsAnExportedFileAsTheQueryFindsIt runs the command on a store whose calls are folded, evicted since, or not folded yet.
func TestDuckDBReadsAnExportedFileAsTheQueryFindsIt(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	b, err := file.New(filepath.Join(dir, "store"), &file.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	store, err := quiver.New(ctx, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	many, others := newCalls(fromSeed, 2000), slices.Collect(odd(400))
	seeded := func(yield func(*callindex.Record) bool) {
		for r := range many.all() {
			if !yield(r) {
				return
			}
		}
		for _, r := range others[:350] {
			if !yield(r) {
				return
			}
		}
	}
	if err := store.Calls.Seed(ctx, seeded, callindex.SeedOptions{Records: true}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		key, err := many.record(7 * i).Key()
		if err == nil {
			err = store.Calls.Evict(ctx, key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Calls.SaveAll(ctx, others[350:], nil); err != nil {
		t.Fatal(err)
	}
	var want []string
	for r, err := range store.Query(quiver.Query{}).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, text(t, r))
	}

	command, exported := filepath.Join(dir, "quiver"), filepath.Join(dir, "calls.parquet")
	build := exec.CommandContext(ctx, "go", "build", "-o", command, "./cmd/quiver")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.CommandContext(ctx, command, "--store", filepath.Join(dir, "store"), "--cache-dir", "off", "export", "-o", exported).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE VIEW calls AS SELECT * FROM "+quoted([]string{exported})); err != nil {
		t.Fatal(err)
	}
	got, metadata := exportedRows(t, db)
	if len(got) != len(want) || len(want) != 2000-100+400 {
		t.Fatalf("DuckDB has %d rows, the query %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("row %d: DuckDB has\n%s\nand the query\n%s", i, got[i], want[i])
		}
	}
	// What is wanted by a value is found, whatever DuckDB passes over by statistics.
	for i := 0; i < len(got); i += 97 {
		var r row
		if err := json.Unmarshal([]byte(got[i]), &r); err != nil {
			t.Fatal(err)
		}
		var n int
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM calls WHERE name = ? AND key = ? AND metadata IS NOT DISTINCT FROM ? AND saved = make_timestamptz(?)", r.Name, r.Key, metadata[i], r.Saved).Scan(&n)
		if err != nil || n != 1 {
			t.Errorf("%s is found %d times: %v", r.Key, n, err)
		}
	}
}

// exportedRows are DuckDB's rows of an exported file in the form of text, in the file's order, and what is in their metadata columns.
func exportedRows(t *testing.T, db *sql.DB) (texts []string, metadata []*string) {
	t.Helper()
	found, err := db.QueryContext(t.Context(), `SELECT name, coalesce(module, ''), key, version_integer, version_text, coalesce(code, ''), coalesce(result, ''),
		list_transform(arguments, a -> [a.name, a.digest]), parts, metadata, epoch_us(saved) FROM calls`)
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
