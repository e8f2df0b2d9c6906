package lease_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/lease"
)

// drawn are random bytes by a seed.
type drawn struct{ *rand.ChaCha8 }

func newDrawn(t *rapid.T) drawn {
	var seed [32]byte
	copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "entropy"))
	return drawn{rand.NewChaCha8(seed)}
}

func TestAWaiterAsksOnceASecondAtMostAndLessAndLessOften(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		milliseconds := rapid.Map(rapid.IntRange(1000, 600_000), func(n int) time.Duration { return time.Duration(n) * time.Millisecond })
		term, waits := milliseconds.Draw(t, "term"), milliseconds.Draw(t, "wait")
		renews, told := rapid.Bool().Draw(t, "the holder renews it"), rapid.Bool().Draw(t, "the store tells its time")
		every := time.Duration(rapid.IntRange(1, 333).Draw(t, "thousandths of the term")) * term / 1000
		clock := &handClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		store := mem.New(&mem.Options{Clock: clock})
		holder, err := lease.New(store, &lease.Options{Clock: clock}).Take(t.Context(), claim(term), nil)
		if err != nil {
			t.Fatal(err)
		}
		begun, renewed := clock.now, clock.now
		turns := func(next bucket.Handler) bucket.Handler { // the holder's turn comes before each request of the waiter
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if renews && clock.now.Sub(begun) > waits {
					return bucket.Answer{}, errOver
				}
				if renews && clock.now.Sub(renewed) >= every {
					renewed = clock.now
					if err := holder.Renew(ctx); err != nil {
						t.Fatal(err)
					}
				}
				return next(ctx, r)
			}
		}
		var recorder buckettest.Recorder
		middleware := []bucket.Middleware{recorder.Record, turns}
		if !told {
			middleware = append(middleware, timeless)
		}
		waiter := lease.New(bucket.Wrap(store, middleware...), &lease.Options{Clock: clock, Entropy: newDrawn(t)})
		taken, err := waiter.Take(t.Context(), claim(time.Minute), nil)
		took := clock.now.Sub(begun)
		if n := len(recorder.Take()); float64(n) > 5+took.Seconds() {
			t.Fatalf("%d requests in %v", n, took)
		}
		longest := min(max(term/10, time.Second), 10*time.Second)
		for i, pause := range clock.slept {
			if pause < time.Second || pause > longest*5/4 {
				t.Fatalf("pause %d takes %v", i, pause)
			}
			if renews && i > 0 && pause < clock.slept[i-1]*4/5 {
				t.Fatalf("pause %d takes %v, after one of %v", i, pause, clock.slept[i-1])
			}
		}
		switch {
		case renews && (taken != nil || !errors.Is(err, errOver)):
			t.Fatalf("a lease that is renewed is taken, or that fails with %v", err)
		case !renews && err != nil:
			t.Fatal(err)
		case !renews && (took < term || took > term+longest*5/4):
			t.Fatalf("the end of a term of %v is noticed after %v", term, took)
		}
	})
}

var errOver = &bucket.Error{Verb: bucket.Get, Kind: bucket.ErrRefused, Err: errors.New("the wait is over")}

func TestManyWhoWantALeaseForAMomentKeepToTheirRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := &handClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		store := mem.New(&mem.Options{Clock: clock})
		others := lease.New(store, &lease.Options{Clock: clock})
		races := rapid.IntRange(0, 40).Draw(t, "races that are lost")
		faster := func(next bucket.Handler) bucket.Handler { // somebody takes the lease and gives it back before each write of the waiter
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if r.Verb == bucket.Put && races > 0 {
					races--
					other, err := others.Take(ctx, claim(time.Minute), nil)
					if err != nil {
						t.Fatal(err)
					}
					if err := other.Release(ctx); err != nil {
						t.Fatal(err)
					}
				}
				return next(ctx, r)
			}
		}
		begun := clock.now
		var recorder buckettest.Recorder
		pacing := func(next bucket.Handler) bucket.Handler {
			sent := 0
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if sent++; float64(sent) > 5+clock.now.Sub(begun).Seconds() {
					t.Fatalf("%d requests in %v", sent, clock.now.Sub(begun))
				}
				return next(ctx, r)
			}
		}
		waiter := lease.New(bucket.Wrap(store, recorder.Record, pacing, faster), &lease.Options{Clock: clock, Entropy: newDrawn(t)})
		if l, err := waiter.Take(t.Context(), claim(time.Minute), nil); err != nil || l == nil {
			t.Fatal(l, err)
		}
	})
}
