package bucket_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
)

func TestLimitLetsNoMoreThanNBeUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 3
		var now, most atomic.Int64
		b := bucket.Wrap(handler(func(context.Context, *bucket.Request) (bucket.Answer, error) {
			for was, is := most.Load(), now.Add(1); is > was && !most.CompareAndSwap(was, is); was = most.Load() {
			}
			pause(t, time.Second)
			now.Add(-1)
			return bucket.Answer{}, nil
		}), bucket.Limit(n))
		begun := time.Now()
		var clients sync.WaitGroup
		for i := range 12 {
			clients.Go(func() {
				if i%2 == 0 {
					_, err := b.Stat(t.Context(), strconv.Itoa(i))
					is(t, err, nil)
				} else {
					is(t, b.Delete(t.Context(), strconv.Itoa(i)), nil)
				}
			})
		}
		clients.Wait()
		if most.Load() != n || time.Since(begun) != 4*time.Second {
			t.Errorf("at most %d of %d at once, in %v", most.Load(), n, time.Since(begun))
		}
	})
}

func TestAnObjectHoldsItsSlotUntilItsBodyIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.Wrap(filled(t, "a"), bucket.Limit(1))
		object, err := b.Get(t.Context(), "a")
		is(t, err, nil)
		free := make(chan error)
		go func() {
			_, err := b.Stat(t.Context(), "a")
			free <- err
		}()
		synctest.Wait()
		select {
		case err := <-free:
			t.Fatal(err, "a second request went while a body was open")
		default:
		}
		is(t, object.Body.Close(), nil)
		is(t, <-free, nil)
		is(t, object.Body.Close(), nil) // must not free a second slot
		first, err := b.Get(t.Context(), "a")
		is(t, err, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = b.Get(ctx, "a")
		is(t, err, context.DeadlineExceeded)
		is(t, first.Body.Close(), nil)
	})
}

func TestAFailedGetFreesItsSlot(t *testing.T) {
	b := bucket.Wrap(filled(t), bucket.Limit(1))
	for range 3 {
		_, err := b.Get(t.Context(), "a")
		is(t, err, bucket.ErrNotFound)
	}
}

func TestTheWaitForASlotEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.Wrap(filled(t, "a"), bucket.Limit(1))
		object, err := b.Get(t.Context(), "a")
		is(t, err, nil)
		defer object.Body.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		_, err = b.Stat(ctx, "a")
		is(t, err, context.DeadlineExceeded)
		is(t, err, bucket.ErrUnavailable)
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("waited %v", took)
		}
	})
}
