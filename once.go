package quiver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/lease"
)

// Leases are what others wait for who compute once: see package lease.
type HeldError = lease.HeldError

const (
	defaultOnceWait = 24 * time.Hour
	releaseTime     = 5 * time.Second // for a lease
)

var errWaited = errors.New("it was waited for long enough")

// once answers a call by running the function, unless another process is at it: then it waits for what that saves. Nothing depends on the lease: of two that run the function all the same, the first one's result is kept.
func (f *Function[In, Out]) once(ctx context.Context, r *request[In]) outcome {
	s := f.store
	if f.options.Once <= 0 || r.refresh || r.storeless || s.readOnly || s.outage.refuses(s.clock.Now()) {
		return f.run(ctx, r)
	}
	l, found, err := f.takeLease(ctx, r)
	switch {
	case found != nil:
		return *found
	case ctx.Err() != nil:
		return outcome{err: context.Cause(ctx)}
	case err != nil && s.strict:
		return outcome{err: fmt.Errorf("calling %s: %w", f.identity, err)}
	case err != nil:
		return f.run(ctx, r)
	}
	stop := l.Keep(ctx, nil)
	defer func() {
		if lost := stop(); lost != nil {
			f.notice(ctx, "lease", "a lease was lost while the function ran; of two results the first is kept", "call", r.key, "error", lost)
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
		if err := l.Release(ctx); err != nil {
			f.notice(ctx, "release", "a lease was not released; others wait for its term to end", "call", r.key, "error", err)
		}
	}()
	return f.run(ctx, r)
}

// takeLease waits for the lease of a call, or for what its holder saves.
func (f *Function[In, Out]) takeLease(ctx context.Context, r *request[In]) (l *lease.Lease, found *outcome, err error) {
	s := f.store
	waiting, cancel := context.WithTimeoutCause(ctx, f.options.OnceWait, errWaited)
	defer cancel()
	l, err = s.Leases.Take(waiting, lease.Claim{Key: r.key, Term: f.options.Once, Function: f.identity.String()}, &lease.Waiting{
		Done: func(context.Context) (bool, error) {
			o, answered := f.lookUp(ctx, r)
			if answered {
				found = &o
			}
			return answered, nil
		},
		Tell: func(i lease.Info) {
			s.tally.count(func(s *Stats) { s.Awaited++ })
			s.notices.logger.InfoContext(ctx, "quiver: another process computes the call, and is waited for", "function", f.identity.String(), "call", r.key,
				"owner", i.Owner, "host", i.Host, "since", i.Since, "until", i.Until)
		},
	})
	if found != nil || ctx.Err() != nil || err == nil {
		return l, found, err
	}
	if held, ok := errors.AsType[*lease.HeldError](err); ok {
		err = fmt.Errorf("%w (%s): %w", errWaited, f.options.OnceWait, held)
		f.notice(ctx, "wait", "another process computes the call for longer than it is waited for, and the function runs here too", "call", r.key, "error", err)
		return nil, nil, err
	}
	f.failed(ctx, toLease, r.key, err)
	return nil, nil, err
}
