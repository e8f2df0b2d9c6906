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

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
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
	defer func() {
		for _, undo := range slices.Backward(x.undo) {
			err = errors.Join(err, undo())
		}
	}()
	// What works on files comes before what fills the memory.
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

// seeded is a directory with the index of all calls, one segment a shard (or more, where one would be too large), as folding and merging leave it. Nothing is behind its rows.
func (x *index) seeded(ctx context.Context) (*file.Bucket, error) {
	if x.local != nil {
		return x.local, nil
	}
	parent, err := x.directory()
	if err != nil {
		return nil, err
	}
	x.dir = filepath.Join(parent, fmt.Sprintf("index-%d-%d", x.calls.seed, x.calls.n))
	done := x.dir + ".done"
	if _, err := os.Stat(done); err != nil {
		if err := os.RemoveAll(x.dir); err != nil {
			return nil, err
		}
	}
	b, err := file.New(x.dir, &file.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(done); err != nil {
		begun := clock.Now()
		if err := callindex.New(b, nil).Seed(ctx, x.calls.all(), callindex.SeedOptions{}); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "bench: %d calls seeded in %.1f s\n", x.calls.n, clock.Now().Sub(begun).Seconds())
		if err := os.WriteFile(done, nil, 0o666); err != nil {
			return nil, err
		}
	}
	x.local = b
	x.undo = append(x.undo, b.Close)
	return b, nil
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

// withRecords is a bucket in memory with calls, their index, and their records.
func withRecords(ctx context.Context, c *calls) (*mem.Bucket, error) {
	records, err := c.byKey()
	if err != nil {
		return nil, err
	}
	begun := clock.Now()
	b := mem.New(nil)
	err = callindex.New(b, nil).Seed(ctx, records, callindex.SeedOptions{Records: true})
	fmt.Fprintf(os.Stderr, "bench: %d calls seeded with records in %.1f s\n", c.n, clock.Now().Sub(begun).Seconds())
	return b, err
}

// minio returns the way to a fresh bucket on MinIO: each client that it opens has connections of its own.
func (x *index) minio(ctx context.Context) (open func() (bucket.Bucket, error), err error) {
	if x.server == nil {
		if x.server, err = servers.Start(ctx, servers.MinIO); err != nil {
			return nil, err
		}
		x.undo = append(x.undo, x.server.Close)
		for _, setting := range x.server.Env() {
			name, value, _ := strings.Cut(setting, "=")
			if err := os.Setenv(name, value); err != nil {
				return nil, err
			}
		}
	}
	made, err := x.server.NewBucket(ctx)
	if err != nil {
		return nil, err
	}
	return func() (bucket.Bucket, error) { return all.Open(ctx, made.URL) }, nil
}

// contest is two ways to do the same.
type contest struct {
	name         string
	operations   int // of a batch
	ours, theirs batch
	prepare      func(ctx context.Context) error // before each pair; nil: nothing
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
