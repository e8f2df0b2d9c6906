package lease_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/lease"
)

func TestALeaseKeepsToItsBudgetOfRequests(t *testing.T) {
	for _, tells := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var recorder buckettest.Recorder
			inner := mem.New(nil)
			var b bucket.Bucket = plain{bucket.Wrap(inner, recorder.Record)}
			read := []string{"get " + name}
			if tells {
				b, read = telling{b, inner}, nil
			}
			leases := lease.New(b, nil)
			put, get := "put "+name, "get "+name

			l := take(t, leases, time.Minute)
			recorder.Expect(t, put)
			succeeds(t, l.Renew(t.Context()))
			recorder.Expect(t, append(read, put)...)
			succeeds(t, l.Renew(t.Context()))
			recorder.Expect(t, append(read, put)...)
			_, err := leases.Take(t.Context(), claim(time.Minute), &lease.Waiting{Not: true})
			if _, held := errors.AsType[*lease.HeldError](err); !held {
				t.Errorf("a lease that is held is taken, or that fails with %v", err)
			}
			recorder.Expect(t, put, get)
			succeeds(t, l.Release(t.Context()))
			recorder.Expect(t, append(read, put)...)
			take(t, leases, time.Minute)
			recorder.Expect(t, put, get, put)
			pass(time.Minute + 6*time.Second)
			take(t, leases, time.Minute)
			recorder.Expect(t, put, get, put)
			_, err = leases.Break(t.Context(), key)
			succeeds(t, err)
			recorder.Expect(t, get, put)
		})
	}
}

func TestALeaseThatIsNotRenewedIsTakenAtTheEndOfItsTerm(t *testing.T) {
	for _, term := range []time.Duration{time.Second, 4 * time.Second, time.Minute, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			b := mem.New(nil)
			first := take(t, client(b, "first"), term)
			second, took := takeAfter(t, client(b, "second"), term)
			if late := min(max(term/10, time.Second), 10*time.Second); took < term || took > term+late*5/4 {
				t.Errorf("a lease of %v is taken over after %v", term, took)
			}
			fails(t, first.Lost(), lease.ErrLost)
			fails(t, first.Renew(t.Context()), lease.ErrLost)
			fails(t, first.Release(t.Context()), lease.ErrLost)
			succeeds(t, second.Lost())
			succeeds(t, second.Renew(t.Context()))
		})
	}
}

func TestWhoComesLateNeedNotWatchAWholeTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		take(t, client(b, "first"), 10*time.Minute)
		pass(9 * time.Minute)
		if _, took := takeAfter(t, client(b, "late"), time.Minute); took < time.Minute || took > time.Minute+8*time.Second {
			t.Errorf("9 minutes into its term of 10 a lease is taken over after %v", took)
		}
	})
}

func TestTheStoresClockCountsAndNoMachines(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := mem.New(nil)
			elsewhere := lease.New(b, &lease.Options{Clock: skewed{off}})
			first := take(t, elsewhere, time.Minute)
			if _, err := client(b, "second").Take(t.Context(), claim(time.Minute), &lease.Waiting{Not: true}); err == nil {
				t.Error("a lease of a machine whose clock is an hour off is taken at once")
			}
			pass(66 * time.Second)
			second := take(t, client(b, "second"), time.Minute)
			if first.Lost() == nil || second.Lost() != nil {
				t.Error("the first holder does not notice, or the second one believes it")
			}
			if _, err := elsewhere.Take(t.Context(), claim(time.Minute), &lease.Waiting{Not: true}); err == nil {
				t.Error("a machine whose clock is an hour off takes another's lease at once")
			}
		})
	}
}

func TestWhereTheStoreDoesNotTellItsTimeALeaseIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.Wrap(mem.New(nil), timeless)
		first := take(t, client(b, "first"), 30*time.Second)
		pass(time.Hour)
		second, took := takeAfter(t, client(b, "second"), 30*time.Second)
		if took < 30*time.Second || took > 34*time.Second {
			t.Errorf("it is taken over after %v", took)
		}
		fails(t, first.Renew(t.Context()), lease.ErrLost)
		succeeds(t, second.Renew(t.Context()))
	})
}

func TestARenewedLeaseIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		first := take(t, client(b, "first"), 10*time.Second)
		stop := first.Keep(t.Context(), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		_, err := client(b, "second").Take(ctx, claim(10*time.Second), nil)
		fails(t, err, context.DeadlineExceeded)
		if held, ok := errors.AsType[*lease.HeldError](err); !ok || held.Owner != "first" || !strings.Contains(err.Error(), `"first" on "a machine" computes it`) {
			t.Errorf("who has waited is told: %v", err)
		}
		if waited, ok := ctx.Deadline(); !ok || time.Until(waited) > 3*time.Second {
			t.Errorf("a waiter gives up %v before his deadline", time.Until(waited))
		}
		succeeds(t, stop())
	})
}

func TestDoneIsAskedBeforeALeaseIsTakenThatSomebodyHasHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		asked, done := 0, false
		w := &lease.Waiting{Done: func(context.Context) (bool, error) { asked++; return done, nil }}
		leases := client(b, "one")
		first, err := leases.Take(t.Context(), claim(time.Minute), w)
		if err != nil || asked != 0 {
			t.Fatalf("a new lease: %v, asked %d times", err, asked)
		}
		succeeds(t, first.Release(t.Context()))
		second, err := leases.Take(t.Context(), claim(time.Minute), w)
		if err != nil || second == nil || asked != 1 {
			t.Fatalf("a released lease: %v, %v, asked %d times", second, err, asked)
		}
		done = true
		none, err := leases.Take(t.Context(), claim(time.Minute), w) // after the term of the second
		if err != nil || none != nil || asked != 2 {
			t.Fatalf("an expired lease: %v, %v, asked %d times", none, err, asked)
		}
		failure := errors.New("no answer")
		_, err = leases.Take(t.Context(), claim(time.Minute), &lease.Waiting{Done: func(context.Context) (bool, error) { return false, failure }})
		fails(t, err, failure)
	})
}

func TestTellIsToldOnceOfEachHolderThatIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		for n := range 3 {
			l := take(t, client(b, string(rune('a'+n))), 20*time.Second)
			if n < 2 {
				succeeds(t, l.Release(t.Context()))
			}
		}
		go func() { // d is as fast as the waiter is slow
			pass(19 * time.Second)
			info, err := client(b, "d").Break(t.Context(), key)
			if err == nil && info.Owner == "c" {
				_, err = client(b, "d").Take(t.Context(), claim(20*time.Second), nil)
			}
			if err != nil {
				t.Error(err)
			}
		}()
		var told []string
		_, err := client(b, "e").Take(t.Context(), claim(time.Minute), &lease.Waiting{Tell: func(i lease.Info) { told = append(told, i.Owner) }})
		if got := strings.Join(told, " "); err != nil || got != "c d" {
			t.Errorf("told of %q, %v", got, err)
		}
	})
}

func TestALeaseOutOfItsLimitsIsRefusedWithoutARequest(t *testing.T) {
	var recorder buckettest.Recorder
	leases := lease.New(bucket.Wrap(mem.New(nil), recorder.Record), nil)
	for _, c := range []lease.Claim{
		{Key: key}, {Key: key, Term: lease.MinTerm - 1}, {Key: key, Term: lease.MaxTerm + 1}, {Key: key, Term: -time.Hour}, {Key: key, Term: time.Hour, State: lease.Released}, {Key: key, Term: time.Hour, State: "mine"},
	} {
		if l, err := leases.Take(t.Context(), c, nil); err == nil || l != nil {
			t.Errorf("%+v is taken", c)
		}
	}
	recorder.Expect(t)
}

func TestALeaseThatCannotBeReadIsNotWaitedFor(t *testing.T) {
	b := mem.New(nil)
	leases := lease.New(b, nil)
	for what, text := range map[string]string{
		"empty": "", "no JSON": "held", "no object": "[]", "another key": strings.Replace(text("held", time.Minute), key.String()[:4], "0000", 1), "an unknown state": text("gone", time.Minute),
		"no term": text("held", 0), "a negative term": text("held", -time.Minute), "too long a term": text("held", lease.MaxTerm+time.Second),
		"no id": strings.Replace(text("held", time.Minute), "0011", "zzzz", 1), "no write id": strings.Replace(text("held", time.Minute), "ffee", "ff", 1), "no format": strings.Replace(text("held", time.Minute), "format", "shape", 1),
		"a time beyond the years": strings.Replace(text("held", time.Minute), "2026-01-02T03:04:05Z", "9999-12-31T23:59:59-23:59", 1), "too large": strings.Repeat(" ", 1<<20+1),
	} {
		write(t, b, text)
		_, err := leases.Take(t.Context(), claim(time.Minute), nil)
		unreadable, ok := errors.AsType[*lease.UnreadableError](err)
		if !ok || unreadable.Object != name || !strings.Contains(err.Error(), "quiver leases break") {
			t.Errorf("%s: %v", what, err)
		}
	}
	write(t, b, `{"format":2,"key":7}`)
	_, err := leases.Take(t.Context(), claim(time.Minute), nil)
	if _, ok := errors.AsType[*keyspace.NewerFormatError](err); !ok {
		t.Errorf("a lease of a later format: %v", err)
	}
	write(t, b, strings.Replace(text("released", time.Minute), `"format":1,`, `"format":1,"later":{},`, 1))
	take(t, leases, time.Minute)
}
