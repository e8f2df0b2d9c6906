package quiver_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
)

// pause lets time pass in a synctest bubble.
func pause(d time.Duration) { <-time.After(d) }

// slowly is a function that takes a minute, or until it is told to stop.
func slowly[In, Out any](fn func(In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (out Out, err error) {
		select {
		case <-time.After(time.Minute):
			return fn(in)
		case <-ctx.Done():
			return out, context.Cause(ctx)
		}
	}
}

func TestConcurrentCallsComputeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &counter{}
		c := newClient(mem.New(nil), quiver.Options{})
		f := memoise(t, c.Store, version1, slowly(func(n int) ([]int, error) { runs.add(); return []int{n, n}, nil }), nil)
		var group sync.WaitGroup
		results := make([][]int, 20)
		for i := range results {
			group.Go(func() {
				var err error
				if results[i], err = f.Call(t.Context(), 7); err != nil {
					t.Error(err)
				}
				results[i][0] = i // each has its own
			})
		}
		synctest.Wait()
		if n := c.Stats().Waiting; n != 20 {
			t.Errorf("%d callers wait, want 20", n)
		}
		group.Wait()
		runs.expect(t, 1)
		for i, r := range results {
			if r[0] != i || r[1] != 7 {
				t.Errorf("caller %d has %v", i, r)
			}
		}
		if s := c.Stats(); s.Computed != 1 || s.Shared != 19 || s.Saved != 1 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestNobodySharesMemory: neither those who share a hit, of bytes that are decoded by not copying them, nor those who share a computation.
func TestNobodySharesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int{10, 100_000} {
			b := mem.New(nil)
			slow := buckettest.Fault{Verb: bucket.Get, Key: "calls/*", Nth: 2, Do: buckettest.Before(func(ctx context.Context) error {
				pause(time.Second)
				return nil
			})}
			c := newClient(b, quiver.Options{}, buckettest.NewFaults(slow).Inject)
			f := memoise(t, c.Store, version1, slowly(func(n int) ([]byte, error) { return make([]byte, n), nil }), nil)
			for range 2 { // computed, then remembered
				var group sync.WaitGroup
				for i := range 8 {
					group.Go(func() {
						got, err := f.Call(t.Context(), size)
						if err != nil || len(got) != size {
							t.Errorf("%d bytes, %v", len(got), err)
							return
						}
						for j := range got {
							got[j] += byte(i + 1)
						}
						pause(time.Second)
						if got[0] != byte(i+1) || got[size-1] != byte(i+1) {
							t.Errorf("somebody else wrote %d", got[0])
						}
					})
				}
				group.Wait()
			}
			if s := c.Stats(); s.Computed != 1 || s.Hits != 1 || s.Shared != 14 {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestWaitersKeepTheirOwnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &counter{}
		f := memoise(t, newClient(mem.New(nil), quiver.Options{}).Store, version1, slowly(func(n int) (int, error) { runs.add(); return n, nil }), nil)
		start := time.Now()
		var group sync.WaitGroup
		for i, patience := range []time.Duration{time.Second, 10 * time.Second, time.Hour} { // the first caller is the first to leave
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				got, err := f.Call(ctx, 7)
				switch waited := time.Since(start); {
				case patience < time.Minute && (!errors.Is(err, context.DeadlineExceeded) || waited != patience):
					t.Errorf("caller %d got %v, %v after %v", i, got, err, waited)
				case patience > time.Minute && (err != nil || got != 7 || waited != time.Minute):
					t.Errorf("caller %d got %v, %v after %v", i, got, err, waited)
				}
			})
			synctest.Wait()
		}
		group.Wait()
		runs.expect(t, 1)
		expectCall(t, f, 7, 7)
		runs.expect(t, 1)
	})
}

func TestTheComputationStopsWhenTheLastCallerHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Int64
		c := newClient(mem.New(nil), quiver.Options{})
		type key struct{}
		f := memoise(t, c.Store, version1, func(ctx context.Context, n int) (int, error) {
			if ctx.Value(key{}) == nil {
				t.Error("the values of the first caller's context are gone")
			}
			if _, has := ctx.Deadline(); has {
				t.Error("the first caller's deadline counts for the others")
			}
			select {
			case <-ctx.Done():
				stopped.Add(1)
				return n, nil // what it returns now is dropped
			case <-time.After(time.Minute):
				return n + 1, nil
			}
		}, nil)
		values := context.WithValue(t.Context(), key{}, 1)
		var group sync.WaitGroup
		for _, patience := range []time.Duration{time.Second, 2 * time.Second} {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(values, patience)
				defer cancel()
				if _, err := f.Call(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Call = %v", err)
				}
			})
		}
		pause(1500 * time.Millisecond)
		if stopped.Load() != 0 {
			t.Error("the computation stopped while somebody waited")
		}
		group.Wait()
		synctest.Wait()
		if stopped.Load() != 1 {
			t.Error("the computation goes on although nobody waits")
		}
		// Neither the flight that was told to stop nor its outcome is in the way of who comes next.
		if got, err := f.Call(values, 1); err != nil || got != 2 {
			t.Errorf("Call = %v, %v", got, err)
		}
		if s := c.Stats(); s.Saved != 1 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestWhoeverComesFirstDoesNotHoldUpTheOthers: its time may end while it asks the store.
func TestWhoeverComesFirstDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &counter{}
		slow := buckettest.Fault{Verb: bucket.Get, Key: "calls/*", Do: buckettest.Before(func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})}
		c := newClient(mem.New(nil), quiver.Options{}, buckettest.NewFaults(slow).Inject)
		f := square(t, c.Store, runs, nil)
		var group sync.WaitGroup
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			// In the moment in which its time ends the other's outcome may be there already.
			if got, err := f.Call(ctx, 3); !errors.Is(err, context.DeadlineExceeded) && (err != nil || got != 9) {
				t.Errorf("Call = %v, %v", got, err)
			}
		})
		synctest.Wait()
		group.Go(func() {
			start := time.Now()
			if got, err := f.Call(t.Context(), 3); err != nil || got != 9 || time.Since(start) != time.Second {
				t.Errorf("Call = %v, %v after %v", got, err, time.Since(start))
			}
		})
		group.Wait()
		runs.expect(t, 1)
		if s := c.Stats(); s.Failures != 0 || s.Saved != 1 {
			t.Errorf("a caller who left is no failure of the store: %+v", s)
		}
	})
}

func TestAnErrorGoesToThoseWhoWaitAndIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &counter{}
		f := memoise(t, newClient(mem.New(nil), quiver.Options{}).Store, version1, slowly(func(n int) (int, error) {
			if runs.add() == 1 {
				return 0, errNegative
			}
			return n, nil
		}), nil)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if _, err := f.Call(t.Context(), 7); !errors.Is(err, errNegative) {
					t.Errorf("Call = %v", err)
				}
			})
		}
		group.Wait()
		expectCall(t, f, 7, 7)
		runs.expect(t, 2)
	})
}

func TestAPanicGoesToTheFirstCallerAndPoisonsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &counter{}
		c := newClient(mem.New(nil), quiver.Options{})
		f := memoise(t, c.Store, version1, slowly(func(n int) (int, error) {
			if runs.add() == 1 {
				panic(errNegative)
			}
			return n, nil
		}), nil)
		var panics, errs atomic.Int64
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				defer func() {
					if problem := recover(); problem != nil {
						if err, ok := problem.(error); !ok || !errors.Is(err, errNegative) {
							t.Errorf("panicked with %v", problem)
						}
						panics.Add(1)
					}
				}()
				_, err := f.Call(t.Context(), 7)
				if problem, ok := errors.AsType[*quiver.PanicError](err); !ok || !errors.Is(err, errNegative) || !strings.Contains(string(problem.Stack), "flight_test.go") {
					t.Errorf("Call = %v", err)
				}
				errs.Add(1)
			})
			synctest.Wait()
		}
		group.Wait()
		if panics.Load() != 1 || errs.Load() != 2 {
			t.Errorf("%d panics, %d errors", panics.Load(), errs.Load())
		}
		if lines := c.log.take(); len(lines) != 1 || !strings.Contains(lines[0], "flight_test.go") {
			t.Errorf("logged: %q, want where it was", lines)
		}
		expectCall(t, f, 7, 7)
		if s := c.Stats(); s.Errors != 1 || s.Computed != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAFunctionThatEndsItsGoroutineEndsTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := memoise(t, newClient(mem.New(nil), quiver.Options{}).Store, version1, func(context.Context, int) (int, error) {
			pause(time.Second)
			runtime.Goexit()
			return 0, nil
		}, nil)
		var group sync.WaitGroup
		group.Go(func() {
			_, err := f.Call(t.Context(), 1)
			t.Error("Call returned", err)
		})
		synctest.Wait()
		group.Go(func() {
			if _, err := f.Call(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "goroutine") {
				t.Errorf("Call = %v", err)
			}
		})
		group.Wait()
	})
}

func TestACallThatWaitsForItselfIsAnError(t *testing.T) {
	s := open(mem.New(nil), nil)
	var fibonacci *quiver.Function[int, int]
	fibonacci = memoise(t, s, version1, func(ctx context.Context, n int) (int, error) {
		if n < 2 {
			return n, nil
		}
		if n == 20 {
			return fibonacci.Call(ctx, n)
		}
		a, err := fibonacci.Call(ctx, n-1)
		if err != nil {
			return 0, err
		}
		b, err := fibonacci.Call(ctx, n-2)
		return a + b, err
	}, nil)
	expectCall(t, fibonacci, 19, 4181)
	if _, err := fibonacci.Call(t.Context(), 21); err == nil || !strings.Contains(err.Error(), "itself") {
		t.Errorf("Call = %v", err)
	}
	if n := s.Stats().Computed; n != 22 {
		t.Errorf("%d computations, want 22", n)
	}
}

// TestWhatIsComputedIsSavedAlthoughNobodyWaits: who left while it was being saved finds it the next time. Close waits for it.
func TestWhatIsComputedIsSavedAlthoughNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		slow := buckettest.Fault{Verb: bucket.Put, Key: "calls/*", Do: buckettest.Before(func(ctx context.Context) error {
			pause(10 * time.Second)
			return ctx.Err()
		})}
		c := newClient(shared{b}, quiver.Options{}, buckettest.NewFaults(slow).Inject)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f := square(t, c.Store, runs, nil)
		if _, err := f.Call(ctx, 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Call = %v", err)
		}
		start := time.Now()
		if err := c.Close(); err != nil || time.Since(start) != 9*time.Second {
			t.Errorf("Close = %v after %v", err, time.Since(start))
		}
		expectCall(t, f, 4, 16) // a store that is closed is a store that failed
		if s := c.Stats(); s.Saved != 1 || s.Failures == 0 {
			t.Errorf("%+v", s)
		}
		expectCall(t, square(t, newClient(b, quiver.Options{}).Store, runs, nil), 3, 9)
		runs.expect(t, 2)
	})
}

// shared is a bucket that another store uses too.
type shared struct{ bucket.Bucket }

func (shared) Close() error { return nil }

// TestWhoWaitsForWhatCannotBeSharedIsToldSo: each needs a result of its own.
func TestWhoWaitsForWhatCannotBeSharedIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := memoise(t, newClient(mem.New(nil), quiver.Options{}).Store, version1, slowly(func(int) (any, error) { return parity(3), nil }),
			&quiver.FuncOptions[any]{CacheIf: func(any) bool { return false }})
		var got, failed atomic.Int64
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				out, err := f.Call(t.Context(), 1)
				if _, ok := errors.AsType[*quiver.SaveError](err); ok && out == nil {
					failed.Add(1)
				} else if err == nil && out == any(parity(3)) {
					got.Add(1)
				}
			})
		}
		group.Wait()
		if got.Load() != 1 || failed.Load() != 2 {
			t.Errorf("%d got it, %d were told", got.Load(), failed.Load())
		}
	})
}
