//go:build unix

package execution_test

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
)

// Whoever runs the tests may ignore signals, as nohup does, and the engine would go on to ignore them. A process that is executed anew ignores what was
// ignored before, but not what was caught.
func init() {
	heedSignals = func() {
		if !signal.Ignored(syscall.SIGHUP) && !signal.Ignored(syscall.SIGINT) && !signal.Ignored(syscall.SIGQUIT) {
			return
		}
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT)
		self, err := os.Executable()
		must(err)
		must(syscall.Exec(self, os.Args, os.Environ()))
	}
}

// tell sends a signal to this process, whose engine passes it on.
func tell(t *testing.T, sig syscall.Signal) func() {
	return func() {
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Error(err)
		}
	}
}

func TestASignalReachesTheCommandOnceAndEndsIt(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		w := newWorld(t)
		for n := range 2 {
			var stderr buffer
			verb := "child-die"
			if sig == syscall.SIGQUIT {
				verb = "child-wait" // which does not catch it, and prints where it was: the status tells
			}
			got := w.runWith(whenReady(tell(t, sig)), &stderr, execution.Options{}, verb, "0")
			if sig != syscall.SIGQUIT && got.status != 128+int(sig) || got.status == 0 {
				t.Fatalf("%v: %+v", sig, got)
			}
			w.wantRuns(n + 1)
		}
	}
}

func TestASignalReachesAllProcessesOfTheCommand(t *testing.T) {
	w := newWorld(t)
	var stderr buffer
	got := w.runWith(whenReady(tell(t, syscall.SIGTERM)), &stderr, execution.Options{}, "/bin/sh", "-c", `"$0" child-wait 0 & wait`, os.Args[0])
	w.want(got, outcome{128 + int(syscall.SIGTERM), "ready\nterminated\n", ""})
}

func TestACommandThatASignalEndsIsNeverRemembered(t *testing.T) {
	w := newWorld(t)
	for n := range 2 {
		got := w.run(execution.Options{KeepFailures: true}, "/bin/sh", "-c", "printf x >>$COUNT; kill -KILL $$")
		w.want(got, outcome{128 + int(syscall.SIGKILL), "", ""})
		w.wantRuns(n + 1)
	}
}

func TestACommandThatHandlesASignalEndsAsItLikesAndIsNotRemembered(t *testing.T) {
	for _, status := range []int{0, 5} {
		w := newWorld(t)
		for n := range 2 {
			var stderr buffer
			got := w.runWith(whenReady(tell(t, syscall.SIGTERM)), &stderr, execution.Options{KeepFailures: true}, "child-wait", strconv.Itoa(status))
			w.want(got, outcome{status, "ready\nterminated\n", ""})
			w.wantRuns(n + 1)
		}
	}
}

func TestTheCommandHasNoTerminalAndItsOwnSession(t *testing.T) {
	w := newWorld(t)
	got := w.run(execution.Options{}, "/bin/sh", "-c", "cat /dev/tty")
	if got.status == 0 || !strings.Contains(got.stderr, "/dev/tty") {
		t.Fatalf("%+v", got)
	}
}

func TestAClosedOutputPassesThroughAndIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	for n := range 2 {
		stdout := &buffer{on: func([]byte) error { return syscall.EPIPE }}
		var stderr buffer
		got := w.runWith(stdout, &stderr, execution.Options{Explain: true}, "child-chatter")
		if got.status != 128+int(syscall.SIGPIPE) {
			t.Fatalf("%+v", got)
		}
		w.wantRuns(n + 1)
		if w.events[n].Hit {
			t.Fatal("remembered")
		}
	}
}

func TestAClosedOutputIsNotRememberedEvenIfTheCommandDidNotNotice(t *testing.T) {
	w := newWorld(t)
	for n := range 2 {
		stdout := &buffer{on: func([]byte) error { return syscall.EPIPE }}
		var stderr buffer
		w.want(w.runWith(stdout, &stderr, execution.Options{}, "child-print", "out", "", "0"), outcome{0, "", ""})
		w.wantRuns(n + 1)
	}
}

func TestAReplayIntoAClosedOutputEndsAsTheCommandWould(t *testing.T) {
	w := newWorld(t)
	w.wantSilence(w.run(execution.Options{}, "child-flood", "80000"))
	stdout := &buffer{on: func([]byte) error { return syscall.EPIPE }}
	var stderr buffer
	w.want(w.runWith(stdout, &stderr, execution.Options{}, "child-flood", "80000"), outcome{128 + int(syscall.SIGPIPE), "", ""})
	w.wantRuns(1)
}

func TestAProcessLeftBehindIsNotWaitedFor(t *testing.T) {
	for _, verb := range []string{"child-hold", "child-chatter"} {
		w := newWorld(t)
		got := w.run(execution.Options{}, "child-leave", verb)
		w.wantTalk(got, "not remembered: a process that the command left behind still holds its output open")
		line, _, _ := strings.Cut(strings.ReplaceAll(got.stdout, "still there\n", ""), "\n")
		pid, err := strconv.Atoi(line)
		if err != nil || got.status != 0 {
			t.Fatalf("%v: %+v", err, got)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // one that writes has ended by itself
	}
}

func TestASlowReaderOfOursLosesNothing(t *testing.T) {
	w := newWorld(t)
	// The command ends at once and leaves 64 KiB in the pipe; whoever reads ours takes his time, far longer than a process left behind is waited for.
	release := make(chan struct{})
	first := true
	stdout := &buffer{on: func([]byte) error {
		if first {
			first = false
			<-release
		}
		return nil
	}}
	var stderr buffer
	go func() {
		defer close(release)
		<-time.After(1500 * time.Millisecond)
	}()
	got := w.runWith(stdout, &stderr, execution.Options{}, "child-flood", "65536")
	w.wantSilence(got)
	if len(got.stdout) != 65536 {
		t.Fatalf("%d bytes came through", len(got.stdout))
	}
	w.wantSilence(w.run(execution.Options{}, "child-flood", "65536"))
	w.wantRuns(1)
}

func TestASignalBeforeTheCommandEndsQuiver(t *testing.T) {
	w := newWorld(t)
	w.middleware = []bucket.Middleware{func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			return silent(next)(ctx, r)
		}
	}}
	w.want(w.run(execution.Options{}, "child-print", "", "", "0"), outcome{128 + int(syscall.SIGTERM), "", ""})
	w.wantRuns(0)
}

func TestAFullDiskBehindOurOutputIsAFailure(t *testing.T) {
	w := newWorld(t)
	stdout := func() *buffer { return &buffer{on: func([]byte) error { return syscall.ENOSPC }} }
	for n := range 2 { // the first runs, and so does the second
		var stderr buffer
		got := w.runWith(stdout(), &stderr, execution.Options{}, "child-print", "out", "", "0")
		w.want(got, outcome{execution.Failed, "", "quiver: passing on what the command prints: no space left on device\n"})
		w.wantRuns(n + 1)
	}
	w.wantSilence(w.run(execution.Options{}, "child-print", "out", "", "0"))
	var stderr buffer
	got := w.runWith(stdout(), &stderr, execution.Options{}, "child-print", "out", "", "0")
	w.want(got, outcome{execution.Failed, "", "quiver: printing what is remembered: no space left on device\n"})
}

func TestASignalEndsTheWaitForWhoeverReadsOurOutput(t *testing.T) {
	w := newWorld(t)
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGTERM) // the last one may come when the engine watches no more
	defer signal.Stop(caught)
	release, stuck, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	stdout := &buffer{on: func([]byte) error {
		close(stuck)
		<-release
		return syscall.EPIPE
	}}
	var telling sync.WaitGroup
	telling.Go(func() {
		<-stuck
		for { // the first may still reach the command
			tell(t, syscall.SIGTERM)()
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	var stderr buffer
	got := w.runWith(stdout, &stderr, execution.Options{}, "child-flood", "65536")
	close(over)
	telling.Wait()
	close(release)
	w.want(got, outcome{128 + int(syscall.SIGTERM), "", ""})
}
