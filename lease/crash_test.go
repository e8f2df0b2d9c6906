package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/lease"
)

func TestWhereverAClientCrashesAnotherGetsTheLease(t *testing.T) {
	const term = 30 * time.Second
	for what, before := range map[string]func(t *testing.T, b bucket.Bucket){
		"new": func(*testing.T, bucket.Bucket) {},
		"released": func(t *testing.T, b bucket.Bucket) {
			succeeds(t, take(t, client(b, "earlier"), term).Release(t.Context()))
		},
		"expired": func(t *testing.T, b bucket.Bucket) {
			take(t, client(b, "earlier"), term)
			pass(term + 6*time.Second)
		},
	} {
		t.Run(what, func(t *testing.T) {
			requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
				synctest.Test(t, func(t *testing.T) {
					b := mem.New(nil)
					before(t, b)
					held := program(t.Context(), lease.New(plain{bucket.Wrap(b, crash.Inject)}, &lease.Options{Owner: "first"}), term)
					var last *lease.Lease
					for range 2 { // at once, and again when that one has expired
						if last != nil {
							pass(term)
							fails(t, last.Lost(), lease.ErrLost)
						}
						var took time.Duration
						if last, took = takeAfter(t, client(b, "second"), term); took > term+11*time.Second {
							t.Errorf("another client gets the lease after %v", took)
						}
						succeeds(t, last.Renew(t.Context()))
						if held != nil && held.Lost() == nil {
							t.Error("two clients believe that they have the lease")
						}
					}
				})
			})
			if requests < 5 {
				t.Errorf("only %d requests are sent", requests)
			}
		})
	}
}

// program takes a lease, renews it twice, and releases it. It returns the lease, if it was taken, whose holder is dead where something has failed.
func program(ctx context.Context, leases *lease.Leases, term time.Duration) *lease.Lease {
	l, err := leases.Take(ctx, claim(term), nil)
	if err != nil {
		return nil
	}
	for range 2 {
		pass(term / 3)
		if err := l.Renew(ctx); err != nil {
			return l
		}
	}
	_ = l.Release(ctx) // the others notice
	return l
}

func TestABreakThatCrashesLeavesTheLeaseHeldOrReleased(t *testing.T) {
	buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		b := mem.New(nil)
		held := take(t, client(b, "holder"), time.Minute)
		_, failed := lease.New(bucket.Wrap(b, crash.Inject), nil).Break(t.Context(), key)
		info, err := client(b, "reader").Get(t.Context(), key)
		succeeds(t, err)
		renewed := held.Renew(t.Context())
		if (info.State == lease.Released) != errors.Is(renewed, lease.ErrLost) || failed == nil && renewed == nil {
			t.Errorf("the break fails with %v, the lease is %q, and its holder's renewal fails with %v", failed, info.State, renewed)
		}
	})
}

// TestAtMostOneClientBelievesThatItHasTheLease lets clients do this and that over a slow store that loses answers and is late, and looks at them all the time.
func TestAtMostOneClientBelievesThatItHasTheLease(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		synctest.Test(t, func(t *testing.T) {
			var crowd crowd
			store := mem.New(nil)
			var clients sync.WaitGroup
			for n := range uint64(4) {
				clients.Go(func() { crowd.live(t, store, rand.New(rand.NewPCG(seed, n))) })
			}
			done := make(chan struct{})
			go func() { clients.Wait(); close(done) }()
			for {
				select {
				case <-done:
					return
				case <-time.After(97 * time.Millisecond):
					if holders := crowd.holders(); len(holders) > 1 {
						t.Fatalf("seed %d: %d clients believe that they have the lease: %+v", seed, len(holders), holders)
					}
				}
			}
		})
	})
}

// crowd has all leases that were ever taken.
type crowd struct {
	mu    sync.Mutex
	taken []*lease.Lease
}

func (c *crowd) holders() (holders []lease.Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.taken {
		if l.Lost() == nil {
			holders = append(holders, l.Info())
		}
	}
	return holders
}

// live takes leases, renews them or forgets to, and gives them back or does not.
func (c *crowd) live(t *testing.T, store bucket.Bucket, chance *rand.Rand) {
	term := time.Duration(1+chance.IntN(5)) * time.Second
	leases := lease.New(bucket.Wrap(store, shaky(chance)), &lease.Options{Owner: fmt.Sprint("the client with terms of ", term)})
	for range 6 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		l, err := leases.Take(ctx, claim(term), nil)
		cancel()
		if err != nil {
			pass(time.Duration(chance.IntN(3000)) * time.Millisecond)
			continue
		}
		c.mu.Lock()
		c.taken = append(c.taken, l)
		c.mu.Unlock()
		for range chance.IntN(5) {
			pass(time.Duration(chance.IntN(2000)) * time.Millisecond)
			if errors.Is(l.Renew(t.Context()), lease.ErrLost) {
				break
			}
		}
		if chance.IntN(3) > 0 {
			_ = l.Release(t.Context()) // what comes of it the crowd sees
		}
	}
}

// shaky makes requests slow, fail before or after they have landed, and land after they have failed.
func shaky(chance *rand.Rand) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			slow := func() { pass(time.Duration(chance.IntN(200)) * time.Millisecond) }
			unavailable := &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: bucket.ErrUnavailable}
			slow()
			switch chance.IntN(12) {
			case 0:
				return bucket.Answer{}, unavailable
			case 1:
				if r.Verb.Writes() {
					_, _ = next(ctx, r)
				}
				return bucket.Answer{}, unavailable
			case 2:
				if r.Verb.Writes() {
					time.AfterFunc(time.Duration(chance.IntN(4000))*time.Millisecond, func() { _, _ = next(context.WithoutCancel(ctx), r) })
				}
				return bucket.Answer{}, unavailable
			}
			answer, err := next(ctx, r)
			slow()
			return answer, err
		}
	}
}
