package lease_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/lease"
	"github.com/quivercache/quiver/op"
)

func state(t *testing.T, b bucket.Bucket) lease.State {
	t.Helper()
	info, err := client(b, "reader").Get(t.Context(), key)
	succeeds(t, err)
	return info.State
}

func TestAnOperationHasItsLeaseUntilItEnds(t *testing.T) {
	b := mem.New(nil)
	c := client(b, "holder").Context(time.Minute)
	failure := errors.New("the operation's own")
	for _, want := range []error{nil, failure} {
		err := c.Do(t.Context(), key.String(), op.Write, func(context.Context) error {
			if s := state(t, b); s != lease.Held {
				t.Errorf("inside it is %q", s)
			}
			return want
		})
		if !errors.Is(err, want) || state(t, b) != lease.Released {
			t.Errorf("it ends with %v, and the lease is %q", err, state(t, b))
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		_ = c.Do(t.Context(), key.String(), op.Write, func(context.Context) error { panic("the operation's own") })
	}()
	if s := state(t, b); s != lease.Released {
		t.Errorf("after a panic it is %q", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Do(ctx, key.String(), op.Write, func(context.Context) error { cancel(); return nil })
	if err != nil || state(t, b) != lease.Released {
		t.Errorf("after the caller has gone it is %q, %v", state(t, b), err)
	}
}

func TestReadersShortKeysAndNestedEntriesNeedNoLease(t *testing.T) {
	var recorder buckettest.Recorder
	c := lease.New(bucket.Wrap(mem.New(nil), recorder.Record), nil).Context(time.Minute)
	nothing := func(context.Context) error { return nil }
	succeeds(t, c.Do(t.Context(), key.String(), op.Read, nothing))
	succeeds(t, c.Do(t.Context(), key.String()[:8], op.Write, nothing))
	recorder.Expect(t)
	succeeds(t, c.Do(t.Context(), key.String(), op.Write, func(ctx context.Context) error {
		recorder.Expect(t, "put "+name)
		succeeds(t, c.Do(ctx, key.String(), op.Write, nothing))
		succeeds(t, c.Do(ctx, key.String(), op.Read, nothing))
		recorder.Expect(t)
		return nil
	}))
}

func TestALeaseComposesWithLocks(t *testing.T) {
	for what, compose := range map[string]func(op.Context) op.Context{
		"a lock outside": func(c op.Context) op.Context { return op.Chain(op.PerKey(), c) },
		"a lock inside":  func(c op.Context) op.Context { return op.Chain(c, op.PerKey()) },
		"one lock":       func(c op.Context) op.Context { return op.Chain(op.Serial(), c, op.None()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			b := mem.New(nil)
			inside, ran := 0, 0
			var mu sync.Mutex
			var workers sync.WaitGroup
			for n := range 6 { // two processes of three workers each
				if n%3 != 0 {
					continue
				}
				c := compose(client(b, string(rune('a'+n))).Context(10 * time.Second))
				for range 3 {
					workers.Go(func() {
						err := c.Do(t.Context(), key.String(), op.Write, func(ctx context.Context) error {
							return c.Do(ctx, key.String(), op.Write, func(context.Context) error {
								mu.Lock()
								inside++
								ran++
								if inside > 1 {
									t.Errorf("%s: %d are inside", what, inside)
								}
								mu.Unlock()
								pass(time.Minute) // several terms
								mu.Lock()
								inside--
								mu.Unlock()
								return nil
							})
						})
						if err != nil {
							t.Error(err)
						}
					})
				}
			}
			workers.Wait()
			if ran != 6 {
				t.Errorf("%s: %d operations ran", what, ran)
			}
		})
	}
}

func TestAnOperationEndsWhenItsLeaseIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		err := client(b, "holder").Context(time.Minute).Do(t.Context(), key.String(), op.Write, func(ctx context.Context) error {
			_, err := client(b, "breaker").Break(t.Context(), key)
			succeeds(t, err)
			begun := time.Now()
			<-ctx.Done()
			fails(t, context.Cause(ctx), lease.ErrLost)
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("that is noticed after %v", took)
			}
			return ctx.Err()
		})
		fails(t, err, lease.ErrLost)
		fails(t, err, context.Canceled)
		err = client(b, "holder").Context(time.Minute).Do(t.Context(), key.String(), op.Write, func(context.Context) error {
			_, err := client(b, "breaker").Break(t.Context(), key)
			return err
		})
		succeeds(t, err) // what the operation has done is right without a lease
	})
}

func TestAStoreThatCannotGiveOrTakeALeaseIsToldOf(t *testing.T) {
	failing := func(nth int) op.Context {
		return client(mem.New(nil), "holder", buckettest.Fault{Verb: bucket.Put, Nth: nth, Do: buckettest.Fail(bucket.ErrRefused)}).Context(time.Minute)
	}
	ran := 0
	operation := func(context.Context) error { ran++; return nil }
	fails(t, failing(1).Do(t.Context(), key.String(), op.Write, operation), bucket.ErrRefused)
	fails(t, failing(2).Do(t.Context(), key.String(), op.Write, operation), bucket.ErrRefused)
	if ran != 1 {
		t.Errorf("the operation ran %d times", ran)
	}
}
