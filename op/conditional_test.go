package op_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/op"
)

var pauses = op.Backoff{Base: time.Second, Cap: 4 * time.Second, Clock: op.SystemClock(), Entropy: op.SystemEntropy()}

// loses is an operation that loses so many races, and notes when it runs.
func loses(races int, runs *[]time.Time) func(context.Context) error {
	return func(context.Context) error {
		if *runs = append(*runs, time.Now()); len(*runs) <= races {
			return fmt.Errorf("saving run %d: %w", len(*runs), op.ErrLostRace)
		}
		return nil
	}
}

func TestALostRaceIsRunAgainAfterAPauseUntilItIsWonOrGivenUp(t *testing.T) {
	for _, c := range []struct {
		races, attempts, runs int
		says                  string
	}{
		{0, 1, 1, ""}, {0, 5, 1, ""}, {1, 5, 2, ""}, {4, 5, 5, ""},
		{5, 5, 5, "key k: all of 5 attempts have lost a race; the last one: saving run 5: another writer was faster"},
		{9, 3, 3, "all of 3 attempts"}, {9, 1, 1, "all of 1 attempts"}, {9, 0, 1, "all of 1 attempts"}, {9, -7, 1, "all of 1 attempts"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var runs []time.Time
			err := op.Conditional(pauses, c.attempts).Do(t.Context(), "k", op.Write, loses(c.races, &runs))
			if len(runs) != c.runs || (err == nil) != (c.says == "") || errors.Is(err, op.ErrLostRace) != (err != nil) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%d races in %d attempts: %d runs, %v", c.races, c.attempts, len(runs), err)
			}
			for i, bound := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second}[:max(0, len(runs)-1)] {
				if pause := runs[i+1].Sub(runs[i]); pause < 0 || pause >= bound {
					t.Errorf("pause %d takes %v, not less than %v", i+1, pause, bound)
				}
			}
		})
	}
}

func TestOtherErrorsAndReadersAreNotRunAgain(t *testing.T) {
	c := op.Conditional(op.Backoff{}, 5)
	failed := errors.New("failed")
	for intent, want := range map[op.Intent]error{op.Write: failed, op.Read: op.ErrLostRace} {
		runs := 0
		err := c.Do(t.Context(), "k", intent, func(context.Context) error { runs++; return want })
		if runs != 1 || !errors.Is(err, want) || errors.Is(err, op.ErrLostRace) != (intent == op.Read) {
			t.Errorf("%s: %d runs, %v", intent, runs, err)
		}
	}
}

func TestABackoffWithoutClockAndEntropyTakesTheMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs []time.Time
		if err := op.Conditional(op.Backoff{Base: time.Second, Cap: time.Second}, 3).Do(t.Context(), "k", op.Write, loses(2, &runs)); err != nil || len(runs) != 3 {
			t.Errorf("%d runs, %v", len(runs), err)
		}
	})
}

func TestARaceIsNotRunAgainWhenThereIsNoMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := op.Backoff{Base: time.Hour, Cap: time.Hour, Clock: op.SystemClock(), Entropy: strings.NewReader("\xff\xff\xff\xff\xff\xff\xff\x7f")}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var runs []time.Time
		err := op.Conditional(slow, 9).Do(ctx, "k", op.Write, loses(9, &runs))
		if len(runs) != 1 || !errors.Is(err, op.ErrLostRace) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 attempts have lost") {
			t.Errorf("%d runs, %v", len(runs), err)
		}
	})
}

func TestEachRunBeginsWithNewNotes(t *testing.T) {
	var seen []*op.Notes
	err := op.Conditional(op.Backoff{}, 3).Do(t.Context(), "k", op.Write, func(ctx context.Context) error {
		notes := op.Noted(ctx)
		if _, ok := notes.First("object"); ok || notes == nil || slices.Contains(seen, notes) {
			t.Error("the notes are not new")
		}
		notes.Read("object", "1")
		seen = append(seen, notes)
		return op.ErrLostRace
	})
	if len(seen) != 3 || !errors.Is(err, op.ErrLostRace) {
		t.Errorf("%d runs, %v", len(seen), err)
	}
	if err := op.Conditional(op.Backoff{}, 3).Do(t.Context(), "k", op.Read, func(ctx context.Context) error {
		if op.Noted(ctx) != nil {
			t.Error("a reader has notes")
		}
		return nil
	}); err != nil || op.Noted(t.Context()) != nil {
		t.Error(err)
	}
}

// under demands that an entry is in the run of these notes, and is run once.
func under(ctx context.Context, t *testing.T, c op.Context, key string, intent op.Intent, want *op.Notes) {
	t.Helper()
	runs := 0
	if err := c.Do(ctx, key, intent, func(ctx context.Context) error {
		if runs++; op.Noted(ctx) != want {
			t.Errorf("%s of %s has other notes", intent, key)
		}
		return op.ErrLostRace
	}); runs != 1 || !errors.Is(err, op.ErrLostRace) {
		t.Errorf("%s of %s: %d runs, %v", intent, key, runs, err)
	}
}

func TestANestedEntryForTheSameKeyBelongsToItsRun(t *testing.T) {
	for name, wrap := range map[string]func(op.Context) op.Context{
		"alone":          func(c op.Context) op.Context { return c },
		"around a lock":  func(c op.Context) op.Context { return op.Chain(c, op.PerKey()) },
		"inside a lock":  func(c op.Context) op.Context { return op.Chain(op.Serial(), op.PerKey(), c) },
		"chained, twice": func(c op.Context) op.Context { return op.Chain(c, op.None(), c) },
	} {
		t.Run(name, func(t *testing.T) {
			c := wrap(op.Conditional(op.Backoff{}, 7))
			outer := 0
			err := c.Do(t.Context(), "a", op.Write, func(ctx context.Context) error {
				outer++
				notes := op.Noted(ctx)
				for _, intent := range []op.Intent{op.Write, op.Read} {
					under(ctx, t, c, "a", intent, notes)
					under(op.Unnoted(ctx), t, c, "a", intent, notes)
				}
				return c.Do(ctx, "b", op.Write, func(ctx context.Context) error {
					if op.Noted(ctx) == notes {
						t.Error("another key has the same notes")
					}
					under(ctx, t, c, "a", op.Write, notes) // also from inside the entry for another key
					under(ctx, t, c, "a", op.Read, notes)
					return nil
				})
			})
			if outer != 1 || err != nil {
				t.Errorf("%d runs, %v", outer, err)
			}
		})
	}
}

func TestANestedEntryForAnotherKeyLosesItsOwnRaces(t *testing.T) {
	c := op.Conditional(op.Backoff{}, 4)
	outer, inner := 0, 0
	if err := c.Do(t.Context(), "a", op.Write, func(ctx context.Context) error {
		outer++
		return c.Do(ctx, "b", op.Write, func(context.Context) error {
			if inner++; inner < 4 {
				return op.ErrLostRace
			}
			return nil
		})
	}); outer != 1 || inner != 4 || err != nil {
		t.Errorf("%d runs around %d, %v", outer, inner, err)
	}
}

func TestTwoConditionalContextsDoNotShareTheirRuns(t *testing.T) {
	one, other := op.Conditional(op.Backoff{}, 2), op.Conditional(op.Backoff{}, 3)
	runs := 0
	err := one.Do(t.Context(), "a", op.Write, func(ctx context.Context) error {
		return other.Do(ctx, "a", op.Write, func(context.Context) error { runs++; return op.ErrLostRace })
	})
	if runs != 6 || !errors.Is(err, op.ErrLostRace) {
		t.Errorf("%d runs, %v", runs, err)
	}
}

// Between two runs a lock outside is held, one inside is given back.
func TestWhereALockStandsInTheChainDecidesWhetherItIsHeldBetweenRuns(t *testing.T) {
	for _, inside := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			lock := op.PerKey()
			slow := op.Backoff{Base: time.Hour, Cap: time.Hour, Clock: op.SystemClock(), Entropy: strings.NewReader("\xff\xff\xff\xff\xff\xff\xff\x7f")}
			chain := op.Chain(lock, op.Conditional(slow, 2))
			if inside {
				chain = op.Chain(op.Conditional(slow, 2), lock)
			}
			var both sync.WaitGroup
			both.Go(func() {
				var runs []time.Time
				if err := chain.Do(t.Context(), "k", op.Write, loses(1, &runs)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // it waits for its second run
			other := enter(t.Context(), lock, "k", op.Write)
			if other.in() != inside {
				t.Errorf("a lock inside: %v, another writer between two runs: %v", inside, other.in())
			}
			other.leave(t)
			both.Wait()
		})
	}
}

func TestWhatWasReadFirstCountsUntilItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var notes op.Notes
		first := map[string]string{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")
			_, known := first[name]
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				version := rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "version")
				if notes.Read(name, version); !known {
					first[name] = version
				}
			case 1:
				notes.Written(name)
				delete(first, name)
			case 2:
				got, ok := notes.First(name)
				if want := first[name]; got != want || ok != known {
					t.Fatalf("%s: %q, %v, not %q, %v", name, got, ok, want, known)
				}
			}
		}
	})
}

func TestNotesAreForManyAndNoNotesNoteNothing(t *testing.T) {
	var notes op.Notes
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for n := range 200 {
				name := fmt.Sprint((n + i) % 5)
				notes.Read(name, "1")
				if version, ok := notes.First(name); ok && version != "1" {
					t.Errorf("%q", version)
				}
				notes.Written(name)
			}
		})
	}
	clients.Wait()
	none := op.Noted(op.Unnoted(t.Context()))
	none.Read("a", "1")
	none.Written("a")
	if version, ok := none.First("a"); none != nil || ok || version != "" {
		t.Errorf("%q, %v", version, ok)
	}
}
