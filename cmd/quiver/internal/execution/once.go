package execution

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/lease"
)

var errWaited = errors.New("another run was waited for long enough")

// releaseTime is how long it may take to give a lease back, also after an interruption.
const releaseTime = 5 * time.Second

// once runs the command, unless another process does: then it waits for what that comes to, and gives it back. Nothing depends on the lease but work.
func (s *session) once(ctx context.Context, found finding, began time.Time) (status int, err error) {
	waiting, cancel := context.WithTimeoutCause(ctx, s.OnceWait, errWaited)
	defer cancel()
	var holder, failed error
	l, err := s.store.Leases.Take(waiting, lease.Claim{Key: s.key, Term: s.Once, Function: s.call.Name}, &lease.Waiting{
		Done: func(context.Context) (bool, error) {
			status, found, failed = s.answer(ctx, s.lookUp(ctx), began)
			return failed != nil || found.outcome != nil || found.why == storeFailed, nil
		},
		Tell: func(i lease.Info) {
			holder = &lease.HeldError{Info: i}
			s.say("waiting for %s on %s, at it since %s", i.Owner, i.Host, i.Since.UTC().Format(time.RFC3339))
		},
		Answer: lookUpTime,
	})
	switch {
	case l != nil:
		stop := l.Keep(ctx, nil)
		defer func() {
			_ = stop() // what was lost Release says too, and who has it
			s.release(ctx, l)
		}()
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case failed != nil || found.outcome != nil:
		return status, failed
	case err != nil:
		if err := s.leaseless(waiting, holder, err); err != nil {
			return 0, err
		}
	}
	return s.miss(ctx, found)
}

// leaseless says why the command runs although there is no lease for it, unless that is to end the run.
func (s *session) leaseless(waiting context.Context, holder, err error) error {
	var why string
	_, held := errors.AsType[*lease.HeldError](err)
	switch cause := context.Cause(waiting); {
	case held || errors.Is(cause, errWaited):
		why = fmt.Sprintf("%v (%s): %s", errWaited, s.OnceWait, Brief(cmp.Or(holder, err)))
	case errors.Is(err, lease.ErrSilent):
		why = fmt.Sprintf("no lease: %v (%s)", errSlow, lookUpTime)
	default:
		why = "no lease: " + Brief(err)
	}
	if s.Strict {
		return fmt.Errorf("%s; without --strict the command would run", why)
	}
	s.say("%s; the command runs all the same", why)
	return nil
}

// release gives a lease back: others wait for it.
func (s *session) release(ctx context.Context, l *lease.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	switch err := l.Release(ctx); {
	case errors.Is(err, lease.ErrLost):
		s.say("%s, while the command ran: of two outcomes the first is remembered", Brief(err))
	case err != nil:
		s.say("the lease was not released, so that others wait for another %s: %s", s.Once, Brief(err))
	}
}
