package roles_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// program is the command quiver, built when it is first run.
var program built

type built struct {
	once sync.Once
	dir  string
	err  error
}

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
}

// quiver runs the command on the visit's store, as its user, in an environment that leads nowhere else.
func (v *visit) quiver(t testing.TB, words ...string) ran {
	t.Helper()
	var out, talk bytes.Buffer
	home := t.TempDir()
	command := exec.CommandContext(t.Context(), program.path(t), words...)
	command.Env = slices.Concat(v.domain.users[v.role].env(), []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CACHE_HOME=" + home, "QUIVER_STORE=" + v.domain.url(v.prefix),
	})
	command.Dir, command.Stdout, command.Stderr = home, &out, &talk
	err := command.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatalf("quiver %q: %v", words, err)
	}
	return ran{command.ProcessState.ExitCode(), out.String(), talk.String()}
}
