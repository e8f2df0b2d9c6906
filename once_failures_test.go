package quiver_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/layout"
)

// leasesSent says how many requests for leases a client sent since the last look.
func leasesSent(c *client) int {
	sent := c.requests.Take()
	return len(slices.DeleteFunc(sent, func(r buckettest.Recorded) bool { return !strings.HasPrefix(r.Key, layout.Leases) }))
}

// onLeases strikes the requests for leases alone.
func onLeases(do bucket.Middleware) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		struck := do(next)
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if strings.HasPrefix(r.Key, layout.Leases) {
				return struck(ctx, r)
			}
			return next(ctx, r)
		}
	}
}

// held has another process compute a call, until the test ends.
func held(t *testing.T, b bucket.Bucket, in int) {
	ctx, cancel := context.WithCancel(context.Background())
	holder := call(ctx, lasting(t, newClient(b, quiver.Options{Owner: "the holder"}).Store, new(counter), 1000*time.Hour, &quiver.FuncOptions[int]{Once: 12 * time.Hour}), in)
	synctest.Wait()
	t.Cleanup(func() { cancel(); <-holder })
}

func TestWhoCannotSaveTakesNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		held(t, b, 4)
		reader := newClient(b, quiver.Options{ReadOnly: true})
		expectCall(t, square(t, reader.Store, new(counter), once()), 4, 16)
		required := newClient(b, quiver.Options{})
		options := once()
		options.Require = []string{"N"}
		type in struct{ N int }
		f := memoise(t, required.Store, version1, func(_ context.Context, in in) (int, error) { return in.N, nil }, options)
		expectCall(t, f, in{}, 0)
		for _, c := range []*client{reader, required} {
			if n := leasesSent(c); n != 0 {
				t.Errorf("%d requests for leases", n)
			}
		}
	})
}

// TestAStoreThatTakesNothingIsComputedWithout at once, and is asked for a lease again when it may take results again.
func TestAStoreThatTakesNothingIsComputedWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs, refusal := mem.New(nil), &counter{}, &power{kind: bucket.ErrRefused}
		expectCall(t, square(t, open(b, nil), new(counter), nil), 9, 81)
		refusal.off.Store(true)
		refusal.writes.Store(true)
		c := newClient(b, quiver.Options{}, refusal.middleware)
		f := square(t, c.Store, runs, once())
		begun := time.Now()
		for i := range 5 {
			expectCall(t, f, i, i*i)
		}
		if n := leasesSent(c); n != 1 || time.Since(begun) != 0 {
			t.Errorf("%d requests for leases, %v", n, time.Since(begun))
		}
		if s := c.Stats(); s.Computed != 5 || s.Failures != 2 || s.Skipped != 4 {
			t.Errorf("%+v", s)
		}
		refusal.off.Store(false)
		pause(30 * time.Second)
		expectCall(t, f, 5, 25)
		expectCall(t, f, 5, 25)
		runs.expect(t, 6)
		if n := leasesSent(c); n != 2 {
			t.Errorf("%d requests for leases", n)
		}
	})
}

// TestAStoreThatRefusesLeasesAloneTakesResults: who may write one folder may not write another.
func TestAStoreThatRefusesLeasesAloneTakesResults(t *testing.T) {
	b, runs, refusal := mem.New(nil), &counter{}, &power{kind: bucket.ErrRefused}
	refusal.off.Store(true)
	c := newClient(b, quiver.Options{}, onLeases(refusal.middleware))
	f := square(t, c.Store, runs, once())
	for range 2 {
		for i := range 3 {
			expectCall(t, f, i, i*i)
		}
	}
	runs.expect(t, 3)
	if s := c.Stats(); s.Saved != 3 || s.Hits != 3 || s.Failures != 3 {
		t.Errorf("%+v", s)
	}
	if lines := c.log.take(); len(lines) != 1 || !strings.Contains(lines[0], "takes no leases") {
		t.Errorf("it says %q", lines)
	}
}

func TestAStoreThatIsDownIsComputedWithoutALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, outage := &counter{}, &power{kind: bucket.ErrUnavailable}
		outage.off.Store(true)
		c := newClient(mem.New(nil), quiver.Options{}, outage.middleware)
		f := square(t, c.Store, runs, once())
		for i := range 5 {
			expectCall(t, f, i, i*i)
		}
		if n := leasesSent(c); n != 0 {
			t.Errorf("%d requests for leases", n)
		}
		// A store that goes down between the look-up and the lease is a store that is down.
		outage.off.Store(false)
		pause(time.Minute)
		dying := newClient(mem.New(nil), quiver.Options{}, onLeases(func(bucket.Handler) bucket.Handler {
			return func(_ context.Context, r *bucket.Request) (bucket.Answer, error) {
				return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrUnavailable}
			}
		}))
		expectCall(t, square(t, dying.Store, runs, once()), 4, 16)
		if s := dying.Stats(); s.Failures != 1 || s.Skipped != 1 || s.Saved != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAStoreThatHangsAtALeaseIsGivenUp after the time of a look-up: when the lease is taken, and when it is taken over.
func TestAStoreThatHangsAtALeaseIsGivenUp(t *testing.T) {
	hang := buckettest.Before(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	for nth, waits := range map[int]time.Duration{1: 0, 2: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			b, runs := mem.New(nil), &counter{}
			var holder <-chan reply
			if waits > 0 { // a failure, so that the second PUT follows
				holder = call(t.Context(), memoise(t, newClient(b, quiver.Options{}).Store, version1, func(context.Context, int) (int, error) {
					pause(waits)
					return 0, errors.New("it failed")
				}, once()), 4)
				synctest.Wait()
			}
			script := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Key: "leases/*", Nth: nth, Do: hang})
			c := newClient(b, quiver.Options{}, script.Inject)
			begun := time.Now()
			expectCall(t, square(t, c.Store, runs, once()), 4, 16)
			if took := time.Since(begun); took < waits+10*time.Second || took > waits+12*time.Second {
				t.Errorf("it took %v", took)
			}
			script.Done(t)
			if holder != nil {
				<-holder
			}
			if lines := c.log.take(); c.Stats().Failures != 1 || !strings.Contains(lines[len(lines)-1], "too long") {
				t.Errorf("%+v: %q", c.Stats(), lines)
			}
		})
	}
}

// TestWhoIsStrictFailsWithoutALease where others compute without one.
func TestWhoIsStrictFailsWithoutALease(t *testing.T) {
	for _, kind := range []error{bucket.ErrRefused, bucket.ErrUnavailable, bucket.ErrThrottled} {
		runs, failing := &counter{}, &power{kind: kind}
		failing.off.Store(true)
		c := newClient(mem.New(nil), quiver.Options{Strict: true}, onLeases(failing.middleware))
		for range 2 {
			if _, err := square(t, c.Store, runs, once()).Call(t.Context(), 4); !errors.Is(err, kind) {
				t.Errorf("Call = %v", err)
			}
		}
		runs.expect(t, 0)
		if lines := c.log.take(); len(lines) != 0 {
			t.Errorf("it says %q", lines)
		}
	}
}

func TestWhoHasWaitedLongEnoughComputesOrFails(t *testing.T) {
	for _, wait := range []time.Duration{5 * time.Second, time.Minute, 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b, runs := mem.New(nil), &counter{}
			held(t, b, 4)
			options := once()
			options.OnceWait = wait % (24 * time.Hour) // 0: the default
			c := newClient(b, quiver.Options{})
			got := <-call(t.Context(), square(t, c.Store, runs, options), 4)
			if got.value != 16 || got.err != nil || got.took < wait-2*time.Second || got.took > wait+time.Second {
				t.Errorf("%+v", got)
			}
			runs.expect(t, 1)
			if lines := c.log.take(); len(lines) != 2 || !strings.Contains(lines[1], "runs here too") || !strings.Contains(lines[1], "the holder") {
				t.Errorf("it says %q", lines)
			}
			if s := c.Stats(); s.Failures != 0 || s.Saved != 1 || s.Awaited != 1 {
				t.Errorf("to wait long enough is no failure of the store: %+v", s)
			}

			if wait > time.Hour {
				return
			}
			held(t, b, 5)
			strict := newClient(b, quiver.Options{Strict: true})
			got = <-call(t.Context(), square(t, strict.Store, runs, options), 5)
			who, ok := errors.AsType[*quiver.HeldError](got.err)
			if !ok || who.Owner != "the holder" || got.took < wait-2*time.Second || got.took > wait+time.Second || !strings.Contains(got.err.Error(), wait.String()) {
				t.Errorf("%+v", got)
			}
			runs.expect(t, 1)
		})
	}
}

// TestALeaseThatCannotBeReadIsNotWaitedFor.
func TestALeaseThatCannotBeReadIsNotWaitedFor(t *testing.T) {
	for _, text := range []string{"", "not JSON", `{"format":1}`, `{"format":2,"key":"of another kind"}`} {
		synctest.Test(t, func(t *testing.T) {
			b, runs := mem.New(nil), &counter{}
			c, strict := newClient(b, quiver.Options{}), newClient(b, quiver.Options{Strict: true})
			f := square(t, c.Store, runs, once())
			key, err := f.Key(4)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Put(t.Context(), layout.LeaseSpace.Name(key), bucket.Bytes([]byte(text)), bucket.IfAbsent()); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			if _, err := square(t, strict.Store, runs, once()).Call(t.Context(), 4); err == nil || errors.Is(err, quiver.ErrNotFound) {
				t.Errorf("%q: a strict call = %v", text, err)
			}
			runs.expect(t, 0)
			expectCall(t, f, 4, 16)
			expectCall(t, square(t, strict.Store, runs, once()), 4, 16)
			runs.expect(t, 1)
			if lines := c.log.take(); time.Since(begun) != 0 || c.Stats().Failures != 1 || len(lines) != 1 || !strings.Contains(lines[0], layout.Leases) {
				t.Errorf("%q: %+v after %v: %q", text, c.Stats(), time.Since(begun), lines)
			}
		})
	}
}

// TestACallThatWaitsWhenTheStoreIsClosedComputes, as one that comes after that does.
func TestACallThatWaitsWhenTheStoreIsClosedComputes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		held(t, unclosed{b}, 4)
		c := newClient(b, quiver.Options{})
		waiter := call(t.Context(), square(t, c.Store, runs, once()), 4)
		synctest.Wait()
		begun := time.Now()
		if err := c.Close(); err != nil || time.Since(begun) != 0 {
			t.Errorf("Close = %v after %v", err, time.Since(begun))
		}
		if got := <-waiter; got.value != 16 || got.err != nil || got.took > 2*time.Second {
			t.Errorf("%+v", got)
		}
		runs.expect(t, 1)
	})
}

// TestCloseWaitsUntilALeaseIsReleased, so that a process that is told to end leaves none behind.
func TestCloseWaitsUntilALeaseIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		slow := buckettest.Before(func(context.Context) error { pause(time.Second); return nil })
		c := newClient(unclosed{b}, quiver.Options{}, buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Key: "leases/*", Nth: 2, Do: slow}).Inject)
		f := lasting(t, c.Store, new(counter), time.Minute, once())
		ctx, end := context.WithCancel(t.Context())
		running := call(ctx, f, 4)
		synctest.Wait()
		end()
		<-running
		begun := time.Now() // at which the function may not have noticed yet
		if err := c.Close(); err != nil || time.Since(begun) != time.Second {
			t.Errorf("Close = %v after %v", err, time.Since(begun))
		}
		key, err := f.Key(4)
		if err != nil {
			t.Fatal(err)
		}
		if i, err := newClient(b, quiver.Options{}).Leases.Get(t.Context(), key); err != nil || i.State != "released" {
			t.Errorf("%+v, %v", i, err)
		}
	})
}

// TestCloseGivesBackTheLeaseOfAFunctionThatGoesOn: nobody waits for a term for what will not be saved.
func TestCloseGivesBackTheLeaseOfAFunctionThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		c := newClient(unclosed{b}, quiver.Options{})
		f := memoise(t, c.Store, version1, func(_ context.Context, n int) (int, error) { // it looks at no context
			pause(time.Hour)
			return n * n, nil
		}, once())
		for name, ends := range map[string]bool{"whose caller has left": true, "whose caller waits": false} {
			ctx, end := context.WithCancel(t.Context())
			in := len(name)
			running := call(ctx, f, in)
			synctest.Wait()
			if ends {
				end()
				<-running
			} else {
				defer func() { <-running }()
			}
			defer end()
			key, err := f.Key(in)
			if err != nil {
				t.Fatal(err)
			}
			if !ends {
				begun := time.Now()
				if err := c.Close(); err != nil || time.Since(begun) != 0 {
					t.Errorf("Close = %v after %v", err, time.Since(begun))
				}
			}
			synctest.Wait()
			if i, err := newClient(b, quiver.Options{}).Leases.Get(t.Context(), key); err != nil || i.State != "released" {
				t.Errorf("a function %s: %+v, %v", name, i, err)
			}
		}
		pause(2 * time.Hour)
	})
}

// unclosed is a bucket of others too.
type unclosed struct{ bucket.Bucket }

func (unclosed) Close() error { return nil }

// TestWhoIsInterruptedAsHeTakesTheLeaseGivesItBack.
func TestWhoIsInterruptedAsHeTakesTheLeaseGivesItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		ctx, interrupt := context.WithCancel(t.Context())
		taken := buckettest.After(func(context.Context) error { interrupt(); pause(time.Second); return nil })
		c := newClient(b, quiver.Options{}, buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Key: "leases/*", Do: taken}).Inject)
		f := square(t, c.Store, runs, once())
		if got := <-call(ctx, f, 4); !errors.Is(got.err, context.Canceled) {
			t.Errorf("%+v", got)
		}
		pause(2 * time.Second)
		key, err := f.Key(4)
		if err != nil {
			t.Fatal(err)
		}
		if i, err := c.Leases.Get(t.Context(), key); err != nil || i.State != "released" {
			t.Errorf("%+v, %v", i, err)
		}
		runs.expect(t, 0)
	})
}

func TestAResultThatDoesNotFitIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		f := lasting(t, newClient(b, quiver.Options{}).Store, runs, time.Second, once())
		expectCall(t, f, 4, 16)
		key, err := f.Key(4)
		if err != nil {
			t.Fatal(err)
		}
		name := layout.RecordSpace.Name(key)
		info, err := b.Stat(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Put(t.Context(), name, bucket.Bytes([]byte("damaged")), bucket.IfMatch(info.Version)); err != nil {
			t.Fatal(err)
		}
		var replies []<-chan reply
		for range 8 {
			replies = append(replies, call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, 5*time.Second, once()), 4))
		}
		for _, r := range replies {
			if got := <-r; got.value != 16 || got.err != nil {
				t.Errorf("%+v", got)
			}
		}
		runs.expect(t, 2)
	})
}
