package execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/cmd/quiver/internal/stats"
	"github.com/quivercache/quiver/lease"
	"github.com/quivercache/quiver/op"
)

// Options are what a command line of quiver exec says.
type Options struct {
	Argv        []string          // the command and its arguments
	Name        string            // empty: the base name of the command
	CallVersion string            // an integer if it is one; empty: none
	In          []string          // files and directories that the outcome depends on
	Exclude     []string          // patterns of what is left out of them
	Env         []string          // names of environment variables that the outcome depends on
	Out         []string          // files and directories that the command writes
	Stdin       bool              // the command reads standard input, and depends on it
	Cwd         bool              // it depends on the working directory
	TTL         time.Duration     // how long an outcome is used; 0: for ever
	Tags        map[string]string // kept in the record

	NoStdout     bool // standard output is neither kept nor replayed
	NoAutoIn     bool // words that name files do not count by content
	KeepFailures bool // a run with another exit status than 0 is remembered too
	Explain      bool
	DryRun       bool // say what would happen
	Refresh      bool // run and remember anew, whatever is remembered
	Strict       bool // a store that fails, or lost what it had, is a failure
	Disable      bool // just run

	Once     time.Duration // one of many runs the command while the others wait: the term of its lease; 0: all run it
	OnceWait time.Duration // how long to wait before running it all the same
}

// check refuses what cannot be meant.
func (o *Options) check() error {
	if len(o.Argv) == 0 || o.Argv[0] == "" {
		return errors.New("there is no command to run; it goes behind --, as in quiver exec -- make all")
	}
	if slices.Contains(o.In, "") {
		return errors.New("--in needs a path")
	}
	for _, name := range o.Env {
		if name == "" || strings.ContainsRune(name, '=') {
			return fmt.Errorf("--env %q is not the name of a variable; its value is taken from the environment", name)
		}
	}
	if o.TTL < 0 {
		return fmt.Errorf("--ttl %s is in the past", o.TTL)
	}
	if o.Once != 0 && (o.Once < lease.MinTerm || o.Once > lease.MaxTerm) {
		return fmt.Errorf("--once %s: a lease holds for %s to %s", o.Once, lease.MinTerm, lease.MaxTerm)
	}
	if len(o.Exclude) > 0 && len(o.In) == 0 {
		return errors.New("--exclude leaves something out of every --in, and there is none")
	}
	return checkPatterns(o.Exclude)
}

// Engine runs command lines, or gives back what they did. It has all that they touch other than files.
type Engine struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Store          func(ctx context.Context) (*quiver.Store, error) // opens the store, which the engine closes
	StoreName      string                                           // for people; may be empty
	Clock          op.Clock
	LookupEnv      func(name string) (value string, set bool)
	Hostname       string            // for the records
	TempDir        string            // of large streams; empty: the system's
	Count          func(stats.Event) // for the statistics of this machine; may be nil
}
