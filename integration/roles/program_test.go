package roles_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/quivercache/quiver/integration/program"
)

// built is the command quiver.
var built program.Quiver

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
	command := exec.CommandContext(t.Context(), built.Path(t), words...)
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
