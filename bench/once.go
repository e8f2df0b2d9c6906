package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
)

const (
	onceSuite  = "once"
	callers    = 64 // processes that want one result at once
	onceTerm   = 10 * time.Second
	onceTakes  = 8 * time.Second // the function
	diesAfter  = 4 * time.Second // so long the holder has been at it: it has renewed its lease
	onceRounds = 3               // of each kind
)

// callerVerb is the command of a process that calls.
const callerVerb = "once-caller"

// onceRound is what a round came to.
type onceRound struct {
	runs    int           // of the function
	busiest float64       // the most requests of a process that waited, against 5 and one for each second
	killed  time.Duration // from the holder's end until the last one had the result, less the function's own time
}

// The cases: what is measured of a round, and against what.
var onceCases = []struct {
	name   string
	unit   string
	kill   bool
	theirs float64
	of     func(onceRound) float64
}{
	{"runs of a function that 64 processes call", "runs", false, 1, func(r onceRound) float64 { return float64(r.runs) }},
	{"requests of a process that waits, against 5 and one a second", "share", false, 1, func(r onceRound) float64 { return r.busiest }},
	{"holder killed: runs", "runs", true, 2, func(r onceRound) float64 { return float64(r.runs) }},
	{"holder killed: requests of a process that waits, against 5 and one a second", "share", true, 1, func(r onceRound) float64 { return r.busiest }},
	{"holder killed: until all have the result, less the function's time, against a term and 3 s", "s", true, (onceTerm + 3*time.Second).Seconds(),
		func(r onceRound) float64 { return r.killed.Seconds() }},
}

// benchOnce has processes compute once, on MinIO with 30 ms more for each request.
func benchOnce(ctx context.Context, r *report, only *regexp.Regexp, _ settings) (err error) {
	server, err := servers.Start(ctx, servers.MinIO)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	made, err := newBucket(ctx, server)
	if err != nil {
		return err
	}
	if err := found(ctx, made.URL); err != nil {
		return err
	}
	for _, kill := range []bool{false, true} {
		wanted := false
		for _, c := range onceCases {
			wanted = wanted || c.kill == kill && only.MatchString(onceSuite+" "+c.name)
		}
		if !wanted {
			continue
		}
		rounds, err := playOnce(ctx, made.URL, kill)
		if err != nil {
			return err
		}
		for _, c := range onceCases {
			if c.kill != kill || !only.MatchString(onceSuite+" "+c.name) {
				continue
			}
			l := line{Suite: onceSuite, Case: c.name, Theirs: c.theirs, Goal: new(1.0), Unit: c.unit, Pairs: len(rounds)}
			for i, round := range rounds { // the worst one counts
				ours := c.of(round)
				l.Ours = max(l.Ours, ours)
				if l.High = max(l.High, ours/c.theirs); i == 0 {
					l.Low = l.High
				}
				l.Low = min(l.Low, ours/c.theirs)
			}
			l.Ratio = l.High
			l.Met = l.Ratio <= *l.Goal
			if err := r.add(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// found makes a bucket a store, which costs each process two requests more that comes before it is one.
func found(ctx context.Context, url string) error {
	b, err := all.Open(ctx, url)
	if err != nil {
		return err
	}
	store, err := quiver.New(ctx, b, nil)
	if err != nil {
		return err
	}
	_, err = store.Values.SaveBytes(ctx, nil)
	return errors.Join(err, store.Close())
}

// playOnce plays the rounds of one kind, each of which has a key of its own.
func playOnce(ctx context.Context, url string, kill bool) (rounds []onceRound, err error) {
	for i := range onceRounds {
		round := i + 1
		if kill {
			round = -round
		}
		c, err := engage(ctx, url)
		if err != nil {
			return nil, err
		}
		played, err := c.play(ctx, round)
		if err = errors.Join(err, c.dismiss()); err != nil {
			return nil, err
		}
		rounds = append(rounds, played)
	}
	return rounds, nil
}

// said is what a caller tells on its pipe: that it is ready, that it runs the function, and what its call came to.
type said struct {
	Runs     bool
	Done     bool
	Value    int
	Problem  string
	Took     time.Duration
	Requests int64
	Waited   bool
	caller   int
	ended    error
}

// callerCrew is processes that call, and what they say.
type callerCrew struct {
	crew
	heard  chan said
	killed map[int]bool
}

// engage starts callers on a bucket and returns when all are ready.
func engage(ctx context.Context, url string) (_ *callerCrew, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &callerCrew{heard: make(chan said), killed: map[int]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.dismiss())
		}
	}()
	for i := range callers {
		m, err := start(ctx, program, callerVerb, url)
		if err != nil {
			return nil, err
		}
		c.crew = append(c.crew, m)
		go c.listen(i, m)
	}
	for range callers {
		if s := <-c.heard; s.ended != nil {
			return nil, fmt.Errorf("caller %d ended before it began: %w", s.caller, s.ended)
		}
	}
	return c, nil
}

// listen passes on what a caller says, until it has ended.
func (c *callerCrew) listen(i int, m *member) {
	for {
		var s said
		s.ended = m.answers.Decode(&s)
		s.caller = i
		c.heard <- s
		if s.ended != nil {
			return
		}
	}
}

// play has all callers make one call; that of a negative number costs the first who runs the function its life.
func (c *callerCrew) play(ctx context.Context, round int) (onceRound, error) {
	for _, m := range c.crew {
		if err := m.jobs.Encode(round); err != nil {
			return onceRound{}, err
		}
	}
	var r onceRound
	var death <-chan time.Time
	var died time.Time
	holder := -1
	for missing := callers; missing > 0; {
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-death:
			c.killed[holder] = true
			if err := c.crew[holder].process.Process.Kill(); err != nil {
				return r, err
			}
			died = clock.Now()
			missing--
		case s := <-c.heard:
			switch {
			case s.ended != nil && c.killed[s.caller]: // nothing more is heard of it
			case s.ended != nil:
				return r, fmt.Errorf("caller %d ended: %w", s.caller, s.ended)
			case s.Runs:
				if r.runs++; round < 0 && holder < 0 {
					holder, death = s.caller, time.After(diesAfter)
				}
			case s.Problem != "" || s.Value != round*round:
				return r, fmt.Errorf("caller %d has %d: %s", s.caller, s.Value, s.Problem)
			case s.Done:
				missing--
				if s.Waited {
					r.busiest = max(r.busiest, float64(s.Requests)/(5+s.Took.Seconds()))
				}
			}
		}
	}
	if round < 0 {
		r.killed = clock.Now().Sub(died) - onceTakes
	}
	return r, nil
}

// dismiss tells all callers that there are no more calls, and waits until they have ended.
func (c *callerCrew) dismiss() (err error) {
	var ending sync.WaitGroup
	for i, m := range c.crew {
		if !c.killed[i] {
			err = errors.Join(err, m.pipe.Close())
		}
	}
	silent := make(chan struct{})
	ending.Go(func() {
		for {
			select {
			case <-c.heard:
			case <-silent:
				return
			}
		}
	})
	for i, m := range c.crew {
		ended := m.process.Wait()
		if !c.killed[i] {
			err = errors.Join(err, ended)
		}
	}
	close(silent)
	ending.Wait()
	return err
}

// callerCommand is what the suite runs in many processes at once.
func callerCommand() *cobra.Command {
	return &cobra.Command{
		Use: callerVerb + " URL", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			return callOnce(c.Context(), arguments[0], c.InOrStdin(), c.OutOrStdout())
		},
	}
}

// callOnce is what the process of a caller does: one call after another, until there are no more.
func callOnce(ctx context.Context, url string, in io.Reader, out io.Writer) error {
	near, err := all.Open(ctx, url)
	if err != nil {
		return err
	}
	meter := bucket.NewMeter(clock)
	b, err := remote(near, faraway, meter)
	if err != nil {
		return err
	}
	store, err := quiver.New(ctx, b, &quiver.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer store.Close()
	jobs, answers := json.NewDecoder(in), json.NewEncoder(out)
	def := quiver.Def{Name: "slow", Module: "bench", Version: quiver.IntVersion(1)}
	slow, err := quiver.Func(store, def, func(ctx context.Context, n int) (int, error) {
		if err := answers.Encode(said{Runs: true}); err != nil { // its caller says nothing meanwhile
			return 0, err
		}
		return n * n, clock.Sleep(ctx, onceTakes)
	}, &quiver.FuncOptions[int]{Once: onceTerm})
	if err != nil {
		return err
	}
	for answer := (said{}); ; {
		if err := answers.Encode(answer); err != nil {
			return err
		}
		var round int
		if err := jobs.Decode(&round); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		before, begun := meter.Total().Requests, clock.Now()
		value, err := slow.Call(ctx, round)
		answer = said{Done: true, Value: value, Took: clock.Now().Sub(begun), Requests: meter.Total().Requests - before, Waited: store.Stats().Awaited > 0}
		if err != nil {
			answer.Problem = err.Error()
		}
	}
}
