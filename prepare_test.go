package quiver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

// prepare prepares a call, or ends the test.
func prepare(t *testing.T, f *quiver.Function[int, int], in int, term time.Duration) *quiver.Prepared[int, int] {
	t.Helper()
	p, err := f.Prepare(t.Context(), in, term)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// resume resumes a call elsewhere.
func resume(t *testing.T, f *quiver.Function[int, int], token string) *quiver.Prepared[int, int] {
	t.Helper()
	p, err := f.Resume(token)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func expectCommit(t *testing.T, p *quiver.Prepared[int, int], result, want int) {
	t.Helper()
	if got, err := p.Commit(t.Context(), result); got != want || err != nil {
		t.Errorf("Commit(%d) = %d, %v, want %d", result, got, err, want)
	}
}

// expectLease fails the test unless the lease of a call is in a state.
func expectLease(t *testing.T, c *client, p *quiver.Prepared[int, int], want lease.State) {
	t.Helper()
	if i, err := c.Leases.Get(t.Context(), p.Key()); err != nil || i.State != want {
		t.Errorf("the lease is %+v, %v, want %s", i, err, want)
	}
}

// neverRun is a function of which only others know results.
func neverRun(t *testing.T, s *quiver.Store, options *quiver.FuncOptions[int]) *quiver.Function[int, int] {
	return memoise(t, s, version1, func(context.Context, int) (int, error) {
		t.Error("the function runs")
		return 0, nil
	}, options)
}

func TestAPreparedCallIsRememberedWhenItIsCommitted(t *testing.T) {
	b := mem.New(nil)
	here, there := newClient(b, quiver.Options{}), newClient(b, quiver.Options{})
	f, g := neverRun(t, here.Store, nil), neverRun(t, there.Store, nil)
	for name, how := range map[string]func(p *quiver.Prepared[int, int]) *quiver.Prepared[int, int]{
		"by the process that has prepared it": func(p *quiver.Prepared[int, int]) *quiver.Prepared[int, int] { return p },
		"by another one":                      func(p *quiver.Prepared[int, int]) *quiver.Prepared[int, int] { return resume(t, g, p.Token()) },
	} {
		in := len(name)
		p := prepare(t, f, in, time.Hour)
		if key, err := f.Key(in); err != nil || key != p.Key() {
			t.Errorf("%s: the key is %s, want %s", name, p.Key(), key)
		}
		if _, err := f.Load(t.Context(), in); !errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("%s: before, Load = %v", name, err)
		}
		expectLease(t, here, p, lease.Prepared)
		committer := how(p)
		if committer.Token() != p.Token() {
			t.Errorf("%s: it has another token", name)
		}
		expectCommit(t, committer, in*in, in*in)
		expectLease(t, here, p, lease.Released)
		expectCall(t, f, in, in*in)
		expectCommit(t, committer, in*in, in*in) // again
		expectCommit(t, committer, 0, in*in)
		if _, err := f.Prepare(t.Context(), in, time.Hour); !errors.Is(err, quiver.ErrRemembered) {
			t.Errorf("%s: Prepare = %v", name, err)
		}
		if err := committer.Abandon(t.Context()); err != nil {
			t.Errorf("%s: abandoned too late: %v", name, err)
		}
		expectCall(t, g, in, in*in)
	}
}

func TestRequestsOfAPreparedCall(t *testing.T) {
	b := mem.New(nil)
	here, there := newClient(b, quiver.Options{}), newClient(b, quiver.Options{})
	f, g := neverRun(t, here.Store, nil), neverRun(t, there.Store, nil)
	expectCommit(t, prepare(t, f, 1, time.Hour), 2, 2)
	if _, err := g.Contains(t.Context(), 1); err != nil {
		t.Error(err)
	}
	here.requests.Take()
	there.requests.Take()

	p := prepare(t, f, 3, time.Hour)
	here.requests.Expect(t, "get calls/*", "put values/*", "put leases/*")
	expectCommit(t, p, 9, 9)
	commit := []string{"put index/*", "put values/*", "put calls/*", "put leases/*"}
	here.requests.Expect(t, commit...)
	p = prepare(t, f, 4, time.Hour)
	here.requests.Take()
	resumed := resume(t, g, p.Token())
	there.requests.Expect(t)
	expectCommit(t, resumed, 16, 16)
	there.requests.Expect(t, append(commit, "get leases/*", "stat values/*")...) // it has not seen the argument
	p = prepare(t, f, 5, time.Hour)
	here.requests.Take()
	if err := p.Abandon(t.Context()); err != nil {
		t.Error(err)
	}
	here.requests.Expect(t, "put leases/*")
	omitting := neverRun(t, here.Store, &quiver.FuncOptions[int]{OmitArguments: true})
	p = prepare(t, omitting, 6, time.Hour)
	here.requests.Expect(t, "get calls/*", "put leases/*")
	expectCommit(t, p, 36, 36)
	here.requests.Expect(t, commit...)
}

// TestTheArgumentsOfAPreparedCallAreThereBeforeItsResult, and its lease names them to gc.
func TestTheArgumentsOfAPreparedCallAreThereBeforeItsResult(t *testing.T) {
	for _, omit := range []bool{false, true} {
		b := mem.New(nil)
		c := newClient(b, quiver.Options{})
		f := memoise(t, c.Store, version1, func(_ context.Context, n int) (int, error) { return n * n, nil }, &quiver.FuncOptions[int]{OmitArguments: omit})
		p := prepare(t, f, 7, time.Hour)
		seven := mustDigest(t, 7)
		if there, err := c.Values.Contains(t.Context(), seven); there == omit || err != nil {
			t.Errorf("omitted %v: the argument is there: %v, %v", omit, there, err)
		}
		i, err := c.Leases.Get(t.Context(), p.Key())
		if err != nil || (len(i.Values) == 1 && i.Values[0] == seven) == omit {
			t.Errorf("omitted %v: the lease names %v, %v", omit, i.Values, err)
		}
		// A value that is lost meanwhile does not keep the result from being saved.
		if !omit {
			if err := b.Delete(t.Context(), layout.ValueSpace.Name(seven)); err != nil {
				t.Fatal(err)
			}
		}
		expectCommit(t, resume(t, memoise(t, newClient(b, quiver.Options{}).Store, version1, func(context.Context, int) (int, error) { return 0, nil }, nil), p.Token()), 49, 49)
		expectCall(t, f, 7, 49)
	}
}

func TestWhoComputesOnceWaitsForAPreparedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		here := newClient(b, quiver.Options{Owner: "a queue"})
		f := neverRun(t, here.Store, nil)
		p := prepare(t, f, 4, time.Hour)
		w := newClient(b, quiver.Options{})
		waiter := call(t.Context(), lasting(t, w.Store, runs, time.Second, once()), 4)
		var held *quiver.HeldError
		if _, err := neverRun(t, w.Store, nil).Prepare(t.Context(), 4, time.Hour); !errors.As(err, &held) || held.Owner != "a queue" || held.State != lease.Prepared {
			t.Errorf("another one prepares it: %v", err)
		}
		pause(30 * time.Minute)
		expectCommit(t, p, 17, 17)
		got := <-waiter
		if got.value != 17 || got.err != nil || got.took > 30*time.Minute+15*time.Second {
			t.Errorf("the waiter: %+v", got)
		}
		if most := 5 + int(got.took.Seconds()); len(w.requests.Take()) > most {
			t.Errorf("the waiter sent more than %d requests", most)
		}
		runs.expect(t, 0)
		// Who computes is not disturbed by one who prepares.
		holder := call(t.Context(), lasting(t, w.Store, runs, time.Minute, once()), 5)
		synctest.Wait()
		if _, err := f.Prepare(t.Context(), 5, time.Hour); !errors.As(err, &held) || held.State != lease.Held {
			t.Errorf("a call that is computed is prepared: %v", err)
		}
		<-holder
		runs.expect(t, 1)
	})
}

func TestAnAbandonedCallIsComputedByWhoWaits(t *testing.T) {
	for _, resumed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b, runs := mem.New(nil), &counter{}
			f := neverRun(t, newClient(b, quiver.Options{}).Store, nil)
			p := prepare(t, f, 4, time.Hour)
			waiter := call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, time.Second, once()), 4)
			pause(time.Minute)
			if resumed {
				p = resume(t, neverRun(t, newClient(b, quiver.Options{}).Store, nil), p.Token())
			}
			for range 2 {
				if err := p.Abandon(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if got := <-waiter; got.value != 16 || got.err != nil || got.took > time.Minute+15*time.Second {
				t.Errorf("%+v", got)
			}
			runs.expect(t, 1)
			expectCommit(t, p, 1, 16) // too late
		})
	}
}

func TestAPreparedCallExpiresWithItsTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := mem.New(nil), &counter{}
		c := newClient(b, quiver.Options{})
		f := neverRun(t, c.Store, nil)
		late := prepare(t, f, 4, time.Minute)
		got := <-call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, time.Minute, once()), 4)
		if got.value != 16 || got.err != nil || got.took > 2*time.Minute+onceSlack {
			t.Errorf("%+v", got)
		}
		expectCommit(t, late, 1, 16)
		// One whose term is over and whom nobody wanted is committed all the same, and may be prepared anew.
		late = prepare(t, f, 5, time.Minute)
		again := prepare(t, f, 6, time.Minute)
		pause(time.Hour)
		expectCommit(t, late, 25, 25)
		next := prepare(t, neverRun(t, newClient(b, quiver.Options{}).Store, nil), 6, time.Minute)
		if err := again.Abandon(t.Context()); err != nil {
			t.Error(err)
		}
		expectLease(t, c, next, lease.Prepared) // it was not the other one's to release
		expectCommit(t, again, 1, 1)
		expectCommit(t, next, 2, 1)
		expectCall(t, f, 6, 1)
	})
}

// TestACommitIsGivenWhatWasFirst, and replaces what is of no use.
func TestACommitIsGivenWhatWasFirst(t *testing.T) {
	failed := errors.New("it failed")
	for name, c := range map[string]struct {
		first   func(n int) (int, error)
		before  quiver.FuncOptions[int] // of who computes
		options quiver.FuncOptions[int] // of who commits
		passes  time.Duration
		want    int
		wantErr string
	}{
		"a result":                 {first: func(int) (int, error) { return 16, nil }, want: 16},
		"a kept failure":           {first: func(int) (int, error) { return 0, failed }, before: quiver.FuncOptions[int]{KeepErrors: true}, options: quiver.FuncOptions[int]{KeepErrors: true}, wantErr: "it failed"},
		"a failure of no interest": {first: func(int) (int, error) { return 0, failed }, before: quiver.FuncOptions[int]{KeepErrors: true}, want: 17},
		"an expired result":        {first: func(int) (int, error) { return 16, nil }, options: quiver.FuncOptions[int]{TTL: time.Hour}, passes: 2 * time.Hour, want: 17},
		"the same, expired":        {first: func(int) (int, error) { return 17, nil }, options: quiver.FuncOptions[int]{TTL: time.Hour}, passes: 2 * time.Hour, want: 17},
		"an unwanted result":       {first: func(int) (int, error) { return 16, nil }, before: quiver.FuncOptions[int]{CacheIf: func(int) bool { return false }}, want: 17},
	} {
		for _, preparedFirst := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " ", preparedFirst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := mem.New(nil)
					here := newClient(b, quiver.Options{})
					f := neverRun(t, here.Store, &c.options)
					computing := memoise(t, newClient(b, quiver.Options{}).Store, version1, func(_ context.Context, n int) (int, error) { return c.first(n) }, &c.before)
					var p *quiver.Prepared[int, int]
					if preparedFirst {
						p = prepare(t, f, 4, 24*time.Hour)
					}
					_, _ = computing.Call(t.Context(), 4) // what it comes to is in the table
					pause(c.passes)
					if !preparedFirst {
						var err error
						if p, err = f.Prepare(t.Context(), 4, 24*time.Hour); errors.Is(err, quiver.ErrRemembered) {
							return // there is nothing to commit
						} else if err != nil {
							t.Fatal(err)
						}
					}
					got, err := p.Commit(t.Context(), 17)
					if c.wantErr != "" {
						if remembered, ok := errors.AsType[*quiver.RememberedError](err); !ok || remembered.Text != c.wantErr {
							t.Errorf("Commit = %v, %v", got, err)
						}
						expectLease(t, here, p, lease.Released)
						return
					}
					if got != c.want || err != nil {
						t.Errorf("Commit = %v, %v, want %v", got, err, c.want)
					}
					expectLease(t, here, p, lease.Released)
					expectCall(t, f, 4, c.want)
				})
			})
		}
	}
}

func TestWhatCannotBePrepared(t *testing.T) {
	b, down := mem.New(nil), &power{kind: bucket.ErrUnavailable}
	c := newClient(b, quiver.Options{}, down.middleware)
	f := neverRun(t, c.Store, nil)
	for _, term := range []time.Duration{0, lease.MinTerm - 1, lease.MaxTerm + time.Second} {
		if _, err := f.Prepare(t.Context(), 4, term); err == nil || !strings.Contains(err.Error(), "a lease holds for") {
			t.Errorf("for %v: %v", term, err)
		}
	}
	type in struct{ N int }
	required := memoise(t, c.Store, version1, func(context.Context, in) (int, error) { return 0, nil }, &quiver.FuncOptions[int]{Require: []string{"N"}})
	if _, err := required.Prepare(t.Context(), in{}, time.Hour); err == nil || !strings.Contains(err.Error(), "the argument N is required") {
		t.Errorf("without what is required: %v", err)
	}
	down.off.Store(true)
	if _, err := f.Prepare(t.Context(), 4, time.Hour); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("a store that is down: %v", err)
	}
	down.off.Store(false)
	if _, err := neverRun(t, newClient(b, quiver.Options{ReadOnly: true}).Store, nil).Prepare(t.Context(), 4, time.Hour); !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("a read-only store: %v", err)
	}
	p := prepare(t, f, 4, time.Hour)
	down.off.Store(true)
	if _, err := p.Commit(t.Context(), 16); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("Commit = %v", err)
	}
	if err := p.Abandon(t.Context()); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("Abandon = %v", err)
	}
	down.off.Store(false)
	expectCommit(t, p, 16, 16)
	expectLease(t, c, p, lease.Released)
	other := prepare(t, f, 5, time.Hour)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Commit(t.Context(), 25); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Commit = %v", err)
	}
}

func TestATokenIsOfOneFunctionAsItIs(t *testing.T) {
	s := newClient(mem.New(nil), quiver.Options{}).Store
	f := neverRun(t, s, nil)
	token := prepare(t, f, 4, time.Hour).Token()
	for _, def := range []quiver.Def{
		{Name: "f", Module: "test", Version: quiver.IntVersion(2)}, {Name: "g", Module: "test", Version: quiver.IntVersion(1)}, {Name: "f", Version: quiver.IntVersion(1)},
	} {
		other := memoise(t, s, def, func(context.Context, int) (int, error) { return 0, nil }, nil)
		if _, err := other.Resume(token); err == nil || !strings.Contains(err.Error(), "not one of this function as it is now") {
			t.Errorf("%+v: %v", def, err)
		}
	}
	for _, text := range []string{"", "x", "?", token + "x", token[1:], token[:len(token)-2], "bnVsbA", "e30"} {
		if _, err := f.Resume(text); err == nil || !strings.Contains(err.Error(), "resuming a prepared call of test.f") {
			t.Errorf("Resume(%q) = %v", text, err)
		}
	}
}

func FuzzResume(f *testing.F) {
	s := newClient(mem.New(nil), quiver.Options{}).Store
	fn, err := quiver.Func(s, version1, func(context.Context, int) (int, error) { return 0, nil }, nil)
	if err != nil {
		f.Fatal(err)
	}
	p, err := fn.Prepare(f.Context(), 4, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{p.Token(), "", "bnVsbA", "e30", p.Token()[:40]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		resumed, err := fn.Resume(text)
		if err != nil {
			return
		}
		again, err := fn.Resume(resumed.Token())
		if err != nil || again.Key() != resumed.Key() {
			t.Errorf("%q: %v", resumed.Token(), err)
		}
	})
}

// TestEveryCrashPointOfAPreparedCall leaves a call that somebody can have a result of, and a result that was acknowledged.
func TestEveryCrashPointOfAPreparedCall(t *testing.T) {
	requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		synctest.Test(t, func(t *testing.T) {
			b, runs := mem.New(nil), &counter{}
			preparer := neverRun(t, newClient(b, quiver.Options{}, crash.Inject).Store, nil)
			p, err := preparer.Prepare(t.Context(), 4, time.Minute)
			if crash.Crashed() == (err == nil) {
				t.Fatal(err)
			}
			committed := false
			if err == nil {
				result, err := p.Commit(t.Context(), 17)
				if committed = err == nil; committed && result != 17 {
					t.Errorf("Commit = %d", result)
				}
			}
			got := <-call(t.Context(), lasting(t, newClient(b, quiver.Options{}).Store, runs, 0, once()), 4)
			if got.err != nil || got.value != 16 && got.value != 17 || committed && got.value != 17 || got.took > time.Minute+onceSlack {
				t.Errorf("%+v, committed %v", got, committed)
			}
			if p == nil { // whoever prepared it is told that it has a result, and not to wait
				if _, err := neverRun(t, newClient(b, quiver.Options{}).Store, nil).Prepare(t.Context(), 4, time.Minute); !errors.Is(err, quiver.ErrRemembered) {
					t.Errorf("Prepare = %v", err)
				}
				return
			}
			expectCommit(t, resume(t, neverRun(t, newClient(b, quiver.Options{}).Store, nil), p.Token()), 17, got.value)
		})
	})
	if requests != 9 {
		t.Errorf("%d requests, want 9", requests)
	}
}

// TestAPreparedCallWhoseAnswersAreLostIsPreparedAndCommitted.
func TestAPreparedCallWhoseAnswersAreLostIsPreparedAndCommitted(t *testing.T) {
	for _, key := range []string{"leases/*", "calls/*"} {
		b := mem.New(nil)
		script := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Key: key, Do: buckettest.LoseAnswer()})
		c := newClient(b, quiver.Options{}, script.Inject)
		p := prepare(t, neverRun(t, c.Store, nil), 4, time.Hour)
		expectCommit(t, p, 16, 16)
		expectLease(t, c, p, lease.Released)
		script.Done(t)
	}
}
