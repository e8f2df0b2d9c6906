package quiver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
)

func TestArgumentsAreTheFieldsOfTheDigest(t *testing.T) {
	type Base struct{ A, B int }
	type in struct {
		Base
		Name   string `digest:"who"`
		Later  int    `digest:",omitzero"`
		Hidden func() `digest:"-"`
		When   time.Time
	}
	c := newClient(mem.New(nil), quiver.Options{})
	f := memoise(t, c.Store, version1, func(_ context.Context, in in) (int, error) { return in.A, nil }, nil)
	x := in{Base: Base{1, 2}, Name: "n"}
	key, err := f.Key(x)
	if err != nil {
		t.Fatal(err)
	}
	expectCall(t, f, in{Base: Base{1, 2}, Name: "n", Hidden: func() {}}, 1)
	r, err := c.Calls.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range r.Arguments {
		names = append(names, a.Name)
	}
	if got := strings.Join(names, " "); got != "A B who When" {
		t.Errorf("the arguments are %s", got)
	}
	for name, other := range map[string]in{
		"A": {Base: Base{2, 2}, Name: "n"}, "who": {Base: Base{1, 2}, Name: "m"}, "Later": {Base: Base{1, 2}, Name: "n", Later: 1},
		"When": {Base: Base{1, 2}, Name: "n", When: time.Unix(0, 0)},
	} {
		if k, err := f.Key(other); err != nil || k == key {
			t.Errorf("%s does not count: %v", name, err)
		}
	}
	var n int
	if err := c.Values.Load(t.Context(), r.Arguments[1].Digest, &n); err != nil || n != 2 {
		t.Errorf("argument B was not saved: %d, %v", n, err)
	}
}

type stamp struct{ hours, minutes int }

type parity int

func (p parity) DigestValue() (any, error) { return int(p) % 2, nil }

func TestAnythingElseIsOneArgument(t *testing.T) {
	scheme, err := digest.NewScheme(digest.HookFor(func(s stamp) (any, error) { return s.hours*60 + s.minutes, nil }))
	if err != nil {
		t.Fatal(err)
	}
	s := newClient(mem.New(nil), quiver.Options{Scheme: scheme}).Store
	single := func(t *testing.T, key digest.Digest, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Calls.Load(t.Context(), key)
		if err != nil || len(r.Arguments) != 1 || r.Arguments[0].Name != "in" {
			t.Errorf("the record is %+v, %v", r, err)
		}
	}
	call := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Run("hook", func(t *testing.T) {
		f := memoise(t, s, version1, func(_ context.Context, x stamp) (int, error) { return x.hours, nil }, nil)
		_, err := f.Call(t.Context(), stamp{1, 2})
		call(t, err)
		key, err := f.Key(stamp{0, 62})
		single(t, key, err)
	})
	t.Run("Digester", func(t *testing.T) {
		f := memoise(t, s, version1, func(_ context.Context, x parity) (int, error) { return int(x), nil }, nil)
		_, err := f.Call(t.Context(), 3)
		call(t, err)
		key, err := f.Key(5)
		single(t, key, err)
	})
	t.Run("text form", func(t *testing.T) {
		f := memoise(t, s, version1, func(_ context.Context, x time.Time) (int, error) { return x.Year(), nil }, nil)
		_, err := f.Call(t.Context(), time.Unix(0, 0).UTC())
		call(t, err)
		key, err := f.Key(time.Unix(0, 0).UTC())
		single(t, key, err)
	})
	t.Run("pointer to a struct", func(t *testing.T) {
		f := memoise(t, s, version1, func(_ context.Context, x *query) (int, error) { return x.Year, nil }, nil)
		_, err := f.Call(t.Context(), &query{Year: 1})
		call(t, err)
		key, err := f.Key(&query{Year: 1})
		single(t, key, err)
	})
	t.Run("interface", func(t *testing.T) {
		f := memoise(t, s, version1, func(_ context.Context, x any) (string, error) { return fmt.Sprint(x), nil }, nil)
		expectCall(t, f, any(3), "3")
		celsius, err := f.Key(parity(3))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := f.Key(1)
		if err != nil || plain == celsius {
			t.Errorf("in an interface the type does not count: %v", err)
		}
		key, err := f.Key(int8(3))
		single(t, key, err)
	})
}

func TestAnArgumentMayBeGivenAsItsDigest(t *testing.T) {
	type byValue struct{ X any }
	type byDigest struct{ X digest.Digest }
	c := newClient(mem.New(nil), quiver.Options{})
	d := mustDigest(t, []int{1, 2, 3})
	f := memoise(t, c.Store, version1, func(context.Context, byValue) (int, error) { return 1, nil }, nil)
	k1, err1 := f.Key(byValue{[]int{1, 2, 3}})
	k2, err2 := f.Key(byValue{d})
	if err1 != nil || err2 != nil || k1 != k2 {
		t.Errorf("the value and its digest have the keys %v and %v: %v %v", k1, k2, err1, err2)
	}
	g := memoise(t, c.Store, version1, func(_ context.Context, in byDigest) (string, error) { return in.X.String(), nil }, nil)
	expectCall(t, g, byDigest{d}, d.String())
	if lines := c.log.take(); len(lines) > 0 {
		t.Errorf("logged: %q", lines)
	}
	key, err := g.Key(byDigest{d})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := g.Rerun(t.Context(), key); err != nil || got != d.String() {
		t.Errorf("Rerun = %v, %v", got, err)
	}
}

func TestIgnoredFieldsDoNotCount(t *testing.T) {
	type Log struct{ Level, Color int }
	type in struct {
		N int
		*Log
		Workers int
	}
	runs := &counter{}
	s := open(mem.New(nil), nil)
	f := memoise(t, s, version1, func(_ context.Context, in in) (int, error) { runs.add(); return in.N, nil },
		&quiver.FuncOptions[int]{Ignore: []string{"Log", "Workers"}})
	for _, x := range []in{{1, nil, 1}, {1, &Log{2, 3}, 4}, {1, &Log{}, 0}} {
		expectCall(t, f, x, 1)
	}
	runs.expect(t, 1)
	g := memoise(t, s, version1, func(_ context.Context, in in) (int, error) { return in.N, nil },
		&quiver.FuncOptions[int]{Ignore: []string{"Log.Color", "Level"}})
	a, err1 := g.Key(in{1, &Log{2, 3}, 4})
	b, err2 := g.Key(in{1, &Log{1, 1}, 4})
	if a != b || err1 != nil || err2 != nil {
		t.Error("the fields of an embedded struct count although they are ignored", err1, err2)
	}
}

func TestACallWithoutARequiredFieldIsNotRemembered(t *testing.T) {
	type in struct{ Date, City string }
	runs := &counter{}
	c := newClient(mem.New(nil), quiver.Options{})
	f := memoise(t, c.Store, version1, func(_ context.Context, in in) (string, error) { runs.add(); return in.City, nil },
		&quiver.FuncOptions[string]{Require: []string{"Date"}})
	expectCall(t, f, in{City: "Ulm"}, "Ulm")
	expectCall(t, f, in{City: "Ulm"}, "Ulm")
	runs.expect(t, 2)
	c.requests.Expect(t)
	if lines := c.log.take(); len(lines) != 1 || !strings.Contains(lines[0], "Date") || !strings.Contains(lines[0], "WARN") {
		t.Errorf("logged: %q, want one warning", lines)
	}
	expectCall(t, f, in{"2026-11-22", "Ulm"}, "Ulm")
	expectCall(t, f, in{"2026-11-22", "Ulm"}, "Ulm")
	runs.expect(t, 3)
	if s := c.Stats(); s.Unsaved != 2 || s.Saved != 1 || s.Hits != 1 || s.Computed != 3 {
		t.Errorf("%+v", s)
	}
}

func TestAFunctionThatCannotBeMeantIsRefused(t *testing.T) {
	type in struct{ A int }
	type closed struct{ a int }
	s := open(mem.New(nil), nil)
	fn := func(context.Context, in) (int, error) { return 0, nil }
	for name, make := range map[string]func() error{
		"no name":     func() error { _, err := quiver.Func(s, quiver.Def{Version: quiver.IntVersion(1)}, fn, nil); return err },
		"no version":  func() error { _, err := quiver.Func(s, quiver.Def{Name: "f"}, fn, nil); return err },
		"no store":    func() error { _, err := quiver.Func(nil, version1, fn, nil); return err },
		"no function": func() error { _, err := quiver.Func[in, int](s, version1, nil, nil); return err },
		"unknown ignore": func() error {
			_, err := quiver.Func(s, version1, fn, &quiver.FuncOptions[int]{Ignore: []string{"B"}})
			return err
		},
		"unknown require": func() error {
			_, err := quiver.Func(s, version1, fn, &quiver.FuncOptions[int]{Require: []string{"A.B"}})
			return err
		},
		"no fields": func() error {
			_, err := quiver.Func(s, version1, func(context.Context, int) (int, error) { return 0, nil }, &quiver.FuncOptions[int]{Ignore: []string{"A"}})
			return err
		},
		"unexported field": func() error {
			_, err := quiver.Func(s, version1, func(_ context.Context, c closed) (int, error) { return c.a, nil }, nil)
			return err
		},
		"group taken": func() error {
			_, err := quiver.Func(s, version1, fn, &quiver.FuncOptions[int]{Recorders: []quiver.Recorder{
				{Group: "error", Record: func(context.Context, *quiver.Run) map[string]any { return nil }}}})
			return err
		},
		"group twice": func() error {
			_, err := quiver.Func(s, version1, fn, &quiver.FuncOptions[int]{Recorders: []quiver.Recorder{quiver.GitRecorder(), quiver.GitRecorder()}})
			return err
		},
		"recorder without function": func() error {
			_, err := quiver.Func(s, version1, fn, &quiver.FuncOptions[int]{Recorders: []quiver.Recorder{{Group: "x"}}})
			return err
		},
	} {
		if err := make(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := quiver.Func(s, quiver.Def{Name: "f", Code: digest.OfBytes(nil)}, fn, nil); err != nil {
		t.Errorf("a code digest alone: %v", err)
	}
}

func TestRerunRunsARememberedCallAgain(t *testing.T) {
	type Base struct{ A, B int }
	type in struct {
		*Base
		Words  []string
		Any    any
		Secret string
		Later  int `digest:",omitzero"`
	}
	s := open(mem.New(nil), nil)
	var got in
	fn := func(_ context.Context, in in) (int, error) { got = in; return len(in.Words), nil }
	f := memoise(t, s, version1, fn, &quiver.FuncOptions[int]{Ignore: []string{"Secret"}})
	x := in{&Base{1, 2}, []string{"a", "b"}, int64(3), "s", 0}
	expectCall(t, f, x, 2)
	key, err := f.Key(x)
	if err != nil {
		t.Fatal(err)
	}
	got = in{}
	n, err := f.Rerun(t.Context(), key.Abbreviate(12))
	if err != nil || n != 2 || *got.Base != *x.Base || got.Words[1] != "b" || got.Any != x.Any || got.Secret != "" {
		t.Errorf("Rerun = %v, %v, with %+v", n, err, got)
	}
	if s := s.Stats(); s.Computed != 1 || s.Saved != 1 {
		t.Errorf("Rerun saved something: %+v", s)
	}
	other := memoise(t, s, quiver.Def{Name: "g", Version: quiver.IntVersion(1)}, fn, nil)
	if _, err := other.Rerun(t.Context(), key); err == nil || errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Rerun of another function's call = %v", err)
	}
	if _, err := f.Rerun(t.Context(), digest.OfBytes(nil)); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Rerun of an unknown call = %v", err)
	}
	omitting := memoise(t, s, quiver.Def{Name: "h", Version: quiver.IntVersion(1)}, func(_ context.Context, n uint16) (int, error) { return int(n), nil },
		&quiver.FuncOptions[int]{OmitArguments: true})
	expectCall(t, omitting, 54321, 54321)
	key, err = omitting.Key(54321)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := s.Values.Contains(t.Context(), mustDigest(t, 54321)); err != nil || !there { // the result has the same digest
		t.Errorf("Contains = %v, %v", there, err)
	}
	if n, err := omitting.Rerun(t.Context(), key); err != nil || n != 54321 {
		t.Errorf("Rerun = %v, %v", n, err)
	}
}

func TestAnArgumentThatCannotBeSavedIsItsDigest(t *testing.T) {
	type temperature float64
	type in struct {
		Celsius any // the codec forgets the type of what is in it
		File    *strings.Reader
		Plain   int
	}
	runs := &counter{}
	c := newClient(mem.New(nil), quiver.Options{})
	f := memoise(t, c.Store, version1, func(_ context.Context, in in) (int, error) { runs.add(); return in.Plain, nil }, nil)
	for range 2 {
		expectCall(t, f, in{temperature(3), strings.NewReader("content"), 7}, 7)
	}
	runs.expect(t, 1)
	lines := c.log.take()
	if len(lines) != 2 || !strings.Contains(lines[0], "argument=Celsius") || !strings.Contains(lines[1], "argument=File") {
		t.Errorf("logged: %q, want a warning for each", lines)
	}
	key, err := f.Key(in{temperature(3), strings.NewReader("content"), 7})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Rerun(t.Context(), key); !errors.Is(err, quiver.ErrNotFound) || !strings.Contains(err.Error(), "Celsius") {
		t.Errorf("Rerun = %v", err)
	}
}

func TestArgumentsAreSavedAsTheyWereBeforeTheRun(t *testing.T) {
	s := open(mem.New(nil), nil)
	f := memoise(t, s, version1, func(_ context.Context, list []int) (int, error) { clear(list); return len(list), nil }, nil)
	expectSlice := []int{1, 2, 3}
	if _, err := f.Call(t.Context(), expectSlice); err != nil {
		t.Fatal(err)
	}
	saved, err := blobstore.LoadAs[[]int](t.Context(), s.Values, mustDigest(t, []int{1, 2, 3}))
	if err != nil || len(saved) != 3 || saved[2] != 3 {
		t.Errorf("saved: %v, %v", saved, err)
	}
}

func TestArgumentsWithoutADigestAreAnError(t *testing.T) {
	runs := &counter{}
	f := memoise(t, open(mem.New(nil), nil), version1, func(context.Context, any) (int, error) { return runs.add(), nil }, nil)
	_, err := f.Call(t.Context(), map[string]any{"callback": func() {}})
	if problem, ok := errors.AsType[*quiver.IndigestibleError](err); !ok || !strings.Contains(problem.Path, "callback") {
		t.Errorf("Call = %v", err)
	}
	runs.expect(t, 0)
}
