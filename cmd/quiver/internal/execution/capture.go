package execution

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/op"
)

// linger is how long the streams of a child that has ended are waited for, when a process that it left behind holds them open.
const linger = time.Second

// capture copies one stream of a child to ours, as it comes, and keeps it.
type capture struct {
	to   io.Writer // our stream
	kept *spool    // nil: the stream is not kept

	ended     atomic.Bool // the child has
	closed    error       // why our stream takes no more: set where a write failed
	lost      error       // why the stream could not be kept
	lingering bool        // a process that the child left behind still holds the stream
}

// run copies until the child's end of the pipe is closed by all who hold it. Once our stream takes no more, the pipe is closed, so that the child
// is told as it would have been without us: by SIGPIPE.
func (c *capture) run(pipe *os.File, clock op.Clock) {
	defer pipe.Close()
	buffer := make([]byte, 64<<10)
	for left := linger; ; {
		afterEnd := c.ended.Load()
		began := clock.Now()
		if afterEnd {
			_ = pipe.SetReadDeadline(began.Add(left)) // where a pipe takes no deadline, its end is waited for
		}
		n, err := pipe.Read(buffer)
		if afterEnd {
			// Only waiting for the pipe counts, not waiting for a slow reader of ours.
			left -= clock.Now().Sub(began)
		}
		if n > 0 && !c.pass(buffer[:n]) {
			return
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && left > 0: // it was the news that the child has ended
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.lingering = true
			return
		case err != nil:
			if !errors.Is(err, io.EOF) {
				c.lost = err
			}
			return
		}
	}
}

// pass hands some of the stream on and says whether there is a use in more.
func (c *capture) pass(b []byte) bool {
	if _, c.closed = c.to.Write(b); c.closed != nil {
		return false
	}
	if c.kept != nil && c.lost == nil {
		if _, c.lost = c.kept.Write(b); c.lost != nil {
			_ = c.kept.Close() // the stream goes on all the same
		}
	}
	return true
}

// end tells the copying that the child has ended: from now on the pipe is waited for no longer than linger.
func (c *capture) end(pipe *os.File) {
	c.ended.Store(true)
	_ = pipe.SetReadDeadline(time.Unix(0, 1)) // wakes a waiting read
}
