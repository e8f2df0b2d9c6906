package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/layout"
)

// size reports the bytes of the index.
func (x *index) size(ctx context.Context) error {
	const name = "index bytes per record"
	if !x.wants(name) {
		return nil
	}
	b, err := x.seeded(ctx)
	if err != nil {
		return err
	}
	var bytes int64
	for info, err := range bucket.All(ctx, b, bucket.ListOptions{Prefix: layout.Index}) {
		if err != nil {
			return err
		}
		bytes += info.Size
	}
	return x.count(name, "bytes", new(1.0), []float64{float64(bytes) / float64(x.calls.n)}, 180)
}

// streaming reports the memory of a query that yields everything, in a process that does nothing else: what a process has done before decides how often it collects its garbage.
func (x *index) streaming(ctx context.Context) error {
	name := fmt.Sprintf("%d rows streamed, peak memory", x.calls.n)
	if !x.wants(name) {
		return nil
	}
	if _, err := x.seeded(ctx); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, program, streamVerb, x.dir, strconv.Itoa(x.calls.n))
	child.Stderr = os.Stderr
	answer, err := child.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	most, err := strconv.ParseFloat(strings.TrimSpace(string(answer)), 64)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return x.count(name, "bytes", new(1.0), []float64{most}, memory)
}

// streamVerb is the command of the process that streams.
const streamVerb = "index-stream"

// stream is the most memory, in bytes, that a query took which yields all of so many calls in a directory.
func stream(ctx context.Context, dir string, calls int) (float64, error) {
	b, err := file.New(dir, nil)
	if err != nil {
		return 0, err
	}
	most, err := peak(ctx, func(ctx context.Context) error { return expect(ctx, callindex.New(b, nil), callindex.Query{}, calls) })
	return most, errors.Join(err, b.Close())
}

// expect runs a query that yields so many records.
func expect(ctx context.Context, s *callindex.Store, q callindex.Query, want int) error {
	n, err := rows(s.Query(ctx, q))
	if err == nil && n != want {
		err = fmt.Errorf("the query of %s %v yielded %d records, not %d", q.Name, q.Args, n, want)
	}
	return err
}

// rows counts records.
func rows(records iter.Seq2[*callindex.Record, error]) (int, error) {
	n := 0
	for _, err := range records {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// asked is a kind of query that is held against the GET of a small object, both as far away as a cloud.
type asked struct {
	name     string
	time     *float64
	requests *float64
	query    func() callindex.Query // another each time
	least    int                    // records that it yields
	most     int
	warm     func() callindex.Query // nil: the store is new; else it has answered this one before
}

// selective compares queries of one function.
func (x *index) selective(ctx context.Context) error {
	item, stop := iter.Pull(x.calls.of(0))
	defer stop()
	point := func() callindex.Query {
		i, _ := item()
		return callindex.Query{Name: x.calls.names[0], Args: callindex.Args{unique: i}}
	}
	of := x.calls.share(100 * rates)
	rate := 0
	some := func() callindex.Query {
		rate++
		return callindex.Query{Name: x.calls.names[of], Args: callindex.Args{ofFifty: rate % rates}}
	}
	for _, a := range []asked{
		{name: "name + unique argument, cold", time: new(4.5), requests: new(6.0), query: point, least: 1, most: 1},
		{name: "name + unique argument, warm", time: new(3.3), requests: new(4.0), query: point, least: 1, most: 1, warm: point},
		{name: "name + argument value, 100 rows, cold", time: new(7.0), query: some, least: 50, most: 250},
	} {
		if err := x.ask(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// nameless compares a query that has to ask every shard.
func (x *index) nameless(ctx context.Context) error {
	const name = "unique argument without a name"
	if !x.wants(name) {
		return nil
	}
	b, err := x.seeded(ctx)
	if err != nil {
		return err
	}
	shards, err := bucket.Folders(ctx, b, layout.Index)
	if err != nil {
		return err
	}
	i := 0
	return x.ask(ctx, asked{name: name, requests: new(float64(2 + 4*len(shards))), least: 1, most: 1, query: func() callindex.Query {
		i += 7919
		return callindex.Query{Args: callindex.Args{unique: i % x.calls.n}}
	}})
}

// ask compares a kind of query with a GET, by time, CPU, memory, requests and bytes.
func (x *index) ask(ctx context.Context, a asked) error {
	if !x.wants(a.name) {
		return nil
	}
	b, err := x.seeded(ctx)
	if err != nil {
		return err
	}
	const object, size = "bench/object", 1 << 10
	if _, err := b.Stat(ctx, object); err != nil {
		if err := b.Put(ctx, object, bucket.Bytes(make([]byte, size)), bucket.IfAbsent()); err != nil {
			return err
		}
	}
	far, err := remote(b, faraway, nil)
	if err != nil {
		return err
	}
	const operations = 5
	var stores []*callindex.Store // for the next pair, and their meters
	var meters []*bucket.Meter
	prepare := func(ctx context.Context) error {
		stores, meters = nil, nil
		for range operations {
			meter := bucket.NewMeter(clock)
			metered, err := remote(b, faraway, meter)
			if err != nil {
				return err
			}
			s := callindex.New(metered, nil)
			if a.warm != nil {
				if err := a.check(ctx, s, a.warm()); err != nil {
					return err
				}
			}
			stores, meters = append(stores, s), append(meters, meter)
		}
		return nil
	}
	var requests, bytes, allocations []float64
	ours := func(ctx context.Context) error {
		for i, s := range stores {
			before, memory := meters[i].Total(), allocated()
			if err := a.check(ctx, s, a.query()); err != nil {
				return err
			}
			after := meters[i].Total()
			requests, bytes = append(requests, float64(after.Requests-before.Requests)), append(bytes, float64(after.Received-before.Received))
			allocations = append(allocations, allocated()-memory) // an upper bound of what memory the query took at any time
		}
		return nil
	}
	theirs := func(ctx context.Context) error {
		for range operations {
			if _, _, err := bucket.ReadAll(ctx, far, object, size); err != nil {
				return err
			}
		}
		return nil
	}
	if err := x.run(ctx, contest{name: a.name, operations: operations, prepare: prepare, ours: ours, theirs: theirs,
		measures: []measure{seconds(a.time), cpu(", CPU", nil)}}); err != nil {
		return err
	}
	if err := x.count(a.name+", requests", "requests", a.requests, requests, 1); err != nil {
		return err
	}
	if err := x.count(a.name+", bytes", "bytes", nil, bytes, size); err != nil {
		return err
	}
	return x.count(a.name+", allocations", "bytes", nil, allocations, memory)
}

// check runs a query, which must yield as many records as it should.
func (a asked) check(ctx context.Context, s *callindex.Store, q callindex.Query) error {
	n, err := rows(s.Query(ctx, q))
	if err == nil && (n < a.least || n > a.most) {
		err = fmt.Errorf("the query of %s %v yielded %d records, not %d to %d", q.Name, q.Args, n, a.least, a.most)
	}
	return err
}
