package quiver_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/layout"
)

// power is a switch for requests, by their verbs.
type power struct {
	off    atomic.Bool
	writes atomic.Bool // only those of writers fail
	kind   error
}

func (p *power) middleware(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		if p.off.Load() && (r.Verb.Writes() || !p.writes.Load()) {
			return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: p.kind}
		}
		return next(ctx, r)
	}
}

func TestTheFunctionRunsWhenTheStoreIsDown(t *testing.T) {
	for _, kind := range []error{bucket.ErrUnavailable, bucket.ErrRefused, bucket.ErrThrottled, bucket.ErrNoBucket} {
		synctest.Test(t, func(t *testing.T) {
			runs, power := &counter{}, &power{kind: kind}
			power.off.Store(true)
			c := newClient(mem.New(nil), quiver.Options{}, power.middleware)
			f := square(t, c.Store, runs, nil)
			for i := range 5 {
				expectCall(t, f, i, i*i)
			}
			runs.expect(t, 5)
			if sent := c.requests.Take(); len(sent) > 2 { // the look-up and the format beside it
				t.Errorf("%v: sent %v, although the store was down", kind, sent)
			}
			if lines := c.log.take(); len(lines) != 1 || !strings.Contains(lines[0], kind.Error()) {
				t.Errorf("%v: logged %q", kind, lines)
			}
			if s := c.Stats(); s.Failures != 1 || s.Skipped != 9 || s.Computed != 5 || s.Saved != 0 || len(s.Misses) != 0 {
				t.Errorf("%v: %+v", kind, s)
			}
			// After 30 s one attempt is made, which fails; the outage is not told of again.
			pause(30 * time.Second)
			for i := range 3 {
				expectCall(t, f, i, i*i)
			}
			if s := c.Stats(); s.Failures != 2 || len(c.log.take()) != 0 {
				t.Errorf("%v: %+v", kind, s)
			}
			power.off.Store(false)
			c.requests.Take()
			pause(29 * time.Second)
			expectCall(t, f, 1, 1)
			c.requests.Expect(t)
			pause(time.Second)
			expectCall(t, f, 1, 1)
			expectCall(t, f, 1, 1)
			if s := c.Stats(); s.Saved != 1 || s.Hits != 1 || s.Failures != 2 {
				t.Errorf("%v: %+v", kind, s)
			}
		})
	}
}

func TestAfterAnOutageOneCallerAsksForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, power := &counter{}, &power{kind: bucket.ErrUnavailable}
		power.off.Store(true)
		c := newClient(mem.New(nil), quiver.Options{}, power.middleware)
		f := square(t, c.Store, runs, nil)
		expectCall(t, f, 0, 0)
		pause(30 * time.Second)
		done := make(chan error, 10)
		for i := range 10 {
			go func() {
				_, err := f.Call(t.Context(), i)
				done <- err
			}()
		}
		for range 10 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if s := c.Stats(); s.Failures != 2 {
			t.Errorf("%d look-ups failed, want one for each of the two attempts", s.Failures)
		}
	})
}

// TestWhoMayNotWriteMayStillRead: a store that refuses only writes is still asked.
func TestWhoMayNotWriteMayStillRead(t *testing.T) {
	b, runs, power := mem.New(nil), &counter{}, &power{kind: bucket.ErrRefused}
	expectCall(t, square(t, open(b, nil), runs, nil), 2, 4)
	power.off.Store(true)
	power.writes.Store(true)
	c := newClient(b, quiver.Options{}, power.middleware)
	f := square(t, c.Store, runs, nil)
	for range 2 {
		expectCall(t, f, 3, 9)
		expectCall(t, f, 2, 4)
	}
	runs.expect(t, 3)
	if s := c.Stats(); s.Hits != 2 || s.Failures != 1 || s.Skipped != 1 || len(c.log.take()) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAReadOnlyStoreIsOnlyRead(t *testing.T) {
	b, runs := mem.New(nil), &counter{}
	expectCall(t, square(t, open(b, nil), runs, nil), 2, 4)
	c := newClient(b, quiver.Options{ReadOnly: true})
	f := square(t, c.Store, runs, nil)
	expectCall(t, f, 2, 4)
	expectCall(t, f, 3, 9)
	expectCall(t, f, 3, 9)
	runs.expect(t, 3)
	c.requests.Expect(t, "get quiver.json", "get calls/*", "get calls/*", "get calls/*")
	if s := c.Stats(); s.Failures != 0 || s.Saved != 0 || len(c.log.take()) != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := c.Values.Save(t.Context(), "x", nil); !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("Save = %v", err)
	}
}

// TestAStrictStoreThatFailsIsAnError, each time: it is asked each time.
func TestAStrictStoreThatFailsIsAnError(t *testing.T) {
	b, runs, power := mem.New(nil), &counter{}, &power{kind: bucket.ErrUnavailable}
	c := newClient(b, quiver.Options{Strict: true}, power.middleware)
	f := square(t, c.Store, runs, nil)
	power.off.Store(true)
	for range 2 {
		if _, err := f.Call(t.Context(), 3); !errors.Is(err, bucket.ErrUnavailable) || errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("Call = %v", err)
		}
	}
	runs.expect(t, 0)
	power.off.Store(false)
	expectCall(t, f, 3, 9)
	power.off.Store(true)
	power.writes.Store(true)
	got, err := f.Call(t.Context(), 4)
	if _, ok := errors.AsType[*quiver.SaveError](err); !ok || !errors.Is(err, bucket.ErrUnavailable) || got != 16 {
		t.Errorf("Call = %v, %v, want the result and why it is not saved", got, err)
	}
	if lines := c.log.take(); len(lines) != 0 {
		t.Errorf("logged: %q", lines)
	}
}

// TestAStoreThatHangsIsGivenUp: neither looking up nor saving waits for ever, whatever deadline the caller has.
func TestAStoreThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := buckettest.Before(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		for name, fault := range map[string]buckettest.Fault{
			"looking up": {Verb: bucket.Get, Key: "calls/*", Do: hang}, "saving": {Verb: bucket.Put, Key: "values/*", Do: hang},
			"loading": {Verb: bucket.Get, Key: "values/*", Do: hang},
		} {
			runs, b := &counter{}, mem.New(nil)
			text := func(_ context.Context, n int) (string, error) { runs.add(); return strings.Repeat("x", n), nil }
			if name == "loading" {
				f := memoise(t, open(b, nil), version1, text, nil)
				if _, err := f.Call(t.Context(), 10_000); err != nil {
					t.Fatal(err)
				}
			}
			c := newClient(b, quiver.Options{}, buckettest.NewFaults(fault).Inject)
			f := memoise(t, c.Store, version1, text, &quiver.FuncOptions[string]{LookUpTime: time.Second, TransferTime: 2 * time.Second})
			start := time.Now()
			if got, err := f.Call(context.WithoutCancel(t.Context()), 10_000); err != nil || len(got) != 10_000 {
				t.Errorf("%s: Call = %d bytes, %v", name, len(got), err)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("%s: Call took %v", name, took)
			}
			if lines := c.log.take(); c.Stats().Failures != 1 || len(lines) != 1 || !strings.Contains(lines[0], "too long") {
				t.Errorf("%s: %+v, logged %q", name, c.Stats(), lines)
			}
		}
	})
}

// TestABucketOfAnotherKindDoesNotStopTheFunction, and is not written to.
func TestABucketOfAnotherKindDoesNotStopTheFunction(t *testing.T) {
	for _, format := range []string{`{"name": "another tool's"}`, `{"format": 2, "shards": 64, "digests": "quiver1", "store": "x"}`} {
		b, runs := mem.New(nil), &counter{}
		if err := b.Put(t.Context(), layout.Format, bucket.Bytes([]byte(format)), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		c := newClient(b, quiver.Options{})
		f := square(t, c.Store, runs, nil)
		expectCall(t, f, 3, 9)
		expectCall(t, f, 4, 16)
		if s := c.Stats(); s.Failures != 1 || len(c.log.take()) != 1 {
			t.Errorf("%+v", s)
		}
		if _, err := f.Load(t.Context(), 3); err == nil || errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("Load = %v", err)
		}
	}
}

func TestAFailureOfOneSaveIsNoOutageWhereItIsAboutOneCall(t *testing.T) {
	runs := &counter{}
	lost := buckettest.Fault{Verb: bucket.Put, Key: "calls/*", Do: buckettest.LoseAnswer()}
	c := newClient(mem.New(nil), quiver.Options{}, buckettest.NewFaults(lost).Inject)
	f := square(t, c.Store, runs, nil)
	expectCall(t, f, 3, 9) // it had landed: the writer recognises its own record
	expectCall(t, f, 3, 9)
	runs.expect(t, 1)
	if s := c.Stats(); s.Failures != 0 || s.Saved != 1 || s.Superseded != 0 {
		t.Errorf("%+v", s)
	}
}
