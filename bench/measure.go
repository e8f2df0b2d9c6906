package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quivercache/quiver/op"
)

// batch is some work that is measured as a whole.
type batch func(ctx context.Context) error

// sample is what a batch took.
type sample struct {
	wall  time.Duration
	cpu   time.Duration // of the clients, not of the servers
	bytes float64       // allocated
}

// divide makes a sample of n repetitions that of one.
func (s *sample) divide(n int) {
	s.wall, s.cpu, s.bytes = s.wall/time.Duration(n), s.cpu/time.Duration(n), s.bytes/float64(n)
}

var clock = op.SystemClock()

// take runs a batch.
func take(ctx context.Context, work batch) (sample, error) {
	runtime.GC() // so that none pays for the garbage of the one before
	cpu, bytes, begun := cpuTime(), allocated(), clock.Now()
	err := work(ctx)
	return sample{clock.Now().Sub(begun), cpuTime() - cpu, allocated() - bytes}, err
}

// elsewhere is the CPU time, in nanoseconds, that processes have told which work for this one.
var elsewhere atomic.Int64

// cpuTime is that of this process and of those that work for it.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it cannot fail for this process
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano() + elsewhere.Load())
}

func allocated() float64 { return metric("/gc/heap/allocs:bytes") }

func metric(name string) float64 {
	read := []metrics.Sample{{Name: name}}
	metrics.Read(read)
	return float64(read[0].Value.Uint64())
}

// pairs are samples of two batches, taken in turns.
type pairs struct{ ours, theirs []sample }

// add takes a pair; which of the two goes first changes from pair to pair.
func (p *pairs) add(ctx context.Context, ours, theirs batch) error {
	first, second := ours, theirs
	swapped := len(p.ours)%2 == 1
	if swapped {
		first, second = theirs, ours
	}
	a, err := take(ctx, first)
	if err != nil {
		return err
	}
	b, err := take(ctx, second)
	if err != nil {
		return err
	}
	if swapped {
		a, b = b, a
	}
	p.ours, p.theirs = append(p.ours, a), append(p.theirs, b)
	return nil
}

// compare sums up one measure of the pairs, for each of the operations of a batch.
func (p *pairs) compare(of func(sample) float64, operations int) comparison {
	n := float64(operations)
	var ours, theirs, ratios []float64
	for i := range p.ours {
		a, b := of(p.ours[i]), of(p.theirs[i])
		ours, theirs, ratios = append(ours, a/n), append(theirs, b/n), append(ratios, a/b)
	}
	low, high := interval(ratios)
	return comparison{ours: median(ours), theirs: median(theirs), ratio: median(ratios), low: low, high: high, pairs: len(ratios)}
}

// comparison is one measure of ours and theirs, in medians.
type comparison struct {
	ours, theirs float64
	ratio        float64
	low, high    float64 // the 95 % interval of the ratio
	pairs        int
}

// verdict says whether the ratio is at most the goal.
func (c comparison) verdict(goal float64) any {
	switch {
	case c.high <= goal:
		return true
	case c.low > goal:
		return false
	}
	return "noise"
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// interval is the 95 % interval of a median, by the ranks of the values (the binomial distribution's normal approximation; from 7 values on).
func interval(values []float64) (low, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := float64(len(sorted))
	rank := max(0, int(math.Floor((n-1.96*math.Sqrt(n))/2)))
	return sorted[rank], sorted[len(sorted)-1-rank]
}

// peak runs a batch and returns the most bytes of live and dead objects that the heap had beyond those before.
func peak(ctx context.Context, work batch) (float64, error) {
	runtime.GC()
	const heap = "/memory/classes/heap/objects:bytes"
	before, most := metric(heap), 0.0
	done := make(chan error)
	go func() { done <- work(ctx) }()
	ticks := time.NewTicker(2 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case err := <-done:
			return most, err
		case <-ticks.C:
			most = max(most, metric(heap)-before)
		}
	}
}

// calibrate is how many operations make a batch long enough to measure.
func calibrate(ctx context.Context, least int, work func(operations int) batch) (int, error) {
	const enough = 200 * time.Millisecond
	for n := least; ; n *= 2 {
		s, err := take(ctx, work(n))
		if err != nil {
			return 0, fmt.Errorf("calibrating: %w", err)
		}
		if s.wall >= enough/2 {
			return max(least, int(float64(n)*cmp.Or(float64(enough)/float64(s.wall), 1))), nil
		}
	}
}
