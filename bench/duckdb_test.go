package main

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/layout"
)

// handClock is moved by hand.
type handClock struct{ now time.Time }

func (c *handClock) Now() time.Time { return c.now }

func (c *handClock) Sleep(_ context.Context, d time.Duration) error { return nil }

// odd are records of every shape that a row can have.
func odd(n int) iter.Seq[*callindex.Record] {
	return func(yield func(*callindex.Record) bool) {
		for i := range n {
			r := &callindex.Record{Call: callindex.Call{Name: fmt.Sprintf("odd.%d", i%7)}, Saved: firstCall.Add(time.Duration(i)*time.Hour + 123456789)}
			if i%2 == 0 {
				r.Module = fmt.Sprintf("module \"%d\" 'ü'", i%3)
			}
			switch i % 3 {
			case 0:
				r.Version = callindex.IntVersion(int64(i) << 40)
			case 1:
				r.Version = callindex.TextVersion(fmt.Sprint(i))
			}
			if i%5 == 0 {
				r.Code = mustDigest(fmt.Sprint("code ", i))
			}
			for a := range i % 4 {
				r.Arguments = append(r.Arguments, callindex.Argument{Name: fmt.Sprint("argument ", a), Digest: mustDigest(i * a)})
			}
			r.Arguments = append(r.Arguments, callindex.Argument{Name: unique, Digest: mustDigest(i)})
			if i%3 > 0 {
				r.Result = mustDigest(fmt.Sprint("result ", i))
			}
			for p := range i % 3 {
				r.Parts = append(r.Parts, mustDigest(fmt.Sprint("part ", i, p)))
			}
			if i%4 > 0 {
				r.Metadata = callindex.Metadata{"tags": {"n": i, "text": "a\"b\nü", "nothing": nil, "list": []any{1.5, true}}, "empty": {}}
			}
			if !yield(r) {
				return
			}
		}
	}
}

// TestDuckDBAndAQueryAgreeRowByRow folds evictions, replacements and new calls into seeded segments, so that rows of them are deleted, in the manifest and in objects of their own.
func TestDuckDBAndAQueryAgreeRowByRow(t *testing.T) {
	ctx := t.Context()
	clock := &handClock{firstCall.Add(24 * time.Hour)}
	b := mem.New(&mem.Options{Clock: clock})
	s := callindex.New(b, &callindex.Options{Clock: clock})
	fillDeleted(t, s, clock)

	dir := t.TempDir()
	objects := export(t, b, dir)
	if objects == 0 {
		t.Fatal("no segment has its deletions in an object")
	}
	files, deleted, err := current(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(deleted) <= objects {
		t.Fatalf("all of the %d segments with deletions have them in objects", len(deleted))
	}
	db, err := openDuck(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	want := texts(t, s.Query(ctx, callindex.Query{}))
	all := len(want)
	for _, rows := range deleted {
		all += len(rows)
	}
	if n, err := db.number(ctx, "SELECT count(*) FROM read_parquet(["+quoted(files)+"])"); err != nil || n != all {
		t.Fatalf("the tables have %d rows, not %d: %v", n, all, err)
	}
	agree(t, sorted(db.records(t)), sorted(want))
}

// export writes the index into a directory, and returns how many objects of deletions it has.
func export(t *testing.T, b bucket.Bucket, dir string) (objects int) {
	t.Helper()
	for info, err := range bucket.All(t.Context(), b, bucket.ListOptions{Prefix: layout.Index}) {
		if err != nil {
			t.Fatal(err)
		}
		content, _, err := bucket.ReadAll(t.Context(), b, info.Key, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, info.Key)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o666); err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(name) == ".deletions" {
			objects++
		}
	}
	return objects
}

// records are DuckDB's rows in the form of text.
func (d *duck) records(t *testing.T) []string {
	t.Helper()
	if n, err := d.number(t.Context(), "SELECT count(*) FROM calls WHERE seq < 2 OR octet_length(write) <> 16"); err != nil || n > 0 {
		t.Fatalf("%d rows have no number of a manifest or no write id: %v", n, err)
	}
	texts, _ := textsOf(t, d.DB, `(SELECT name, module, lower(hex(key)) AS key, version_integer, version_text, lower(hex(code)) AS code, lower(hex(result)) AS result,
		list_transform(arguments, lambda a: {'name': a.name, 'digest': lower(hex(a.digest))}) AS arguments, list_transform(parts, lambda p: lower(hex(p))) AS parts, metadata, saved FROM calls)`)
	return texts
}
