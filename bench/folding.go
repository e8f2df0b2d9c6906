package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// put is an object to be put into a bucket.
type put struct {
	name    string
	content []byte
}

// marked are the objects of calls that were saved and are not folded: a record and a mark for each.
func marked(ctx context.Context, c *calls) (objects []put, keys []digest.Digest, err error) {
	order, err := c.byKey(ctx) // in which a bucket in memory takes them best
	if err != nil {
		return nil, nil, err
	}
	b := mem.New(nil)
	numbers := make([]uint32, len(order))
	for i, o := range order {
		numbers[i] = o.number
	}
	if err := callindex.New(b, nil).Seed(ctx, c.records(numbers), callindex.SeedOptions{Records: true}); err != nil {
		return nil, nil, err
	}
	var marks []put
	for entry, err := range bucket.All(ctx, b, bucket.ListOptions{Prefix: layout.Calls}) {
		if err != nil {
			return nil, nil, err
		}
		content, _, err := bucket.ReadAll(ctx, b, entry.Key, callindex.RecordLimit)
		if err != nil {
			return nil, nil, err
		}
		var record struct {
			Key       digest.Digest
			Name      string
			Arguments []callindex.Argument
			Write     string
		}
		if err := json.Unmarshal(content, &record); err != nil {
			return nil, nil, err
		}
		mark := layout.Mark{Function: layout.FunctionOf(record.Name), Key: record.Key, Signature: callindex.SignatureOf(record.Arguments), Write: record.Write}
		objects = append(objects, put{entry.Key, content})
		marks = append(marks, put{mark.Name(), nil})
		keys = append(keys, record.Key)
	}
	return append(objects, marks...), keys, nil
}

// filled is a bucket in memory with objects.
func filled(ctx context.Context, objects []put) (*mem.Bucket, error) {
	b := mem.New(nil)
	for _, o := range objects {
		if err := b.Put(ctx, o.name, bucket.Bytes(o.content), bucket.IfAbsent()); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// folding compares a fold with the reading of its records alone, with listing and deletion apart, which take what the store takes: what they take by themselves is subtracted. In memory, where a request takes no time, all that is left is the work of the fold
// itself. Far away, the fold is measured once: it takes minutes.
func (x *index) folding(ctx context.Context) error {
	const marks = 100_000
	const near, far = "fold of 100000 marks", "fold of 100000 marks, +30 ms"
	if !x.wants(near, far) {
		return nil
	}
	objects, keys, err := marked(ctx, newCalls(x.calls.seed, marks))
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name  string
		wait  time.Duration
		pairs int
		goal  *float64
	}{{near, 0, 7, new(1.2)}, {far, faraway, 1, new(1.2)}} {
		if !x.wants(c.name) {
			continue
		}
		f := folding{objects: objects, keys: keys, wait: c.wait}
		for range c.pairs {
			if err := f.pair(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		for _, m := range []measure{seconds(c.goal), cpu(", CPU", nil)} {
			if err := x.report.add(lineOf(suite, c.name+m.name, m.unit, m.goal, f.taken.compare(m.of, 1))); err != nil {
				return err
			}
		}
		reading := f.taken.compare(func(s sample) float64 { return s.wall.Seconds() }, 1).theirs
		if err := x.count(c.name+", listing and deletion", "s", nil, f.apart, reading); err != nil {
			return err
		}
	}
	return nil
}

// folding is one comparison of folds with the reading of their records.
type folding struct {
	objects []put
	keys    []digest.Digest
	wait    time.Duration // of a request

	taken pairs
	apart []float64 // seconds of listing and deletion
}

// pair folds a fresh bucket, reads the records of one, and lists and deletes the marks of one, each with as many requests under way as quiver has.
func (f *folding) pair(ctx context.Context) error {
	const parallel = 64
	open := func() (bucket.Bucket, error) {
		b, err := filled(ctx, f.objects)
		if err != nil || f.wait == 0 {
			return bucket.Wrap(b, bucket.Limit(parallel)), err
		}
		far, err := remote(b, f.wait, nil)
		return bucket.Wrap(far, bucket.Limit(parallel)), err
	}
	folded, err := open()
	if err != nil {
		return err
	}
	cleaned, err := open()
	if err != nil {
		return err
	}
	err = f.taken.add(ctx,
		func(ctx context.Context) error {
			done, err := callindex.New(folded, nil).Fold(ctx, nil)
			if err == nil && done.Taken != len(f.keys) {
				err = fmt.Errorf("%d marks were taken, not %d", done.Taken, len(f.keys))
			}
			return err
		},
		func(ctx context.Context) error {
			s := callindex.New(cleaned, nil)
			return together(ctx, parallel, len(f.keys), func(i int) error {
				_, err := s.Load(ctx, f.keys[i])
				return err
			})
		})
	if err != nil {
		return err
	}
	apart, err := take(ctx, func(ctx context.Context) error { return clean(ctx, cleaned, parallel) })
	if err != nil {
		return err
	}
	ours := &f.taken.ours[len(f.taken.ours)-1]
	ours.wall, ours.cpu = ours.wall-apart.wall, ours.cpu-apart.cpu
	f.apart = append(f.apart, apart.wall.Seconds())
	return nil
}

// clean lists and deletes all marks, shard by shard, as many at once as a fold has under way.
func clean(ctx context.Context, b bucket.Bucket, parallel int) error {
	const shards = 4
	folders, err := bucket.Folders(ctx, b, layout.Index)
	if err != nil {
		return err
	}
	return together(ctx, shards, len(folders), func(i int) error {
		var marks []string
		for info, err := range bucket.All(ctx, b, bucket.ListOptions{Prefix: folders[i]}) {
			if err != nil {
				return err
			}
			marks = append(marks, info.Key)
		}
		return bucket.RemoveAll(ctx, b, marks, parallel)
	})
}

// standard is what S3 Standard takes for requests in us-east-1, read from inside the region.
var standard = bucket.Prices{Write: 0.005 / 1000, Read: 0.0004 / 1000}

// unfolded reports what 10,000 marks cost a query.
func (x *index) unfolded(ctx context.Context) error {
	const marks = 10_000
	const name = "selective query with 10000 unfolded marks, +30 ms"
	if !x.wants(name) {
		return nil
	}
	c := newCalls(x.calls.seed, marks).ofOne()
	objects, _, err := marked(ctx, c)
	if err != nil {
		return err
	}
	const operations = 3
	asking := func(b bucket.Bucket) (ask batch, each func(of func(*bucket.Meter) float64) float64, err error) {
		meter := bucket.NewMeter(clock)
		far, err := remote(b, faraway, meter)
		n := 0
		ask = func(ctx context.Context) error {
			for range operations {
				n++
				if err := expect(ctx, callindex.New(far, nil), callindex.Query{Name: c.names[0], Args: callindex.Args{unique: n * 7919 % marks}}, 1); err != nil {
					return err
				}
			}
			return nil
		}
		return ask, func(of func(*bucket.Meter) float64) float64 { return of(meter) / float64(n) }, err
	}
	pending, err := filled(ctx, objects)
	if err != nil {
		return err
	}
	folded, err := filled(ctx, objects)
	if err != nil {
		return err
	}
	if _, err := callindex.New(folded, nil).Fold(ctx, nil); err != nil {
		return err
	}
	ours, ofOurs, err := asking(pending)
	if err != nil {
		return err
	}
	theirs, ofTheirs, err := asking(folded)
	if err != nil {
		return err
	}
	if err := x.run(ctx, contest{name: name, operations: operations, ours: ours, theirs: theirs, measures: []measure{seconds(nil), cpu(", CPU", nil)}}); err != nil {
		return err
	}
	requests := func(m *bucket.Meter) float64 { return float64(m.Total().Requests) }
	dollars := func(m *bucket.Meter) float64 { return 1e6 * m.Dollars(standard) }
	if err := x.count(name+", requests", "requests", nil, []float64{ofOurs(requests)}, ofTheirs(requests)); err != nil {
		return err
	}
	return x.count(name+", dollars", "$ a million", nil, []float64{ofOurs(dollars)}, ofTheirs(dollars))
}
