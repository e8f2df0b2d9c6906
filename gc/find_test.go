package gc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
	"github.com/quivercache/quiver/signing"
)

func TestAValueIsGarbageWhenNothingNamesItAndItIsADayOld(t *testing.T) {
	w := newWorld(t)
	old := w.value("old")
	w.clock.pass(day - time.Second)
	young := w.value("young")
	summary, removed := w.collect(nil)
	is(t, "a second too early", summary, gc.Summary{KeptValues: 2, KeptBytes: summary.KeptBytes, Young: 2})
	is(t, "removed", removed, gc.Removed{})
	w.clock.pass(2 * time.Second)
	summary, removed = w.collect(nil)
	is(t, "values", summary.Values, 1)
	is(t, "bytes", summary.ValueBytes, removed.ValueBytes)
	is(t, "young", summary.Young, 1)
	if w.hasValue(old) || !w.hasValue(young) {
		t.Errorf("there is the old one: %t, the young one: %t", w.hasValue(old), w.hasValue(young))
	}
	w.clock.pass(30 * time.Hour)
	summary, _ = w.collect(&gc.Options{MinAge: 48 * time.Hour})
	is(t, "values younger than a longer age", summary.Values, 0)
	_, err := gc.Find(t.Context(), w.Store, &gc.Options{MinAge: day - 1})
	if err == nil || !strings.Contains(err.Error(), "less than 24h") {
		t.Errorf("a shorter age: %v", err)
	}
}

// named is a store in which each way to name a value is used once. What nothing names is called "nobody's".
func named(w *world) (values map[string]digest.Digest) {
	values = map[string]digest.Digest{}
	for _, what := range []string{"folded result", "folded part", "folded argument", "pending result", "pending part", "pending argument", "batched", "prepared", "nobody's"} {
		values[what] = w.value(what)
	}
	w.call(&callindex.Record{Call: callOf("folded", values["folded argument"]), Result: values["folded result"], Parts: []digest.Digest{values["folded part"]}})
	w.fold()
	w.call(&callindex.Record{Call: callOf("pending", values["pending argument"]), Result: values["pending result"], Parts: []digest.Digest{values["pending part"]}})
	nothing := digest.OfBytes([]byte("no value"))
	batch := []*callindex.Record{{Call: callOf("batched", nothing), Result: values["batched"]}, {Call: callOf("batched", values["batched"])}}
	if _, err := w.Calls.SaveAll(context.Background(), batch, nil); err != nil {
		w.t.Fatalf("%v", err)
	}
	claim := lease.Claim{Key: nothing, State: lease.Prepared, Term: 20 * day, Values: []digest.Digest{values["prepared"]}}
	if _, err := w.Leases.Take(context.Background(), claim, nil); err != nil {
		w.t.Fatalf("%v", err)
	}
	w.clock.pass(2 * day)
	return values
}

// stay wants that all values are there but for some.
func (w *world) stay(values map[string]digest.Digest, but ...string) {
	w.t.Helper()
	for what, key := range values {
		if w.hasValue(key) == slices.Contains(but, what) {
			w.t.Errorf("%q is there: %t", what, w.hasValue(key))
		}
	}
}

func TestWhatIsNamedStaysHoweverItIsNamed(t *testing.T) {
	w := newWorld(t)
	values := named(w)
	summary, removed := w.collect(nil)
	is(t, "values", summary.Values, 1)
	is(t, "calls that stay", summary.KeptCalls, 4)
	is(t, "removed", removed.Values, 1)
	w.stay(values, "nobody's")
	w.clock.pass(18*day + 23*time.Hour) // a prepared call names its values until a day after its term
	w.collect(nil)
	w.stay(values, "nobody's")
	w.clock.pass(2 * time.Hour)
	summary, _ = w.collect(nil)
	is(t, "leases", summary.Leases, 1)
	w.stay(values, "nobody's", "prepared")
}

func TestWhatTheIndexHasLostIsFoundByItsRecord(t *testing.T) {
	w := newWorld(t)
	values := named(w)
	for _, name := range w.names() {
		if strings.HasPrefix(name, layout.Index) {
			if err := w.bucket.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	summary, _ := w.collect(nil)
	is(t, "calls that stay", summary.KeptCalls, 4)
	w.stay(values, "nobody's")
}

func TestADamagedRecordNamesWhatItSeemsToName(t *testing.T) {
	w := newWorld(t)
	result, part, lost := w.value("result"), w.value("part"), w.value("lost")
	damaged := layout.RecordSpace.Name(w.call(&callindex.Record{Call: callOf("f", part), Result: result, Parts: []digest.Digest{part}}))
	broken := layout.RecordSpace.Name(w.call(&callindex.Record{Call: callOf("f", result), Result: lost}))
	w.plant(damaged, bytes.Replace(w.object(damaged), []byte(`"sha256":"`), []byte(`"sha256":"0`), 1))
	w.plant(broken, w.object(broken)[:100])
	w.clock.pass(2 * day)
	for _, options := range []*gc.Options{nil, {MaxAge: time.Hour}, {KeepLast: 1}, {MaxBytes: 1}} {
		_, removed := w.collect(options)
		is(t, "calls", removed.Calls, 0)
		if !w.hasValue(result) || !w.hasValue(part) || !w.has(damaged) || !w.has(broken) {
			t.Errorf("%+v: something is gone that a damaged record names", options)
		}
	}
	if w.hasValue(lost) {
		t.Error("a record that cannot be read seems to name something")
	}
}

func signer(secret byte) *signing.Signer {
	sum := sha256.Sum256([]byte{secret})
	ring := must(signing.NewRing(sum[:]))
	return &signing.Signer{Ring: ring, StoreID: func(context.Context, bool) (string, error) { return strings.Repeat("0", 32), nil }}
}

func TestWhoHasOtherSigningKeysRemovesNothingThatIsNamed(t *testing.T) {
	w := newWorld(t)
	w.client = newClient(w.bucket, w.clock, signer(1))
	values := named(w)
	w.client = newClient(w.bucket, w.clock, signer(2))
	before := w.names()
	for _, options := range []*gc.Options{{MaxAge: time.Hour}, {KeepLast: 1, PerStore: true}, {MaxBytes: 1}, nil} {
		_, removed := w.collect(options)
		is(t, "calls", removed.Calls, 0)
		w.stay(values, "nobody's")
	}
	for _, name := range w.names() {
		if !slices.Contains(before, name) {
			t.Errorf("%s is new", name)
		}
	}
	is(t, "objects", len(w.names()), len(before)-1)
}

func TestWhatIsOfALaterFormatEndsIt(t *testing.T) {
	for name, content := range map[string]string{
		layout.RecordSpace.Name(digest.OfBytes([]byte("call"))): `{"format":2`,
		layout.LeaseSpace.Name(digest.OfBytes([]byte("call"))):  `{"format":2`,
		layout.Manifest(layout.FunctionOf("folded").Shard()):    `{"format":2`,
	} {
		w := newWorld(t)
		named(w)
		sealed := fmt.Appendf(nil, "%s,\"sha256\":\"%x\"}\n", content, sha256.Sum256([]byte(content)))
		w.plant(name, sealed)
		before := w.names()
		_, err := gc.Find(t.Context(), w.Store, nil)
		if newer, ok := errors.AsType[*keyspace.NewerFormatError](err); !ok || newer.Object != name {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(before, w.names()) {
			t.Error("something was changed")
		}
	}
}

func TestADamagedIndexEndsIt(t *testing.T) {
	for _, damage := range []func(w *world){
		func(w *world) { w.plant(layout.Manifest(layout.FunctionOf("folded").Shard()), []byte("{}")) },
		func(w *world) {
			for _, name := range w.names() {
				if strings.HasSuffix(name, ".parquet") || strings.HasSuffix(name, ".filter") {
					if err := w.bucket.Delete(context.Background(), name); err != nil {
						w.t.Fatalf("%v", err)
					}
				}
			}
		},
	} {
		w := newWorld(t)
		named(w)
		damage(w)
		_, err := gc.Find(t.Context(), w.Store, nil)
		if _, ok := errors.AsType[*callindex.IndexError](err); !ok {
			t.Errorf("%v", err)
		}
	}
}

func TestWhatQuiverDidNotWriteStays(t *testing.T) {
	w := newWorld(t)
	value := w.value("a value")
	ours := w.object(layout.ValueSpace.Name(value))
	key := digest.OfBytes([]byte("of somebody else"))
	text, hex := key.String(), strings.Repeat("ab", 32)
	foreign := map[string][]byte{
		layout.ValueSpace.Name(key):                           []byte("other bytes"),
		layout.ValueSpace.Name(digest.OfBytes([]byte("e"))):   nil,
		layout.ValueSpace.Name(digest.OfBytes([]byte("o"))):   ours, // under another key
		layout.ValueSpace.Name(digest.OfBytes([]byte("cut"))): ours[:50],
		layout.RecordSpace.Name(key):                          []byte("{}"),
		layout.RecordSpace.Name(digest.OfBytes([]byte("e"))):  nil,
		layout.LeaseSpace.Name(key):                           []byte("no lease"),
		layout.LeaseSpace.Name(digest.OfBytes([]byte("e"))):   nil,
		"quiver.json":  []byte("{}"),
		"values/index": nil, "values/zz/" + text: ours, "values/" + text: ours, "values/" + text[:2] + "/" + text + "0": ours,
		"values/" + text[:2] + "/" + text + ".json": ours, "values/" + text[:2] + "/" + text[:63]: ours,
		"calls/" + text[:2] + "/" + text: nil, "calls/" + text[:2] + "/" + text + ".json.bak": nil, "calls/zz/" + text + ".json": nil,
		"index/manifest.json": nil, "index/00/other": nil, "index/00/segments/" + hex[:31] + ".parquet": nil, "index/00/segments/" + hex[:32] + ".txt": nil, "index/64/segments/" + hex[:32] + ".parquet": nil,
		"index/00/marks/readme": nil, "leases/" + text: nil, "leases/" + text[:60] + ".json": nil, "leases/sub/" + text + ".json": nil,
		"elsewhere": ours, "valuesx/" + text: ours,
	}
	for name, content := range foreign {
		w.plant(name, content)
	}
	w.clock.pass(30 * day)
	summary, removed := w.collect(&gc.Options{MaxAge: day, MaxBytes: 1, KeepLast: 1})
	is(t, "values", summary.Values, 5) // by their names
	is(t, "removed", removed, gc.Removed{Values: 1, ValueBytes: int64(len(ours)), Foreign: 4})
	for name, content := range foreign {
		if !w.has(name) || !bytes.Equal(w.object(name), content) {
			t.Errorf("%s is gone, or was changed", name)
		}
	}
	w.clock.pass(2 * day) // what stands in the place of a lease goes after 31 days
	_, removed = w.collect(nil)
	is(t, "leases", removed.Leases, 2)
}

func TestOrphansOfTheIndexReleasedLeasesAndUploadsAreGarbage(t *testing.T) {
	w := newWorld(t)
	held, released := digest.OfBytes([]byte("held")), digest.OfBytes([]byte("released"))
	take := func(key digest.Digest, term time.Duration) *lease.Lease {
		return must(w.Leases.Take(t.Context(), lease.Claim{Key: key, Term: term}, nil))
	}
	take(held, 2*time.Hour)
	if err := take(released, time.Hour).Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.call(&callindex.Record{Call: callOf("f", held)})
	w.fold()
	orphan := layout.Segment{Shard: layout.FunctionOf("f").Shard(), ID: strings.Repeat("0", 32)}.Table()
	w.plant(orphan, []byte("orphan"))
	for _, key := range []string{layout.ValueSpace.Name(held), "index/00/segments/" + strings.Repeat("0", 32) + ".parquet", layout.RecordSpace.Name(held), "elsewhere"} {
		w.bucket.BeginUpload(key)
	}
	w.clock.pass(day + time.Hour) // the lease that is held has not expired for a day
	w.bucket.BeginUpload(layout.ValueSpace.Name(released))
	summary, removed := w.collect(nil)
	want := gc.Summary{Segments: 1, SegBytes: 6, Leases: 1, Uploads: 2, KeptCalls: 1}
	is(t, "found", summary, want)
	is(t, "removed", removed, gc.Removed{Segments: 1, Leases: 1, Uploads: 2})
	if w.has(orphan) || w.has(layout.LeaseSpace.Name(released)) || !w.has(layout.LeaseSpace.Name(held)) {
		t.Errorf("there is %v", w.names())
	}
	summary, _ = w.collect(nil)
	is(t, "found afterwards", summary, gc.Summary{KeptCalls: 1})
}

func TestFindChangesNothingAndLeavesNoFiles(t *testing.T) {
	w := newWorld(t)
	named(w)
	dir := t.TempDir()
	before := w.names()
	writes := func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb.Writes() {
				t.Errorf("%s %s", r.Verb, r.Key)
			}
			return next(ctx, r)
		}
	}
	var told []gc.Progress
	g := w.find(newClient(bucket.Wrap(w.bucket, writes), w.clock, nil), &gc.Options{TempDir: dir, KeepLast: 1, MaxBytes: 1, Progress: func(p gc.Progress) { told = append(told, p) }})
	if files := must(os.ReadDir(dir)); len(files) != 0 && runtime.GOOS != "windows" { // where they have names until they are closed
		t.Errorf("%d temporary files", len(files))
	}
	if len(told) == 0 || told[len(told)-1].Listed != 13 || told[len(told)-1].Traced != 4 {
		t.Errorf("its progress was %+v", told)
	}
	if err := g.Close(); err != nil || g.Close() != nil {
		t.Error(err)
	}
	refused := buckettest.NewFaults(buckettest.Fault{Verb: bucket.List, Key: layout.Calls + "*", Do: buckettest.Fail(bucket.ErrRefused)})
	_, err := gc.Find(t.Context(), newClient(bucket.Wrap(w.bucket, refused.Inject), w.clock, nil).Store, &gc.Options{TempDir: dir})
	if !errors.Is(err, bucket.ErrRefused) {
		t.Error(err)
	}
	if files := must(os.ReadDir(dir)); len(files) != 0 || !slices.Equal(before, w.names()) {
		t.Errorf("%d temporary files are left", len(files))
	}
	if _, err := gc.Find(t.Context(), w.Store, &gc.Options{TempDir: dir + "/missing"}); err == nil {
		t.Error("it needs no folder for temporary files")
	}
	for _, wrong := range []gc.Options{{MaxAge: -1}, {MaxBytes: -1}, {KeepLast: -1}} {
		if _, err := gc.Find(t.Context(), w.Store, &wrong); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// TestAStoreWithoutItsTimeIsLeftAlone: the age of a value is told by the store's clock alone.
func TestAStoreWithoutItsTimeIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.value("a value")
	w.clock.pass(2 * day)
	timeless := func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			answer.Page.Date = time.Time{}
			return answer, err
		}
	}
	if _, err := gc.Find(t.Context(), newClient(bucket.Wrap(w.bucket, timeless), w.clock, nil).Store, nil); err == nil || !strings.Contains(err.Error(), "its time") {
		t.Error(err)
	}
}
