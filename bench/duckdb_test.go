package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
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
	many, others := newCalls(7, 6000).ofOne(), slices.Collect(odd(400))
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
	if err := s.Seed(ctx, seeded, callindex.SeedOptions{Records: true}); err != nil {
		t.Fatal(err)
	}
	changed := func(i int, r *callindex.Record) {
		var err error
		switch {
		case i%12 < 5:
			var key digest.Digest
			if key, err = r.Key(); err == nil {
				err = s.Evict(ctx, key)
			}
		case i%12 == 5 && i%40 == 1:
			r.Metadata = callindex.Metadata{"tags": {"replaced": i}}
			_, err = s.Save(ctx, r, &callindex.SaveOptions{Replace: true})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range many.n {
		changed(i, many.record(i))
	}
	for i, r := range others[:350] {
		changed(i, r)
	}
	if _, err := s.SaveAll(ctx, others[350:], nil); err != nil {
		t.Fatal(err)
	}
	clock.now = clock.now.Add(2 * callindex.Grace)
	if _, err := s.Fold(ctx, nil); err != nil {
		t.Fatal(err)
	}

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

	var want []*callindex.Record
	for r, err := range s.Query(ctx, callindex.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, r)
	}
	all := len(want)
	for _, rows := range deleted {
		all += len(rows)
	}
	if n, err := db.number(ctx, "SELECT count(*) FROM read_parquet(["+quoted(files)+"])"); err != nil || n != all {
		t.Fatalf("the tables have %d rows, not %d: %v", n, all, err)
	}
	got := db.records(t)
	if len(got) != len(want) {
		t.Fatalf("DuckDB has %d rows, the query %d", len(got), len(want))
	}
	plain := make([]string, len(want))
	for i, r := range want {
		plain[i] = text(t, r)
	}
	slices.Sort(plain)
	slices.Sort(got)
	for i := range plain {
		if got[i] != plain[i] {
			t.Fatalf("DuckDB has the row\n%s\nand the query the record\n%s", got[i], plain[i])
		}
	}
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

// records are DuckDB's rows in the form of text.
func (d *duck) records(t *testing.T) []string {
	t.Helper()
	found, err := d.QueryContext(t.Context(), `SELECT name, coalesce(module, ''), lower(hex(key)), version_integer, version_text, coalesce(lower(hex(code)), ''), coalesce(lower(hex(result)), ''),
		list_transform(arguments, a -> [a.name, lower(hex(a.digest))]), list_transform(parts, p -> lower(hex(p))), metadata::VARCHAR, epoch_us(saved), seq, octet_length(write) FROM calls`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	var texts []string
	for found.Next() {
		var r row
		var integer *int64
		var version, metadata *string
		var arguments, parts []any
		var seq, write int64
		if err := found.Scan(&r.Name, &r.Module, &r.Key, &integer, &version, &r.Code, &r.Result, anything{&arguments}, anything{&parts}, &metadata, &r.Saved, &seq, &write); err != nil {
			t.Fatal(err)
		}
		switch {
		case integer != nil:
			r.Version = fmt.Sprintf("%T %[1]v", *integer)
		case version != nil:
			r.Version = fmt.Sprintf("%T %[1]v", *version)
		default:
			r.Version = fmt.Sprintf("%T %[1]v", nil)
		}
		for _, a := range arguments {
			pair := a.([]any)
			r.Arguments = append(r.Arguments, [2]string{pair[0].(string), pair[1].(string)})
		}
		for _, p := range parts {
			r.Parts = append(r.Parts, p.(string))
		}
		if metadata != nil {
			decoder := json.NewDecoder(strings.NewReader(*metadata))
			decoder.UseNumber()
			if err := decoder.Decode(&r.Metadata); err != nil {
				t.Fatal(err)
			}
		}
		if seq < 2 || write != 16 {
			t.Fatalf("the row of %s has seq %d and a write id of %d bytes", r.Key, seq, write)
		}
		texts = append(texts, jsonOf(t, r))
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return texts
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
