package quiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/layout"
)

// version1 is the definition of most functions here.
var version1 = quiver.Def{Name: "f", Module: "test", Version: quiver.IntVersion(1)}

// client is a process: a store over a bucket that several have in common, what it requests, what it logs.
type client struct {
	*quiver.Store
	requests *buckettest.Recorder
	log      *log
}

// log is what a store logs.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take returns the lines since the last take.
func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSpace(l.text.String())
	l.text.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func newClient(b bucket.Bucket, options quiver.Options, middlewares ...bucket.Middleware) *client {
	c := &client{requests: &buckettest.Recorder{}, log: &log{}}
	for _, m := range middlewares {
		b = bucket.Wrap(b, m)
	}
	options.Logger = slog.New(slog.NewTextHandler(c.log, nil))
	c.Store = open(bucket.Wrap(b, c.requests.Record), &options)
	return c
}

// counter counts the runs of a function.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

func (c *counter) expect(t testing.TB, n int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n != n {
		t.Errorf("the function ran %d times, want %d", c.n, n)
	}
}

func memoise[In, Out any](t testing.TB, s *quiver.Store, def quiver.Def, fn func(context.Context, In) (Out, error), options *quiver.FuncOptions[Out]) *quiver.Function[In, Out] {
	t.Helper()
	f, err := quiver.Func(s, def, fn, options)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// square is a memoised function that counts its runs.
func square(t testing.TB, s *quiver.Store, runs *counter, options *quiver.FuncOptions[int]) *quiver.Function[int, int] {
	return memoise(t, s, version1, func(_ context.Context, n int) (int, error) {
		runs.add()
		return n * n, nil
	}, options)
}

func expectCall[In any, Out comparable](t testing.TB, f *quiver.Function[In, Out], in In, want Out) {
	t.Helper()
	if got, err := f.Call(context.Background(), in); err != nil || got != want {
		t.Errorf("Call(%v) = %v, %v, want %v", in, got, err, want)
	}
}

func TestAResultIsComputedOnceForAllProcesses(t *testing.T) {
	b, runs := mem.New(nil), &counter{}
	for range 3 {
		f := square(t, newClient(b, quiver.Options{}).Store, runs, nil)
		expectCall(t, f, 4, 16)
		expectCall(t, f, 4, 16)
	}
	runs.expect(t, 1)
	expectCall(t, square(t, newClient(b, quiver.Options{}).Store, runs, nil), 5, 25)
	runs.expect(t, 2)
}

// TestRequestsOfACall holds the request budgets.
func TestRequestsOfACall(t *testing.T) {
	type in struct{ N, Size int }
	b := mem.New(nil)
	fill := func(_ context.Context, in in) (string, error) { return strings.Repeat("x", in.Size), nil }
	first, second := newClient(b, quiver.Options{}), newClient(b, quiver.Options{})
	f, g := memoise(t, first.Store, version1, fill, nil), memoise(t, second.Store, version1, fill, nil)
	newStore := []string{"get quiver.json", "put quiver.json"} // the reader's, and the first writer's
	miss := []string{"get calls/*", "put index/*", "put values/*", "put values/*", "put values/*", "put calls/*"}
	large := []string{"get calls/*", "stat values/*", "put index/*", "put values/*", "put values/*", "put values/*", "put calls/*"}
	open := []string{"get quiver.json"}
	for _, c := range []struct {
		name   string
		do     func() (string, error)
		client *client
		size   int
		budget []string
	}{
		{"miss, small", func() (string, error) { return f.Call(t.Context(), in{1, 10}) }, first, 10, append(newStore, miss...)},
		{"hit, small", func() (string, error) { return f.Call(t.Context(), in{1, 10}) }, first, 10, []string{"get calls/*"}},
		{"hit of another, small", func() (string, error) { return g.Call(t.Context(), in{1, 10}) }, second, 10, append(open, "get calls/*")},
		{"miss, above the inline limit", func() (string, error) { return f.Call(t.Context(), in{2, 9 << 10}) }, first, 9 << 10, miss},
		{"hit, above the inline limit", func() (string, error) { return g.Call(t.Context(), in{2, 9 << 10}) }, second, 9 << 10, []string{"get calls/*", "get values/*"}},
		{"miss, large", func() (string, error) { return f.Call(t.Context(), in{3, 1 << 20}) }, first, 1 << 20, large},
		{"hit, large", func() (string, error) { return g.Call(t.Context(), in{3, 1 << 20}) }, second, 1 << 20, []string{"get calls/*", "get values/*"}},
		{"load", func() (string, error) { return g.Load(t.Context(), in{1, 10}) }, second, 10, []string{"get calls/*"}},
		{"refresh", func() (string, error) { return f.Refresh(t.Context(), in{1, 10}) }, first, 10,
			[]string{"put index/*", "put values/*", "put values/*", "put values/*", "put calls/*", "get calls/*", "put calls/*"}},
	} {
		got, err := c.do()
		if err != nil || len(got) != c.size {
			t.Errorf("%s: %d bytes, %v", c.name, len(got), err)
		}
		t.Run(c.name, func(t *testing.T) { c.client.requests.Expect(t, c.budget...) })
	}
	if there, err := g.Contains(t.Context(), in{1, 10}); !there || err != nil {
		t.Errorf("Contains = %v, %v", there, err)
	}
	second.requests.Expect(t, "stat calls/*")
}

// TestALargeValueIsThereBeforeTheMark: uploading it may take longer than a mark lives.
func TestALargeValueIsThereBeforeTheMark(t *testing.T) {
	c := newClient(mem.New(nil), quiver.Options{})
	f := memoise(t, c.Store, version1, func(_ context.Context, n int) (string, error) { return strings.Repeat("x", n), nil }, nil)
	if _, err := f.Call(t.Context(), 2<<20); err != nil {
		t.Fatal(err)
	}
	requests := c.requests.Take()
	large := slices.IndexFunc(requests, func(r buckettest.Recorded) bool {
		return r.Verb == bucket.Put && r.Key == layout.ValueSpace.Name(mustDigest(t, strings.Repeat("x", 2<<20)))
	})
	mark := slices.IndexFunc(requests, func(r buckettest.Recorded) bool { return strings.HasPrefix(r.Key, layout.Index) })
	if large < 0 || mark < large {
		t.Errorf("the value was request %d, the mark %d: %v", large, mark, requests)
	}
}

// stamp has a text form that its digest goes by a hook, so it is one argument.
func TestCacheIfSaysWhatIsRemembered(t *testing.T) {
	runs := &counter{}
	c := newClient(mem.New(nil), quiver.Options{})
	f := square(t, c.Store, runs, &quiver.FuncOptions[int]{CacheIf: func(n int) bool { return n > 10 }})
	for range 2 {
		expectCall(t, f, 2, 4)
		expectCall(t, f, 4, 16)
	}
	runs.expect(t, 3)
	if s := c.Stats(); s.Unsaved != 2 || s.Saved != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAResultExpiresForWhoWantsANewerOne: the reader judges, by its clock.
func TestAResultExpiresForWhoWantsANewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &counter{}
		c := newClient(mem.New(nil), quiver.Options{})
		patient := square(t, c.Store, runs, nil)
		hasty := square(t, c.Store, runs, &quiver.FuncOptions[int]{TTL: time.Hour})
		expectCall(t, hasty, 3, 9)
		pause(time.Hour)
		expectCall(t, hasty, 3, 9)
		runs.expect(t, 1)
		if there, err := hasty.Contains(t.Context(), 3); !there || err != nil {
			t.Errorf("Contains = %v, %v", there, err)
		}
		pause(time.Second)
		if _, err := hasty.Load(t.Context(), 3); !errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("Load = %v", err)
		}
		if there, err := hasty.Contains(t.Context(), 3); there || err != nil {
			t.Errorf("Contains = %v, %v", there, err)
		}
		expectCall(t, patient, 3, 9)
		runs.expect(t, 1)
		expectCall(t, hasty, 3, 9)
		runs.expect(t, 2)
		expectCall(t, hasty, 3, 9)
		runs.expect(t, 2)
		if n := c.Stats().Misses[quiver.MissExpired]; n != 1 {
			t.Errorf("%d calls had expired", n)
		}
	})
}

func TestAnErrorIsForgottenUnlessItIsToBeKept(t *testing.T) {
	b, runs := mem.New(nil), &counter{}
	failing := func(_ context.Context, n int) (int, error) {
		runs.add()
		if n < 0 {
			return 0, fmt.Errorf("no root of %d: %w", n, errNegative)
		}
		return n, nil
	}
	c := newClient(b, quiver.Options{})
	f := memoise(t, c.Store, version1, failing, nil)
	for range 2 {
		if _, err := f.Call(t.Context(), -1); !errors.Is(err, errNegative) {
			t.Errorf("Call = %v", err)
		}
	}
	runs.expect(t, 2)
	keeping := memoise(t, newClient(b, quiver.Options{}).Store, version1, failing, &quiver.FuncOptions[int]{KeepErrors: true})
	if _, err := keeping.Call(t.Context(), -1); !errors.Is(err, errNegative) {
		t.Errorf("Call = %v", err)
	}
	for range 2 {
		_, err := keeping.Call(t.Context(), -1)
		remembered, ok := errors.AsType[*quiver.RememberedError](err)
		if !ok || remembered.Text != "no root of -1: negative" || remembered.Type != "*fmt.wrapError" {
			t.Errorf("Call = %#v", err)
		}
		if _, err := keeping.Load(t.Context(), -1); !errors.As(err, &remembered) {
			t.Errorf("Load = %v", err)
		}
	}
	runs.expect(t, 3)
	// Who does not keep errors is not content with one that another has kept, and does not drop a result for it.
	if _, err := f.Load(t.Context(), -1); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Load = %v", err)
	}
	healthy := memoise(t, c.Store, version1, func(_ context.Context, n int) (int, error) { runs.add(); return -n, nil }, nil)
	expectCall(t, healthy, -1, 1)
	runs.expect(t, 4)
	expectCall(t, keeping, -1, 1)
	runs.expect(t, 4)
}

var errNegative = errors.New("negative")

// TestTheErrorOfAnEndedContextIsNeverKept: it says something of the caller, not of the call.
func TestTheErrorOfAnEndedContextIsNeverKept(t *testing.T) {
	c := newClient(mem.New(nil), quiver.Options{})
	f := memoise(t, c.Store, version1, func(context.Context, int) (int, error) { return 0, fmt.Errorf("asking: %w", context.DeadlineExceeded) },
		&quiver.FuncOptions[int]{KeepErrors: true})
	for range 2 {
		if _, err := f.Call(t.Context(), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Call = %v", err)
		}
	}
	if s := c.Stats(); s.Saved != 0 || s.Errors != 2 || s.Unsaved != 2 {
		t.Errorf("%+v", s)
	}
}

func TestRefreshComputesAndReplaces(t *testing.T) {
	b, runs := mem.New(nil), &counter{}
	f := memoise(t, open(b, nil), version1, func(_ context.Context, n int) (int, error) { return 10*n + runs.add(), nil }, nil)
	expectCall(t, f, 1, 11)
	if got, err := f.Refresh(t.Context(), 1); err != nil || got != 12 {
		t.Errorf("Refresh = %v, %v", got, err)
	}
	expectCall(t, f, 1, 12)
	other := memoise(t, open(b, nil), version1, func(_ context.Context, n int) (int, error) { return 0, errors.New("not run") }, nil)
	expectCall(t, other, 1, 12)
}

func TestLoadNeverRunsTheFunction(t *testing.T) {
	runs := &counter{}
	f := square(t, open(mem.New(nil), nil), runs, nil)
	if _, err := f.Load(t.Context(), 3); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Load = %v", err)
	}
	if there, err := f.Contains(t.Context(), 3); there || err != nil {
		t.Errorf("Contains = %v, %v", there, err)
	}
	expectCall(t, f, 3, 9)
	if got, err := f.Load(t.Context(), 3); err != nil || got != 9 {
		t.Errorf("Load = %v, %v", got, err)
	}
	if there, err := f.Contains(t.Context(), 3); !there || err != nil {
		t.Errorf("Contains = %v, %v", there, err)
	}
	runs.expect(t, 1)
}

func TestAQueryIsAboutThisFunction(t *testing.T) {
	type in struct {
		City string
		Year int
	}
	s := open(mem.New(nil), nil)
	fn := func(_ context.Context, in in) (int, error) { return in.Year, nil }
	f := memoise(t, s, version1, fn, nil)
	other := memoise(t, s, quiver.Def{Name: "f", Module: "test", Version: quiver.IntVersion(2)}, fn, nil)
	for _, x := range []in{{"Ulm", 1}, {"Ulm", 2}, {"Bonn", 1}} {
		expectCall(t, f, x, x.Year)
		expectCall(t, other, x, x.Year)
	}
	count := func(q quiver.Query) int {
		n := 0
		for r, err := range f.Query(q).All(t.Context()) {
			if err != nil || r.Version != quiver.IntVersion(1) {
				t.Fatal(r, err)
			}
			n++
		}
		return n
	}
	if n := count(quiver.Query{}); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
	if n := count(quiver.Query{Args: quiver.Args{"City": "Ulm"}}); n != 2 {
		t.Errorf("%d calls of Ulm, want 2", n)
	}
	if n := count(quiver.Query{Metadata: quiver.Metadata{"function": {"signature": "func(context.Context, quiver_test.in) (int, error)"}}}); n != 3 {
		t.Errorf("%d calls with the signature, want 3", n)
	}
}

// TestArgumentsAreSavedAsTheyWereBeforeTheRun, whatever the function does with them.
func TestAResultThatCannotBeSavedIsASaveError(t *testing.T) {
	type temperature float64
	c := newClient(mem.New(nil), quiver.Options{})
	lossy := memoise(t, c.Store, version1, func(context.Context, int) (any, error) { return temperature(3), nil }, nil)
	got, err := lossy.Call(t.Context(), 1)
	if _, ok := errors.AsType[*quiver.SaveError](err); !ok || got != any(temperature(3)) {
		t.Errorf("Call = %v, %v, want the result and a SaveError", got, err)
	}
	channel := memoise(t, c.Store, version1, func(context.Context, int) (chan int, error) { return make(chan int), nil }, nil)
	_, err = channel.Call(t.Context(), 1)
	if _, ok := errors.AsType[*quiver.SaveError](err); !ok {
		t.Errorf("Call = %v, want a SaveError", err)
	}
	if s := c.Stats(); s.Failures != 0 || s.Saved != 0 {
		t.Errorf("a result that cannot be saved is no failure of the store: %+v", s)
	}
	heavy := memoise(t, c.Store, version1, func(context.Context, int) (int, error) { return 1, nil }, &quiver.FuncOptions[int]{Recorders: []quiver.Recorder{
		quiver.TagsRecorder(map[string]any{"log": strings.Repeat("x", 1<<20)})}})
	_, err = heavy.Call(t.Context(), 1)
	if _, ok := errors.AsType[*quiver.SaveError](err); !ok || !strings.Contains(err.Error(), "metadata") {
		t.Errorf("Call = %v, want a SaveError", err)
	}
}

func TestEveryKindOfResultComesBackAsItWas(t *testing.T) {
	s := open(mem.New(nil), nil)
	roundTrip(t, s, "bytes", []byte{0, 1, 2})
	roundTrip(t, s, "no bytes", []byte{})
	roundTrip(t, s, "nil bytes", []byte(nil))
	roundTrip(t, s, "nil pointer", (*query)(nil))
	roundTrip(t, s, "pointer", &query{"x", 1, 0.5})
	roundTrip(t, s, "map", map[string][]int{"a": {1}})
	roundTrip(t, s, "nothing", struct{}{})
	roundTrip(t, s, "time", time.Date(2026, 11, 22, 1, 2, 3, 4, time.FixedZone("X", 3600)))
	roundTrip(t, s, "long", strings.Repeat("long", 10_000))
	roundTrip[any](t, s, "interface", []any{int64(1), "x", nil, 2.5})
	roundTrip[any](t, s, "nil interface", nil)
}

// roundTrip has a function return a value, computed and remembered.
func roundTrip[Out any](t *testing.T, s *quiver.Store, name string, want Out) {
	t.Helper()
	f := memoise(t, s, quiver.Def{Name: name, Version: quiver.IntVersion(1)}, func(context.Context, int) (Out, error) { return want, nil }, nil)
	for range 2 {
		got, err := f.Call(t.Context(), 1)
		if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) && mustDigest(t, &got) != mustDigest(t, &want) {
			t.Errorf("%#v came back as %#v, %v", want, got, err)
		}
	}
	if s := s.Stats(); s.Failures > 0 {
		t.Errorf("%+v", s)
	}
}
