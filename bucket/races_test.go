package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

// counter is an object that holds a number and the write id of who wrote it, as mutable objects do.
type counter struct {
	b       bucket.Bucket
	context op.Context
}

var persistent = op.Backoff{Base: 10 * time.Millisecond, Cap: time.Second}

// add adds one. It says what it reads and writes, and nothing of conditions.
func (c counter) add(ctx context.Context, key string) error {
	used := map[string]bool{} // write ids
	return c.context.Do(ctx, key, op.Write, func(ctx context.Context) error {
		text, _, err := bucket.ReadAll(ctx, c.b, key, 100)
		var n int
		switch {
		case errors.Is(err, bucket.ErrNotFound):
		case err != nil:
			return err
		default:
			if _, err := fmt.Sscan(string(text), &n); err != nil {
				return err
			}
		}
		return c.write(ctx, key, n+1, used)
	})
}

// write writes the number once, and again under another write id while it does not know whether it has landed.
func (c counter) write(ctx context.Context, key string, n int, used map[string]bool) error {
	for {
		id, err := op.NewID(op.SystemEntropy())
		if err != nil {
			return err
		}
		used[id] = true
		err = c.b.Put(op.SingleAttempt(ctx), key, bucket.Bytes(fmt.Appendf(nil, "%d %s", n, id)), bucket.IfAbsent())
		switch {
		case bucket.Retryable(ctx, err):
			continue
		case !errors.Is(err, op.ErrLostRace):
			return err
		}
		there, _, unread := bucket.ReadAll(op.Unnoted(ctx), c.b, key, 100)
		if unread != nil {
			return errors.Join(err, unread)
		}
		if _, theirs, _ := strings.Cut(string(there), " "); used[theirs] {
			bucket.Landed(ctx, c.b, key)
			return nil
		}
		return err
	}
}

// number is what a counter is at.
func number(t *testing.T, b bucket.Bucket, key string) int {
	t.Helper()
	content, _, err := bucket.ReadAll(t.Context(), b, key, 100)
	is(t, err, nil)
	var n int
	_, err = fmt.Sscan(string(content), &n)
	is(t, err, nil)
	return n
}

func holdsNumber(t *testing.T, b bucket.Bucket, key string, want int) {
	t.Helper()
	if n := number(t, b, key); n != want {
		t.Errorf("the counter %s is at %d, not %d", key, n, want)
	}
}

func TestNoIncrementIsLost(t *testing.T) {
	conditional := func() op.Context { return op.Conditional(persistent, 1000) }
	for name, processes := range map[string]func() []op.Context{
		"conditional around a lock": func() []op.Context { return []op.Context{op.Chain(conditional(), op.PerKey())} },
		"conditional inside a lock": func() []op.Context { return []op.Context{op.Chain(op.PerKey(), conditional())} },
		"without a lock":            func() []op.Context { return []op.Context{conditional()} },
		"in four processes": func() (all []op.Context) {
			for range 4 {
				all = append(all, op.Chain(conditional(), op.PerKey()))
			}
			return all
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := mem.New(nil)
				var writers sync.WaitGroup
				contexts := processes()
				for i := range 8 {
					c := counter{bucket.Conditional(slowed(store)), contexts[i%len(contexts)]}
					writers.Go(func() {
						for range 50 {
							is(t, c.add(t.Context(), "n"), nil)
						}
					})
				}
				writers.Wait()
				holdsNumber(t, store, "n", 8*50)
			})
		})
	}
}

// slowed lets a request take a while, so that others come between.
func slowed(b bucket.Bucket) bucket.Bucket {
	return bucket.Wrap(b, around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		if err := op.SystemClock().Sleep(ctx, time.Millisecond); err != nil {
			return bucket.Answer{}, err
		}
		return next(ctx, r)
	}))
}

// Without the condition increments are lost, or this suite shows nothing.
func TestWithoutItsConditionsIncrementsAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New(nil)
		careless := bucket.Wrap(slowed(store), around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			changed := *r
			if info, err := store.Stat(ctx, r.Key); r.Verb == bucket.Put && err == nil {
				changed.Condition = bucket.IfMatch(info.Version)
			}
			return next(ctx, &changed)
		}))
		var writers sync.WaitGroup
		for range 8 {
			writers.Go(func() {
				for range 50 {
					_ = counter{careless, op.None()}.add(t.Context(), "n")
				}
			})
		}
		writers.Wait()
		if n := number(t, store, "n"); n >= 8*50 {
			t.Errorf("the counter is at %d without conditions", n)
		}
	})
}

// A write that landed untold is not taken for a lost race, unless somebody has replaced it before it could be looked at: then its change is made again.
func TestNoIncrementIsLostThoughAnswersAre(t *testing.T) {
	for name, c := range map[string]struct {
		context func() op.Context
		twice   int // increments that may count twice
	}{
		"one at a time": {func() op.Context { return op.Chain(op.PerKey(), op.Conditional(persistent, 1000)) }, 0},
		"all at once":   {func() op.Context { return op.Conditional(persistent, 1000) }, 4 * 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := mem.New(nil)
				shared := c.context()
				var writers sync.WaitGroup
				for i := range 4 {
					var script []buckettest.Fault
					for n := 1 + i; n <= 25; n += 3 {
						script = append(script, buckettest.Fault{Verb: bucket.Put, Nth: n, Do: []buckettest.Action{buckettest.LoseAnswer(), buckettest.Fail(bucket.ErrThrottled)}[n%2]})
					}
					faults := buckettest.NewFaults(script...)
					one := counter{bucket.Conditional(bucket.Wrap(slowed(store), bucket.Retry(bucket.RetryOptions{}), faults.Inject)), shared}
					writers.Go(func() {
						for range 25 {
							is(t, one.add(t.Context(), "n"), nil)
						}
						faults.Done(t)
					})
				}
				writers.Wait()
				if n := number(t, store, "n"); n < 4*25 || n > 4*25+c.twice {
					t.Errorf("the counter is at %d, not from %d to %d", n, 4*25, 4*25+c.twice)
				}
			})
		})
	}
}

func TestNestedEntriesCountOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New(nil)
		var writers sync.WaitGroup
		for range 4 {
			c := counter{bucket.Conditional(slowed(store)), op.Chain(op.Conditional(persistent, 1000), op.PerKey())} // a process each
			writers.Go(func() {
				for range 20 {
					is(t, c.context.Do(t.Context(), "n", op.Write, func(ctx context.Context) error {
						return c.add(ctx, "n") // in the run around it
					}), nil)
					entered := 0
					is(t, c.context.Do(t.Context(), "outer", op.Write, func(ctx context.Context) error {
						entered++
						return c.add(ctx, "inner") // in runs of its own
					}), nil)
					if entered != 1 {
						t.Errorf("a race for another key has run the operation %d times", entered)
					}
				}
			})
		}
		writers.Wait()
		holdsNumber(t, store, "n", 4*20)
		holdsNumber(t, store, "inner", 4*20)
	})
}

// world is a store of which every content is known and unique, and what one run of an operation has read there.
type world struct {
	*rapid.T
	store  *mem.Bucket
	writes int
	there  map[string]string // content by object, empty where there is none
	read   map[string]string // the same, as the run has read it first since it last wrote it
}

var objects = []string{"a", "b"}

// stranger changes an object in the store.
func (w *world) stranger() {
	ctx := context.Background()
	key := rapid.SampledFrom(objects).Draw(w.T, "theirs")
	info, err := w.store.Stat(ctx, key)
	content := w.content("theirs")
	switch {
	case err != nil:
		err = w.store.Put(ctx, key, bucket.Bytes([]byte(content)), bucket.IfAbsent())
	case rapid.Bool().Draw(w.T, "they remove"):
		err = w.store.Delete(ctx, key)
		content = ""
	default:
		err = w.store.Put(ctx, key, bucket.Bytes([]byte(content)), bucket.IfMatch(info.Version))
	}
	if err != nil {
		w.Fatal(err)
	}
	w.there[key] = content
}

func (w *world) content(whose string) string {
	w.writes++
	return fmt.Sprint(whose, " ", w.writes)
}

// sees notes what answers tell the run.
func (w *world) sees(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		if _, known := w.read[r.Key]; !known && !r.Verb.Writes() && (err == nil || errors.Is(err, bucket.ErrNotFound)) {
			w.read[r.Key] = w.there[r.Key]
		}
		return answer, err
	}
}

// judge sees what changes the store: nothing that the run has read may be changed by it if it was changed since.
func (w *world) judge(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		for _, key := range append(r.Keys, r.Key) {
			if err == nil && key != "" && r.Verb.Writes() {
				w.changes(ctx, r, key)
			}
		}
		return answer, err
	}
}

// changes judges a write that has succeeded.
func (w *world) changes(ctx context.Context, r *bucket.Request, key string) {
	before := w.there[key]
	read, known := w.read[key]
	if known && read != before && (r.Verb == bucket.Put || before != "") {
		w.Fatalf("%s of %s: the run has read %q and changes %q", r.Verb, key, read, before)
	}
	delete(w.read, key)
	w.there[key] = ""
	if r.Verb == bucket.Put {
		content, _, err := bucket.ReadAll(ctx, w.store, key, 100)
		if err != nil {
			w.Fatal(err)
		}
		w.there[key] = string(content)
	}
}

// step does one thing to one object, under any condition or under IfAbsent alone.
func (w *world) step(ctx context.Context, b bucket.Bucket, anyCondition bool) error {
	key := rapid.SampledFrom(objects).Draw(w.T, "mine")
	some := bucket.Version("none")
	if anyCondition {
		some = bucket.Version(rapid.SampledFrom([]string{"", "1", "2", "3", "4", "5"}).Draw(w.T, "version"))
	}
	switch rapid.IntRange(0, 8).Draw(w.T, "step") {
	case 0, 1:
		_, err := b.Get(ctx, key)
		return err
	case 2:
		_, err := b.Stat(ctx, key)
		return err
	case 3:
		ranges, _ := bucket.As[bucket.RangeGetter](b)
		_, err := ranges.GetRange(ctx, key, 0, 1)
		return err
	case 4:
		return b.Delete(ctx, key)
	case 5:
		return bucket.Remove(ctx, b, key)
	case 6:
		if conditional, _ := bucket.As[bucket.ConditionalDeleter](b); anyCondition {
			return conditional.DeleteIf(ctx, key, some)
		}
		bulk, _ := bucket.As[bucket.BulkDeleter](b)
		return bulk.DeleteAll(ctx, objects)
	}
	condition := bucket.IfAbsent()
	if anyCondition && some != "" {
		condition = bucket.IfMatch(some)
	}
	return b.Put(ctx, key, bucket.Bytes([]byte(w.content("mine"))), condition)
}

func newWorld(t *rapid.T) *world {
	return &world{T: t, store: mem.New(nil), there: map[string]string{}, read: map[string]string{}}
}

func TestNoChangeOfAStrangerIsEverOverwritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		var script []buckettest.Fault
		for range rapid.IntRange(0, 3).Draw(t, "faults") {
			script = append(script, buckettest.Fault{Nth: rapid.IntRange(1, 20).Draw(t, "nth"), Do: buckettest.LoseAnswer()})
		}
		b := bucket.Conditional(bucket.Wrap(w.store, w.sees, buckettest.NewFaults(script...).Inject, w.judge))
		for range rapid.IntRange(1, 4).Draw(t, "operations") {
			err := op.Conditional(op.Backoff{}, 3).Do(context.Background(), "key", op.Write, func(ctx context.Context) error {
				clear(w.read)
				for range rapid.IntRange(1, 8).Draw(t, "steps") {
					if rapid.IntRange(0, 2).Draw(t, "strangers") == 0 {
						w.stranger()
					}
					if err := w.step(ctx, b, true); errors.Is(err, op.ErrLostRace) && rapid.IntRange(0, 3).Draw(t, "goes on") > 0 {
						return err
					}
				}
				return nil
			})
			if err != nil && !errors.Is(err, op.ErrLostRace) {
				t.Fatal(err)
			}
		}
	})
}

func TestWhoIsAloneLosesNoRace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		b := bucket.Conditional(bucket.Wrap(w.store, w.sees, w.judge))
		runs := 0
		err := op.Conditional(op.Backoff{}, 3).Do(context.Background(), "key", op.Write, func(ctx context.Context) error {
			runs++
			for range rapid.IntRange(1, 20).Draw(t, "steps") {
				if err := w.step(ctx, b, false); errors.Is(err, op.ErrLostRace) {
					return err
				}
			}
			return nil
		})
		if runs != 1 || err != nil {
			t.Fatalf("%d runs, %v", runs, err)
		}
	})
}
