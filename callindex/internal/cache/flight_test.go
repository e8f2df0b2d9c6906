package cache_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/callindex/internal/cache"
	"github.com/quivercache/quiver/op"
)

func TestWhoAsksAtTheSameTimeSharesAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, cache.Options{Memory: -1})
		const callers = 50
		var fetches atomic.Int64
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				content, err := c.Range(t.Context(), "o", 0, 10, func(context.Context) ([]byte, error) {
					fetches.Add(1)
					synctest.Wait() // until all others wait too
					return truth("o", 0, 10), nil
				})
				if err != nil || !bytes.Equal(content, truth("o", 0, 10)) {
					t.Errorf("%q, %v", content, err)
				}
			})
		}
		all.Wait()
		if got := c.Stats(); fetches.Load() != 1 || got.Fetched != (cache.Count{Ranges: 1, Bytes: 10}) || got.Shared != callers-1 {
			t.Errorf("%d fetches: %+v", fetches.Load(), got)
		}
	})
}

func TestWhoWaitsForAFetchThatFailsGetsItsFailureAndTheNextFetchesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, cache.Options{})
		refused := errors.New("refused")
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := c.Range(t.Context(), "o", 0, 10, func(context.Context) ([]byte, error) { synctest.Wait(); return nil, refused }); !errors.Is(err, refused) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		mustRead(t, c, "o", 0, 10, true)
	})
}

type valueKey struct{}

// pass lets the time of a bubble go by.
func pass(ctx context.Context, d time.Duration) { _ = op.SystemClock().Sleep(ctx, d) }

func TestACallerWhoseContextEndsLeavesTheOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, cache.Options{})
		first, leave := context.WithCancelCause(context.WithValue(t.Context(), valueKey{}, "first"))
		gone := errors.New("gone")
		var all sync.WaitGroup
		all.Go(func() {
			_, err := c.Range(first, "o", 0, 10, func(ctx context.Context) ([]byte, error) {
				pass(ctx, time.Minute)
				if ctx.Err() != nil || ctx.Value(valueKey{}) != "first" {
					t.Errorf("%v, %v", ctx.Err(), ctx.Value(valueKey{}))
				}
				return truth("o", 0, 10), nil
			})
			if !errors.Is(err, gone) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() { mustRead(t, c, "o", 0, 10, false) })
		all.Go(func() {
			brief, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if fetched, err := read(brief, c, "o", 0, 10); fetched || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who had a second: %v, %v", fetched, err)
			}
		})
		synctest.Wait()
		leave(gone)
		all.Wait()
		mustRead(t, c, "o", 0, 10, false)
	})
}

func TestAFetchThatNobodyWaitsForIsToldToEndAndTheNextCallerGetsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, cache.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		told := make(chan error, 1)
		_, err := c.Range(ctx, "o", 0, 10, func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			told <- ctx.Err()
			pass(t.Context(), time.Minute) // it is slow to end, and succeeds
			return truth("o", 0, 10), nil
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-told; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		var all sync.WaitGroup
		all.Go(func() {
			_, err := c.Range(t.Context(), "o", 0, 10, func(context.Context) ([]byte, error) {
				pass(t.Context(), 2*time.Minute)
				return truth("o", 0, 10), nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		pass(t.Context(), 30*time.Second)
		all.Go(func() { mustRead(t, c, "o", 0, 10, false) })
		synctest.Wait()
		pass(t.Context(), time.Minute) // the first fetch has ended, and what it has brought is there
		mustRead(t, c, "o", 0, 10, false)
		all.Wait()
		want := cache.Count{Ranges: 2, Bytes: 20}
		if got := c.Stats(); got.Held != (cache.Count{Ranges: 1, Bytes: 10 + cache.Overhead}) || got.Fetched != want || got.Shared != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// As where the range is too large for memory.
func TestAFetchThatNobodyWaitsForTakesNothingFromThoseWhoWaitForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, cache.Options{Memory: -1})
		slow := func(d time.Duration) cache.Fetch {
			return func(context.Context) ([]byte, error) { pass(t.Context(), d); return truth("o", 0, 10), nil }
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Range(ctx, "o", 0, 10, slow(time.Minute)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Range(t.Context(), "o", 0, 10, slow(time.Hour)); err != nil {
				t.Error(err)
			}
		})
		pass(t.Context(), 2*time.Minute)
		mustRead(t, c, "o", 0, 10, false)
		all.Wait()
	})
}
