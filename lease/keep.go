package lease

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Keep renews the lease every third of its term, until stop is called, ctx ends, or it is lost; stop waits for that, and says then what Lost says. lost, if it is not nil, is called once when the lease is lost: when its holder is told, or
// at the end of its term where the store does not answer.
func (l *Lease) Keep(ctx context.Context, lost func(error)) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := l.keep(ctx); err != nil && lost != nil {
			lost(err)
		}
	}()
	return func() error {
		cancel()
		<-done
		return l.Lost()
	}
}

// keep renews the lease until ctx ends, and returns why it cannot go on.
func (l *Lease) keep(ctx context.Context) error {
	interval := l.Info().Term / renewals
	pause := interval
	for {
		if l.leases.clock.Sleep(ctx, pause) != nil {
			return nil
		}
		once, cancel := context.WithTimeout(ctx, l.patience(interval))
		err := l.Renew(once)
		cancel()
		lost := l.Lost()
		switch {
		case err == nil:
			pause = interval
		case ctx.Err() != nil, errors.Is(err, errReleased):
			return nil
		case errors.Is(err, ErrLost):
			return err
		case lost != nil: // the store does not answer, and somebody else may have been told that the lease is free
			return fmt.Errorf("%w: %w", lost, err)
		default:
			pause = min(interval/4, lastPause)
		}
	}
}

// renewals is how many times a lease is renewed in its term.
const renewals = 3

// patience is how long a renewal may take: up to the end of the term; of a lease that was frozen beyond that, an interval.
func (l *Lease) patience(interval time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.left(); left > 0 {
		return min(left, interval)
	}
	return interval
}
