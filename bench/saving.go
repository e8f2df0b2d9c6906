package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// oracle compares a query of a function's folded calls with the scan of all records that it must agree with.
func (x *index) oracle(ctx context.Context) error {
	const n, matching = 10_000, 50
	const name = "10000 calls, 50 match, folded, MinIO"
	if !x.wants(name) {
		return nil
	}
	open, err := x.minio(ctx)
	if err != nil {
		return err
	}
	b, err := open()
	if err != nil {
		return err
	}
	if b, err = bucket.Decorate(b, bucket.Decorators{Limit: 64}); err != nil {
		return err
	}
	defer b.Close()
	c := newCalls(x.calls.seed, n).ofOne()
	all := func(yield func(*callindex.Record) bool) {
		for i := range n {
			r := c.record(i)
			r.Arguments[1].Digest = mustDigest(i % (n / matching))
			if !yield(r) {
				return
			}
		}
	}
	if err := callindex.New(b, nil).Seed(ctx, all, callindex.SeedOptions{Records: true}); err != nil {
		return err
	}
	q := callindex.Query{Name: c.names[0], Args: callindex.Args{ofFifty: 17}}
	template, err := q.Template(nil)
	if err != nil {
		return err
	}
	return x.run(ctx, contest{name: name, operations: 1, measures: []measure{seconds(new(0.005)), cpu(", CPU", nil)}, pairs: 11, repeats: 20,
		ours: func(ctx context.Context) error { return expect(ctx, callindex.New(b, nil), q, matching) },
		theirs: func(ctx context.Context) error {
			found := 0
			for r, err := range callindex.New(b, nil).Scan(ctx, digest.Digest{}) {
				if err != nil {
					return err
				}
				if template.Match(r) {
					found++
				}
			}
			if found != matching {
				return fmt.Errorf("the scan found %d records, not %d", found, matching)
			}
			return nil
		}})
}

// writers is how many processes save at once. They are stores in one process that share nothing but the bucket: each has a client of its own.
const writers = 64

// saving compares saves of different calls of one function, whose results are stored, with bare writes and with an index that every save swaps.
func (x *index) saving(ctx context.Context) error {
	const bare, swapped, lost = "64 writers of one function, +30 ms", "64 writers of one function, a swap each, +30 ms", "64 writers of one function, saves lost"
	if !x.wants(bare, swapped, lost) {
		return nil
	}
	open, err := x.minio(ctx)
	if err != nil {
		return err
	}
	clients := make([]bucket.Bucket, writers)
	stores := make([]*callindex.Store, writers)
	for i := range clients {
		b, err := open()
		if err != nil {
			return err
		}
		defer b.Close()
		if clients[i], err = remote(b, faraway, nil); err != nil {
			return err
		}
		stores[i] = callindex.New(clients[i], nil)
	}
	c := newCalls(x.calls.seed, 1<<30).ofOne()
	var next atomic.Int64
	another := func() *callindex.Record {
		return c.record(int(next.Add(1)))
	}
	var saved atomic.Int64
	save := func(ctx context.Context) error {
		return together(ctx, writers, writers, func(i int) error {
			_, err := stores[i].Save(ctx, another(), nil)
			if err == nil {
				saved.Add(1)
			}
			return err
		})
	}
	put := func(ctx context.Context) error {
		return together(ctx, writers, writers, func(i int) error {
			return clients[i].Put(ctx, fmt.Sprintf("bench/bare/%d", next.Add(1)), bucket.Bytes(make([]byte, 1<<10)), bucket.IfAbsent())
		})
	}
	for range 2 { // their connections are open, as those of processes at work
		if err := errors.Join(save(ctx), put(ctx)); err != nil {
			return err
		}
	}
	if x.wants(bare) {
		if err := x.run(ctx, contest{name: bare, operations: writers, ours: save, theirs: put, measures: []measure{seconds(new(2.22)), cpu(", CPU", nil)}}); err != nil {
			return err
		}
	}
	if x.wants(swapped) {
		swap := func(ctx context.Context) error {
			name := fmt.Sprintf("bench/swapped/%d", next.Add(1))
			return together(ctx, writers, writers, func(i int) error { return swapSave(ctx, clients[i], name, another()) })
		}
		if err := x.run(ctx, contest{name: swapped, operations: writers, ours: save, theirs: swap, measures: []measure{seconds(new(0.067))}, pairs: 15}); err != nil {
			return err
		}
	}
	found, err := rows(stores[0].Query(ctx, callindex.Query{Name: c.names[0]}))
	if err != nil {
		return err
	}
	return x.count(lost, "calls", new(0.0), []float64{float64(saved.Load()) - float64(found)}, 1)
}

// swapSave saves a record as an index does that is one object: the record, then the object with the key in addition, in just the version that was read; whoever is second reads again.
func swapSave(ctx context.Context, b bucket.Bucket, name string, r *callindex.Record) error {
	key, err := r.Key()
	if err != nil {
		return err
	}
	if err := b.Put(ctx, "bench/records/"+key.String(), bucket.Bytes(make([]byte, 1<<10)), bucket.IfAbsent()); err != nil {
		return err
	}
	between := op.Backoff{Base: faraway, Cap: 10 * faraway, Clock: clock, Entropy: op.SystemEntropy()}
	for n := 1; ; n++ {
		condition := bucket.IfAbsent()
		content, info, err := bucket.ReadAll(ctx, b, name, 1<<30)
		switch {
		case err == nil:
			condition = bucket.IfMatch(info.Version)
		case !errors.Is(err, bucket.ErrNotFound):
			return err
		}
		err = b.Put(ctx, name, bucket.Bytes(append(content, key[:]...)), condition)
		if !errors.Is(err, bucket.ErrChanged) && !errors.Is(err, bucket.ErrExists) {
			return err
		}
		if err := between.Wait(ctx, n); err != nil {
			return err
		}
	}
}
