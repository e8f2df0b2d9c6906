package main

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// TestDuckDBReadsASnapshotAsTheQueryFindsIt runs the command on a store some of whose rows are deleted, by what stands in a manifest and in objects of deletions, and the SQL that it prints. The folder's
// name has what SQL and patterns of files take for something else.
func TestDuckDBReadsASnapshotAsTheQueryFindsIt(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	folder := filepath.Join(dir, "it's [all] of *, isn't it?")
	clock := &handClock{firstCall.Add(24 * time.Hour)}
	b, err := file.New(folder, &file.Options{NoSync: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	store, err := quiver.New(ctx, b, &quiver.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	fillDeleted(t, store.Calls, clock)
	files, err := store.Calls.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	few, many := 0, 0
	for _, f := range files {
		switch n := len(f.Deleted); {
		case n > 2048: // too many for a manifest
			many++
		case n > 0:
			few++
		}
	}
	if few == 0 || many == 0 {
		t.Fatalf("of %d files %d have few deleted rows, %d many", len(files), few, many)
	}
	want := texts(t, store.Calls.Query(ctx, callindex.Query{Settled: true}))
	statements := run(t, "--store", folder, "snapshot", "--sql")

	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // what is temporary is the connection's
	for range 2 {         // what was made before is replaced
		if _, err := db.ExecContext(ctx, statements); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := textsOf(t, db, "calls")
	agree(t, sorted(got), sorted(want))
	// What is wanted by a value is found, whatever DuckDB passes over by statistics.
	for i := 0; i < len(got); i += 97 {
		var r row
		if err := json.Unmarshal([]byte(got[i]), &r); err != nil {
			t.Fatal(err)
		}
		var n int
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM calls WHERE name = ? AND key = ? AND saved = make_timestamptz(?)", r.Name, r.Key, r.Saved).Scan(&n)
		if err != nil || n != 1 {
			t.Errorf("%s is found %d times: %v", r.Key, n, err)
		}
	}
	if strings.Contains(statements, "->") {
		t.Error("a lambda has an arrow, which later versions of DuckDB do not take")
	}
}

// fillDeleted seeds calls of every shape, and has many of one function and few of others evicted or replaced.
func fillDeleted(t *testing.T, s *callindex.Store, clock *handClock) {
	t.Helper()
	many, others := newCalls(fromSeed, 6000).ofOne(), slices.Collect(odd(400))
	if err := s.Seed(t.Context(), chained(many.all(), slices.Values(others[:350])), callindex.SeedOptions{Records: true}); err != nil {
		t.Fatal(err)
	}
	evict := func(r *callindex.Record) {
		var key digest.Digest
		key, err := r.Key()
		if err == nil {
			err = s.Evict(t.Context(), key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range many.n {
		if i%12 < 5 {
			evict(many.record(i))
		}
	}
	for i, r := range others[:350] {
		switch i % 12 {
		case 1, 2:
			evict(r)
		case 3:
			r.Metadata = callindex.Metadata{"tags": {"replaced": i}}
			if _, err := s.Save(t.Context(), r, &callindex.SaveOptions{Replace: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.SaveAll(t.Context(), others[350:], nil); err != nil {
		t.Fatal(err)
	}
	clock.now = clock.now.Add(2 * callindex.Grace)
	if _, err := s.Fold(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}
