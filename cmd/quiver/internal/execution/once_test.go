//go:build unix

package execution_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// onceVariable makes the test binary a process with an engine: its value is a run, as JSON.
const onceVariable = "QUIVER_TEST_ONCE"

// onceRun is what such a process does: run a command of this test binary's on a store in a directory.
type onceRun struct {
	Store   string
	Options execution.Options
}

func init() {
	text := os.Getenv(onceVariable)
	if text == "" {
		return
	}
	must(os.Unsetenv(onceVariable)) // the command is none
	var r onceRun
	must(json.Unmarshal([]byte(text), &r))
	engine := execution.Engine{
		Stdin: strings.NewReader(""), Stdout: os.Stdout, Stderr: os.Stderr, Clock: op.SystemClock(), LookupEnv: os.LookupEnv, Hostname: "here", TempDir: os.TempDir(),
		Store: func(ctx context.Context) (*quiver.Store, error) {
			b, err := file.New(r.Store, &file.Options{NoSync: true})
			if err != nil {
				return nil, err
			}
			return quiver.New(ctx, b, nil)
		},
	}
	os.Exit(engine.Run(context.Background(), r.Options))
}

// process is a process with an engine that a test has started.
type process struct {
	*exec.Cmd
	stdout, stderr buffer
	began          time.Time
	took           time.Duration
}

// untilGo is a command that ends when there is a file "go".
const untilGo = `printf x >>"$COUNT"; echo ready; until test -e go; do sleep 0.02; done`

// begin starts a process that runs it.
func (w *world) begin(o execution.Options) *process {
	w.Helper()
	o.Argv = []string{"/bin/sh", "-c", untilGo}
	text, err := json.Marshal(onceRun{w.directory(), o})
	must(err)
	p := &process{Cmd: exec.CommandContext(w.Context(), os.Args[0]), began: time.Now()}
	p.Env = append(os.Environ(), onceVariable+"="+string(text))
	p.Stdout, p.Stderr = struct{ io.Writer }{&p.stdout}, struct{ io.Writer }{&p.stderr}
	must(p.Start())
	w.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	return p
}

// end waits until a process has ended.
func (p *process) end() outcome {
	err := p.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		panic(err)
	}
	p.took = time.Since(p.began)
	return outcome{p.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
}

// says waits until a process has printed something.
func (w *world) says(b *buffer, text string) {
	w.Helper()
	w.until("to hear "+text, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return strings.Contains(b.String(), text)
	})
}

// until polls for a condition.
func (w *world) until(what string, condition func() bool) {
	w.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); !condition(); {
		select {
		case <-deadline:
			w.Fatalf("it takes too long %s", what)
		case <-tick.C:
		}
	}
}

// directory is that of the store which processes share.
func (w *world) directory() string { return filepath.Dir(os.Getenv("COUNT")) + "/store" }

// openShared has this process's own engine use that store.
func (w *world) openShared() {
	w.Helper()
	must(os.MkdirAll(w.directory(), 0o777))
	b, err := file.New(w.directory(), &file.Options{NoSync: true})
	must(err)
	w.bucket = b
}

// leases are the states of all leases.
func (w *world) leases() (states []string) {
	w.Helper()
	s, err := quiver.New(w.Context(), shared{w.bucket}, nil)
	must(err)
	for l, err := range s.Leases.List(w.Context()) {
		must(err)
		states = append(states, string(l.State))
	}
	return states
}

func once(term time.Duration) execution.Options {
	return execution.Options{Once: term, OnceWait: time.Minute, Explain: true}
}

func TestOneOfManyRunsTheCommandAndTheOthersGiveItsOutcomeBack(t *testing.T) {
	w := newWorld(t)
	w.openShared()
	first := w.begin(once(10 * time.Second))
	w.says(&first.stdout, "ready")
	var others []*process
	for range 7 {
		others = append(others, w.begin(once(10*time.Second)))
	}
	for _, p := range others {
		w.says(&p.stderr, "waiting for ")
	}
	w.write("go", "")
	w.wantTalk(first.end(), "quiver: miss (not remembered yet), key ")
	for _, p := range others {
		got := p.end()
		w.wantTalk(got, fmt.Sprintf("process %d on ", first.Process.Pid), ", at it since 20", "quiver: hit, key ")
		w.want(outcome{got.status, got.stdout, ""}, outcome{0, "ready\n", ""})
	}
	w.wantRuns(1)
	if states := w.leases(); len(states) != 1 || states[0] != "released" {
		t.Errorf("the leases are %v", states)
	}
}

func TestAHolderThatIsKilledIsSucceeded(t *testing.T) {
	const term = 2 * time.Second
	w := newWorld(t)
	w.openShared()
	first := w.begin(once(term))
	w.says(&first.stdout, "ready")
	var others []*process
	for range 3 {
		others = append(others, w.begin(once(term)))
	}
	for _, p := range others {
		w.says(&p.stderr, "waiting for ")
	}
	killed := time.Now()
	must(first.Process.Kill())
	_ = first.Wait()
	w.write("go", "")
	for _, p := range others {
		got := p.end()
		if took := time.Since(killed); got.status != 0 || got.stdout != "ready\n" || took > term+3*time.Second+2*time.Second { // the machine may be busy
			t.Errorf("after %v: %+v", took, got)
		}
	}
	w.wantRuns(2)
}

func TestWhoIsInterruptedWhileHeWaitsEnds(t *testing.T) {
	w := newWorld(t)
	w.openShared()
	first := w.begin(once(10 * time.Second))
	w.says(&first.stdout, "ready")
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		waiter := w.begin(once(10 * time.Second))
		w.says(&waiter.stderr, "waiting for ")
		must(waiter.Process.Signal(sig))
		if got := waiter.end(); got.status != 128+int(sig) || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%+v", got)
		}
	}
	// A signal that reaches the command of the holder ends that, and the lease is given back.
	must(first.Process.Signal(syscall.SIGTERM))
	if got := first.end(); got.status != 128+int(syscall.SIGTERM) {
		t.Errorf("%+v", got)
	}
	w.wantRuns(1)
	if states := w.leases(); len(states) != 1 || states[0] != "released" {
		t.Errorf("the leases are %v", states)
	}
}

// TestOnceWaitIsHowLongAnotherIsWaitedFor: then the command runs here too, or that is a failure.
func TestOnceWaitIsHowLongAnotherIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.openShared()
	first := w.begin(once(10 * time.Second))
	w.says(&first.stdout, "ready")
	o := once(10 * time.Second)
	o.OnceWait, o.Strict, o.Explain = 2*time.Second, true, false
	strict := w.begin(o)
	got := strict.end()
	w.wantTalk(got, "waiting for ", "another run was waited for long enough (2s): ", fmt.Sprintf("process %d", first.Process.Pid), "without --strict the command would run")
	if got.status != execution.Failed || got.stdout != "" {
		t.Errorf("%+v", got)
	}
	o.Strict = false
	patient := w.begin(o)
	w.says(&patient.stdout, "ready")
	w.write("go", "")
	got = patient.end()
	w.wantTalk(got, "waiting for ", "another run was waited for long enough (2s): ", "the command runs all the same")
	if first := first.end(); got.status != 0 || first.status != 0 {
		t.Errorf("%+v, %+v", got, first)
	}
	w.wantRuns(2)
}

// TestALeaseDoesNotKeepACommandFromRunning: whatever is wrong with it.
func TestALeaseDoesNotKeepACommandFromRunning(t *testing.T) {
	failing := func(kind error, writes bool) bucket.Middleware {
		return func(next bucket.Handler) bucket.Handler {
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if strings.HasPrefix(r.Key, layout.Leases) && (!writes || r.Verb.Writes()) {
					return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: kind}
				}
				return next(ctx, r)
			}
		}
	}
	hanging := func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if strings.HasPrefix(r.Key, layout.Leases) {
				return silent(next)(ctx, r)
			}
			return next(ctx, r)
		}
	}
	for name, c := range map[string]struct {
		middleware bucket.Middleware
		says       string
	}{
		"refused":     {failing(bucket.ErrRefused, true), "no lease: the store refused the request"},
		"unavailable": {failing(bucket.ErrUnavailable, false), "no lease: "},
		"silent":      {hanging, "no lease: the store did not answer in time (3s)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.run(execution.Options{}, "child-print", "", "", "0") // what is started at its first use must not be inside the bubble
			w.middleware = []bucket.Middleware{c.middleware}
			synctest.Test(t, func(t *testing.T) {
				w.T = t
				strict := once(10 * time.Second)
				strict.Strict = true
				got := w.run(strict, "child-print", "out", "", "0")
				w.wantTalk(got, c.says, "; without --strict the command would run")
				w.wantRuns(1)
				began := time.Now()
				if got.status != execution.Failed {
					t.Errorf("%+v", got)
				}
				got = w.run(once(10*time.Second), "child-print", "out", "", "0")
				w.wantTalk(got, c.says, "; the command runs all the same", "miss (not remembered yet)")
				if took := time.Since(began); got.status != 0 || got.stdout != "out" || took > 4*time.Second {
					t.Errorf("%+v after %v", got, took)
				}
			})
			w.T, w.middleware = t, nil
			w.wantTalk(w.run(once(10*time.Second), "child-print", "out", "", "0"), "hit, key ")
			w.wantRuns(2)
		})
	}
}

func TestWithoutAStoreThereIsNoLease(t *testing.T) {
	w := newWorld(t)
	w.middleware = []bucket.Middleware{func(bucket.Handler) bucket.Handler {
		return func(_ context.Context, r *bucket.Request) (bucket.Answer, error) {
			if strings.HasPrefix(r.Key, layout.Leases) {
				t.Errorf("a dead store is asked to %s", r.Name())
			}
			return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrUnavailable, Err: io.ErrUnexpectedEOF}
		}
	}}
	got := w.run(once(10*time.Second), "child-print", "out", "", "0")
	w.wantTalk(got, "the command runs without it")
	w.want(outcome{got.status, got.stdout, ""}, outcome{0, "out", ""})
	w.wantRuns(1)
}

// TestWhatIsNotRememberedGivesTheLeaseBack: failures, and runs whose files cannot be put back.
func TestWhatIsNotRememberedGivesTheLeaseBack(t *testing.T) {
	w := newWorld(t)
	for n := range 3 {
		if got := w.run(once(10*time.Second), "child-print", "", "", "3"); got.status != 3 {
			t.Errorf("%+v", got)
		}
		w.wantRuns(n + 1)
	}
	o := once(10 * time.Second)
	o.Refresh = true
	w.wantTalk(w.run(o, "child-print", "", "", "0"), "miss (asked to run anew)")
	if states := w.leases(); len(states) != 1 || states[0] != "released" {
		t.Errorf("the leases are %v", states)
	}
	o = once(time.Millisecond)
	w.wantTalk(w.run(o, "child-print", "", "", "0"), "--once 1ms: a lease holds for 1s to 720h0m0s")
}
