package execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// lookUpTime is how long the store may take to say what it remembers.
	lookUpTime = 3 * time.Second
	// saveTime is how long remembering may take, besides the time for the bytes that are sent.
	saveTime = 30 * time.Second
	// saveTimeAfterFailure is the same where the store has not answered before.
	saveTimeAfterFailure = 10 * time.Second
	// slowest is how many bytes a second a store must take.
	slowest = 256 << 10
	// progress is how many bytes a store must give within lookUpTime.
	progress = 64 << 10
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

// watchdog ends a transfer that makes no progress.
type watchdog struct {
	timer *time.Timer
	left  int64 // bytes until the timer starts again
}

// watchProgress ends ctx once nothing has been counted for too long.
func watchProgress(ctx context.Context) (context.Context, *watchdog, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(lookUpTime, func() { cancel(errSlow) })
	return ctx, &watchdog{timer, progress}, func() {
		timer.Stop()
		cancel(nil)
	}
}

// count returns a writer whose bytes count as progress.
func (d *watchdog) count(w io.Writer) io.Writer { return countedWriter{w, d} }

type countedWriter struct {
	io.Writer
	*watchdog
}

func (c countedWriter) Write(b []byte) (int, error) {
	if c.left -= int64(len(b)); c.left <= 0 {
		c.left = progress
		c.timer.Reset(lookUpTime)
	}
	return c.Writer.Write(b)
}
