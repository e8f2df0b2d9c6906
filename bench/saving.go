package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/adapters/all"
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
	url, err := x.minio(ctx)
	if err != nil {
		return err
	}
	b, err := all.Open(ctx, url)
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

// saving compares saves of different calls of one function, whose results are stored, with bare writes and with an index that every save swaps. Each writer is a process
// that has started, and has a connection, before it is measured.
func (x *index) saving(ctx context.Context) (err error) {
	const bare, swapped, lost = "64 processes save calls of one function, +30 ms", "64 processes save calls of one function, against a swap each, +30 ms", "64 processes save calls of one function, lost"
	if !x.wants(bare, swapped, lost) {
		return nil
	}
	url, err := x.minio(ctx)
	if err != nil {
		return err
	}
	near, err := all.Open(ctx, url)
	if err != nil {
		return err
	}
	defer near.Close()
	c, err := hire(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.dismiss()) }()
	round, saved := 0, 0
	doing := func(verb string) batch {
		return func(ctx context.Context) error {
			round++
			if verb == toSave {
				saved = round
			}
			return c.do(ctx, job{verb, round})
		}
	}
	save, put, swap := doing(toSave), doing(toPut), doing(toSwap)
	missing := 0
	check := func(ctx context.Context) error {
		n, err := x.missing(ctx, near, saved)
		missing += n
		return err
	}
	for range 2 {
		for _, warm := range []batch{put, save, check} {
			if err := warm(ctx); err != nil {
				return err
			}
		}
	}
	if x.wants(bare) {
		if err := x.run(ctx, contest{name: bare, operations: writers, ours: save, theirs: put, check: check, measures: []measure{seconds(new(2.22)), cpu(", CPU", nil)}}); err != nil {
			return err
		}
	}
	if x.wants(swapped) {
		err := x.run(ctx, contest{name: swapped, operations: writers, ours: save, theirs: swap, check: check, measures: []measure{seconds(new(0.067)), cpu(", CPU", nil)}, pairs: 15})
		if err != nil {
			return err
		}
	}
	return x.count(lost, "calls", new(0.0), []float64{float64(missing)}, 1)
}

// missing is how many of the calls that were saved in a round a query does not find.
func (x *index) missing(ctx context.Context, b bucket.Bucket, round int) (int, error) {
	lost := map[digest.Digest]bool{}
	for i := range writers {
		key, err := x.calls.recordOf(round, i).Key()
		if err != nil {
			return 0, err
		}
		lost[key] = true
	}
	for r, err := range callindex.New(b, nil).Query(ctx, callindex.Query{Name: functionIn(round)}) {
		if err != nil {
			return 0, err
		}
		key, err := r.Key()
		if err != nil {
			return 0, err
		}
		delete(lost, key)
	}
	return len(lost), nil
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
