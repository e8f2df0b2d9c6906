package integration_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/internal/historytest"
)

// worst are the requests at which a crash hurts most of a client that computes once, commits a prepared call and collects garbage: what makes each of these true, or what it cannot take back.
var worst = []buckettest.Fault{
	{Verb: bucket.Put, Key: "leases/*", Nth: 1, Do: buckettest.CrashAfter()},  // the lease is taken, and nobody knows
	{Verb: bucket.Put, Key: "leases/*", Nth: 2, Do: buckettest.CrashBefore()}, // the result is saved, the lease not released
	{Verb: bucket.Put, Key: "leases/*", Nth: 3, Do: buckettest.CrashAfter()},  // the call is prepared, and has no token
	{Verb: bucket.Put, Key: "calls/*", Nth: 2, Do: buckettest.CrashBefore()},  // the prepared call has a value and no record
	{Verb: bucket.Put, Key: "calls/*", Nth: 2, Do: buckettest.CrashAfter()},
	{Verb: bucket.Removal, Key: "calls/**", Do: buckettest.CrashAfter()}, // the old call is evicted, its value is there
	{Verb: bucket.Removal, Key: "values/**", Do: buckettest.CrashBefore()},
	{Verb: bucket.Removal, Key: "values/**", Do: buckettest.CrashAfter()},
}

// TestTheWorstCrashOfALeaseOfAPreparedCallAndOfGCLeavesNothingWrong stops a client there. That every other request is as safe is tried in memory.
func TestTheWorstCrashOfALeaseOfAPreparedCallAndOfGCLeavesNothingWrong(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			t.Parallel()
			s := shared(t, which)
			for _, fault := range worst {
				clock := &historytest.Clock{}
				b := historytest.Timed(open(t, fresh(t, s, "")+extras[which].parameter), clock)
				if _, conditional := bucket.As[bucket.ConditionalDeleter](b); conditional && fault.Verb == bucket.Removal {
					fault.Verb = bucket.DeleteIf
				}
				crash := buckettest.NewFaults(fault)
				crashAndGoOn(t, b, clock, crash)
				crash.Done(t)
			}
		})
	}
}

// repeated is what the function of the test computes: too large to stand in its record.
func repeated(_ context.Context, letter string) (string, error) {
	return strings.Repeat(letter, 10<<10), nil
}

// collector is a process that has the function.
type collector struct {
	*quiver.Store
	repeat *quiver.Function[string, string]
}

func newCollector(t *testing.T, b bucket.Bucket, clock *historytest.Clock) collector {
	t.Helper()
	s, err := quiver.New(t.Context(), b, &quiver.Options{Clock: clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	repeat, err := quiver.Func(s, quiver.Def{Name: "repeat", Version: quiver.IntVersion(1)}, repeated, &quiver.FuncOptions[string]{Once: time.Minute, OmitArguments: true})
	if err != nil {
		t.Fatal(err)
	}
	return collector{s, repeat}
}

// crashAndGoOn has a client do all three things, and crash at one of them; and another one go on.
func crashAndGoOn(t *testing.T, b bucket.Bucket, clock *historytest.Clock, crash *buckettest.Faults) {
	t.Helper()
	first := newCollector(t, b, clock)
	old, err := first.repeat.Call(t.Context(), "o")
	if err != nil || len(old) != 10<<10 {
		t.Fatal(err)
	}
	_ = clock.Sleep(t.Context(), 30*time.Hour)

	if err := newCollector(t, bucket.Wrap(b, crash.Inject), clock).work(t.Context()); err != nil && !crash.Crashed() {
		t.Fatal(err)
	}
	next := newCollector(t, b, clock)
	for _, letter := range []string{"a", "p"} {
		if got, err := next.repeat.Call(t.Context(), letter); err != nil || got != strings.Repeat(letter, 10<<10) {
			t.Errorf("after a crash: %d bytes, %v", len(got), err)
		}
	}
	_ = clock.Sleep(t.Context(), 30*time.Hour) // also the leases are of no use any more
	if err := next.collect(t.Context(), 40*time.Hour); err != nil {
		t.Error(err)
	}
	left, err := next.FindGarbage(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	if left.KeptCalls != 2 || left.KeptValues != 2 || left.Values+left.Calls+left.Leases != 0 {
		t.Errorf("in the end there is %+v", left.Summary)
	}
	for f, err := range next.Check(t.Context(), &quiver.CheckOptions{ReadData: true}) {
		if err != nil || f.Kind != "old mark" {
			t.Errorf("a check finds %+v, %v", f, err)
		}
	}
}

// work computes a call once, prepares another and commits it, and collects garbage.
func (c collector) work(ctx context.Context) error {
	if _, err := c.repeat.Call(ctx, "a"); err != nil {
		return err
	}
	p, err := c.repeat.Prepare(ctx, "p", time.Minute)
	if err != nil {
		return err
	}
	if _, err := p.Commit(ctx, strings.Repeat("p", 10<<10)); err != nil {
		return err
	}
	return c.collect(ctx, 20*time.Hour)
}

func (c collector) collect(ctx context.Context, maxAge time.Duration) (err error) {
	garbage, err := c.FindGarbage(ctx, &quiver.GCOptions{MaxAge: maxAge})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, garbage.Close()) }()
	_, err = garbage.Remove(ctx)
	return err
}
