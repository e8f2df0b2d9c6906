package historytest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// operation is one of the eight that change a store. It is done to a prepared one.
type operation struct {
	name string
	do   func(ctx context.Context, s *callindex.Store) error
	// worst is the request at which a crash hurts most: what makes the operation true, or what it cannot take back.
	worst buckettest.Fault
	keeps bool // the calls as they are
}

// The functions of the operations share a shard. The records of the first are prepared, the second is what they are renamed to.
var named, renamed = Functions[0], Functions[1]

var operations = []operation{
	{
		name: "save",
		do: func(ctx context.Context, s *callindex.Store) error {
			_, err := s.Save(ctx, result(20, "saved"), nil)
			return err
		},
		worst: buckettest.Fault{Verb: bucket.Put, Key: object(named, 20)},
	},
	{
		name: "batch save",
		do: func(ctx context.Context, s *callindex.Store) error {
			_, err := s.SaveAll(ctx, []*callindex.Record{result(20, "a"), result(21, "b"), result(22, "c")}, nil)
			return err
		},
		worst: buckettest.Fault{Verb: bucket.Put, Key: "calls/*", Nth: 2},
	},
	{
		name: "replace",
		do: func(ctx context.Context, s *callindex.Store) error {
			_, err := s.Save(ctx, result(2, "replaced"), &callindex.SaveOptions{Replace: true})
			return err
		},
		worst: buckettest.Fault{Verb: bucket.Put, Key: object(named, 2), Nth: 2}, // the first is refused: the call has a record
	},
	{
		name: "evict",
		do: func(ctx context.Context, s *callindex.Store) error {
			gone := call(named, 3)
			return s.Evict(ctx, must(gone.Key()))
		},
		worst: buckettest.Fault{Key: object(named, 3), Nth: 2}, // it was read before
	},
	{
		name: "transform",
		do: func(ctx context.Context, s *callindex.Store) error {
			_, err := s.Transform(ctx, func(r *callindex.Record) (*callindex.Record, error) {
				switch {
				case r.Arguments[0] == call(named, 2).Arguments[0]:
					r.Name = renamed
				case r.Arguments[0] == call(named, 4).Arguments[0]:
					r.Metadata = callindex.Metadata{"tags": {"transformed": true}}
				}
				return r, nil
			}, &callindex.TransformOptions{Query: callindex.Query{Name: named}, Parallel: 1})
			return err
		},
		worst: buckettest.Fault{Verb: bucket.Put, Key: object(renamed, 2)},
	},
	{
		name: "fold",
		do: func(ctx context.Context, s *callindex.Store) error {
			_, err := s.Fold(ctx, nil)
			return err
		},
		worst: buckettest.Fault{Verb: bucket.Put, Key: "index/*/manifest.json"},
		keeps: true,
	},
	{
		name: "merge",
		do: func(ctx context.Context, s *callindex.Store) error {
			_, err := s.Fold(ctx, &callindex.FoldOptions{Compact: true})
			return err
		},
		worst: buckettest.Fault{Verb: bucket.Put, Key: "index/*/manifest.json", Nth: 2}, // the first is the fold's
		keeps: true,
	},
	{
		name: "sweep",
		do: func(ctx context.Context, s *callindex.Store) error {
			_, err := s.Sweep(ctx)
			return err
		},
		worst: buckettest.Fault{Key: "index/*/segments/*.parquet"},
		keeps: true,
	},
}

// prepare does what the operations find: segments, merged ones that are to be swept, rows that are deleted, and marks on both sides of the grace.
func prepare(s *callindex.Store, clock *Clock) error {
	ctx := context.Background()
	var failures []error
	save := func(options *callindex.SaveOptions, records ...*callindex.Record) {
		_, err := s.SaveAll(ctx, records, options)
		failures = append(failures, err)
	}
	fold := func(options *callindex.FoldOptions) {
		_, err := s.Fold(ctx, options)
		failures = append(failures, err)
	}
	save(nil, result(0, "first"), result(1, "second"))
	fold(nil)
	save(nil, result(2, "third"), result(3, "fourth"))
	fold(&callindex.FoldOptions{Compact: true})
	save(nil, result(4, "fifth"))
	fold(nil)
	clock.pass(25 * time.Hour)
	save(&callindex.SaveOptions{Replace: true}, result(0, "again"))
	gone := call(named, 1)
	failures = append(failures, s.Evict(ctx, must(gone.Key())))
	clock.pass(callindex.Grace + time.Second)
	save(nil, result(10, "young"), result(11, "young too"))
	return errors.Join(failures...)
}

// prepared are the objects that there are then, in the order in which they were written.
var prepared = sync.OnceValues(func() ([]written, error) {
	clock := &Clock{}
	b := mem.New(&mem.Options{Clock: clock})
	s := callindex.New(b, &callindex.Options{Clock: clock, Entropy: entropy{new(atomic.Uint64)}})
	if err := prepare(s, clock); err != nil {
		return nil, err
	}
	return objects(b)
})

// written is an object, as it was written at a time.
type written struct {
	name    string
	content []byte
	at      time.Time
}

func objects(b bucket.Bucket) ([]written, error) {
	var all []written
	for info, err := range bucket.All(context.Background(), b, bucket.ListOptions{}) {
		if err != nil {
			return nil, err
		}
		content, _, err := bucket.ReadAll(context.Background(), b, info.Key, info.Size)
		if err != nil {
			return nil, err
		}
		all = append(all, written{info.Key, content, info.ModTime})
	}
	slices.SortStableFunc(all, func(a, b written) int { return a.at.Compare(b.at) })
	return all, nil
}

func result(argument int, result string) *callindex.Record {
	return &callindex.Record{Call: call(named, argument), Result: must(digest.Of(result))}
}

// object is the name of a call's record.
func object(function string, argument int) string {
	c := call(function, argument)
	return layout.RecordSpace.Name(must(c.Key()))
}
