package lease_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/lease"
)

func TestAnAnswerThatIsLostIsFoundOut(t *testing.T) {
	lost := func(verb bucket.Verb, nth int) buckettest.Fault {
		return buckettest.Fault{Verb: verb, Nth: nth, Do: buckettest.LoseAnswer()}
	}
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(nil)
		faults := buckettest.NewFaults(lost(bucket.Put, 1), lost(bucket.Put, 2), lost(bucket.Put, 3))
		leases := lease.New(bucket.Wrap(b, faults.Inject), nil)
		l := take(t, leases, time.Minute)
		pass(50 * time.Second)
		succeeds(t, l.Renew(t.Context()))
		pass(50 * time.Second)
		succeeds(t, l.Lost())
		succeeds(t, l.Release(t.Context()))
		if info, err := leases.Get(t.Context(), key); err != nil || info.State != lease.Released {
			t.Errorf("after the release it is %q, %v", info.State, err)
		}
		faults.Done(t)
	})
}

// line is a client's way to the store, which a test cuts. The zero value lets everything through.
type line struct {
	mode atomic.Int32
	late []func() // writes that have not landed yet
}

// The modes of a line.
const (
	through int32 = iota
	down          // nothing gets through
	untold        // requests are done, their answers lost
	late          // writes land when the test says so, unanswered
	silent        // there is no answer before the caller gives up
)

func (l *line) inject(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		mode := l.mode.Load()
		switch {
		case mode == through, mode == late && !r.Verb.Writes():
			return next(ctx, r)
		case mode == untold && r.Verb.Writes():
			_, _ = next(ctx, r)
		case mode == late:
			l.late = append(l.late, func() { _, _ = next(context.WithoutCancel(ctx), r) })
		case mode == silent:
			<-ctx.Done()
		}
		return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: bucket.ErrUnavailable, Err: ctx.Err()}
	}
}

// land lets late writes land.
func (l *line) land() {
	for _, land := range l.late {
		land()
	}
	l.late = nil
}

// cut runs a test with a store, on which a client has a lease of a minute, and the line between them. On one store writes tell what they have written, on the other they do not.
func cut(t *testing.T, test func(t *testing.T, store bucket.Bucket, line *line, held *lease.Lease)) {
	t.Helper()
	for _, quiet := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, line := mem.New(nil), &line{}
			b := bucket.Wrap(store, line.inject)
			if quiet {
				b = plain{b}
			}
			test(t, store, line, take(t, lease.New(b, nil), time.Minute))
		})
	}
}

func TestARenewalWithoutAnAnswerIsNoLoss(t *testing.T) {
	for _, mode := range []int32{down, untold, late} {
		cut(t, func(t *testing.T, _ bucket.Bucket, line *line, held *lease.Lease) {
			for range 3 {
				pass(15 * time.Second)
				line.mode.Store(mode)
				fails(t, held.Renew(t.Context()), bucket.ErrUnavailable)
			}
			succeeds(t, held.Lost())
			line.mode.Store(through)
			succeeds(t, held.Renew(t.Context()))
			line.land()
			succeeds(t, held.Renew(t.Context()))
			succeeds(t, held.Release(t.Context()))
		})
	}
}

func TestALateRenewalOfHisOwnDoesNotTakeTheLeaseFromItsHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, line := mem.New(nil), &line{}
		landing := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Nth: 2, Do: buckettest.Before(func(context.Context) error { line.land(); return nil })})
		held := take(t, lease.New(bucket.Wrap(store, line.inject, landing.Inject), nil), time.Minute)
		line.mode.Store(late)
		fails(t, held.Renew(t.Context()), bucket.ErrUnavailable)
		line.mode.Store(through)
		succeeds(t, held.Renew(t.Context())) // the other one lands between its GET and its PUT
		landing.Done(t)
		succeeds(t, held.Lost())
	})
}

func TestAWriteThatLandsAfterATakeoverIsRefused(t *testing.T) {
	for what, do := range map[string]func(context.Context, *lease.Lease) error{"renewal": func(ctx context.Context, l *lease.Lease) error { return l.Renew(ctx) }, "release": func(ctx context.Context, l *lease.Lease) error { return l.Release(ctx) }} {
		cut(t, func(t *testing.T, store bucket.Bucket, line *line, held *lease.Lease) {
			line.mode.Store(late)
			fails(t, do(t.Context(), held), bucket.ErrUnavailable)
			second := take(t, client(store, "second"), time.Minute)
			line.land()
			line.mode.Store(through)
			succeeds(t, second.Renew(t.Context()))
			err := do(t.Context(), held)
			if who, ok := errors.AsType[*lease.HeldError](err); !errors.Is(err, lease.ErrLost) || !ok || who.Owner != "second" {
				t.Errorf("a %s after a takeover: %v", what, err)
			}
			succeeds(t, second.Lost())
			succeeds(t, second.Release(t.Context()))
		})
	}
}

func TestALeaseWhoseReleaseWasBegunIsNotHeldAnyMore(t *testing.T) {
	for _, mode := range []int32{down, untold, late} {
		cut(t, func(t *testing.T, store bucket.Bucket, line *line, held *lease.Lease) {
			line.mode.Store(mode)
			fails(t, held.Release(t.Context()), bucket.ErrUnavailable)
			fails(t, held.Lost(), lease.ErrLost)
			line.mode.Store(through)
			fails(t, held.Renew(t.Context()), lease.ErrLost)
			line.land()
			succeeds(t, held.Release(t.Context()))
			fails(t, held.Release(t.Context()), lease.ErrLost)
			if _, took := takeAfter(t, client(store, "second"), time.Minute); took > 0 {
				t.Errorf("a released lease is taken after %v", took)
			}
		})
	}
}

func TestABrokenLeaseIsLostForItsHolder(t *testing.T) {
	for _, do := range []func(context.Context, *lease.Lease) error{func(ctx context.Context, l *lease.Lease) error { return l.Renew(ctx) }, func(ctx context.Context, l *lease.Lease) error { return l.Release(ctx) }} {
		cut(t, func(t *testing.T, store bucket.Bucket, _ *line, held *lease.Lease) {
			info, err := client(store, "breaker").Break(t.Context(), key)
			if err != nil || info.ID != held.Info().ID || info.State != lease.Held {
				t.Fatalf("what was broken is %+v, %v", info, err)
			}
			err = do(t.Context(), held)
			fails(t, err, lease.ErrLost)
			if !strings.Contains(err.Error(), "broken") {
				t.Error(err)
			}
			fails(t, held.Lost(), lease.ErrLost)
		})
	}
}

func TestALeaseThatWasRemovedOrSpoiltIsLost(t *testing.T) {
	cut(t, func(t *testing.T, store bucket.Bucket, _ *line, held *lease.Lease) {
		succeeds(t, store.Delete(t.Context(), name))
		fails(t, held.Renew(t.Context()), lease.ErrLost)
		fails(t, held.Release(t.Context()), lease.ErrLost)
	})
	cut(t, func(t *testing.T, store bucket.Bucket, _ *line, held *lease.Lease) {
		write(t, store, "{}")
		err := held.Renew(t.Context())
		fails(t, err, lease.ErrLost)
		if _, ok := errors.AsType[*lease.UnreadableError](err); !ok {
			t.Error(err)
		}
	})
}

func TestAFrozenHolderNotices(t *testing.T) {
	cut(t, func(t *testing.T, _ bucket.Bucket, _ *line, held *lease.Lease) { // nobody was there
		pass(time.Hour)
		fails(t, held.Lost(), lease.ErrLost)
		succeeds(t, held.Renew(t.Context()))
		succeeds(t, held.Lost())
	})
	for nth := range 2 { // before the renewal's first request, and between its two
		synctest.Test(t, func(t *testing.T) {
			store := mem.New(nil)
			verb := []bucket.Verb{bucket.Get, bucket.Put}[nth]
			freeze := buckettest.NewFaults(buckettest.Fault{Verb: verb, Nth: 1 + nth, Do: buckettest.Before(func(context.Context) error { pass(time.Hour); return nil })})
			held := take(t, lease.New(plain{bucket.Wrap(store, freeze.Inject)}, nil), time.Minute)
			var waiting sync.WaitGroup
			waiting.Go(func() {
				second := take(t, client(store, "second"), 2*time.Hour)
				fails(t, held.Lost(), lease.ErrLost)
				pass(time.Hour)
				succeeds(t, second.Renew(t.Context()))
			})
			fails(t, held.Renew(t.Context()), lease.ErrLost)
			waiting.Wait()
			freeze.Done(t)
		})
	}
}

func TestAClockThatStoodStillIsNoticedByTheOther(t *testing.T) {
	clock := &handClock{now: time.Now()} // with a monotonic reading
	held := take(t, lease.New(mem.New(nil), &lease.Options{Clock: clock}), time.Minute)
	clock.now = clock.now.Round(0).Add(61 * time.Second) // the wall clock went on
	fails(t, held.Lost(), lease.ErrLost)
}

func TestWhatALeaseSaysIsToldWhileARenewalIsUnderWay(t *testing.T) {
	cut(t, func(t *testing.T, _ bucket.Bucket, line *line, held *lease.Lease) {
		line.mode.Store(silent)
		ctx, cancel := context.WithCancel(t.Context())
		var renewing sync.WaitGroup
		renewing.Go(func() { fails(t, held.Renew(ctx), bucket.ErrUnavailable) })
		synctest.Wait()
		begun := time.Now()
		succeeds(t, held.Lost())
		if held.Info().Key != key || time.Since(begun) > 0 {
			t.Error("the lease is not told at once")
		}
		impatient, enough := context.WithTimeout(t.Context(), time.Second)
		defer enough()
		fails(t, held.Release(impatient), context.DeadlineExceeded)
		cancel()
		renewing.Wait()
	})
}

func TestKeepRenewsUntilItIsStopped(t *testing.T) {
	cut(t, func(t *testing.T, store bucket.Bucket, line *line, held *lease.Lease) {
		stop := held.Keep(t.Context(), func(err error) { t.Errorf("it is lost: %v", err) })
		for _, m := range []int32{through, silent, through, down, through, untold, through} {
			line.mode.Store(m)
			pass(25 * time.Second)
			succeeds(t, held.Lost())
			if _, err := client(store, "second").Take(t.Context(), claim(time.Minute), &lease.Waiting{Not: true}); err == nil {
				t.Error("a lease that is kept is taken")
			}
		}
		succeeds(t, stop())
		succeeds(t, stop())
		pass(61 * time.Second)
		fails(t, stop(), lease.ErrLost)
	})
}

func TestKeepTellsOfALossOnceAndInTime(t *testing.T) {
	for what, c := range map[string]struct {
		lose   func(t *testing.T, store bucket.Bucket, line *line)
		within time.Duration
	}{
		"it is broken": {func(t *testing.T, store bucket.Bucket, _ *line) {
			_, err := client(store, "breaker").Break(t.Context(), key)
			succeeds(t, err)
		}, 20 * time.Second},
		"the store is down":   {func(_ *testing.T, _ bucket.Bucket, line *line) { line.mode.Store(down) }, time.Minute},
		"the store is silent": {func(_ *testing.T, _ bucket.Bucket, line *line) { line.mode.Store(silent) }, time.Minute},
	} {
		cut(t, func(t *testing.T, store bucket.Bucket, line *line, held *lease.Lease) {
			told := make(chan error, 2)
			stop := held.Keep(t.Context(), func(err error) { told <- err })
			pass(61 * time.Second) // it has just been renewed
			c.lose(t, store, line)
			begun := time.Now()
			fails(t, <-told, lease.ErrLost)
			if took := time.Since(begun); took > c.within {
				t.Errorf("%s: told after %v", what, took)
			}
			pass(time.Hour)
			fails(t, stop(), lease.ErrLost)
			if len(told) > 0 {
				t.Errorf("%s: told twice", what)
			}
		})
	}
}

func TestKeepEndsWithItsContextAndSaysNothingOfARelease(t *testing.T) {
	cut(t, func(t *testing.T, _ bucket.Bucket, _ *line, held *lease.Lease) {
		ctx, cancel := context.WithCancel(t.Context())
		stop := held.Keep(ctx, func(err error) { t.Errorf("it is lost: %v", err) })
		cancel()
		synctest.Wait()
		succeeds(t, stop())
		stop = held.Keep(t.Context(), func(err error) { t.Errorf("it is lost: %v", err) })
		succeeds(t, held.Release(t.Context()))
		pass(time.Hour)
		fails(t, stop(), lease.ErrLost)
	})
}
