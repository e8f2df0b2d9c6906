// Package program builds the command quiver for suites that run it as its users do.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Quiver is the command, built when it is first asked for. Its zero value is ready; one for a package, which TestMain removes.
type Quiver struct {
	once sync.Once
	dir  string
	err  error
}

// Path builds the command, from the module that is two folders up from the package under test.
func (q *Quiver) Path(t testing.TB) string {
	t.Helper()
	q.once.Do(func() {
		if q.dir, q.err = os.MkdirTemp("", "quiver-command-"); q.err != nil {
			return
		}
		command := exec.Command("go", "build", "-o", q.dir, "./cmd/quiver")
		command.Dir = filepath.Join("..", "..")
		command.Env = append(os.Environ(), "GOWORK=off")
		if output, err := command.CombinedOutput(); err != nil {
			q.err = fmt.Errorf("building the command: %w: %s", err, output)
		}
	})
	if q.err != nil {
		t.Fatal(q.err)
	}
	return filepath.Join(q.dir, "quiver")
}

// Remove removes what was built.
func (q *Quiver) Remove() error {
	if q.dir == "" {
		return nil
	}
	return os.RemoveAll(q.dir)
}
