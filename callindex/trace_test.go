package callindex_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// newTimed is a world whose bucket goes by its clock.
func newTimed(t *testing.T) *world {
	w := newWorld(t)
	w.bucket = mem.New(&mem.Options{Clock: w.clock})
	w.Store = w.client(w.faults)
	return w
}

// trace returns what a trace visits, each call once.
func trace(t failing, s *callindex.Store) map[digest.Digest]callindex.Traced {
	t.Helper()
	var mu sync.Mutex
	all := map[digest.Digest]callindex.Traced{}
	err := s.Trace(context.Background(), func(c *callindex.Traced) error {
		mu.Lock()
		defer mu.Unlock()
		if _, twice := all[c.Key]; twice {
			t.Fatalf("%s is visited twice", c.Key)
		}
		all[c.Key] = callindex.Traced{Name: c.Name, Key: c.Key, Saved: c.Saved, Damaged: c.Damaged, Values: slices.Clone(c.Values)}
		return nil
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return all
}

// named is what a record names, in the order of a trace.
func named(r *callindex.Record) []digest.Digest {
	names := slices.Clone(r.Parts)
	if !r.Result.IsZero() {
		names = append(names, r.Result)
	}
	for _, a := range r.Arguments {
		names = append(names, a.Digest)
	}
	return names
}

// TestATraceVisitsWhatAScanFinds: whatever is marked, folded, merged, replaced or evicted.
func TestATraceVisitsWhatAScanFinds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			c := call(rapid.SampledFrom([]string{"f", "g", "h"}).Draw(r, "function"), rapid.IntRange(0, 4).Draw(r, "argument"))
			var err error
			switch rapid.SampledFrom([]string{"save", "save", "replace", "many", "evict", "fold", "compact", "wait"}).Draw(r, "step") {
			case "save", "replace":
				saved := record(c, rapid.IntRange(0, 9).Draw(r, "result"))
				saved.Parts = []digest.Digest{digestOf("part")}
				_, err = w.Save(t.Context(), saved, &callindex.SaveOptions{Replace: true})
			case "many":
				_, err = w.SaveAll(t.Context(), []*callindex.Record{{Call: c}, record(call("f", "other"), 1)}, nil)
			case "evict":
				err = w.Evict(t.Context(), keyOf(r, &c))
			case "fold":
				_, err = w.Fold(t.Context(), nil)
			case "compact":
				_, err = w.Fold(t.Context(), &callindex.FoldOptions{Compact: true})
			case "wait":
				w.clock.passed.Add(int64(callindex.Grace + time.Second))
			}
			if err != nil && !errors.Is(err, digest.ErrNotFound) {
				r.Fatalf("%v", err)
			}
		}
		visited := trace(r, w.Store)
		for there, err := range w.Scan(t.Context(), digest.Digest{}) {
			if err != nil {
				r.Fatalf("%v", err)
			}
			key := keyOf(r, &there.Call)
			got, ok := visited[key]
			if !ok || got.Name != there.Name || !got.Saved.Equal(there.Saved) || got.Damaged || !slices.Equal(got.Values, named(there)) {
				r.Fatalf("%+v is visited as %+v", there, got)
			}
			delete(visited, key)
		}
		if len(visited) > 0 {
			r.Fatalf("visited besides: %v", visited)
		}
	})
}

func TestWhatCannotBeBelievedIsVisitedForWhatItSeemsToName(t *testing.T) {
	w := newWorld(t)
	r := record(call("f", 1), "result")
	r.Parts = []digest.Digest{digestOf("part")}
	if _, err := w.signing(signer(oldKey)).Save(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	key := keyOf(t, &r.Call)
	of := func(s *callindex.Store) *callindex.Traced {
		t.Helper()
		var visited *callindex.Traced
		if err := s.TraceCall(t.Context(), key, func(c *callindex.Traced) error { visited = c; return nil }); err != nil {
			t.Fatal(err)
		}
		return visited
	}
	if got := of(w.signing(signer(oldKey))); got == nil || got.Damaged || !slices.Equal(got.Values, named(r)) {
		t.Errorf("believed: %+v", got)
	}
	for _, n := range []int{0, 1} { // marked, then folded: its row is believed
		got := trace(t, w.signing(signer(foreignKey)))[key]
		if got.Damaged != (n == 0) || got.Name != "f" {
			t.Errorf("by other keys: %+v", got)
		}
		for _, d := range named(r) {
			if !slices.Contains(got.Values, d) {
				t.Errorf("by other keys it names %v, and not %s", got.Values, d)
			}
		}
		w.clock.passed.Add(int64(time.Hour))
		if _, err := w.signing(signer(oldKey)).Fold(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	name := layout.RecordSpace.Name(key)
	text, info, err := bucket.ReadAll(t.Context(), w.bucket, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		text    []byte
		visited bool
	}{
		"another checksum": {bytes.Replace(text, []byte(`"sha256":"`), []byte(`"sha256":"0`), 1), true},
		"cut":              {text[:len(text)/2], false},
		"empty":            {nil, false},
		"too large":        {bytes.Repeat([]byte(" "), callindex.RecordLimit+1), false},
	} {
		if err := w.bucket.Put(t.Context(), name, bucket.Bytes(c.text), bucket.IfMatch(info.Version)); err != nil {
			t.Fatal(err)
		}
		if info, err = w.bucket.Stat(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if got := of(w.Store); (got != nil) != c.visited || got != nil && !got.Damaged {
			t.Errorf("%s: %+v", what, got)
		}
	}
	if err := w.bucket.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if got := of(w.Store); got != nil {
		t.Errorf("what is not there is visited as %+v", got)
	}
}

// TestATraceTakesTheRequestsOfAQueryOfAllCalls holds it to its budget.
func TestATraceTakesTheRequestsOfAQueryOfAllCalls(t *testing.T) {
	w := newWorld(t)
	for n := range 10 {
		mustSave(t, w.Store, record(call("f", n), n), nil)
	}
	w.clock.passed.Add(int64(time.Hour))
	if _, err := w.Fold(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	mustSave(t, w.Store, record(call("f", 99), 1), nil)
	w.recorder.Take()
	trace(t, w.Store)
	w.recorder.Expect(t, "list folders index/", "list index/*/marks/", "get index/*/manifest.json", "get range *.filter", "get range *.parquet", "get calls/*")
}

func TestATraceEndsWhereItCannotGoOn(t *testing.T) {
	stop := errors.New("stop")
	folded := func() *world {
		w := newTimed(t)
		mustSave(t, w.Store, record(call("f", 1), 1), nil)
		w.clock.passed.Add(int64(time.Hour))
		if _, err := w.Fold(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := folded()
	if err := w.Trace(t.Context(), func(*callindex.Traced) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	mustSave(t, w.Store, record(call("f", 2), 1), nil)
	for _, key := range []string{"index/*/marks/*", "*manifest.json", "calls/*"} {
		faults := buckettest.NewFaults(buckettest.Fault{Key: key, Do: buckettest.Fail(bucket.ErrRefused)})
		if err := w.client(faults).Trace(t.Context(), func(*callindex.Traced) error { return nil }); !errors.Is(err, bucket.ErrRefused) {
			t.Errorf("%s: %v", key, err)
		}
		faults.Done(t)
	}
	// A segment that the manifest lists and that is gone is damage; one that was merged away while a trace stood still for days is not.
	remove := func(w *world) {
		for info, err := range bucket.All(context.Background(), w.bucket, bucket.ListOptions{Prefix: layout.Index}) {
			if _, segment := layout.ParseSegment(info.Key); segment && err == nil {
				_ = w.bucket.Delete(context.Background(), info.Key)
			}
		}
	}
	w = folded()
	remove(w)
	err := w.Trace(t.Context(), func(*callindex.Traced) error { return nil })
	if _, ok := errors.AsType[*callindex.IndexError](err); !ok {
		t.Error(err)
	}
	w = folded()
	frozen := buckettest.After(func(ctx context.Context) error {
		other := w.client(buckettest.NewFaults())
		_, err := other.Save(ctx, record(call("f", 2), 1), nil)
		w.clock.passed.Add(int64(time.Hour))
		if err == nil {
			_, err = other.Fold(ctx, &callindex.FoldOptions{Compact: true})
		}
		w.clock.passed.Add(int64(25 * time.Hour))
		if err == nil {
			_, err = other.Sweep(ctx)
		}
		return err
	})
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Get, Key: "*manifest.json", Do: frozen})
	err = w.client(faults).Trace(t.Context(), func(*callindex.Traced) error { return nil })
	faults.Done(t)
	if _, damaged := errors.AsType[*callindex.IndexError](err); damaged || err == nil || !strings.Contains(err.Error(), "begin anew") {
		t.Error(err)
	}
}

func TestEvictSavedEvictsJustTheRecordThatWasSeen(t *testing.T) {
	w := newWorld(t)
	r := record(call("f", 1), 1)
	key := keyOf(t, &r.Call)
	seen := mustSave(t, w.Store, r, nil).Saved
	evict := func(saved time.Time, want bool) {
		t.Helper()
		if got, err := w.EvictSaved(t.Context(), key, saved); got != want || err != nil {
			t.Errorf("evicted: %t, %v", got, err)
		}
	}
	evict(seen.Add(1), false)
	w.clock.passed.Add(int64(time.Second))
	again := mustSave(t, w.Store, r, &callindex.SaveOptions{Replace: true}).Saved
	evict(seen, false)
	if got, err := w.signing(signer(oldKey)).EvictSaved(t.Context(), key, again); got || err != nil {
		t.Errorf("who cannot believe it evicts it: %t, %v", got, err)
	}
	evict(again, true)
	evict(again, false)
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Get, Do: buckettest.Fail(bucket.ErrRefused)})
	if got, err := w.client(faults).EvictSaved(t.Context(), key, again); got || !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("evicted: %t, %v", got, err)
	}
}

func TestSweepableIsWhatASweepDeletes(t *testing.T) {
	w := newTimed(t)
	for n := range 4 {
		mustSave(t, w.Store, record(call("f", n), n), nil)
		w.clock.passed.Add(int64(time.Hour))
		if _, err := w.Fold(t.Context(), &callindex.FoldOptions{Compact: true}); err != nil {
			t.Fatal(err)
		}
	}
	orphan := layout.Segment{Shard: layout.FunctionOf("f").Shard(), ID: strings.Repeat("0", 32)}.Table()
	if err := w.bucket.Put(t.Context(), orphan, bucket.Bytes([]byte("orphan")), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		wait time.Duration
		any  bool
	}{{0, true}, {0, false}, {25 * time.Hour, true}, {0, false}} {
		w.clock.passed.Add(int64(c.wait))
		objects, size, err := w.Sweepable(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		swept, err := w.Sweep(t.Context())
		if err != nil || swept.Deleted != objects || (size > 0) != c.any || (objects > 0) != c.any {
			t.Errorf("%d objects of %d bytes are sweepable, and %d are swept; %v", objects, size, swept.Deleted, err)
		}
	}
	empty := newWorld(t)
	mustSave(t, empty.Store, record(call("f", 1), 1), nil) // marked, not folded
	if swept, err := empty.Sweep(t.Context()); err != nil || swept.Deleted != 0 || empty.has(layout.Manifest(layout.FunctionOf("f").Shard())) {
		t.Errorf("%+v, %v", swept, err)
	}
}
