package execution

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/digest"
)

// foretell says what would happen without --dry-run, as far as can be seen without reading contents.
func (s *session) foretell(ctx context.Context, f finding) error {
	if f.outcome != nil {
		if err := s.probe(ctx, f.outcome); err != nil {
			f.outcome, f.why, f.err = nil, whyRun(err), err
		}
	}
	if err := s.fatal(ctx, f); err != nil {
		return err
	}
	switch {
	case f.outcome == nil && f.why == storeFailed:
		s.say("would run the command without the store: %s; key %s", s.trouble(f), s.key)
	case f.err != nil:
		s.say("would run the command: miss (%s): %s; key %s", f.why, Brief(f.err), s.key)
	case f.outcome == nil:
		s.say("would run the command: miss (%s), key %s", f.why, s.key)
	default:
		s.say("would replay: hit, key %s, %s: %s", s.key, originOf(f.record), strings.Join(s.effects(f.outcome), ", "))
	}
	return nil
}

// effects are what a replay does.
func (s *session) effects(o *Outcome) []string {
	effects := []string{fmt.Sprintf("exit status %d", o.Exit)}
	for _, stream := range []struct {
		name string
		size int64
	}{{"standard output", o.Stdout.Size}, {"standard error", o.Stderr.Size}} {
		if stream.size > 0 {
			effects = append(effects, fmt.Sprintf("%d bytes on %s", stream.size, stream.name))
		}
	}
	for _, name := range s.outs.names {
		effects = append(effects, "writes "+name)
	}
	return effects
}

// probesAtOnce is how many values are asked for at once.
const probesAtOnce = 16

// probe fails where a replay would find that a value it needs is lost, or that an out cannot be replaced.
func (s *session) probe(ctx context.Context, o *Outcome) error {
	values, err := s.needs(ctx, o)
	if err != nil {
		return err
	}
	_, err = within(ctx, lookUpTime, func(ctx context.Context) (any, error) {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(probesAtOnce)
		for _, value := range values {
			group.Go(func() error {
				there, err := s.store.Values.Contains(ctx, value)
				if err == nil && !there {
					return fmt.Errorf("value %s: %w", value, digest.ErrNotFound)
				}
				return err
			})
		}
		return nil, group.Wait()
	})
	return err
}

// needs are the values that a replay fetches: not those of outs that are on disk already as they were remembered.
func (s *session) needs(ctx context.Context, o *Outcome) ([]digest.Digest, error) {
	missing := Outcome{Stdout: o.Stdout, Stderr: o.Stderr, Pack: o.Pack}
	for _, out := range o.Outs {
		same, err := isThere(ctx, s.outs.paths[string(out.Name)], out.Tree)
		if err != nil {
			return nil, err
		}
		if !same {
			missing.Outs = append(missing.Outs, out)
		}
	}
	return missing.parts(), nil
}
