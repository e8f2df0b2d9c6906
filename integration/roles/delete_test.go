package roles_test

import (
	"context"
	"errors"
	"strings"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// deletes are the errands of janitors. Who may write and not delete leaves a mark, or a fold that others do again: both cost a request, and no more.
var deletes = []errand{
	{name: "evict a call", denied: janitors, leaves: []string{layout.Index}, begin: saved(2), do: func(ctx context.Context, v *visit) error {
		return v.found(ctx, 1, v.store.Calls.Evict(ctx, v.key(0)))
	}},
	{name: "evict calls by a query", denied: janitors, leaves: []string{layout.Index}, begin: saved(3), do: func(ctx context.Context, v *visit) error {
		return v.found(ctx, 0, is(3)(v.store.Query(quiver.Query{Name: v.name}).Evict(ctx)))
	}},
	{name: "evict a value", denied: deleters, begin: savedResults(1), do: func(ctx context.Context, v *visit) error {
		if err := v.store.Values.Evict(ctx, v.result(0)); err != nil {
			return err
		}
		return is(false)(v.host.Values.Contains(ctx, v.result(0)))
	}},
	{name: "fold", denied: janitors, leaves: []string{layout.Index}, begin: saved(3), do: func(ctx context.Context, v *visit) error {
		done, err := v.store.Fold(ctx, &quiver.FoldOptions{Function: v.name})
		return v.marks(ctx, 0, is(3)(done.Rows, err))
	}},
	{name: "merge", denied: denial{reader: "s3:PutObject"}, begin: segmented, do: func(ctx context.Context, v *visit) error {
		if err := only(v.store.Fold(ctx, &quiver.FoldOptions{Function: v.name, Compact: true})); err != nil {
			return err
		}
		if err := v.loaded(ctx, v.host, 0); err != nil {
			return err
		}
		return is(1)(v.segments(ctx))
	}},
	{name: "sweep", denied: janitors, leaves: []string{layout.Index}, begin: orphaned, do: func(ctx context.Context, v *visit) error {
		done, err := v.store.Sweep(ctx)
		return is(true)(done.Deleted > 0, err)
	}},
	{name: "repair", denied: janitors, leaves: []string{layout.Index}, begin: unlisted, do: func(ctx context.Context, v *visit) error {
		err := v.checked(ctx, &quiver.CheckOptions{Repair: true}, callindex.UnlistedCall)
		return v.found(ctx, 1, err)
	}},
	{name: "remove garbage", denied: janitors, leaves: []string{layout.Index}, begin: old, do: func(ctx context.Context, v *visit) error {
		g, err := v.store.FindGarbage(ctx, &quiver.GCOptions{MaxAge: maxAge})
		if err != nil {
			return err
		}
		defer g.Close()
		done, err := g.Remove(ctx)
		if err == nil && done.Calls == 0 {
			err = errors.New("nothing was removed")
		}
		return v.found(ctx, 0, err)
	}},
	{name: "move a call to another key", denied: janitors, leaves: []string{layout.Index, layout.Calls}, begin: saved(1), do: func(ctx context.Context, v *visit) error {
		done, err := v.store.Calls.Transform(ctx, func(r *callindex.Record) (*callindex.Record, error) {
			r.Name += "-moved"
			return r, nil
		}, &callindex.TransformOptions{Query: quiver.Query{Name: v.name}})
		return v.found(ctx, 0, is(callindex.Transform{Seen: 1, Moved: 1})(done, err))
	}},
	{name: "move calls to elsewhere", denied: janitors, leaves: []string{layout.Index}, begin: saved(2), do: func(ctx context.Context, v *visit) error {
		elsewhere, err := quiver.New(ctx, mem.New(nil), nil)
		if err != nil {
			return err
		}
		sum, err := v.store.Query(quiver.Query{Name: v.name}).Transfer(ctx, elsewhere, &quiver.TransferOptions{Move: true})
		return v.found(ctx, 0, is(2)(sum.Moved, err))
	}},
	{name: "remove a lease", denied: deleters, begin: leased, do: func(ctx context.Context, v *visit) error {
		for l, err := range v.store.Leases.List(ctx) {
			if err == nil && l.Key == v.key(0) {
				err = v.store.Leases.Remove(ctx, l)
			}
			if err != nil {
				return err
			}
		}
		return miss(only(v.host.Leases.Get(ctx, v.key(0))))
	}},
	{name: "delete many objects", denied: deleters, begin: savedResults(2), do: func(ctx context.Context, v *visit) error {
		names := []string{layout.ValueSpace.Name(v.result(0)), layout.ValueSpace.Name(v.result(1))}
		if err := bucket.RemoveAll(ctx, v.bucket, names, 1); err != nil {
			return err
		}
		return miss(only(v.host.Values.LoadBytes(ctx, v.result(1), 1000)))
	}},
	{name: "look and delete", denied: deleters, begin: savedResults(1), do: func(ctx context.Context, v *visit) error {
		return v.bucket.Delete(ctx, layout.ValueSpace.Name(v.result(0)))
	}},
	// What quiver doctor tries is in a folder of its own, where who may write may delete.
	{name: "delete what the doctor wrote", denied: denial{reader: "s3:DeleteObject"}, begin: examined, do: func(ctx context.Context, v *visit) error {
		return bucket.Remove(ctx, v.bucket, v.examination())
	}},
}

// segmented has two segments in the function's shard, or more. A fold may have merged those that others have left there: then the next one makes the second.
func segmented(ctx context.Context, v *visit) error {
	for i := range 4 {
		if err := v.save(ctx, v.host, i); err != nil {
			return err
		}
		if err := only(v.host.Fold(ctx, &quiver.FoldOptions{Function: v.name})); err != nil {
			return err
		}
		segments, err := v.segments(ctx)
		if err != nil || segments >= 2 {
			return err
		}
	}
	return errors.New("each fold is merged at once")
}

// segments is how many segments the function's shard has.
func (v *visit) segments(ctx context.Context) (int, error) {
	files, err := v.host.Calls.Snapshot(ctx)
	n := 0
	for _, f := range files {
		if strings.HasPrefix(f.Name, layout.SegmentFolder(layout.FunctionOf(v.name).Shard())) {
			n++
		}
	}
	return n, err
}

// orphaned leaves an object of a segment in the function's shard that no manifest lists, as a fold does that was killed.
func orphaned(ctx context.Context, v *visit) error {
	if err := folded(1)(ctx, v); err != nil {
		return err
	}
	orphan := layout.Segment{Shard: layout.FunctionOf(v.name).Shard(), ID: digest.OfBytes([]byte(v.name)).String()[:32]}
	return v.near.Put(ctx, orphan.Table(), bucket.Bytes([]byte("orphan")), bucket.IfAbsent())
}

// unlisted loses the mark of a call, so that no query finds it.
func unlisted(ctx context.Context, v *visit) error {
	if err := saved(1)(ctx, v); err != nil {
		return err
	}
	for info, err := range bucket.All(ctx, v.near, bucket.ListOptions{Prefix: layout.MarkFolder(layout.FunctionOf(v.name))}) {
		if err == nil {
			err = v.near.Delete(ctx, info.Key)
		}
		if err != nil {
			return err
		}
	}
	return v.finds(ctx, v.host, 0)
}

// marks says whether the function has so many marks.
func (v *visit) marks(ctx context.Context, want int, err error) error {
	if err != nil {
		return err
	}
	page, err := v.near.List(ctx, bucket.ListOptions{Prefix: layout.MarkFolder(layout.FunctionOf(v.name))})
	return is(want)(len(page.Objects), err)
}

func (v *visit) examination() string { return "quiver-doctor/" + v.object() }

func examined(ctx context.Context, v *visit) error {
	return v.near.Put(ctx, v.examination(), bucket.Bytes([]byte("tried")), bucket.IfAbsent())
}
