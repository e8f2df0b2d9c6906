package quiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/lease"
)

// HeldError says who computes a call, or has prepared it, for others who would wait.
type HeldError = lease.HeldError

const (
	defaultOnceWait = 24 * time.Hour
	releaseTime     = 5 * time.Second // for a lease
)

var errWaited = errors.New("another process was waited for long enough")

// once answers a call by running the function, unless another process is at it: then it waits for what that saves. Nothing depends on the lease: of two that run the function all the same, the first one's result is kept.
func (f *Function[In, Out]) once(ctx context.Context, r *request[In]) outcome {
	s := f.store
	if f.options.Once <= 0 || r.refresh || r.storeless || s.readOnly || s.outage.refuses(s.clock.Now()) {
		return f.run(ctx, r)
	}
	l, found, err := f.takeLease(ctx, r)
	switch {
	case l != nil:
		defer f.hold(ctx, r.key, l)()
	case found != nil:
		return *found
	case ctx.Err() != nil:
		return outcome{err: context.Cause(ctx)}
	case err != nil && s.strict:
		return outcome{err: fmt.Errorf("calling %s: %w", f.identity, err)}
	}
	return f.run(ctx, r)
}

// takeLease waits for the lease of a call, or for what its holder saves. Without either the function runs.
func (f *Function[In, Out]) takeLease(ctx context.Context, r *request[In]) (l *lease.Lease, found *outcome, err error) {
	s := f.store
	waiting, cancel := context.WithTimeoutCause(ctx, f.options.OnceWait, errWaited)
	defer cancel()
	var holder error // a HeldError
	l, err = s.Leases.Take(waiting, lease.Claim{Key: r.key, Term: f.options.Once, Function: f.identity.String()}, &lease.Waiting{
		Done: func(context.Context) (bool, error) {
			o, answered := f.lookUp(ctx, r)
			if answered {
				found = &o
			}
			return answered || r.storeless, nil
		},
		Tell: func(i lease.Info) {
			holder = &HeldError{Info: i}
			s.tally.count(func(s *Stats) { s.Awaited++ })
			s.notices.logger.InfoContext(ctx, "quiver: another process computes the call, and is waited for", "function", f.identity.String(), "call", r.key,
				"owner", i.Owner, "host", i.Host, "since", i.Since, "until", i.Until)
		},
		Answer: f.options.LookUpTime,
	})
	_, held := errors.AsType[*HeldError](err)
	switch {
	case err == nil || ctx.Err() != nil:
		return l, found, nil
	case held || errors.Is(context.Cause(waiting), errWaited):
		err = fmt.Errorf("%w (%s): %w", errWaited, f.options.OnceWait, cmp.Or(holder, err))
		if !s.strict {
			f.notice(ctx, "wait", "another process computes the call for longer than it is waited for, and the function runs here too", "call", r.key, "error", err)
		}
	case errors.Is(err, bucket.ErrRefused) && !s.strict: // which says nothing about results
		s.tally.count(func(s *Stats) { s.Failures++ })
		f.notice(ctx, "refusal", "the store takes no leases, and each process computes for itself", "call", r.key, "error", err)
	default:
		if errors.Is(err, lease.ErrSilent) {
			err = fmt.Errorf("%w: %w", errSlow, err)
		}
		f.failed(ctx, toLease, r.key, err)
	}
	return nil, nil, err
}

// hold keeps a lease until the function has returned, which is told by calling what it returns, until nobody waits for its result any more, or until the store is closed, which waits until the lease is given back: a function may go on for long after that.
func (f *Function[In, Out]) hold(ctx context.Context, key digest.Digest, l *lease.Lease) func() {
	saves := &f.store.saves
	begun := saves.begin()
	stop := l.Keep(ctx, nil)
	needed, enough := context.WithCancel(ctx)
	released := make(chan struct{})
	go func() {
		defer close(released)
		if begun {
			defer saves.end()
		}
		select {
		case <-needed.Done():
		case <-saves.over:
		}
		_ = stop() // what was lost Release says too, and who has it
		f.release(ctx, key, l.Release)
	}()
	return func() {
		enough()
		<-released
	}
}

// release gives a lease back, also where the caller has no time left: others wait for it. Store.Close waits for that.
func (f *Function[In, Out]) release(ctx context.Context, key digest.Digest, release func(context.Context) error) {
	if f.store.saves.begin() {
		defer f.store.saves.end()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	switch err := release(ctx); {
	case errors.Is(err, lease.ErrLost):
		f.notice(ctx, "lease", "a lease was lost while the function ran; of two results the first is kept", "call", key, "error", err)
	case err != nil:
		f.notice(ctx, "release", "a lease was not released; others wait for its term to end", "call", key, "error", err)
	}
}
