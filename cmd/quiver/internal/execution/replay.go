package execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
)

// replay gives back an outcome: first everything is fetched and verified, then the outs are renamed into place, then the streams are printed. Unless all of it
// could be had, nothing was printed, and the miss says why.
func (s *session) replay(ctx context.Context, found finding) (status int, miss finding, err error) {
	o := found.outcome
	streams, err := s.restore(ctx, o)
	if err != nil {
		found.outcome, found.why, found.err = nil, whyRun(err), err
		if found.why == missLocal {
			found.record = nil // nothing is wrong with it
		}
		return 0, found, nil
	}
	defer streams[0].Close()
	defer streams[1].Close()
	for i, to := range []io.Writer{s.Stdout, s.stderr} {
		err := printAll(ctx, to, streams[i])
		if errors.Is(err, syscall.EPIPE) {
			return signalled + int(brokenPipe), found, nil // as the command would have ended
		}
		if err != nil {
			return 0, found, fmt.Errorf("printing what is remembered: %w", err)
		}
	}
	return o.Exit, found, nil
}

// printAll prints a stream. Whoever reads ours may do so slowly; a signal ends the wait.
func printAll(ctx context.Context, to io.Writer, stream *spool) error {
	r, err := stream.reader()
	if err != nil {
		return err
	}
	_, err = within(ctx, 0, func(context.Context) (int64, error) { return io.Copy(to, r) })
	return err
}

// whyRun is why an outcome could not be given back, so that the command runs.
func whyRun(err error) string {
	switch {
	case errors.Is(err, errSlow):
		return storeFailed
	case errors.Is(err, digest.ErrNotFound), errors.Is(err, errOther):
		return missLost
	case bucket.Kind(err) != nil:
		return storeFailed
	}
	return missLocal
}

// restore brings the outs of an outcome to where they belong, and returns the streams.
func (s *session) restore(ctx context.Context, o *Outcome) (streams [2]*spool, err error) {
	from := newFetch(ctx, s.Clock, lookUpTime, o, s.store.Values)
	defer from.Close()
	defer func() {
		if err != nil {
			for _, stream := range streams {
				_ = stream.Close()
			}
		}
	}()
	for i := range streams {
		streams[i] = &spool{directory: s.TempDir}
	}
	for i, content := range []*Content{&o.Stdout, &o.Stderr} {
		if err := from.copy(streams[i], content); err != nil {
			return streams, err
		}
	}
	outs := &restoration{}
	defer func() { err = errors.Join(err, outs.Close()) }()
	for i := range o.Outs {
		out := &o.Outs[i]
		if err := outs.stage(ctx, out, s.outs.paths[string(out.Name)], from.copy, from.skip); err != nil {
			return streams, err
		}
	}
	return streams, outs.commit()
}
