package execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/op"
)

// ErrNotExec: a record is of another call than one of quiver exec.
var ErrNotExec = errors.New("the call is none of quiver exec")

// PrintStdout writes the standard output that a record of quiver exec remembers. All of it is fetched and verified before the first byte is written. Fails with
// ErrNotExec for the record of another call, and with digest.ErrNotFound where what is remembered is damaged or lost.
func PrintStdout(ctx context.Context, store *quiver.Store, r *callindex.Record, w io.Writer) error {
	if r.Module != module {
		return fmt.Errorf("%w, and has no standard output", ErrNotExec)
	}
	if slices.ContainsFunc(r.Arguments, func(a callindex.Argument) bool { return a.Name == noStdout }) {
		return errors.New("standard output is not remembered: the command was run with --no-stdout")
	}
	o, err := load(ctx, store, r)
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return fmt.Errorf("loading what the command did: %w", err)
	}
	from := newFetch(ctx, op.SystemClock(), getTime, o, store.Values)
	defer from.Close()
	stdout := &spool{}
	defer stdout.Close()
	if err := from.copy(stdout, &o.Stdout); err != nil {
		return fmt.Errorf("loading its standard output: %w", err)
	}
	return printAll(ctx, w, stdout)
}
