package main

import (
	"context"
	"fmt"
	"time"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// growth compares operations on a large store with the same on one of 10,000 calls. The goals are for stores in a cloud; what the operations take beside their requests is reported.
func (x *index) growth(ctx context.Context) error {
	const small = 10_000
	near, far := "", ", +30 ms"
	names := []string{"load", "contains", "expand", "point query"}
	var cases []string
	for _, name := range names {
		cases = append(cases, x.growing(name, near), x.growing(name, far))
	}
	if !x.wants(cases...) {
		return nil
	}
	b, err := x.seeded(ctx)
	if err != nil {
		return err
	}
	large, err := operationsOn(ctx, b, x.calls)
	if err != nil {
		return err
	}
	few := newCalls(x.calls.seed, small)
	if b, _, err = x.seed(ctx, few); err != nil {
		return err
	}
	little, err := operationsOn(ctx, b, few)
	if err != nil {
		return err
	}
	for _, name := range names {
		goal := new(1.2)
		if name == "point query" {
			goal = new(1.5)
		}
		for _, d := range []struct {
			suffix     string
			wait       time.Duration
			operations int
			goal       *float64
		}{{near, 0, 200, nil}, {far, faraway, 5, goal}} {
			c := contest{name: x.growing(name, d.suffix), operations: d.operations, measures: []measure{seconds(d.goal)}}
			if !x.wants(c.name) {
				continue
			}
			if c.ours, err = large[name](d.wait, d.operations); err != nil {
				return err
			}
			if c.theirs, err = little[name](d.wait, d.operations); err != nil {
				return err
			}
			if err := x.run(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// growing is the name of a case.
func (x *index) growing(operation, suffix string) string {
	return fmt.Sprintf("%s, %d against 10000 records%s", operation, x.calls.n, suffix)
}

// operationsOn are batches of operations on a store of calls, each of which asks for other calls.
func operationsOn(ctx context.Context, index *file.Bucket, c *calls) (map[string]func(wait time.Duration, operations int) (batch, error), error) {
	order, err := c.byKey(ctx)
	if err != nil {
		return nil, err
	}
	b := &stocked{index, c, order}
	i := 0
	key := func() (digest.Digest, *callindex.Record, error) {
		i = (i + 7919) % c.n // a prime
		r := c.record(i)
		key, err := r.Key()
		return key, r, err
	}
	doing := func(operation func(ctx context.Context, s *callindex.Store, key digest.Digest, r *callindex.Record) error) func(time.Duration, int) (batch, error) {
		return func(wait time.Duration, operations int) (batch, error) {
			far, err := remote(b, wait, nil)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context) error {
				for range operations {
					key, r, err := key()
					if err != nil {
						return err
					}
					if err := operation(ctx, callindex.New(far, nil), key, r); err != nil {
						return err
					}
				}
				return nil
			}, nil
		}
	}
	return map[string]func(time.Duration, int) (batch, error){
		"load": doing(func(ctx context.Context, s *callindex.Store, key digest.Digest, _ *callindex.Record) error {
			_, err := s.Load(ctx, key)
			return err
		}),
		"contains": doing(func(ctx context.Context, s *callindex.Store, key digest.Digest, _ *callindex.Record) error {
			there, err := s.Contains(ctx, key)
			if err == nil && !there {
				err = fmt.Errorf("%s: %w", key, digest.ErrNotFound)
			}
			return err
		}),
		"expand": doing(func(ctx context.Context, s *callindex.Store, key digest.Digest, _ *callindex.Record) error {
			_, err := s.Expand(ctx, key.Abbreviate(16))
			return err
		}),
		"point query": doing(func(ctx context.Context, s *callindex.Store, _ digest.Digest, r *callindex.Record) error {
			return expect(ctx, s, callindex.Query{Name: r.Name, Args: callindex.Args{unique: r.Arguments[0].Digest}}, 1)
		}),
	}, nil
}
