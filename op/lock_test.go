package op_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/quivercache/quiver/op"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// enter starts an operation that holds its key until it is released, and says when it has begun.
type entered struct {
	begun   chan struct{}
	release chan struct{}
	done    chan error
}

func enter(ctx context.Context, c op.Context, key string, intent op.Intent) *entered {
	e := &entered{make(chan struct{}), make(chan struct{}), make(chan error, 1)}
	go func() {
		e.done <- c.Do(ctx, key, intent, func(context.Context) error {
			close(e.begun)
			<-e.release
			return nil
		})
	}()
	synctest.Wait()
	return e
}

func (e *entered) in() bool {
	synctest.Wait()
	select {
	case <-e.begun:
		return true
	default:
		return false
	}
}

func (e *entered) leave(t *testing.T) {
	t.Helper()
	close(e.release)
	if err := <-e.done; err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

func TestWhoMayEnterBesideWhom(t *testing.T) {
	for _, c := range []struct {
		name             string
		context          func() op.Context
		key1, key2       string
		intent1, intent2 op.Intent
		together         bool
	}{
		{"none, two writers", op.None, "a", "a", op.Write, op.Write, true},
		{"serial, two keys", op.Serial, "a", "b", op.Write, op.Write, false},
		{"serial, two readers", op.Serial, "a", "a", op.Read, op.Read, false},
		{"per key, two readers", op.PerKey, "a", "a", op.Read, op.Read, true},
		{"per key, two writers", op.PerKey, "a", "a", op.Write, op.Write, false},
		{"per key, reader then writer", op.PerKey, "a", "a", op.Read, op.Write, false},
		{"per key, writer then reader", op.PerKey, "a", "a", op.Write, op.Read, false},
		{"per key, writers of two keys", op.PerKey, "a", "b", op.Write, op.Write, true},
		{"chain of none and per key", func() op.Context { return op.Chain(op.None(), op.PerKey()) }, "a", "a", op.Write, op.Write, false},
		{"empty chain", func() op.Context { return op.Chain() }, "a", "a", op.Write, op.Write, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := c.context()
				first := enter(t.Context(), shared, c.key1, c.intent1)
				second := enter(t.Context(), shared, c.key2, c.intent2)
				if !first.in() || second.in() != c.together {
					t.Errorf("together: %v, not %v", second.in(), c.together)
				}
				first.leave(t)
				if !second.in() {
					t.Error("the second waits though the first has left")
				}
				second.leave(t)
			})
		})
	}
}

func TestWhoWaitsLongestGoesFirst(t *testing.T) {
	for name, shared := range map[string]op.Context{"serial": op.Serial(), "per key": op.PerKey()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				holder := enter(t.Context(), shared, "a", op.Write)
				var waiting []*entered
				for range 5 {
					waiting = append(waiting, enter(t.Context(), shared, "a", op.Write))
				}
				holder.leave(t)
				for i, next := range waiting {
					if !next.in() {
						t.Fatalf("number %d was passed over", i)
					}
					for _, later := range waiting[i+1:] {
						if later.in() {
							t.Fatalf("somebody went before number %d", i)
						}
					}
					next.leave(t)
				}
			})
		})
	}
}

// Readers that come and go must not keep a writer out for ever.
func TestAWriterIsNotStarvedByReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := op.PerKey()
		reader := enter(t.Context(), shared, "a", op.Read)
		writer := enter(t.Context(), shared, "a", op.Write)
		late := enter(t.Context(), shared, "a", op.Read)
		if writer.in() || late.in() {
			t.Fatal("a reader that came after the writer went before it")
		}
		reader.leave(t)
		if !writer.in() || late.in() {
			t.Fatal("it was the writer's turn")
		}
		writer.leave(t)
		if !late.in() {
			t.Fatal("it was the late reader's turn")
		}
		late.leave(t)
	})
}

func TestNestedEntryDoesNotDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, shared := range map[string]op.Context{
			"none": op.None(), "serial": op.Serial(), "per key": op.PerKey(), "chain": op.Chain(op.Serial(), op.PerKey()), "chain of chains": op.Chain(op.Chain(op.PerKey()), op.Chain(), op.Serial()),
		} {
			for _, intents := range [][2]op.Intent{{op.Write, op.Write}, {op.Write, op.Read}, {op.Read, op.Read}} {
				reached := false
				err := shared.Do(t.Context(), "a", intents[0], func(ctx context.Context) error {
					return shared.Do(ctx, "a", intents[1], func(ctx context.Context) error {
						return shared.Do(ctx, "a", intents[1], func(context.Context) error {
							reached = true
							return nil
						})
					})
				})
				if err != nil || !reached {
					t.Errorf("%s %v: %v", name, intents, err)
				}
			}
		}
	})
}

// A reader that enters again while a writer waits would deadlock if it queued behind it.
func TestANestedReaderDoesNotQueueBehindAWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := op.PerKey()
		var writer *entered
		err := shared.Do(t.Context(), "a", op.Read, func(ctx context.Context) error {
			writer = enter(t.Context(), shared, "a", op.Write)
			return shared.Do(ctx, "a", op.Read, func(context.Context) error { return nil })
		})
		if err != nil || !writer.in() {
			t.Fatal(err)
		}
		writer.leave(t)
	})
}

func TestAnUpgradeIsRefused(t *testing.T) {
	shared := op.PerKey()
	err := shared.Do(t.Context(), "a", op.Read, func(ctx context.Context) error {
		if err := shared.Do(ctx, "b", op.Write, func(context.Context) error { return nil }); err != nil {
			t.Errorf("another key may be written: %v", err)
		}
		return shared.Do(ctx, "a", op.Write, func(context.Context) error {
			t.Error("a reader became a writer")
			return nil
		})
	})
	if !errors.Is(err, op.ErrUpgrade) || !strings.Contains(err.Error(), "key a") {
		t.Error(err)
	}
}

func TestAWaitEndsWithItsContextAndLeavesNothing(t *testing.T) {
	for name, shared := range map[string]op.Context{"serial": op.Serial(), "per key": op.PerKey()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				holder := enter(t.Context(), shared, "a", op.Write)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				begun := time.Now()
				err := shared.Do(ctx, "a", op.Write, func(context.Context) error {
					t.Error("entered beside the holder")
					return nil
				})
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "key a") || time.Since(begun) != 3*time.Second {
					t.Errorf("after %v: %v", time.Since(begun), err)
				}
				holder.leave(t)
				next := enter(t.Context(), shared, "a", op.Write)
				if !next.in() {
					t.Error("who gave up still stands in the queue")
				}
				next.leave(t)
			})
		})
	}
}

func TestOperationErrorsComeBackAndReleaseTheLock(t *testing.T) {
	failed := errors.New("failed")
	for name, shared := range map[string]op.Context{"none": op.None(), "serial": op.Serial(), "per key": op.PerKey(), "chain": op.Chain(op.Serial(), op.PerKey())} {
		for range 2 {
			if err := shared.Do(t.Context(), "a", op.Write, func(context.Context) error { return failed }); !errors.Is(err, failed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		func() {
			defer func() { _ = recover() }()
			_ = shared.Do(t.Context(), "a", op.Write, func(context.Context) error { panic("operation") })
		}()
		entered := false
		if err := shared.Do(t.Context(), "a", op.Write, func(context.Context) error { entered = true; return nil }); err != nil || !entered {
			t.Errorf("%s, after a panic: %v", name, err)
		}
	}
}

// traced notes when it is entered and left.
type traced struct {
	name  string
	trace *[]string
}

func (c traced) Do(ctx context.Context, key string, intent op.Intent, operation func(context.Context) error) error {
	*c.trace = append(*c.trace, fmt.Sprintf("%s in %s %s", c.name, key, intent))
	defer func() { *c.trace = append(*c.trace, c.name+" out") }()
	return operation(ctx)
}

func TestTheFirstOfAChainIsOutermost(t *testing.T) {
	var trace []string
	chain := op.Chain(traced{"1", &trace}, op.Chain(traced{"2", &trace}, traced{"3", &trace}))
	err := chain.Do(t.Context(), "k", op.Read, func(context.Context) error {
		trace = append(trace, "operation")
		return nil
	})
	if want := []string{"1 in k read", "2 in k read", "3 in k read", "operation", "3 out", "2 out", "1 out"}; err != nil || !slices.Equal(trace, want) {
		t.Errorf("%q, %v", trace, err)
	}
}

// Under random operations no writer is ever beside anybody of its key.
func TestPerKeyExcludes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shared := op.PerKey()
		var readers, writers [3]atomic.Int64
		var clients sync.WaitGroup
		var broken atomic.Bool
		for range rapid.IntRange(2, 8).Draw(t, "clients") {
			steps := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 20).Draw(t, "steps")
			clients.Go(func() {
				for _, step := range steps {
					key, intent, inside := step%3, op.Read, &readers
					if step >= 3 {
						intent, inside = op.Write, &writers
					}
					err := shared.Do(context.Background(), fmt.Sprint(key), intent, func(context.Context) error {
						n := inside[key].Add(1)
						if intent == op.Write && (n > 1 || readers[key].Load() > 0) || intent == op.Read && writers[key].Load() > 0 {
							broken.Store(true)
						}
						inside[key].Add(-1)
						return nil
					})
					if err != nil {
						broken.Store(true)
					}
				}
			})
		}
		if clients.Wait(); broken.Load() {
			t.Fatal("a writer was not alone")
		}
	})
}
