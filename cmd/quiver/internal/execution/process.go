package execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/quivercache/quiver/op"
)

// The exit statuses that are not the command's own. A command that a signal ended counts as 128 + the signal's number.
const (
	Failed        = 125 // quiver itself failed
	NotExecutable = 126
	NotFound      = 127
	signalled     = 128
)

// run is how a child ended.
type run struct {
	status      int
	signalled   bool // a signal ended it
	interrupted bool // a signal was passed on to it, however it ended
	began       time.Time
	took        time.Duration
	startErr    error // why it could not be started; status then is NotExecutable or NotFound
}

// child is a command with its streams.
type child struct {
	argv           []string
	stdin          io.Reader // nil: the null device
	stdout, stderr *capture
	clock          op.Clock
	signals        *signals
}

// run starts the child in a session of its own, passes on every signal to all of its processes, and waits for its end and for that of its streams. The
// error is a failure of quiver's own, or the interruption of quiver where there is no child to pass it to.
func (c *child) run(ctx context.Context) (*run, error) {
	command := exec.Command(c.argv[0], c.argv[1:]...)
	if errors.Is(command.Err, exec.ErrDot) {
		command.Err = nil // a PATH that has the working directory in it is the user's choice
	}
	command.SysProcAttr = ownSession()
	command.Stdin = c.stdin
	command.WaitDelay = linger // for a process left behind that holds stdin

	streams := []*capture{c.stdout, c.stderr}
	var ours, theirs [2]*os.File
	for i := range streams {
		var err error
		if ours[i], theirs[i], err = os.Pipe(); err != nil {
			closeAll(ours[:], theirs[:])
			return nil, fmt.Errorf("making a pipe for the command: %w", err)
		}
	}
	command.Stdout, command.Stderr = theirs[0], theirs[1]

	r := &run{began: c.clock.Now()}
	err := c.signals.start(command)
	closeAll(theirs[:])
	if err != nil {
		closeAll(ours[:])
		if interrupted := context.Cause(ctx); interrupted != nil {
			return nil, interrupted
		}
		r.startErr, r.status = unstartable(command.Path, err), NotExecutable
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			r.status = NotFound
		}
		return r, nil
	}

	var copying sync.WaitGroup
	for i, stream := range streams {
		copying.Go(func() { stream.run(ours[i], c.clock) })
	}
	waiting := command.Wait()
	r.took = c.clock.Now().Sub(r.began)
	r.interrupted = c.signals.ended()
	for i, stream := range streams {
		stream.end(ours[i])
	}
	copied := make(chan struct{})
	go func() { copying.Wait(); close(copied) }()
	select {
	case <-copied:
	case <-ctx.Done(): // who reads our streams takes no more, and we were told to end
		return nil, context.Cause(ctx)
	}
	if command.ProcessState == nil {
		return nil, fmt.Errorf("waiting for the command: %w", waiting)
	}
	r.status, r.signalled = statusOf(command.ProcessState)
	return r, nil
}

func closeAll(groups ...[]*os.File) {
	for _, files := range groups {
		for _, f := range files {
			if f != nil {
				f.Close()
			}
		}
	}
}
