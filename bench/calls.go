package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sort"
	"time"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// The shape of the calls: names Zipf over some functions, and four arguments.
const (
	functions = 200
	hosts     = 100
	rates     = 50
	modes     = 3
	flags     = 2
)

// The arguments by their names: one unique, one of 50 values, two of few.
const (
	unique   = "item"
	ofFifty  = "rate"
	ofThree  = "mode"
	ofTwo    = "dry"
	fromSeed = 5 // of all data, unless a test wants another
)

// firstCall is when the first call was made.
var firstCall = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// calls are so many calls, each of which follows from the seed and its number.
type calls struct {
	seed uint64
	n    int

	names []string  // the most frequent first
	upTo  []float64 // the share of the calls of this function and those before it
	rate  [rates]digest.Digest
	mode  [modes]digest.Digest
	flag  [flags]digest.Digest
	host  [hosts]string
}

func newCalls(seed uint64, n int) *calls {
	c := &calls{seed: seed, n: n}
	sum := 0.0
	for i := range functions {
		sum += 1 / float64(i+1)
		c.names, c.upTo = append(c.names, fmt.Sprintf("project.stage%d.step%03d", i%7, i)), append(c.upTo, sum)
	}
	for i := range c.upTo {
		c.upTo[i] /= sum
	}
	for i := range c.rate {
		c.rate[i] = mustDigest(i)
	}
	for i := range c.mode {
		c.mode[i] = mustDigest(fmt.Sprint("mode ", i))
	}
	for i := range c.flag {
		c.flag[i] = mustDigest(i == 1)
	}
	for i := range c.host {
		c.host[i] = fmt.Sprintf("worker-%03d", i)
	}
	return c
}

// ofOne makes all calls those of the first function.
func (c *calls) ofOne() *calls {
	for i := range c.upTo {
		c.upTo[i] = 1
	}
	return c
}

// mustDigest digests what has a digest.
func mustDigest(v any) digest.Digest {
	d, err := digest.Of(v)
	if err != nil {
		panic(err)
	}
	return d
}

// chance is 32 random bytes for a purpose.
func (c *calls) chance(purpose byte, i int) [32]byte {
	message := binary.BigEndian.AppendUint64([]byte{purpose}, c.seed)
	return sha256.Sum256(binary.BigEndian.AppendUint64(message, uint64(i)))
}

// function is the number of the function of a call, 0 the most frequent.
func (c *calls) function(i int) int { return c.functionOf(c.chance('c', i)) }

func (c *calls) functionOf(chance [32]byte) int {
	at := float64(binary.BigEndian.Uint64(chance[:])>>11) / (1 << 53)
	return min(sort.SearchFloat64s(c.upTo, at), functions-1)
}

// share is which function has about so many calls.
func (c *calls) share(rows float64) int {
	best := 0
	distance := func(f int) float64 {
		share := c.upTo[f]
		if f > 0 {
			share -= c.upTo[f-1]
		}
		return max(share*float64(c.n), rows) - min(share*float64(c.n), rows)
	}
	for f := range functions {
		if distance(f) < distance(best) {
			best = f
		}
	}
	return best
}

// of yields calls of a function, far from each other, without end as long as there are any.
func (c *calls) of(function int) iter.Seq[int] {
	return func(yield func(int) bool) {
		const stride = 999_983 // a prime, so that every call has its turn
		for i := 0; ; i++ {
			if at := i * stride % c.n; c.function(at) == function && !yield(at) {
				return
			}
		}
	}
}

// record is the record of a call, as Seed takes it.
func (c *calls) record(i int) *callindex.Record {
	chance := c.chance('c', i)
	wall := time.Duration(binary.BigEndian.Uint32(chance[8:])) // up to 4.3 s
	begun := firstCall.Add(time.Duration(i) * 100 * time.Millisecond)
	ended := begun.Add(wall)
	return &callindex.Record{
		Call: callindex.Call{
			Name: c.names[c.functionOf(chance)], Module: "project", Version: callindex.IntVersion(1),
			Arguments: []callindex.Argument{
				{Name: unique, Digest: mustDigest(i)}, {Name: ofFifty, Digest: c.rate[chance[12]%rates]},
				{Name: ofThree, Digest: c.mode[chance[13]%modes]}, {Name: ofTwo, Digest: c.flag[chance[14]%flags]},
			},
		},
		Result: digest.Digest(c.chance('r', i)),
		Metadata: callindex.Metadata{"runtime": {
			"timestart": begun.Format(time.RFC3339Nano), "timestop": ended.Format(time.RFC3339Nano),
			"walltime": wall.Seconds(), "hostname": c.host[chance[15]%hosts],
		}},
		Saved: ended,
	}
}

// all yields the records by their numbers.
func (c *calls) all() iter.Seq[*callindex.Record] {
	return func(yield func(*callindex.Record) bool) {
		for i := range c.n {
			if !yield(c.record(i)) {
				return
			}
		}
	}
}

// records yields those of some numbers.
func (c *calls) records(numbers []uint32) iter.Seq[*callindex.Record] {
	return func(yield func(*callindex.Record) bool) {
		for _, i := range numbers {
			if !yield(c.record(int(i))) {
				return
			}
		}
	}
}

// shards are the numbers of the calls of each shard.
func (c *calls) shards() map[layout.Shard][]uint32 {
	numbers := map[layout.Shard][]uint32{}
	for i := range c.n {
		shard := layout.FunctionOf(c.names[c.function(i)]).Shard()
		numbers[shard] = append(numbers[shard], uint32(i))
	}
	return numbers
}

// keyed is a call's key and number.
type keyed struct {
	key    digest.Digest
	number uint32
}

// byKey are all calls, in the order of their keys.
func (c *calls) byKey(ctx context.Context) ([]keyed, error) {
	order := make([]keyed, c.n)
	err := together(ctx, runtime.GOMAXPROCS(0), c.n, func(i int) error {
		key, err := c.record(i).Key()
		order[i] = keyed{key, uint32(i)}
		return err
	})
	slices.SortFunc(order, func(a, b keyed) int { return a.key.Compare(b.key) })
	return order, err
}
