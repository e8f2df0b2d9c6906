package op_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/op"
)

func TestBackoffIsBoundedAndDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most := op.Backoff{Base: 50 * time.Millisecond, Cap: 2 * time.Second, Clock: op.SystemClock()}
		for n, bound := range []time.Duration{1: 50, 2: 100, 3: 200, 4: 400, 5: 800, 6: 1600, 7: 2000, 8: 2000, 100: 2000} {
			if bound == 0 {
				continue
			}
			bound *= time.Millisecond
			for _, random := range []string{"\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x01\x02\x03\x04\x05\x06\x07\x08"} {
				var waits [2]time.Duration
				for i := range waits { // the same chance, the same wait
					most.Entropy = strings.NewReader(random)
					begun := time.Now()
					if err := most.Wait(t.Context(), n); err != nil {
						t.Fatal(err)
					}
					waits[i] = time.Since(begun)
				}
				if waits[0] != waits[1] || waits[0] < 0 || waits[0] >= bound {
					t.Errorf("attempt %d waits %v, below %v", n, waits, bound)
				}
				if random[0] == 0 && waits[0] != 0 {
					t.Errorf("the least wait is %v", waits[0])
				}
			}
		}
	})
}

func TestBackoffSpreadsOverTheWholeBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := op.Backoff{Base: time.Second, Cap: time.Second, Clock: op.SystemClock(), Entropy: op.SystemEntropy()}
		var quarters [4]int
		for range 400 {
			begun := time.Now()
			if err := b.Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			quarters[time.Since(begun)/(250*time.Millisecond)]++
		}
		for i, n := range quarters {
			if n < 40 { // 100 are expected; the chance of fewer than 40 is below 1e-12
				t.Errorf("%d of 400 waits in quarter %d: %v", n, i, quarters)
			}
		}
	})
}

func TestBackoffWithoutABoundDoesNotWait(t *testing.T) {
	if err := (op.Backoff{Clock: op.SystemClock(), Entropy: iotest.ErrReader(errors.New("not asked"))}).Wait(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestBackoffEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := op.Backoff{Base: time.Hour, Cap: time.Hour, Clock: op.SystemClock(), Entropy: strings.NewReader(strings.Repeat("\x7f", 24))}
		begun := time.Now()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Wait(short, 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 0 {
			t.Errorf("a wait that outlasts the deadline took %v: %v", time.Since(begun), err)
		}
		why := errors.New("why")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(why) })
		if err := b.Wait(ctx, 1); !errors.Is(err, why) || time.Since(begun) != time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		b.Entropy = iotest.ErrReader(why)
		if err := b.Wait(t.Context(), 1); !errors.Is(err, why) {
			t.Errorf("without entropy: %v", err)
		}
	})
}

// spends demands that a budget has or has not a repetition, again and again.
func spends(t *testing.T, b *op.Budget, want ...bool) {
	t.Helper()
	for i, want := range want {
		if got := b.Spend(); got != want {
			t.Errorf("repetition %d: %v, not %v", i+1, got, want)
		}
	}
}

func TestABudgetIsSpentAndEarned(t *testing.T) {
	b := op.NewBudget(2)
	spends(t, b, true, true, false)
	for i := range 9 {
		if b.Earn(); b.Spend() {
			t.Errorf("%d successes have earned a repetition", i+1)
		}
	}
	b.Earn()
	spends(t, b, true, false) // 10 successes earn one repetition
	for range 1000 {
		b.Earn()
	}
	spends(t, b, true, true, false) // no more is saved than the budget was
	if op.NewBudget(0).Spend() {
		t.Error("an empty budget has no repetition")
	}
}
