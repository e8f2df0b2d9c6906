package callindex_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// tableRow is what these tests read of a row, by the schema of docs/format.md alone.
type tableRow struct {
	Name     string        `parquet:"name"`
	Key      digest.Digest `parquet:"key"`
	Result   digest.Digest `parquet:"result,optional"`
	Metadata string        `parquet:"metadata,optional"`
	Saved    int64         `parquet:"saved,timestamp(nanosecond:utc)"`
}

func (r tableRow) String() string {
	return fmt.Sprint(r.Key, r.Name, r.Result, r.Metadata, r.Saved)
}

func snapshot(t failing, s *callindex.Store) []callindex.File {
	t.Helper()
	files, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// current reads the files of a snapshot, and returns their rows but for the deleted ones, in the order of their texts.
func current(t failing, b bucket.Bucket, files []callindex.File) []string {
	t.Helper()
	var texts []string
	for _, f := range files {
		content, _, err := bucket.ReadAll(context.Background(), b, f.Name, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := parquet.Read[tableRow](bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(content)) != f.Size || sha256.Sum256(content) != [32]byte(f.SHA256) || int64(len(rows)) != f.Rows {
			t.Fatalf("%s has %d bytes and %d rows, and not what the snapshot says: %+v", f.Name, len(content), len(rows), f)
		}
		if !slices.IsSorted(f.Deleted) || len(slices.Compact(slices.Clone(f.Deleted))) != len(f.Deleted) {
			t.Fatalf("the deleted rows are not in their order, once each: %v", f.Deleted)
		}
		for i, row := range rows {
			if _, deleted := slices.BinarySearch(f.Deleted, uint32(i)); !deleted {
				texts = append(texts, row.String())
			}
		}
		if n := len(f.Deleted); n > 0 && int64(f.Deleted[n-1]) >= f.Rows {
			t.Fatalf("row %d of %d is deleted", f.Deleted[n-1], f.Rows)
		}
	}
	slices.Sort(texts)
	return texts
}

// settled returns what a query finds of what is folded, in the same form.
func settled(t failing, s *callindex.Store) []string {
	t.Helper()
	var texts []string
	for r, err := range s.Query(context.Background(), callindex.Query{Settled: true}) {
		if err != nil {
			t.Fatal(err)
		}
		key, err := r.Key()
		if err != nil {
			t.Fatal(err)
		}
		row := tableRow{Name: r.Name, Key: key, Result: r.Result, Saved: r.Saved.UnixNano()}
		if n, ok := r.Metadata["tags"]["n"]; ok {
			row.Metadata = fmt.Sprintf(`{"tags":{"n":%v}}`, n)
		}
		texts = append(texts, row.String())
	}
	slices.Sort(texts)
	return texts
}

func agree(t failing, b bucket.Bucket, s *callindex.Store) {
	t.Helper()
	if got, want := current(t, b, snapshot(t, s)), settled(t, s); !slices.Equal(got, want) {
		t.Fatalf("the files have %d rows that count\n%v\nand the query finds %d\n%v", len(got), got, len(want), want)
	}
}

func TestTheRowsThatCountAreWhatASettledQueryFinds(t *testing.T) {
	deletions, shards := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w := timed(t)
		ctx := context.Background()
		drawn := func() callindex.Call {
			return call(rapid.SampledFrom([]string{"f", "g", "h"}).Draw(rt, "name"), rapid.IntRange(0, 5).Draw(rt, "argument"))
		}
		n := 0
		fresh := func() *callindex.Record {
			n++
			r := record(drawn(), n)
			if n%2 == 0 {
				r.Metadata = callindex.Metadata{"tags": {"n": n}}
			}
			return r
		}
		all := []*callindex.Record{record(call("f", 0), 0), record(call("f", 1), 1), record(call("f", 2), 2), record(call("f", 3), 3)}
		_, err := w.SaveAll(ctx, all, nil)
		if err == nil {
			_, err = w.Fold(ctx, nil)
		}
		if err == nil {
			_, err = w.Save(ctx, record(call("f", 0), "again"), &callindex.SaveOptions{Replace: true})
		}
		if err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 9).Draw(rt, "steps") {
			var err error
			step := rapid.SampledFrom([]string{"save", "save", "save", "replace", "evict", "fold", "fold", "fold one", "compact", "sweep", "wait"}).Draw(rt, "step")
			switch step {
			case "save":
				_, err = w.SaveAll(ctx, []*callindex.Record{fresh(), fresh(), fresh()}, nil)
			case "replace":
				_, err = w.Save(ctx, fresh(), &callindex.SaveOptions{Replace: true})
			case "evict":
				c := drawn()
				if err = w.Evict(ctx, keyOf(rt, &c)); errors.Is(err, digest.ErrNotFound) {
					err = nil
				}
			case "fold":
				_, err = w.Fold(ctx, nil)
			case "fold one":
				_, err = w.Fold(ctx, &callindex.FoldOptions{Function: "g"})
			case "compact":
				_, err = w.Fold(ctx, &callindex.FoldOptions{Compact: true})
			case "sweep":
				_, err = w.Sweep(ctx)
			case "wait":
				w.clock.passed.Add(int64(13 * time.Hour))
			}
			if err != nil {
				rt.Fatal(err)
			}
			if strings.HasPrefix(step, "fold") || step == "compact" || step == "sweep" { // what changes the index
				agree(rt, w.bucket, w.Store)
			}
		}
		w.clock.passed.Add(int64(2 * callindex.Grace))
		if _, err := w.Fold(ctx, nil); err != nil {
			rt.Fatal(err)
		}
		agree(rt, w.bucket, w.Store)
		truth := 0
		for _, err := range w.Query(ctx, callindex.Query{}) {
			if err != nil {
				rt.Fatal(err)
			}
			truth++
		}
		files := snapshot(rt, w.Store)
		if got := len(current(rt, w.bucket, files)); got != truth {
			rt.Fatalf("after the last fold the files have %d rows that count, and there are %d calls", got, truth)
		}
		in := map[string]bool{}
		for _, f := range files {
			deletions += len(f.Deleted)
			in[strings.SplitN(f.Name, "/", 3)[1]] = true
		}
		shards = max(shards, len(in))
	})
	if deletions == 0 || shards < 2 {
		t.Errorf("the histories came to %d deleted rows, in %d shards at the most", deletions, shards)
	}
}

// manyDeleted is a world with a call in a second shard, and a segment so many rows of which are deleted that they stand in an object of their own.
func manyDeleted(t *testing.T) *world {
	t.Helper()
	w := timed(t)
	made := makeManyDeleted()
	if made.err != nil {
		t.Fatal(made.err)
	}
	w.clock.passed.Store(made.clock.passed.Load())
	for info, err := range bucket.All(t.Context(), made.bucket, bucket.ListOptions{}) {
		content, _, reading := bucket.ReadAll(t.Context(), made.bucket, info.Key, 1<<30)
		if err := cmp.Or(err, reading, w.bucket.Put(t.Context(), info.Key, bucket.Bytes(content), bucket.IfAbsent())); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// deletedRows is how many rows of it are deleted.
const deletedRows = 2200

// making is a bucket that was made once for all tests.
type making struct {
	bucket *mem.Bucket
	clock  *handClock
	err    error
}

var makeManyDeleted = sync.OnceValue(func() making {
	clock := &handClock{}
	m := making{mem.New(&mem.Options{Clock: clock}), clock, nil}
	s := callindex.New(m.bucket, &callindex.Options{Clock: clock, Entropy: entropy})
	records := func(yield func(*callindex.Record) bool) {
		for i := range 5000 {
			r := record(call("f", i), i)
			r.Saved = clock.Now()
			if !yield(r) {
				return
			}
		}
	}
	m.err = s.Seed(context.Background(), records, callindex.SeedOptions{Records: true})
	for i := range deletedRows {
		m.err = cmp.Or(m.err, evict(s, i))
	}
	_, err := s.Save(context.Background(), record(call("elsewhere", 1), 1), nil)
	m.err = cmp.Or(m.err, err)
	clock.passed.Add(int64(2 * callindex.Grace))
	_, err = s.Fold(context.Background(), nil)
	m.err = cmp.Or(m.err, err)
	return m
})

// evict evicts the call of f with an argument.
func evict(s *callindex.Store, argument int) error {
	c := call("f", argument)
	key, err := c.Key()
	return cmp.Or(err, s.Evict(context.Background(), key))
}

func TestASnapshotTakesAListAGetForEachShardAndOneForEachObjectOfDeletions(t *testing.T) {
	w := manyDeleted(t)
	files := snapshot(t, w.Store)
	w.recorder.Expect(t, "list folders index/", "get index/*/manifest.json", "get index/*/manifest.json", "get range index/*/segments/*.deletions")
	deleted := 0
	for _, f := range files {
		deleted += len(f.Deleted)
		if at := f.Location; at.Service != "mem" || at.Key != f.Name {
			t.Errorf("%s is at %+v", f.Name, at)
		}
		if want := w.clock.Now().Add(-callindex.Grace); !f.Folded.Equal(want) {
			t.Errorf("%s has what was saved before %v, not %v", f.Name, f.Folded, want)
		}
	}
	if deleted != deletedRows {
		t.Errorf("%d rows are deleted", deleted)
	}
	agree(t, w.bucket, w.Store)

	w = timed(t)
	if files := snapshot(t, w.Store); len(files) > 0 {
		t.Errorf("an empty store has %v", files)
	}
	w.recorder.Expect(t, "list folders index/")
	saveCalls(t, w.Store, "f", 0, 4)
	w.recorder.Take()
	if files := snapshot(t, w.Store); len(files) > 0 {
		t.Errorf("a store that was never folded has %v", files)
	}
	w.recorder.Expect(t, "list folders index/", "get index/*/manifest.json")
	mustFold(t, w.Store, nil)
	if err := evict(w.Store, 1); err != nil {
		t.Fatal(err)
	}
	w.clock.passed.Add(int64(2 * callindex.Grace))
	mustFold(t, w.Store, nil)
	w.recorder.Take()
	if files := snapshot(t, w.Store); len(files) != 1 || len(files[0].Deleted) != 1 { // which the manifest has
		t.Errorf("the files are %+v", files)
	}
	w.recorder.Expect(t, "list folders index/", "get index/*/manifest.json")
}

func TestAFileUnderAPrefixIsWhereTheServerHasIt(t *testing.T) {
	w := timed(t)
	under, err := bucket.Under(w.bucket, "team/project/")
	if err != nil {
		t.Fatal(err)
	}
	s := callindex.New(under, &callindex.Options{Clock: w.clock, Entropy: entropy})
	saveCalls(t, s, "f", 0, 2)
	mustFold(t, s, nil)
	files := snapshot(t, s)
	if len(files) != 1 || files[0].Location.Key != "team/project/"+files[0].Name || files[0].Location.String() != "mem://mem/team/project/"+files[0].Name {
		t.Errorf("%+v", files)
	}
}

// TestASnapshotIsOfANewerManifestWhereItsDeletionsHaveGone lets others evict, fold and sweep after the manifest was read.
func TestASnapshotIsOfANewerManifestWhereItsDeletionsHaveGone(t *testing.T) {
	w := manyDeleted(t)
	away := func(context.Context) error {
		for i := range 10 {
			if err := evict(w.Store, deletedRows+i); err != nil {
				return err
			}
		}
		w.clock.passed.Add(int64(2 * callindex.Grace))
		mustFold(t, w.Store, nil)
		w.clock.passed.Add(int64(25 * time.Hour))
		_, err := w.Sweep(context.Background())
		return err
	}
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.GetRange, Key: "*.deletions", Do: buckettest.Before(away)})
	files := snapshot(t, w.client(faults))
	faults.Done(t)
	deleted := 0
	for _, f := range files {
		deleted += len(f.Deleted)
	}
	if deleted != deletedRows+10 {
		t.Errorf("%d rows are deleted", deleted)
	}
	if got, want := current(t, w.bucket, files), settled(t, w.Store); !slices.Equal(got, want) {
		t.Errorf("the files have %d rows that count, and the query finds %d", len(got), len(want))
	}
}

func TestDeletionsThatAreMissingForGoodAreAnIndexError(t *testing.T) {
	w := manyDeleted(t)
	name := objectsLike(t, w, ".deletions")[0]
	if err := w.bucket.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	files, err := w.Snapshot(t.Context())
	if damage, ok := errors.AsType[*callindex.IndexError](err); !ok || !strings.HasSuffix(damage.Object, "manifest.json") || !strings.Contains(err.Error(), "check --repair") || files != nil {
		t.Errorf("the snapshot has %d files, %v", len(files), err)
	}
}

// objectsLike are the objects of the index whose names end in a way.
func objectsLike(t *testing.T, w *world, suffix string) (names []string) {
	t.Helper()
	for info, err := range bucket.All(t.Context(), w.bucket, bucket.ListOptions{Prefix: layout.Index}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(info.Key, suffix) {
			names = append(names, info.Key)
		}
	}
	if len(names) == 0 {
		t.Fatalf("there is no object *%s", suffix)
	}
	return names
}

func TestASnapshotBelievesNothingDamaged(t *testing.T) {
	for _, suffix := range []string{"manifest.json", ".deletions"} {
		for says, damage := range map[string]func(content []byte) []byte{
			"changed": func(content []byte) []byte { content[len(content)/2] ^= 1; return content },
			"cut":     func(content []byte) []byte { return content[:len(content)-1] },
			"empty":   func([]byte) []byte { return nil },
		} {
			t.Run(says+" "+strings.TrimPrefix(suffix, "."), func(t *testing.T) {
				w := manyDeleted(t)
				name := objectsLike(t, w, suffix)[0]
				content, _, err := bucket.ReadAll(t.Context(), w.bucket, name, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				overwrite(t, w.bucket, name, damage(content))
				files, err := w.Snapshot(t.Context())
				if found, ok := errors.AsType[*callindex.IndexError](err); !ok || found.Object != name || files != nil {
					t.Errorf("the snapshot has %d files, %v", len(files), err)
				}
			})
		}
	}
}

func TestASnapshotEndsWithTheStoresError(t *testing.T) {
	for verb, key := range map[bucket.Verb]string{bucket.ListFolders: "*", bucket.Get: "*/manifest.json"} {
		w := timed(t)
		saveCalls(t, w.Store, "f", 0, 4)
		mustFold(t, w.Store, nil)
		faults := buckettest.NewFaults(buckettest.Fault{Verb: verb, Key: key, Do: buckettest.Fail(bucket.ErrRefused)})
		if files, err := w.client(faults).Snapshot(t.Context()); !errors.Is(err, bucket.ErrRefused) || files != nil {
			t.Errorf("%s: the snapshot has %d files, %v", verb, len(files), err)
		}
		faults.Done(t)
	}
}
