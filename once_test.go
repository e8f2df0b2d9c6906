package quiver_test

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	"github.com/quivercache/quiver/layout"
)

// Codecs are made at their first use, which must not be inside a bubble.
func init() {
	s, ctx := open(mem.New(nil), nil), context.Background()
	key, err := s.Values.SaveBytes(ctx, []byte("warm"))
	if err == nil {
		_, err = s.Values.LoadBytes(ctx, key, 1<<10)
	}
	if err != nil {
		panic(err)
	}
}

// Terms of the leases here.
const (
	onceTerm  = 10 * time.Second
	onceSlack = 3 * time.Second // by which a takeover may be later than the end of a term
)

// once are options that compute once.
func once() *quiver.FuncOptions[int] { return &quiver.FuncOptions[int]{Once: onceTerm} }

// lasting is square, but takes a time.
func lasting(t testing.TB, s *quiver.Store, runs *counter, d time.Duration, options *quiver.FuncOptions[int]) *quiver.Function[int, int] {
	return memoise(t, s, version1, func(ctx context.Context, n int) (int, error) {
		runs.add()
		select {
		case <-time.After(d):
			return n * n, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}, options)
}

// reply is what a caller got, and how long he waited for it.
type reply struct {
	value int
	err   error
	took  time.Duration
}

// call calls a function beside the test.
func call(ctx context.Context, f *quiver.Function[int, int], in int) <-chan reply {
	replies := make(chan reply, 1)
	go func() {
		begun := time.Now()
		value, err := f.Call(ctx, in)
		replies <- reply{value, err, time.Since(begun)}
	}()
	return replies
}

func TestOneOfManyProcessesComputesAndTheOthersWaitForItsResult(t *testing.T) {
	for _, takes := range []time.Duration{100 * time.Millisecond, 2 * time.Second, 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			b, runs := mem.New(nil), &counter{}
			expectCall(t, square(t, open(b, nil), &counter{}, nil), 9, 81) // in a bucket that is no store yet, each sends two requests more
			clients, replies := make([]*client, 64), make([]<-chan reply, 64)
			for i := range clients {
				clients[i] = newClient(b, quiver.Options{Owner: fmt.Sprint("process ", i)})
				replies[i] = call(t.Context(), lasting(t, clients[i].Store, runs, takes, once()), 4)
			}
			awaited := int64(0)
			for i, c := range clients {
				got := <-replies[i]
				if got.value != 16 || got.err != nil {
					t.Errorf("process %d: %+v", i, got)
				}
				waits := c.Stats().Awaited > 0
				if most := 5 + int(got.took.Seconds()); waits && len(c.requests.Take()) > most {
					t.Errorf("process %d sent more than %d requests in %v", i, most, got.took)
				}
				if lines := c.log.take(); waits && (len(lines) != 1 || !strings.Contains(lines[0], "owner=\"process ")) {
					t.Errorf("process %d says %q", i, lines)
				}
				awaited += c.Stats().Awaited
			}
			runs.expect(t, 1)
			if awaited != 63 {
				t.Errorf("%d processes waited, want 63", awaited)
			}
		})
	}
}

// TestRequestsOfComputingOnce: a miss costs a PUT more for the lease and one for its release, a hit nothing.
func TestRequestsOfComputingOnce(t *testing.T) {
	b, runs := mem.New(nil), &counter{}
	c := newClient(b, quiver.Options{})
	plain, leased := square(t, c.Store, runs, nil), square(t, c.Store, runs, once())
	miss := []string{"get calls/*", "put index/*", "put values/*", "put values/*", "put calls/*"}
	expectCall(t, plain, 5, 25)
	c.requests.Expect(t, append([]string{"get quiver.json", "put quiver.json"}, miss...)...)
	expectCall(t, plain, 2, 4)
	c.requests.Expect(t, miss...)
	expectCall(t, leased, 3, 9)
	c.requests.Expect(t, append([]string{"put leases/*", "put leases/*"}, miss...)...)
	expectCall(t, leased, 3, 9)
	c.requests.Expect(t, "get calls/*")
	if _, err := leased.Refresh(t.Context(), 3); err != nil {
		t.Error(err)
	}
	c.requests.Expect(t, "put index/*", "put values/*", "put values/*", "put calls/*", "get calls/*", "put calls/*")
}

// TestWhereverAHolderStopsTheOthersHaveTheResult: before a request, when it has landed and nobody was told, and where its reply alone was lost.
func TestWhereverAHolderStopsTheOthersHaveTheResult(t *testing.T) {
	const takes = 5 * time.Second // so that the lease is renewed meanwhile
	for name, do := range map[string]func() buckettest.Action{
		"before": buckettest.CrashBefore, "after": buckettest.CrashAfter, "untold": buckettest.LoseAnswer,
	} {
		for nth, struck := 1, true; struck; nth++ {
			t.Run(fmt.Sprintf("%s request %d", name, nth), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b, runs := mem.New(nil), &counter{}
					faults := buckettest.NewFaults(buckettest.Fault{Nth: nth, Do: do()})
					var requests, stopped atomic.Int64
					noting := func(next bucket.Handler) bucket.Handler {
						return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
							if requests.Add(1) == int64(nth) {
								stopped.Store(time.Now().UnixNano())
							}
							return next(ctx, r)
						}
					}
					holder := call(t.Context(), lasting(t, newClient(b, quiver.Options{}, faults.Inject, noting).Store, runs, takes, once()), 4)
					pause(time.Second)
					var waiters []<-chan reply
					for range 4 {
						waiters = append(waiters, call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, takes, once()), 4))
					}
					for _, w := range waiters {
						got := <-w
						since := time.Since(time.Unix(0, stopped.Load()))
						if got.value != 16 || got.err != nil || stopped.Load() > 0 && since > onceTerm+onceSlack+takes {
							t.Errorf("a waiter: %+v, %v after the holder stopped", got, since)
						}
					}
					if got := <-holder; got.value != 16 || got.err != nil {
						t.Errorf("the holder: %+v", got)
					}
					if n := runs.add() - 1; n > 2 {
						t.Errorf("the function ran %d times", n)
					}
					last := newClient(b, quiver.Options{})
					expectCall(t, lasting(t, last.Store, runs, takes, once()), 4, 16)
					if last.Stats().Hits != 1 {
						t.Error("the result is not remembered")
					}
					if struck = len(faults.Unused()) == 0; !struck && nth < 11 {
						t.Errorf("a holder sends %d requests alone", nth-1)
					}
				})
			})
		}
	}
}

// TestAHolderThatDiesWhileItComputesIsSucceededAfterATerm by one of those who wait.
func TestAHolderThatDiesWhileItComputesIsSucceededAfterATerm(t *testing.T) {
	for _, diesAfter := range []time.Duration{time.Millisecond, 3 * time.Second, 4 * time.Second, 9 * time.Second, 50 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			const takes = time.Minute
			b, runs := mem.New(nil), &counter{}
			dead := &power{kind: bucket.ErrRefused}
			life, die := context.WithCancel(t.Context())
			holder := call(life, lasting(t, newClient(b, quiver.Options{}, dead.middleware).Store, runs, takes, once()), 4)
			synctest.Wait()
			var waiters []<-chan reply
			for range 16 {
				waiters = append(waiters, call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, takes, once()), 4))
			}
			pause(diesAfter)
			dead.off.Store(true)
			die()
			<-holder
			for _, w := range waiters {
				if got := <-w; got.value != 16 || got.err != nil || got.took > diesAfter+onceTerm+onceSlack+takes {
					t.Errorf("a waiter: %+v", got)
				}
			}
			runs.expect(t, 2)
		})
	}
}

// TestAHolderThatThawsAfterATakeoverIsGivenTheFirstResultAndSaysSo: nothing depends on the lease.
func TestAHolderThatThawsAfterATakeoverIsGivenTheFirstResultAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, thaw := mem.New(nil), make(chan struct{})
		freeze := func(next bucket.Handler) bucket.Handler {
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) > 0 { // from the first renewal on
					<-thaw
				}
				return next(ctx, r)
			}
		}
		frozen := newClient(b, quiver.Options{Owner: "the frozen one"}, freeze)
		first := call(t.Context(), memoise(t, frozen.Store, version1, func(context.Context, int) (int, error) { <-thaw; return 1, nil }, once()), 4)
		synctest.Wait()
		other := newClient(b, quiver.Options{Owner: "its successor"})
		second := <-call(t.Context(), memoise(t, other.Store, version1, func(context.Context, int) (int, error) { return 2, nil }, once()), 4)
		if second.value != 2 || second.err != nil || second.took > onceTerm+onceSlack {
			t.Errorf("the successor: %+v", second)
		}
		close(thaw)
		if got := <-first; got.value != 2 || got.err != nil {
			t.Errorf("the frozen one: %+v", got)
		}
		if lines := frozen.log.take(); len(lines) != 1 || !strings.Contains(lines[0], "a lease was lost") || !strings.Contains(lines[0], "its successor") {
			t.Errorf("the frozen one says %q", lines)
		}
		if s := frozen.Stats(); s.Superseded != 1 || s.Failures != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestALeaseThatIsBrokenWhileTheFunctionRunsCostsAComputation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		holder, other, people := newClient(b, quiver.Options{}), newClient(b, quiver.Options{}), newClient(b, quiver.Options{})
		f := lasting(t, holder.Store, runs, time.Minute, once())
		first := call(t.Context(), f, 4)
		synctest.Wait()
		second := call(t.Context(), lasting(t, other.Store, runs, 5*time.Second, once()), 4)
		pause(2 * time.Second)
		key, err := f.Key(4)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := people.Leases.Break(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if got := <-second; got.value != 16 || got.err != nil || got.took > 15*time.Second {
			t.Errorf("who waited: %+v", got)
		}
		if got := <-first; got.value != 16 || got.err != nil {
			t.Errorf("whose lease was broken: %+v", got)
		}
		runs.expect(t, 2)
		if lines := holder.log.take(); len(lines) != 1 || !strings.Contains(lines[0], "a lease was lost") {
			t.Errorf("its holder says %q", lines)
		}
	})
}

// TestWhatIsNotRememberedIsRunByTheNextWhoWaits, one at a time.
func TestWhatIsNotRememberedIsRunByTheNextWhoWaits(t *testing.T) {
	failed := errors.New("it failed")
	for name, c := range map[string]struct {
		do      func(n int) (int, error) // in the nth run
		options quiver.FuncOptions[int]
		runs    int
		fails   int // callers
	}{
		"a failure":           {do: func(n int) (int, error) { return 5, []error{failed, nil}[n-1] }, runs: 2, fails: 1},
		"failures":            {do: func(int) (int, error) { return 0, failed }, runs: 4, fails: 4},
		"a kept failure":      {do: func(int) (int, error) { return 0, failed }, options: quiver.FuncOptions[int]{KeepErrors: true}, runs: 1, fails: 4},
		"an unwanted result":  {do: func(n int) (int, error) { return n, nil }, options: quiver.FuncOptions[int]{CacheIf: func(n int) bool { return n > 2 }}, runs: 3},
		"a panic":             {do: func(n int) (int, error) { return 12 / (n - 1), nil }, runs: 2, fails: 1},
		"a failed test in it": {do: func(n int) (int, error) { exitIf(n == 1); return 5, nil }, runs: 2, fails: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, runs, fails := mem.New(nil), &counter{}, &counter{}
				var atIt atomic.Int32
				var callers sync.WaitGroup
				for range 4 {
					options := c.options
					options.Once = onceTerm
					f := memoise(t, newClient(b, quiver.Options{}).Store, version1, func(context.Context, int) (int, error) {
						defer atIt.Add(-1)
						if atIt.Add(1) > 1 {
							t.Error("two run the function at once")
						}
						n := runs.add()
						pause(5 * time.Second)
						return c.do(n)
					}, &options)
					callers.Go(func() {
						ended := false
						defer func() {
							if recover() != nil || !ended {
								fails.add()
							}
						}()
						_, err := f.Call(t.Context(), 4)
						ended = err == nil
					})
				}
				callers.Wait()
				runs.expect(t, c.runs)
				fails.expect(t, c.fails)
			})
		})
	}
}

// exitIf ends its goroutine.
func exitIf(it bool) {
	if it {
		new(testing.T).FailNow()
	}
}

func TestAnExpiredResultIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		options := once()
		options.TTL = time.Hour
		expectCall(t, lasting(t, newClient(b, quiver.Options{}).Store, runs, time.Second, options), 4, 16)
		for round := range 3 {
			pause(time.Hour + time.Minute)
			var replies []<-chan reply
			for range 16 {
				replies = append(replies, call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, 20*time.Second, options), 4))
			}
			for _, a := range replies {
				if got := <-a; got.value != 16 || got.err != nil {
					t.Errorf("%+v", got)
				}
			}
			runs.expect(t, round+2)
		}
	})
}

func TestARefreshNeitherWaitsNorIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		holder := call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, time.Minute, once()), 4)
		synctest.Wait()
		begun, refresher := time.Now(), newClient(b, quiver.Options{})
		if got, err := lasting(t, refresher.Store, runs, time.Second, once()).Refresh(t.Context(), 4); got != 16 || err != nil || time.Since(begun) != time.Second {
			t.Errorf("Refresh = %v, %v, after %v", got, err, time.Since(begun))
		}
		if got := <-holder; got.value != 16 || got.err != nil {
			t.Errorf("%+v", got)
		}
		runs.expect(t, 2)
	})
}

// TestCallsWithinCallsNeverWaitForEachOther: a function that calls itself with other arguments, and one that calls another one, from many processes at once.
func TestCallsWithinCallsNeverWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		var callers sync.WaitGroup
		for range 8 {
			s := newClient(b, quiver.Options{}).Store
			var fibonacci *quiver.Function[int, int]
			fibonacci = memoise(t, s, version1, func(ctx context.Context, n int) (int, error) {
				runs.add()
				pause(time.Second)
				if n < 2 {
					return n, nil
				}
				one, err := fibonacci.Call(ctx, n-1)
				if err != nil {
					return 0, err
				}
				two, err := fibonacci.Call(ctx, n-2)
				return one + two, err
			}, once())
			root := memoise(t, s, quiver.Def{Name: "root", Version: quiver.IntVersion(1)}, func(ctx context.Context, n int) (float64, error) {
				n, err := fibonacci.Call(ctx, n)
				return math.Sqrt(float64(n)), err
			}, &quiver.FuncOptions[float64]{Once: onceTerm})
			callers.Go(func() {
				if got, err := root.Call(t.Context(), 12); got != 12 || err != nil { // the 12th is 144
					t.Errorf("%v, %v", got, err)
				}
			})
			callers.Go(func() { expectCall(t, fibonacci, 11, 89) })
		}
		callers.Wait()
		runs.expect(t, 13)
	})
}

func TestCallersOfOneProcessWaitTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		holder := call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, time.Minute, once()), 4)
		synctest.Wait()
		c := newClient(b, quiver.Options{})
		f := lasting(t, c.Store, runs, time.Minute, once())
		impatient, leave := context.WithTimeout(t.Context(), 10*time.Second)
		defer leave()
		gone := call(impatient, f, 4)
		synctest.Wait()
		stays := call(t.Context(), f, 4)
		if got := <-gone; !errors.Is(got.err, context.DeadlineExceeded) || got.took != 10*time.Second {
			t.Errorf("who has no time: %+v", got)
		}
		if got := <-stays; got.value != 16 || got.err != nil {
			t.Errorf("who stays: %+v", got)
		}
		<-holder
		runs.expect(t, 1)
		if n := c.Stats().Awaited; n != 1 {
			t.Errorf("the process waited %d times", n)
		}
	})
}

// TestAWaiterWhoLeavesSendsNothingMore, and leaves no lease.
func TestAWaiterWhoLeavesSendsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		holder := call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, time.Minute, once()), 4)
		synctest.Wait()
		c := newClient(b, quiver.Options{})
		ctx, leave := context.WithTimeoutCause(t.Context(), 10*time.Second, errors.New("no more time"))
		defer leave()
		if got := <-call(ctx, lasting(t, c.Store, runs, time.Minute, once()), 4); got.err == nil || got.err.Error() != "no more time" || got.took != 10*time.Second {
			t.Errorf("%+v", got)
		}
		synctest.Wait()
		c.requests.Take()
		<-holder
		pause(time.Hour)
		c.requests.Expect(t)
		for i, err := range c.Leases.List(t.Context()) {
			if err != nil || i.State != "released" {
				t.Errorf("%+v, %v", i, err)
			}
		}
		runs.expect(t, 1)
	})
}

func TestALeaseIsUnderItsCallsKey(t *testing.T) {
	b, runs := mem.New(nil), &counter{}
	f := square(t, newClient(b, quiver.Options{}).Store, runs, once())
	expectCall(t, f, 4, 16)
	key, err := f.Key(4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(t.Context(), layout.LeaseSpace.Name(key)); err != nil {
		t.Error(err)
	}
}
