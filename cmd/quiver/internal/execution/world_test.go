package execution_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/cmd/quiver/internal/stats"
	"github.com/quivercache/quiver/op"
)

// world is a directory, a store and an engine between them.
type world struct {
	*testing.T
	bucket     bucket.Bucket
	middleware []bucket.Middleware // around the bucket, in the next run
	engine     execution.Engine
	events     []stats.Event
}

// shared keeps a bucket open that engines close.
type shared struct{ bucket.Bucket }

func (shared) Close() error { return nil }

// newWorld changes into a new directory. Commands count their runs in a file outside of it.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("COUNT", filepath.Join(t.TempDir(), "count"))
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or every command takes a second to end
	w := &world{T: t, bucket: mem.New(nil)}
	w.engine = execution.Engine{
		Stdin: strings.NewReader(""),
		Store: func(context.Context) (*quiver.Store, error) {
			b := w.bucket
			for _, m := range w.middleware {
				b = bucket.Wrap(b, m)
			}
			return quiver.New(context.Background(), shared{b}, &quiver.Options{Clock: w.engine.Clock})
		},
		Clock:     op.SystemClock(),
		LookupEnv: os.LookupEnv,
		Hostname:  "here",
		TempDir:   t.TempDir(),
		Count:     func(e stats.Event) { w.events = append(w.events, e) },
	}
	return w
}

// outcome is what somebody sees of a run.
type outcome struct {
	status         int
	stdout, stderr string
}

// run runs a command line of this test binary's commands.
func (w *world) run(o execution.Options, argv ...string) outcome {
	w.Helper()
	var stdout, stderr buffer
	return w.runWith(&stdout, &stderr, o, argv...)
}

func (w *world) runWith(stdout, stderr *buffer, o execution.Options, argv ...string) outcome {
	w.Helper()
	if strings.HasPrefix(argv[0], "child-") {
		argv = append([]string{os.Args[0]}, argv...)
		o.NoAutoIn = true // the test binary is large
	}
	o.Argv = argv
	w.engine.Stdout, w.engine.Stderr = stdout, stderr
	status := w.engine.Run(w.Context(), o)
	return outcome{status, stdout.String(), stderr.String()}
}

// ran is how many times commands were executed so far.
func (w *world) ran() int {
	content, err := os.ReadFile(os.Getenv("COUNT"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.Fatal(err)
	}
	return len(content)
}

// wantRuns fails the test unless commands were executed so many times.
func (w *world) wantRuns(n int) {
	w.Helper()
	if got := w.ran(); got != n {
		w.Fatalf("commands were executed %d times, want %d", got, n)
	}
}

func (w *world) want(got, want outcome) {
	w.Helper()
	if got != want {
		w.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// wantSilence wants a run without talk.
func (w *world) wantSilence(got outcome) {
	w.Helper()
	if got.status != 0 || got.stderr != "" {
		w.Fatalf("status %d, stderr %q", got.status, got.stderr)
	}
}

// wantTalk wants talk that has all these parts.
func (w *world) wantTalk(got outcome, parts ...string) {
	w.Helper()
	for _, part := range parts {
		if !strings.Contains(got.stderr, part) {
			w.Fatalf("stderr %q does not have %q", got.stderr, part)
		}
	}
	for line := range strings.Lines(got.stderr) {
		if !strings.HasPrefix(line, "quiver: ") {
			w.Fatalf("the line %q is not marked as talk of quiver", line)
		}
	}
}

func (w *world) write(name, content string) {
	w.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		w.Fatal(err)
	}
}

func (w *world) read(name string) string {
	w.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		w.Fatal(err)
	}
	return string(content)
}

// buffer is a stream of ours; on may watch what is written to it.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
	on func(written []byte) error
}

func (b *buffer) Write(p []byte) (int, error) {
	if b.on != nil {
		if err := b.on(p); err != nil {
			return 0, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// whenReady calls do once, when a command has said that it is ready.
func whenReady(do func()) *buffer {
	asked := false
	return &buffer{on: func(written []byte) error {
		if !asked && bytes.Contains(written, []byte("ready")) {
			asked = true
			do()
		}
		return nil
	}}
}
