package quiver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// daysClock is the machine's, some time later.
type daysClock struct {
	op.Clock
	later atomic.Int64
}

func (c *daysClock) Now() time.Time { return c.Clock.Now().Add(time.Duration(c.later.Load())) }

func (c *daysClock) pass(d time.Duration) { c.later.Add(int64(d)) }

func collected(t *testing.T, store *quiver.Store, options *quiver.GCOptions) *quiver.Garbage {
	t.Helper()
	g, err := store.FindGarbage(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGCLeavesWhatAFunctionRemembersAndTakesWhatNothingNames(t *testing.T) {
	clock := &daysClock{Clock: op.SystemClock()}
	b := mem.New(&mem.Options{Clock: clock})
	process := func() *quiver.Store {
		store, err := quiver.New(t.Context(), b, &quiver.Options{Clock: clock, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	type in struct{ X string }
	runs := 0
	double := func(s *quiver.Store) *quiver.Function[in, []byte] {
		f, err := quiver.Func(s, quiver.Def{Name: "double", Version: quiver.IntVersion(1)}, func(_ context.Context, i in) ([]byte, error) {
			runs++
			return make([]byte, 20_000), nil // too large to stand in the record
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	store := process()
	f := double(store)
	if _, err := f.Call(t.Context(), in{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Values.Save(t.Context(), "put by itself", nil); err != nil {
		t.Fatal(err)
	}
	clock.pass(48 * time.Hour)
	g := collected(t, process(), nil)
	if g.Values != 1 || g.KeptValues != 2 || g.KeptCalls != 1 {
		t.Errorf("it found %+v", g.Summary)
	}
	if _, err := double(process()).Call(t.Context(), in{"a"}); err != nil || runs != 1 {
		t.Errorf("%d runs, %v", runs, err)
	}
	// Evicted with its values, it is computed again, by a process that has saved them once.
	g = collected(t, process(), &quiver.GCOptions{MaxAge: time.Hour})
	if g.Calls != 1 || g.Values != 2 {
		t.Errorf("it found %+v", g.Summary)
	}
	if _, err := f.Call(t.Context(), in{"a"}); err != nil || runs != 2 {
		t.Errorf("%d runs, %v", runs, err)
	}
	if _, err := double(process()).Load(t.Context(), in{"a"}); err != nil {
		t.Error(err)
	}
}

func TestGCWantsAStore(t *testing.T) {
	store, err := quiver.New(t.Context(), mem.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.FindGarbage(t.Context(), nil); !errors.Is(err, quiver.ErrForeign) {
		t.Error(err)
	}
}

// TestARoleThatMayNotReplaceValuesSavesAndSaysSo: of Terraform's writers on Google Cloud. What it names stays as old as it is.
func TestARoleThatMayNotReplaceValuesSavesAndSaysSo(t *testing.T) {
	clock := &daysClock{Clock: op.SystemClock()}
	b := mem.New(&mem.Options{Clock: clock})
	open := func(log io.Writer, middlewares ...bucket.Middleware) *quiver.Store {
		store, err := quiver.New(t.Context(), bucket.Wrap(b, middlewares...), &quiver.Options{Clock: clock, Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	if _, err := open(io.Discard).Values.Save(t.Context(), 12, nil); err != nil {
		t.Fatal(err)
	}
	clock.pass(48 * time.Hour)
	var log strings.Builder
	store := open(&log, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb == bucket.Put && !r.Condition.Absent() && strings.HasPrefix(r.Key, layout.Values) {
				return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: bucket.ErrRefused}
			}
			return next(ctx, r)
		}
	})
	double, err := quiver.Func(store, quiver.Def{Name: "double", Version: quiver.IntVersion(1)}, func(_ context.Context, n int) (int, error) { return 2 * n, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := double.Refresh(t.Context(), 6); err != nil || got != 12 {
			t.Errorf("double answers %v, %v", got, err)
		}
	}
	if _, err := double.Load(t.Context(), 6); err != nil {
		t.Errorf("the call was not saved: %v", err)
	}
	if n := strings.Count(log.String(), "may not write values again"); n != 1 {
		t.Errorf("it was said %d times: %s", n, &log)
	}
}
