package execution

import (
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
	waiting, cancel := context.WithTimeoutCause(ctx, s.OnceWait, fmt.Errorf("%w (%s)", errWaited, s.OnceWait))
	defer cancel()
	var failed error
	l, err := s.store.Leases.Take(waiting, lease.Claim{Key: s.key, Term: s.Once, Function: s.call.Name}, &lease.Waiting{
		Done: func(context.Context) (bool, error) {
			status, found, failed = s.answer(ctx, s.lookUp(ctx), began)
			return failed != nil || found.outcome != nil, nil
		},
		Tell: func(i lease.Info) {
			s.say("waiting for %s on %s, at it since %s", i.Owner, i.Host, i.Since.Format(time.RFC3339))
		},
	})
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err == nil && l == nil:
		return status, failed
	case err != nil && s.Strict:
		return 0, fmt.Errorf("%s; without --strict the command would run", Brief(err))
	case err != nil:
		s.say("%s; the command runs here too", Brief(err))
		return s.miss(ctx, found)
	}
	stop := l.Keep(ctx, nil)
	defer func() {
		if lost := stop(); lost != nil {
			s.say("%v while the command ran: of two outcomes the first is remembered", lost)
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
		if err := l.Release(ctx); err != nil {
			s.say("the lease was not released, so that others wait for another %s: %s", s.Once, Brief(err))
		}
	}()
	return s.miss(ctx, found)
}
