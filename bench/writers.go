package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
)

// writers is how many processes write at once.
const writers = 64

// writerVerb is the command of a process that writes.
const writerVerb = "index-writer"

// What a writer can be told to do.
const (
	toSave = "save" // the record of a call
	toPut  = "put"  // a bare object
	toSwap = "swap" // save a record in an index that is one object
)

// job is what all writers do at once, each on a name of its own. On their pipes, a job is answered by the CPU time that it took; an answer more, before the first job, says that a writer is ready.
type job struct {
	Verb  string
	Round int // differs from job to job
}

// recordOf is what a writer saves in a round. Each round has a function of its own, so that a query finds just what was saved in it.
func (c *calls) recordOf(round, writer int) *callindex.Record {
	r := c.record(round*writers + writer)
	r.Name = functionIn(round)
	return r
}

func functionIn(round int) string { return fmt.Sprintf("project.round%06d", round) }

// crew is processes that write at once and share nothing but the bucket.
type crew []*member

// member is a writer as its employer sees it.
type member struct {
	process *exec.Cmd
	pipe    io.Closer
	jobs    *json.Encoder
	answers *json.Decoder
}

// start starts a process of this program with some words.
func start(ctx context.Context, program string, words ...string) (*member, error) {
	process := exec.CommandContext(ctx, program, words...)
	process.Stderr = os.Stderr
	process.Env = append(os.Environ(), "GOMAXPROCS=1") // as a function in a cloud has; here all share the cores
	in, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &member{process: process, pipe: in, jobs: json.NewEncoder(in), answers: json.NewDecoder(out)}, process.Start()
}

// hire starts writers on a bucket and returns when all are ready.
func hire(ctx context.Context, url string) (_ crew, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var c crew
	defer func() {
		if err != nil {
			err = errors.Join(err, c.dismiss())
		}
	}()
	for i := range writers {
		m, err := start(ctx, program, writerVerb, url, strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		c = append(c, m)
	}
	return c, c.await(ctx)
}

// do has all writers do a job, and returns when the last has done it.
func (c crew) do(ctx context.Context, j job) error {
	for i, m := range c {
		if err := m.jobs.Encode(j); err != nil {
			return fmt.Errorf("writer %d: %w", i, err)
		}
	}
	return c.await(ctx)
}

// await takes an answer of each writer.
func (c crew) await(ctx context.Context) error {
	return together(ctx, len(c), len(c), func(i int) error {
		var spent time.Duration
		if err := c[i].answers.Decode(&spent); err != nil {
			return fmt.Errorf("writer %d ended: %w", i, err)
		}
		elsewhere.Add(int64(spent))
		return nil
	})
}

// dismiss tells all writers that there are no more jobs, and waits until they have ended.
func (c crew) dismiss() (err error) {
	for _, m := range c {
		err = errors.Join(err, m.pipe.Close())
	}
	for _, m := range c {
		err = errors.Join(err, m.process.Wait())
	}
	return err
}

// write is what the process of a writer does: one job after another, until there are no more.
func write(ctx context.Context, url string, number int, in io.Reader, out io.Writer) error {
	near, err := all.Open(ctx, url)
	if err != nil {
		return err
	}
	defer near.Close()
	b, err := remote(near, faraway, nil)
	if err != nil {
		return err
	}
	s, c := callindex.New(b, nil), newCalls(fromSeed, 0)
	jobs, answers := json.NewDecoder(in), json.NewEncoder(out)
	for answer := time.Duration(0); ; {
		if err := answers.Encode(answer); err != nil {
			return err
		}
		var j job
		if err := jobs.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		before := cpuTime()
		switch j.Verb {
		case toSave:
			_, err = s.Save(ctx, c.recordOf(j.Round, number), nil)
		case toPut:
			err = b.Put(ctx, fmt.Sprintf("bench/bare/%d/%d", j.Round, number), bucket.Bytes(make([]byte, 1<<10)), bucket.IfAbsent())
		case toSwap:
			err = swapSave(ctx, b, fmt.Sprintf("bench/swapped/%d", j.Round), c.recordOf(j.Round, number))
		}
		if err != nil {
			return fmt.Errorf("writer %d: %s: %w", number, j.Verb, err)
		}
		answer = cpuTime() - before
	}
}
