package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/integration/servers"
)

// index is the suite of the call index.
type index struct {
	settings
	report *report
	only   *regexp.Regexp
	calls  *calls

	local  *file.Bucket // the index of all calls, without records; nil until somebody asks
	dir    string
	server *servers.Server // nil until somebody asks
	undo   []func() error
}

func benchIndex(ctx context.Context, r *report, only *regexp.Regexp, s settings) (err error) {
	x := &index{settings: s, report: r, only: only, calls: newCalls(fromSeed, s.calls)}
	begun := clock.Now()
	defer func() {
		fmt.Fprintf(os.Stderr, "bench: %.0f s in all\n", clock.Now().Sub(begun).Seconds())
		for _, undo := range slices.Backward(x.undo) {
			err = errors.Join(err, undo())
		}
	}()
	for _, group := range []func(context.Context) error{
		x.size, x.streaming, x.selective, x.nameless, x.scans, x.oracle, x.saving, x.folding, x.unfolded, x.growth,
	} {
		if err := group(ctx); err != nil {
			return err
		}
	}
	return nil
}

const suite = "index"

// wants says whether one of some cases is to be run.
func (x *index) wants(cases ...string) bool {
	for _, name := range cases {
		if x.only.MatchString(suite + " " + name) {
			return true
		}
	}
	return false
}

// seeded is a directory with the index of all calls.
func (x *index) seeded(ctx context.Context) (_ *file.Bucket, err error) {
	if x.local == nil {
		x.local, x.dir, err = x.seed(ctx, x.calls)
	}
	return x.local, err
}

// seed makes a directory with the index of calls, one segment a shard (or more, where one would be too large), as folding and merging leave it. Nothing is behind its rows. One shard is seeded after
// another, so that the rows of no two are in memory at once.
func (x *index) seed(ctx context.Context, c *calls) (b *file.Bucket, dir string, err error) {
	parent, err := x.directory()
	if err != nil {
		return nil, "", err
	}
	dir = filepath.Join(parent, fmt.Sprintf("index-%d-%d", c.seed, c.n))
	done := dir + ".done"
	_, missing := os.Stat(done)
	if missing != nil {
		if err := os.RemoveAll(dir); err != nil {
			return nil, "", err
		}
	}
	if b, err = file.New(dir, &file.Options{NoSync: true}); err != nil {
		return nil, "", err
	}
	x.undo = append(x.undo, b.Close)
	if missing == nil {
		return b, dir, nil
	}
	begun := clock.Now()
	for _, numbers := range c.shards() {
		if err := callindex.New(b, nil).Seed(ctx, c.records(numbers), callindex.SeedOptions{}); err != nil {
			return nil, "", err
		}
	}
	fmt.Fprintf(os.Stderr, "bench: %d calls seeded in %.1f s\n", c.n, clock.Now().Sub(begun).Seconds())
	return b, dir, os.WriteFile(done, nil, 0o666)
}

// directory is where stores are made: the one to keep, or a temporary one.
func (x *index) directory() (string, error) {
	if x.keep != "" {
		return x.keep, os.MkdirAll(x.keep, 0o777)
	}
	dir, err := os.MkdirTemp("", "bench")
	if err == nil {
		x.undo = append(x.undo, func() error { return os.RemoveAll(dir) })
	}
	return dir, err
}

// minio returns the URL of a fresh bucket on MinIO.
func (x *index) minio(ctx context.Context) (url string, err error) {
	if x.server == nil {
		if x.server, err = servers.Start(ctx, servers.MinIO); err != nil {
			return "", err
		}
		x.undo = append(x.undo, x.server.Close)
		for _, setting := range x.server.Env() {
			name, value, _ := strings.Cut(setting, "=")
			if err := os.Setenv(name, value); err != nil {
				return "", err
			}
		}
	}
	made, err := x.server.NewBucket(ctx)
	if err != nil {
		return "", err
	}
	return made.URL, nil
}

// contest is two ways to do the same.
type contest struct {
	name         string
	operations   int // of a batch
	ours, theirs batch
	prepare      func(ctx context.Context) error // before each pair; nil: nothing
	check        func(ctx context.Context) error // after each pair; nil: nothing
	pairs        int                             // at the most; 0: as many as the flags say
	repeats      int                             // of ours in a sample, which is then that of one; 0: one
	measures     []measure
}

// measure is one line of a contest.
type measure struct {
	name, unit string
	goal       *float64 // nil: reported
	of         func(sample) float64
}

// The measures that contests have.
func seconds(goal *float64) measure {
	return measure{"", "s", goal, func(s sample) float64 { return s.wall.Seconds() }}
}

func cpu(name string, goal *float64) measure {
	return measure{name, "CPU s", goal, func(s sample) float64 { return s.cpu.Seconds() }}
}

// run takes pairs until all measures are decided, and reports them.
func (x *index) run(ctx context.Context, c contest) error {
	most := x.pairs
	if c.pairs > 0 {
		most = min(most, c.pairs)
	}
	var taken pairs
	for undecided := true; undecided; {
		if c.prepare != nil {
			if err := c.prepare(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if err := taken.add(ctx, repeated(c.ours, max(1, c.repeats)), c.theirs); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if c.check != nil {
			if err := c.check(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		taken.ours[len(taken.ours)-1].divide(max(1, c.repeats))
		undecided = len(taken.ours) < 7
		for _, m := range c.measures {
			if m.goal != nil && len(taken.ours) < max(7, most) {
				undecided = undecided || taken.compare(m.of, c.operations).verdict(*m.goal) == "noise"
			}
		}
	}
	for _, m := range c.measures {
		if err := x.report.add(lineOf(suite, c.name+m.name, m.unit, m.goal, taken.compare(m.of, c.operations))); err != nil {
			return err
		}
	}
	return nil
}

// repeated is a batch so many times.
func repeated(work batch, times int) batch {
	return func(ctx context.Context) error {
		for range times {
			if err := work(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// count reports what was counted of single operations against a number.
func (x *index) count(name, unit string, goal *float64, counted []float64, theirs float64) error {
	ratios := make([]float64, len(counted))
	for i, n := range counted {
		ratios[i] = n / theirs
	}
	low, high := interval(ratios)
	return x.report.add(lineOf(suite, name, unit, goal, comparison{
		ours: median(counted), theirs: theirs, ratio: median(ratios), low: low, high: high, pairs: len(counted),
	}))
}
