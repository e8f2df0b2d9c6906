package main

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"slices"
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
	if err := store.Calls.Seed(ctx, chained(many.all(), slices.Values(others[:350])), callindex.SeedOptions{Records: true}); err != nil {
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
	want := texts(t, store.Query(quiver.Query{}).All(ctx))
	if len(want) != 2000-100+400 {
		t.Fatalf("the query finds %d calls", len(want))
	}
	exported := filepath.Join(dir, "calls.parquet")
	run(t, "--store", filepath.Join(dir, "store"), "export", "-o", exported)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE VIEW calls AS SELECT * FROM "+quoted([]string{exported})); err != nil {
		t.Fatal(err)
	}
	got, metadata := textsOf(t, db, "calls")
	agree(t, got, want)
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
