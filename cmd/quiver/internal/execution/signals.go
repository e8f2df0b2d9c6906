package execution

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
)

// signals passes on to a child what quiver is told. While there is no child, the first signal ends quiver's own work.
type signals struct {
	cancel context.CancelCauseFunc

	mu     sync.Mutex
	child  *os.Process // nil: there is none
	passed bool        // a signal was passed on
	over   error       // the signal that came while there was no child
}

// interruption is the signal that ended quiver's own work.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return fmt.Sprintf("interrupted by signal %d", int(i.signal)) }

// watch catches the signals that end a process, until stop is called. A signal that is ignored, as SIGHUP is under nohup, stays so for quiver and for its
// child. A closed pipe becomes an error of the write instead of the end of quiver.
func watch(parent context.Context) (_ context.Context, s *signals, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	s = &signals{cancel: cancel}
	caught := make(chan os.Signal, 16)
	for _, sig := range append([]os.Signal{brokenPipe}, passedOn...) {
		if !signal.Ignored(sig) {
			signal.Notify(caught, sig)
		}
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for sig := range caught {
			if sig != brokenPipe {
				s.take(sig)
			}
		}
	})
	return ctx, s, func() {
		signal.Stop(caught)
		close(caught)
		reading.Wait()
		cancel(nil)
	}
}

func (s *signals) take(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil {
		s.passed = true
		pass(s.child, sig)
		return
	}
	if number, ok := sig.(syscall.Signal); ok && s.over == nil {
		s.over = interruption{number}
		s.cancel(s.over)
	}
}

// start starts the child: every signal reaches either quiver, before it, or the child.
func (s *signals) start(command *exec.Cmd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return s.over
	}
	err := command.Start()
	if err == nil {
		s.child = command.Process
	}
	return err
}

// ended says that there is no child any more, and returns whether a signal was passed on to it.
func (s *signals) ended() (passed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.child = nil
	return s.passed
}
