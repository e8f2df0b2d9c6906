package execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quivercache/quiver/op"
)

const (
	// lookUpTime is how long the store may take to say what it remembers.
	lookUpTime = 3 * time.Second
	// saveTime is how long remembering may take, besides the time for the bytes that are sent.
	saveTime = 30 * time.Second
	// saveTimeAfterFailure is the same where the store has not answered before.
	saveTimeAfterFailure = 5 * time.Second
	// slowest is how many bytes a second a store must take.
	slowest = 256 << 10
	// progress is how many bytes a store must give in the time that it may take: lookUpTime where the command can run instead, else getTime.
	progress = 64 << 10
	getTime  = 30 * time.Second
)

// errSlow: the store did not answer in time.
var errSlow = errors.New("the store did not answer in time")

// grace is how long work that is told to end may take to do so before it is left behind.
const grace = 250 * time.Millisecond

// within runs work that may take so long, 0 meaning any time. It goes on without work that does not end with its context, as a system call on a dead file
// server does not.
func within[T any](ctx context.Context, limit time.Duration, work func(ctx context.Context) (T, error)) (T, error) {
	if limit > 0 {
		bounded, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w (%s)", errSlow, limit))
		defer cancel()
		ctx = bounded
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := work(ctx)
		done <- result{value, err}
	}()
	var none T
	select {
	case r := <-done:
		if r.err != nil && ctx.Err() != nil {
			return none, errors.Join(context.Cause(ctx), r.err)
		}
		return r.value, r.err
	case <-ctx.Done():
	}
	// What it still returns comes too late; but it is better not to touch the same things at once.
	select {
	case <-done:
	case <-time.After(grace):
	}
	return none, context.Cause(ctx)
}

// watchdog ends the context of transfers from a store that makes no progress. Only waiting for the store counts, not what is done in between.
type watchdog struct {
	clock op.Clock
	limit time.Duration // for each progress
	timer *time.Timer   // runs while the store is waited for
	left  time.Duration // that may be waited for the next bytes
	bytes int           // that are still to come in that time
}

// watchProgress returns a context that ends with errSlow where waiting under the watchdog takes longer than the limit, and what releases both.
func watchProgress(ctx context.Context, clock op.Clock, limit time.Duration) (context.Context, *watchdog, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &watchdog{clock: clock, limit: limit, timer: time.AfterFunc(limit, func() { cancel(errSlow) })}
	d.timer.Stop()
	d.progressed()
	return ctx, d, func() {
		d.timer.Stop()
		cancel(nil)
	}
}

func (d *watchdog) progressed() { d.left, d.bytes = d.limit, progress }

// wait runs what waits for the store and gives so many bytes.
func (d *watchdog) wait(work func() int) {
	began := d.clock.Now()
	d.timer.Reset(d.left)
	n := work()
	d.timer.Stop()
	d.left = max(d.left-d.clock.Now().Sub(began), 0)
	if d.bytes -= n; d.bytes <= 0 {
		d.progressed()
	}
}

// watchedReader is a reader from the store.
type watchedReader struct {
	io.ReadCloser
	*watchdog
}

func (r watchedReader) Read(b []byte) (n int, err error) {
	r.wait(func() int {
		n, err = r.ReadCloser.Read(b)
		return n
	})
	return n, err
}
