package failures_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/op"
)

const (
	patience = 2 * time.Second // the deadline of a call to a server that is silent
	late     = 2 * time.Second // may it be at the most
	patient  = 20 * time.Second
)

func TestAServerThatFallsSilent(t *testing.T) {
	built.Path(t) // is built before the time counts
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			t.Parallel()
			s := own(t, which).server
			t.Run("ends every call at its deadline", func(t *testing.T) { endsEveryCall(t, fresh(t, s)) })
			t.Run("ends a body that is read at its deadline", func(t *testing.T) { endsABody(t, fresh(t, s)) })
			t.Run("ends the first calls of many together", func(t *testing.T) { endsFirstCalls(t, fresh(t, s)) })
			t.Run("ends saves that wait for one another", func(t *testing.T) { endsSaves(t, fresh(t, s)) })
			t.Run("keeps no memoised function from running", func(t *testing.T) { runsAFunction(t, fresh(t, s)) })
			t.Run("keeps no command from running", func(t *testing.T) { runsACommand(t, fresh(t, s)) })
		})
	}
}

func endsEveryCall(t *testing.T, at place) {
	c := newCaller(t, at, bucket.RetryOptions{}, 9*mebibyte, patient)
	for _, phase := range []string{"before", "silent", "after"} {
		c.prepare(t, phase)
	}
	c.callAll(t, "before", patient, succeeds)
	patiently := c.double
	c.double = double(t, c.store, patience/2)
	silence(t, at.server)
	c.callAll(t, "silent", patience, failsAtItsDeadline)
	must(t, at.server.Continue(t.Context()))
	c.double = patiently
	c.callAll(t, "after", patient, succeeds)
}

func succeeds(t *testing.T, e ended) {
	t.Helper()
	if e.err != nil {
		t.Errorf("%s: %v", e.name, e.err)
	}
}

func failsAtItsDeadline(t *testing.T, e ended) {
	t.Helper()
	failsBy(t, patience, e)
}

// failsBy demands that a call fails by its deadline, and says so, and what to do.
func failsBy(t *testing.T, deadline time.Duration, e ended) {
	t.Helper()
	if e.took > deadline+late {
		t.Errorf("%s takes %s, its deadline is %s: %v", e.name, e.took, deadline, e.err)
	}
	isUnavailable(t, e.name, e.err, e.about)
	if !errors.Is(e.err, context.DeadlineExceeded) {
		t.Errorf("%s fails with an error that does not show that a deadline is over: %v", e.name, e.err)
	}
	if failure, ok := errors.AsType[*bucket.Error](e.err); ok && failure.Hint == "" {
		t.Errorf("%s fails with an error that does not say what to do: %v", e.name, e.err)
	}
}

// silence stops a server, and waits until its last thread has stopped.
func silence(t *testing.T, s *servers.Server) {
	t.Helper()
	must(t, s.Stop(t.Context()))
	must(t, op.SystemClock().Sleep(t.Context(), 300*time.Millisecond))
}

// callAll makes all calls at once, each with a deadline of its own.
func (c *caller) callAll(t *testing.T, phase string, deadline time.Duration, check func(t *testing.T, e ended)) {
	t.Helper()
	var calls sync.WaitGroup
	for name, e := range c.calls(phase) {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			begun := time.Now()
			err := e.do(ctx)
			check(t, ended{e, phase + ": " + name, err, time.Since(begun)})
		})
	}
	calls.Wait()
}

// endsFirstCalls makes calls without deadlines of their own on a store of which nothing is known yet: they have one request in common.
func endsFirstCalls(t *testing.T, at place) {
	const deadline = time.Second
	s := at.store(t, bucket.RetryOptions{Attempts: 2, Attempt: deadline / 2, Deadline: deadline})
	silence(t, at.server)
	var calls sync.WaitGroup
	for n := range 10 {
		calls.Go(func() {
			begun := time.Now()
			_, err := s.Calls.Load(t.Context(), keyOf("first", n))
			failsBy(t, deadline, ended{errand{}, fmt.Sprint("call ", n), err, time.Since(begun)})
		})
	}
	calls.Wait()
	must(t, at.server.Continue(t.Context()))
}

// endsSaves saves calls of one function at once: they share marks, and one mark of a function is sent at a time.
func endsSaves(t *testing.T, at place) {
	s := at.store(t, bucket.RetryOptions{})
	must(t, save(t.Context(), s, "shared", 100))
	silence(t, at.server)
	var calls sync.WaitGroup
	for n := range 10 {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begun := time.Now()
			_, err := s.Calls.Save(ctx, recordOf("shared", n), nil)
			failsAtItsDeadline(t, ended{errand{about: keyOf("shared", n).String()}, fmt.Sprint("save ", n), err, time.Since(begun)})
		})
	}
	calls.Wait()
	must(t, at.server.Continue(t.Context()))
}

func endsABody(t *testing.T, at place) {
	reading := newReading(t, at)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begun := time.Now()
	_, err := reading.interrupted(ctx, t, func() {})
	failsAtItsDeadline(t, ended{errand{about: reading.key}, "reading", err, time.Since(begun)})
	must(t, at.server.Continue(t.Context()))
}

// reading is about an object that is larger than what sockets hold.
type reading struct {
	server *servers.Server
	bucket bucket.Bucket
	key    string
	body   []byte
}

func newReading(t *testing.T, at place) reading {
	t.Helper()
	r := reading{at.server, at.open(t, bucket.RetryOptions{}), "read/whole", content("read/whole", 32*mebibyte)}
	must(t, r.bucket.Put(t.Context(), r.key, bucket.Bytes(r.body), bucket.IfAbsent()))
	return r
}

// interrupted stops the server after the first byte, calls a function, and reads on.
func (r reading) interrupted(ctx context.Context, t *testing.T, stopped func()) ([]byte, error) {
	t.Helper()
	object, err := r.bucket.Get(ctx, r.key)
	must(t, err)
	defer object.Body.Close()
	first := make([]byte, 1)
	_, err = io.ReadFull(object.Body, first)
	must(t, err)
	silence(t, r.server)
	stopped()
	rest, err := io.ReadAll(object.Body)
	return append(first, rest...), err
}

func runsAFunction(t *testing.T, at place) {
	s := storeIn(t, at.open(t, bucket.RetryOptions{}), &quiver.Options{Logger: slog.New(slog.DiscardHandler)})
	f := double(t, s, patience/2)
	silence(t, at.server)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for n := range 3 {
		if got, err := f.Call(ctx, n); got != 2*n || err != nil {
			t.Errorf("2 × %d is %d, %v", n, got, err)
		}
	}
	if stats := s.Stats(); stats.Computed != 3 || stats.Failures != 1 || stats.Skipped != 5 { // the first look-up failed; then the store is left alone
		t.Errorf("%+v", stats)
	}
	must(t, at.server.Continue(t.Context()))
}

func runsACommand(t *testing.T, at place) {
	exec := []string{"exec", "--explain", "--", "echo", "hello"}
	if r := quiverAt(t.Context(), t, at, exec...); r.exit != 0 || r.out != "hello\n" || !strings.Contains(r.err, "remembered") {
		t.Errorf("before: %+v", r)
	}
	silence(t, at.server)
	var runs sync.WaitGroup
	runs.Go(func() {
		const lookUp, save = 3 * time.Second, 5 * time.Second // so long may the store take
		r := quiverAt(t.Context(), t, at, exec...)
		if r.exit != 0 || r.out != "hello\n" || !strings.Contains(r.err, "did not answer in time") {
			t.Errorf("exec: %+v", r)
		}
		if r.took > lookUp+save+late {
			t.Errorf("exec takes %s", r.took)
		}
	})
	runs.Go(func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if r := quiverAt(ctx, t, at, "query"); r.exit != 130 || r.out != "" || r.took > patience+late {
			t.Errorf("query, interrupted: %+v", r)
		}
	})
	runs.Wait()
	must(t, at.server.Continue(t.Context()))
	if r := quiverAt(t.Context(), t, at, exec...); r.exit != 0 || r.out != "hello\n" || !strings.Contains(r.err, "hit") {
		t.Errorf("after: %+v", r)
	}
	if r := quiverAt(t.Context(), t, at, "query", "--count"); r.exit != 0 || r.out != "1\n" {
		t.Errorf("after: %+v", r)
	}
}
