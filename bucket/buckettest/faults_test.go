package buckettest_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
)

func put(t *testing.T, b bucket.Bucket, key, content string) error {
	t.Helper()
	return b.Put(t.Context(), key, bucket.Bytes([]byte(content)), bucket.IfAbsent())
}

func has(t *testing.T, b bucket.Bucket, key string) bool {
	t.Helper()
	_, err := b.Stat(t.Context(), key)
	if err != nil && !errors.Is(err, bucket.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// recorder stands for a testing.T whose failure is what is tested.
type recorder struct {
	testing.TB
	failed []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, _ ...any) { r.failed = append(r.failed, format) }

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         bool
	}{
		{"", "anything", true}, {"a", "a", true}, {"a", "ab", false}, {"a*", "ab/c", true}, {"*c", "ab/c", true}, {"a*c", "ac", true}, {"a*a", "a", false},
		{"index/*/marks/*", "index/07/marks/ab/cd", true}, {"index/*/marks/*", "index/07/manifest.json", false}, {"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "aXc", false}, {"*", "", true}, {"b*", "ab", false},
	} {
		if got := buckettest.Match(c.pattern, c.key); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.key, got)
		}
	}
}

func TestAFailureDoesNotReachTheStore(t *testing.T) {
	store := mem.New(nil)
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Key: "a*", Nth: 2, Do: buckettest.Fail(bucket.ErrThrottled)})
	b := bucket.Wrap(store, faults.Inject)
	for _, key := range []string{"b", "a1"} {
		if err := put(t, b, key, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if unused := faults.Unused(); len(unused) != 1 {
		t.Fatalf("unused before its time: %v", unused)
	}
	if err := put(t, b, "a2", "x"); !errors.Is(err, bucket.ErrThrottled) || has(t, store, "a2") {
		t.Fatalf("the second put of a*: %v, landed: %v", err, has(t, store, "a2"))
	}
	if err := put(t, b, "a3", "x"); err != nil {
		t.Fatalf("a fault strikes once: %v", err)
	}
	faults.Done(t)
}

func TestALostAnswerHasLanded(t *testing.T) {
	store := mem.New(nil)
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Do: buckettest.LoseAnswer()}, buckettest.Fault{Verb: bucket.Get, Do: buckettest.LoseAnswer()})
	b := bucket.Wrap(store, faults.Inject)
	if err := put(t, b, "a", "x"); !errors.Is(err, bucket.ErrUnavailable) || !has(t, store, "a") {
		t.Fatalf("%v, landed: %v", err, has(t, store, "a"))
	}
	if object, err := b.Get(t.Context(), "a"); !errors.Is(err, bucket.ErrUnavailable) || object != nil {
		t.Fatalf("%v, %v", object, err)
	}
	faults.Done(t)
}

func TestACutBodyEndsWithAnError(t *testing.T) {
	store := mem.New(nil)
	faults := buckettest.NewFaults(
		buckettest.Fault{Verb: bucket.Get, Nth: 1, Do: buckettest.CutBody(3)},
		buckettest.Fault{Verb: bucket.Get, Nth: 2, Do: buckettest.CutBody(5)},
		buckettest.Fault{Verb: bucket.Put, Nth: 2, Do: buckettest.CutBody(3)},
	)
	b := bucket.Wrap(store, faults.Inject)
	if err := put(t, b, "a", "hello"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hel", "hello"} {
		object, err := b.Get(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(object.Body); string(got) != want || !errors.Is(err, bucket.ErrUnavailable) {
			t.Errorf("the body is %q, %v", got, err)
		}
		object.Body.Close()
	}
	if err := put(t, b, "b", "hello"); !errors.Is(err, bucket.ErrUnavailable) || has(t, store, "b") {
		t.Errorf("a put of which 3 bytes were sent: %v, landed: %v", err, has(t, store, "b"))
	}
	faults.Done(t)
}

func TestHooksRunBeforeAndAfterTheStore(t *testing.T) {
	store := mem.New(nil)
	var seen []bool
	hook := func(context.Context) error {
		seen = append(seen, has(t, store, "a"))
		return nil
	}
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Nth: 1, Do: buckettest.Before(hook)}, buckettest.Fault{Verb: bucket.Stat, Nth: 1, Do: buckettest.After(hook)})
	b := bucket.Wrap(store, faults.Inject)
	if err := put(t, b, "a", "x"); err != nil {
		t.Fatal(err)
	}
	if !has(t, b, "a") || !slices.Equal(seen, []bool{false, true}) {
		t.Errorf("the hooks saw %v", seen)
	}
	faults.Done(t)
	failing := buckettest.NewFaults(buckettest.Fault{Do: buckettest.Before(func(context.Context) error { return bucket.ErrRefused })})
	if err := put(t, bucket.Wrap(store, failing.Inject), "c", "x"); !errors.Is(err, bucket.ErrRefused) || has(t, store, "c") {
		t.Errorf("a hook that fails: %v, landed: %v", err, has(t, store, "c"))
	}
}

func TestACrashedClientDoesNothingMore(t *testing.T) {
	store := mem.New(nil)
	if err := put(t, store, "a", "hello"); err != nil {
		t.Fatal(err)
	}
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Delete, Do: buckettest.CrashAfter()})
	b := bucket.Wrap(store, faults.Inject)
	object, err := b.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "a"); !errors.Is(err, buckettest.ErrCrashed) || has(t, store, "a") {
		t.Errorf("%v, landed: %v", err, !has(t, store, "a"))
	}
	if err := put(t, b, "b", "x"); !errors.Is(err, buckettest.ErrCrashed) || has(t, store, "b") {
		t.Errorf("a put of a crashed client: %v", err)
	}
	if _, err := io.ReadAll(object.Body); !errors.Is(err, buckettest.ErrCrashed) {
		t.Errorf("a body of a crashed client: %v", err)
	}
}

func TestUnusedFaultsFailTheTest(t *testing.T) {
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Nth: 2, Do: buckettest.LoseAnswer()}, buckettest.Fault{Do: buckettest.Fail(bucket.ErrThrottled)})
	if err := put(t, bucket.Wrap(mem.New(nil), faults.Inject), "a", "x"); !errors.Is(err, bucket.ErrThrottled) {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	faults.Done(r)
	if unused := faults.Unused(); len(r.failed) != 1 || len(unused) != 1 || unused[0].Verb != bucket.Put {
		t.Errorf("%d failures for %v", len(r.failed), unused)
	}
}

// EachCrash must stop a program of two writes and a read at all of its 3 boundaries, on both sides.
func TestEachCrashStopsAtEveryBoundary(t *testing.T) {
	var outcomes []string
	n := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		store := mem.New(nil)
		b := bucket.Wrap(store, crash.Inject)
		failures := []error{put(t, b, "a", "x"), put(t, b, "b", "x")}
		_, err := b.Stat(t.Context(), "a")
		failures = append(failures, err)
		var outcome strings.Builder
		for _, key := range []string{"a", "b"} {
			if has(t, store, key) {
				outcome.WriteString(key)
			}
		}
		for _, err := range failures {
			if err != nil {
				outcome.WriteString("!")
			}
		}
		outcomes = append(outcomes, outcome.String())
	})
	if want := []string{"!!!", "a!!!", "a!!", "ab!!", "ab!", "ab!", "ab"}; n != 3 || !slices.Equal(outcomes, want) {
		t.Errorf("%d requests, outcomes %q, not %q", n, outcomes, want)
	}
}

func TestTheRecorderHoldsToABudget(t *testing.T) {
	var requests buckettest.Recorder
	b := bucket.Wrap(mem.New(nil), requests.Record)
	work := func() {
		if err := errors.Join(put(t, b, "marks/1", ""), put(t, b, "marks/2", "")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.List(t.Context(), bucket.ListOptions{Prefix: "marks/"}); err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), "marks/2"); err != nil {
			t.Fatal(err)
		}
		if bulk, _ := bucket.As[bucket.BulkDeleter](b); bulk.DeleteAll(t.Context(), []string{"marks/1", "x"}) != nil {
			t.Fatal("the bulk delete fails")
		}
	}
	work()
	requests.Expect(t, "list marks/", "delete marks/2", "put marks/1", "put marks/*", "delete all marks/1 x")
	requests.Expect(t)
	work()
	r := &recorder{TB: t}
	requests.Expect(r, "list marks/", "put marks/*", "delete marks/2", "delete all*")
	work()
	requests.Expect(r, "list marks/", "put marks/*", "put marks/*", "delete marks/2", "delete all*", "get *")
	if len(r.failed) != 2 {
		t.Errorf("a budget that is overdrawn and one that is not used up fail %d times", len(r.failed))
	}
	if has(t, b, "nothing") {
		t.Fatal("there is nothing")
	}
	if taken := requests.Take(); len(taken) != 1 || taken[0].String() != "stat nothing" || !errors.Is(taken[0].Err, bucket.ErrNotFound) {
		t.Errorf("recorded %v", taken)
	}
}
