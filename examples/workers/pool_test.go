package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sent sends numbers from 1 on, and counts those that were taken.
func sent(ctx context.Context, count int, taken *atomic.Int64) <-chan input {
	inputs := make(chan input)
	go func() {
		defer close(inputs)
		for i := range count {
			select {
			case inputs <- input{i + 1, strconv.Itoa(i + 1)}:
				taken.Add(1)
			case <-ctx.Done():
				return
			}
		}
	}()
	return inputs
}

// takes is a function that takes as many seconds as its number is.
func takes(ctx context.Context, n number) ([]uint64, error) {
	select {
	case <-time.After(time.Duration(n.N) * time.Second):
		return []uint64{n.N}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func TestWhatTakesTooLongIsGivenUpAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool{workers: 2, each: 4500 * time.Millisecond, grace: time.Second, call: takes}
		var done, late []int
		p.run(t.Context(), sent(t.Context(), 6, &atomic.Int64{}), func(a answer) {
			if errors.Is(a.err, errTooLong) {
				late = append(late, a.line)
			} else if a.err == nil {
				done = append(done, a.line)
			}
		})
		if !slices.Equal(done, []int{1, 2, 3, 4}) || !slices.Equal(late, []int{5, 6}) {
			t.Errorf("done %v, too late %v", done, late)
		}
	})
}

func TestWhatIsUnderWayHasTheGraceToEndAndNoMore(t *testing.T) {
	interrupted := errors.New("interrupted")
	for _, c := range []struct {
		grace time.Duration
		done  int
	}{{30 * time.Second, 7}, {4 * time.Second, 6}, {0, 4}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, interrupt := context.WithCancelCause(t.Context())
			p := pool{workers: 3, each: time.Hour, grace: c.grace, call: takes}
			began := time.Now()
			time.AfterFunc(6500*time.Millisecond, func() { interrupt(interrupted) }) // 1 to 4 are done, and 5, 6, 7 under way
			done, ended := 0, 0
			var taken atomic.Int64
			p.run(ctx, sent(ctx, 1000, &taken), func(a answer) {
				if a.err == nil {
					done++
				} else if errors.Is(a.err, interrupted) {
					ended++
				}
			})
			if done != c.done || done+ended != 7 || taken.Load() != 7 {
				t.Errorf("grace %v: %d done, %d ended, %d taken", c.grace, done, ended, taken.Load())
			}
			if took := time.Since(began); took > 6500*time.Millisecond+c.grace {
				t.Errorf("grace %v: it took %v", c.grace, took)
			}
		})
	}
}

func TestNoMoreIsTakenThanThereAreWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool{workers: 5, each: time.Hour, call: takes}
		var taken atomic.Int64
		told := int64(0)
		p.run(t.Context(), sent(t.Context(), 100, &taken), func(answer) {
			<-time.After(time.Hour) // meanwhile the workers take all that they can; nobody takes their answers
			if told++; taken.Load() > told+5 {
				t.Errorf("%d were taken when %d had been answered", taken.Load(), told)
			}
		})
		if told != 100 {
			t.Errorf("%d answers", told)
		}
	})
}

func TestWhoWaitsForInputEndsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p := pool{workers: 3, each: time.Hour, grace: time.Hour, call: takes}
		began := time.Now()
		p.run(ctx, make(chan input), func(a answer) { t.Errorf("an answer to nothing: %v", a) }) // as of a terminal at which nobody types
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
