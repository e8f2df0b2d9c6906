package gc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

// plain is a store that deletes without looking at the version.
type plain struct{ bucket.Bucket }

func TestHoweverLongItsUserThinksAValueThatIsNamedMeanwhileStays(t *testing.T) {
	for what, name := range map[string]func(w *world, value digest.Digest){
		"saved again": func(w *world, _ digest.Digest) {
			w.client = newClient(w.bucket, w.clock, nil)
			value := w.value("a value")
			w.call(&callindex.Record{Call: callOf("f", value), Result: value})
		},
		"named alone": func(w *world, value digest.Digest) {
			w.client = newClient(w.bucket, w.clock, nil)
			w.call(&callindex.Record{Call: callOf("f", digest.OfBytes(nil)), Result: value})
		},
	} {
		for _, wait := range []time.Duration{0, 5 * time.Hour, 25 * time.Hour, 20 * day} {
			w := newWorld(t)
			value := w.value("a value")
			w.clock.pass(2 * day)
			g := w.find(w.client, nil)
			is(t, "values", g.Values, 1)
			w.clock.pass(3 * time.Hour)
			name(w, value)
			w.clock.pass(wait)
			removed := w.remove(g)
			if !w.hasValue(value) || removed.Values != 0 || removed.InUse != 1 {
				t.Errorf("%s, %v before it is removed: there is %t, removed %+v", what, wait, w.hasValue(value), removed)
			}
		}
	}
}

func TestSeveralAtOnceRemoveEverythingOnce(t *testing.T) {
	w := newWorld(t)
	values := named(w)
	options := &gc.Options{MaxAge: time.Hour}
	first, second := w.find(w.client, options), w.find(newClient(w.bucket, w.clock, nil), options)
	a, b := w.remove(first), w.remove(second)
	if first.Calls != 4 || a.Calls != 4 || b.Calls != 0 || a.Values != len(values)-1 || b != (gc.Removed{InUse: 4}) {
		t.Errorf("the first has removed %+v, the second %+v", a, b)
	}
}

// TestWhoSavesAnEvictedCallAgainKeepsItsValues lets somebody compute a call again between its eviction and the removal of its values.
func TestWhoSavesAnEvictedCallAgainKeepsItsValues(t *testing.T) {
	w := newWorld(t)
	result := w.value("result")
	key := w.call(&callindex.Record{Call: callOf("f", result), Result: result})
	w.clock.pass(2 * day)
	other := newClient(w.bucket, w.clock, nil)
	again := buckettest.After(func(ctx context.Context) error {
		_, err := other.Calls.Save(ctx, &callindex.Record{Call: callOf("f", result), Result: result}, &callindex.SaveOptions{
			Beside: func(ctx context.Context) error { _, err := other.Values.Save(ctx, "result", nil); return err },
		})
		return err
	})
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.DeleteIf, Key: layout.RecordSpace.Name(key), Do: again})
	removed := w.remove(w.find(newClient(bucket.Wrap(w.bucket, faults.Inject), w.clock, nil), &gc.Options{MaxAge: day}))
	faults.Done(t)
	if removed.Calls != 1 || removed.Values != 0 || !w.hasValue(result) || !w.has(layout.RecordSpace.Name(key)) {
		t.Errorf("%+v; the value is there: %t", removed, w.hasValue(result))
	}
}

// TestTheKnownWindow documents what is promised where a store deletes whatever version there is: who names an old value between the look of gc and its delete loses it. The call is a miss with a reason.
func TestTheKnownWindow(t *testing.T) {
	for _, conditional := range []bool{true, false} {
		w := newWorld(t)
		value := w.value("a value")
		w.clock.pass(2 * day)
		other := newClient(w.bucket, w.clock, nil)
		name := buckettest.Before(func(ctx context.Context) error {
			_, err := other.Calls.Save(ctx, &callindex.Record{Call: callOf("f", value), Result: value}, &callindex.SaveOptions{
				Beside: func(ctx context.Context) error { _, err := other.Values.Save(ctx, "a value", nil); return err },
			})
			return err
		})
		verb := bucket.Delete
		if conditional {
			verb = bucket.DeleteIf
		}
		faults := buckettest.NewFaults(buckettest.Fault{Verb: verb, Key: layout.Values + "*", Do: name})
		b := bucket.Wrap(bucket.Bucket(w.bucket), faults.Inject)
		if !conditional {
			b = bucket.Wrap(plain{w.bucket}, faults.Inject)
		}
		w.remove(w.find(newClient(b, w.clock, nil), nil))
		faults.Done(t)
		if w.hasValue(value) != conditional {
			t.Errorf("the store deletes conditionally: %t; the value is there: %t", conditional, w.hasValue(value))
		}
	}
	// Right before it, gc looks, and the value stays.
	w := newWorld(t)
	value := w.value("a value")
	w.clock.pass(2 * day)
	g := w.find(newClient(plain{w.bucket}, w.clock, nil), nil)
	w.client = newClient(w.bucket, w.clock, nil)
	w.value("a value")
	w.remove(g)
	if !w.hasValue(value) {
		t.Error("the value is gone that was written after gc had listed it")
	}
}

// TestEveryCrashPointOfRemove stops gc at each request. Nothing that stays names what is gone, and another one ends it.
func TestEveryCrashPointOfRemove(t *testing.T) {
	options := &gc.Options{MaxAge: 3 * day}
	requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		w := newWorld(t)
		old := w.value("of an old call")
		shared := w.value("of both calls")
		w.call(&callindex.Record{Call: callOf("old", old), Result: old, Parts: []digest.Digest{shared}})
		w.fold()
		w.clock.pass(2 * day)
		nobodys := w.value("nobody's")
		w.plant(layout.Segment{Shard: layout.FunctionOf("old").Shard(), ID: strings.Repeat("0", 32)}.Filter(), nil)
		released := must(w.Leases.Take(t.Context(), lease.Claim{Key: old, Term: time.Minute}, nil))
		if err := released.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.bucket.BeginUpload(layout.ValueSpace.Name(old))
		w.clock.pass(2 * day)
		key := w.call(&callindex.Record{Call: callOf("young", shared), Result: shared})
		removing := false // Find is not tried: it changes nothing
		b := bucket.Wrap(w.bucket, func(next bucket.Handler) bucket.Handler {
			strikes := crash.Inject(next)
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if removing {
					return strikes(ctx, r)
				}
				return next(ctx, r)
			}
		})
		prepared := w.find(newClient(b, w.clock, nil), options)
		removing = true
		_, err := prepared.Remove(t.Context())
		if crash.Crashed() != (err != nil) || errors.Is(err, buckettest.ErrCrashed) != crash.Crashed() {
			t.Errorf("it was told %v", err)
		}
		if err := prepared.Close(); err != nil {
			t.Error(err)
		}
		w.nothingDangles()
		if !w.hasValue(shared) || !w.has(layout.RecordSpace.Name(key)) {
			t.Error("what a young call names is gone")
		}
		w.client = newClient(w.bucket, w.clock, nil)
		w.collect(options)
		again := w.find(w.client, options)
		defer again.Close()
		want := gc.Summary{KeptCalls: 1, KeptValues: 1, KeptBytes: again.KeptBytes}
		is(t, "in the end", again.Summary, want)
		if w.hasValue(old) || w.hasValue(nobodys) || !w.hasValue(shared) {
			t.Error("in the end another value is there")
		}
		for f, err := range w.Calls.Check(t.Context(), nil) {
			if err != nil || f.Kind != callindex.OldMark {
				t.Errorf("a check finds %+v, %v", f, err)
			}
		}
	})
	if requests < 12 {
		t.Errorf("%d requests", requests)
	}
}

// nothingDangles wants of each record that its result and parts are there, and returns how many it has looked at.
func (w *world) nothingDangles() (records int) {
	w.t.Helper()
	for r, err := range newClient(w.bucket, w.clock, nil).Calls.Scan(context.Background(), digest.Digest{}) {
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		records++
		for _, value := range append(r.Parts, r.Result) {
			if !value.IsZero() && !w.hasValue(value) {
				w.t.Errorf("a call of %s names %s, which is gone", r.Name, value)
			}
		}
	}
	return records
}

// TestItsRequestsAreCounted holds Find and Remove to their budgets.
func TestItsRequestsAreCounted(t *testing.T) {
	w := newWorld(t)
	one := w.value("one")
	w.value("nobody's")
	w.call(&callindex.Record{Call: callOf("old", one), Result: one})
	w.fold()
	w.clock.pass(2 * day)
	pending := w.call(&callindex.Record{Call: callOf("old", digest.OfBytes(nil)), Result: one})
	var recorder buckettest.Recorder
	c := w.recorded(&recorder)
	trace := []string{"list folders index/", "list index/*/marks/", "get index/*/manifest.json", "get range index/*.parquet", "get calls/*"}
	filter := "get range index/*.filter" // read once
	list := []string{"list values/", "list calls/", "list leases/", "list folders index/", "list index/*/segments/", "get index/*/manifest.json", "list uploads *"}
	g := w.find(c, nil)
	recorder.Expect(t, append(append(list, filter), trace...)...)
	w.remove(g)
	recorder.Expect(t, "get range values/*", "delete if values/*")
	w.value("nobody's")
	w.clock.pass(2 * day)
	g = w.find(c, &gc.Options{MaxAge: 3 * day, KeepLast: 100})
	recorder.Expect(t, append(append(list, trace...), trace...)...) // a rule on the number takes a trace of its own
	w.remove(g)
	recorder.Expect(t, "get calls/*", "put index/*/marks/*", "delete if calls/*", "get range values/*", "delete if values/*")
	is(t, "the pending call stays", w.has(layout.RecordSpace.Name(pending)), true)
}

func TestListingTakesAFolderAtATimeAndNoMoreThanItMust(t *testing.T) {
	for n, lists := range map[int]int{1000: 1, 1001: 257} {
		w := newWorld(t)
		for i := range n {
			w.plant(layout.ValueSpace.Name(must(digest.Of(i))), nil)
		}
		w.clock.pass(2 * day)
		var recorder buckettest.Recorder
		g := w.find(w.recorded(&recorder), nil)
		got := 0
		for _, r := range recorder.Take() {
			if strings.HasPrefix(r.String(), "list "+layout.Values) {
				got++
			}
		}
		is(t, "values", g.Values, n)
		is(t, fmt.Sprintf("lists of %d values", n), got, lists)
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		refused := buckettest.NewFaults(buckettest.Fault{Verb: bucket.List, Key: layout.Values + "8*", Do: buckettest.Fail(bucket.ErrRefused)})
		if _, err := gc.Find(t.Context(), newClient(bucket.Wrap(w.bucket, refused.Inject), w.clock, nil).Store, nil); n > 1000 && !errors.Is(err, bucket.ErrRefused) {
			t.Error(err)
		}
	}
}

// TestInterruptedItStopsAndGoesOnLater: what was removed stays removed.
func TestInterruptedItStopsAndGoesOnLater(t *testing.T) {
	w := newWorld(t)
	for i := range 200 {
		w.value(i)
	}
	w.clock.pass(2 * day)
	ctx, cancel := context.WithCancel(t.Context())
	g := w.find(w.client, &gc.Options{Progress: func(p gc.Progress) {
		if p.Removed == 50 {
			cancel()
		}
	}})
	removed, err := g.Remove(ctx)
	if !errors.Is(err, context.Canceled) || removed.Values < 50 || removed.Values == 200 {
		t.Errorf("removed %d, %v", removed.Values, err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	summary, rest := w.collect(nil)
	is(t, "the rest", removed.Values+rest.Values, 200)
	is(t, "found", summary.Values, rest.Values)
}
