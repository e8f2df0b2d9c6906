package failures_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// program is the command quiver, built when it is first run.
var program built

type built struct {
	once sync.Once
	dir  string
	err  error
}

// path builds the command, from the module that these tests are about.
func (b *built) path(t testing.TB) string {
	t.Helper()
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "quiver-command-"); b.err != nil {
			return
		}
		command := exec.Command("go", "build", "-o", b.dir, "./cmd/quiver")
		command.Dir = filepath.Join("..", "..")
		command.Env = append(os.Environ(), "GOWORK=off")
		if output, err := command.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("building the command: %w: %s", err, output)
		}
	})
	must(t, b.err)
	return filepath.Join(b.dir, "quiver")
}

func (b *built) remove() error { return os.RemoveAll(b.dir) }

// ran is how a run of the command ended.
type ran struct {
	exit     int
	out, err string // standard output and error
	took     time.Duration
}

// quiverAt runs the command on the store at a place, in an environment that leads nowhere else. It is interrupted when ctx ends.
func quiverAt(ctx context.Context, t testing.TB, at place, words ...string) ran {
	t.Helper()
	var out, talk bytes.Buffer
	home := t.TempDir()
	command := exec.CommandContext(ctx, program.path(t), words...)
	command.Env = slices.Concat(at.server.EnvAt(at.address), []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CACHE_HOME=" + home, "QUIVER_STORE=" + at.url(),
	})
	command.Dir, command.Stdout, command.Stderr = home, &out, &talk
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	begun := time.Now()
	err := command.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended && ctx.Err() == nil {
		t.Errorf("quiver %q: %v", words, err)
	}
	return ran{command.ProcessState.ExitCode(), out.String(), talk.String(), time.Since(begun)}
}
