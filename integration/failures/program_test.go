package failures_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/quivercache/quiver/integration/program"
)

// built is the command quiver.
var built program.Quiver

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
	command := exec.CommandContext(ctx, built.Path(t), words...)
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
