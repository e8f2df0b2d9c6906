package execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/cmd/quiver/internal/stats"
	"github.com/quivercache/quiver/digest"
)

// session is one command line on its way through the engine.
type session struct {
	*Engine
	Options
	signals *signals
	stderr  *lines

	outs  *outs
	input *spool // standard input, where it was asked for
	id    *identity
	call  *callindex.Call
	key   digest.Digest
	store *quiver.Store // nil: not opened
}

// Run runs a command line, or gives back what it did the last time, and returns the status to exit with.
func (e *Engine) Run(ctx context.Context, options Options) int {
	ctx, signals, stop := watch(ctx)
	defer stop()
	s := &session{Engine: e, Options: options, signals: signals, stderr: &lines{Writer: e.Stderr}}
	defer func() {
		if s.input != nil {
			_ = s.input.Close()
		}
		if s.store != nil {
			_ = s.store.Close() // all that was saved was acknowledged
		}
	}()
	status, err := s.run(ctx)
	if err == nil {
		return status
	}
	if i, ok := errors.AsType[interruption](context.Cause(ctx)); ok {
		return signalled + int(i.signal)
	}
	s.say("%v", err)
	return Failed
}

func (s *session) run(ctx context.Context) (status int, err error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	if s.Disable {
		if s.DryRun {
			s.say("would run the command: remembering is switched off")
			return 0, nil
		}
		s.explain("remembering is switched off: the command just runs")
		_, r, err := s.runChild(ctx, nil, nil)
		if err != nil {
			return 0, err
		}
		return r.status, nil
	}
	if err := s.identify(ctx); err != nil {
		return 0, err
	}
	began := s.Clock.Now()
	found := s.lookUp(ctx)
	if s.DryRun {
		return 0, s.foretell(ctx, found)
	}
	status, found, err = s.answer(ctx, found, began)
	switch {
	case err != nil || found.outcome != nil:
		return status, err
	case s.Once > 0 && !s.Refresh && found.why != storeFailed:
		return s.once(ctx, found, began)
	}
	return s.miss(ctx, found)
}

// answer gives back what was found, if that can be done; else what it returns says why the command runs.
func (s *session) answer(ctx context.Context, found finding, began time.Time) (int, finding, error) {
	if err := s.bear(ctx, found); err != nil || found.outcome == nil {
		return 0, found, err
	}
	status, missed, err := s.replay(ctx, found)
	if err != nil {
		return 0, found, err
	}
	if missed.outcome == nil {
		return 0, missed, s.bear(ctx, missed)
	}
	s.explainHit(found)
	s.count(stats.Event{Hit: true, Saved: max(0, originOf(found.record).took-s.Clock.Now().Sub(began))})
	return status, found, nil
}

// miss runs the command, and says why.
func (s *session) miss(ctx context.Context, found finding) (int, error) {
	if found.why == storeFailed {
		s.explain("computed without the store (%s), key %s", storeFailed, s.key)
		s.count(stats.Event{Without: true})
	} else {
		s.explain("miss (%s), key %s", found.why, s.key)
		s.count(stats.Event{Miss: found.why})
	}
	return s.compute(ctx, found)
}

// identify finds out which call the command line is.
func (s *session) identify(ctx context.Context) error {
	directory, err := workingDirectory()
	if err != nil {
		return err
	}
	if s.outs, err = newOuts(s.Out, directory); err != nil {
		return err
	}
	s.id = &identity{Options: &s.Options, outs: s.outs, directory: directory, lookupEnv: s.LookupEnv, idle: slices.Clone(s.Exclude)}
	if s.Options.Stdin {
		if s.id.stdin, err = s.readInput(ctx); err != nil {
			return fmt.Errorf("reading standard input: %w", err)
		}
	}
	if s.call, err = s.id.call(ctx); err != nil {
		return err
	}
	for _, pattern := range s.id.idle {
		s.explain("--exclude %s matches nothing in any --in", pattern)
	}
	s.key, err = s.call.Key()
	return err
}

// readInput takes standard input whole, which the key needs before the command starts, and returns its digest.
func (s *session) readInput(ctx context.Context) (digest.Digest, error) {
	s.input = &spool{directory: s.TempDir}
	_, err := within(ctx, 0, func(context.Context) (int64, error) { return io.Copy(s.input, s.Engine.Stdin) })
	if err != nil {
		return digest.Digest{}, err
	}
	r, err := s.input.reader()
	if err != nil {
		return digest.Digest{}, err
	}
	return digest.OfReader(r)
}

// bear goes on in spite of what is wrong with the store, and says what that is, unless it is to end the run.
func (s *session) bear(ctx context.Context, found finding) error {
	err := s.fatal(ctx, found)
	switch {
	case err != nil || found.err == nil:
	case found.why == storeFailed:
		s.say("%s; the command runs without it", s.trouble(found))
	default:
		s.say("%s; the command runs", s.trouble(found))
	}
	return err
}

// trouble is what is wrong with a store, or with what it has.
func (s *session) trouble(found finding) string {
	what := found.why
	if found.why == storeFailed && s.StoreName != "" {
		what = "the store " + s.StoreName + " failed"
	}
	return what + ": " + Brief(found.err)
}

// fatal is why what a look-up met ends the run; nil: it does not.
func (s *session) fatal(ctx context.Context, found finding) error {
	if found.err == nil {
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if s.Strict && found.why != missLocal {
		return fmt.Errorf("%s; without --strict the command would run", s.trouble(found))
	}
	return nil
}

// runChild runs the command, each of its streams being kept where there is a spool for it.
func (s *session) runChild(ctx context.Context, stdout, stderr *spool) (*child, *run, error) {
	c := &child{
		argv: s.Argv, clock: s.Clock, signals: s.signals,
		stdout: &capture{to: s.Stdout, kept: stdout}, stderr: &capture{to: s.stderr, kept: stderr},
	}
	switch {
	case s.input != nil:
		r, err := s.input.reader()
		if err != nil {
			return nil, nil, err
		}
		c.stdin = r
	case s.Options.Stdin:
		c.stdin = s.Engine.Stdin
	}
	r, err := c.run(ctx)
	if err != nil {
		return nil, nil, err
	}
	if r.startErr != nil {
		s.say("cannot run %s: %v", s.Argv[0], r.startErr)
	}
	for _, failed := range []error{c.stdout.closed, c.stderr.closed} {
		// A command that ended before it could notice must not seem to have done its work. A reader that went away is another matter.
		if failed != nil && !errors.Is(failed, syscall.EPIPE) {
			s.say("passing on what the command prints: %v", failed)
			if r.status == 0 {
				r.status = Failed
			}
		}
	}
	return c, r, nil
}

// compute runs the command and remembers what it did, unless there is a reason not to.
func (s *session) compute(ctx context.Context, found finding) (int, error) {
	stdout, stderr := &spool{directory: s.TempDir}, &spool{directory: s.TempDir}
	defer stdout.Close()
	defer stderr.Close()
	if s.NoStdout {
		stdout = nil
	}
	child, r, err := s.runChild(ctx, stdout, stderr)
	if err != nil {
		return 0, err
	}
	status := r.status
	if reason := s.passing(child, r); reason != "" {
		s.explain("not remembered: %s", reason)
		return status, nil
	}
	if err := s.unfit(ctx, child); err != nil {
		return s.notRemembered(status, err)
	}
	k, err := keep(ctx, r.status, stdout, stderr, s.outs)
	if err != nil {
		return s.notRemembered(status, err)
	}
	return s.save(ctx, k, r, found)
}

func (s *session) notRemembered(status int, err error) (int, error) {
	s.say("not remembered: %s", Brief(err))
	return status, nil
}

// passing is why a run is such that it is never remembered, which its user sees without being told; empty: it may be.
func (s *session) passing(c *child, r *run) string {
	switch {
	case r.startErr != nil:
		return "the command did not run"
	case r.signalled:
		return fmt.Sprintf("signal %d ended the command", r.status-signalled)
	case r.interrupted:
		return "the command was sent a signal"
	case c.stdout.closed != nil:
		return "standard output was closed: " + c.stdout.closed.Error()
	case c.stderr.closed != nil:
		return "standard error was closed: " + c.stderr.closed.Error()
	case r.status != 0 && !s.KeepFailures:
		return fmt.Sprintf("the command ended with status %d, and --keep-failures was not given", r.status)
	}
	return ""
}

// unfit is why what the command did must not be remembered, although it ended well.
func (s *session) unfit(ctx context.Context, c *child) error {
	for _, stream := range []*capture{c.stdout, c.stderr} {
		if stream.lingering {
			return errors.New("a process that the command left behind still holds its output open; let it write elsewhere")
		}
		if stream.lost != nil {
			return fmt.Errorf("what it printed could not be kept: %w", stream.lost)
		}
	}
	after, err := s.id.call(ctx)
	if err != nil {
		return fmt.Errorf("the inputs cannot be checked again: %w", err)
	}
	if name := changed(s.call, after); name != "" {
		return fmt.Errorf("an input changed while the command ran: %s; what the command writes belongs under --out", name)
	}
	return nil
}

// count counts an event, for those who want to know.
func (s *session) count(e stats.Event) {
	if s.Count != nil {
		s.Count(e)
	}
}
