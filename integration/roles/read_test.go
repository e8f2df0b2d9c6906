package roles_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// reads are the errands of everybody: hits and misses, queries, looks.
var reads = []errand{
	{name: "load a call", begin: saved(1), do: func(ctx context.Context, v *visit) error { return v.loaded(ctx, v.store, 0) }},
	{name: "miss a call", do: func(ctx context.Context, v *visit) error { return miss(only(v.store.Calls.Load(ctx, v.key(0)))) }},
	{name: "miss a call by the start of its key", do: func(ctx context.Context, v *visit) error { return miss(only(v.store.Calls.Load(ctx, short(v.key(0))))) }},
	{name: "load a value", begin: savedValue(1000), do: func(ctx context.Context, v *visit) error { return v.loadedValue(ctx, 1000) }},
	{name: "load a part of a value", begin: savedValue(1000), do: func(ctx context.Context, v *visit) error {
		ranges, _ := bucket.As[bucket.RangeGetter](v.bucket)
		part, err := ranges.GetRange(ctx, layout.ValueSpace.Name(digest.OfBytes(v.value(1000))), 10, 20)
		if err != nil {
			return err
		}
		defer part.Body.Close()
		got, err := io.ReadAll(part.Body)
		return is(20)(len(got), err)
	}},
	{name: "miss a part of a value", do: func(ctx context.Context, v *visit) error {
		ranges, _ := bucket.As[bucket.RangeGetter](v.bucket)
		_, err := ranges.GetRange(ctx, v.object(), 10, 20)
		return is(bucket.ErrNotFound)(bucket.Kind(err), nil)
	}},
	{name: "miss a value", do: func(ctx context.Context, v *visit) error { return miss(v.loadedValue(ctx, 1000)) }},
	{name: "contains", begin: saved(1), do: func(ctx context.Context, v *visit) error { return is(true)(v.store.Calls.Contains(ctx, v.key(0))) }},
	{name: "contains nothing", do: func(ctx context.Context, v *visit) error { return is(false)(v.store.Calls.Contains(ctx, v.key(0))) }},
	{name: "expand", begin: saved(1), do: func(ctx context.Context, v *visit) error { return is(v.key(0))(v.store.Expand(ctx, short(v.key(0)))) }},
	{name: "expand nothing", do: func(ctx context.Context, v *visit) error { return miss(only(v.store.Expand(ctx, short(v.key(0))))) }},
	{name: "shrink", begin: saved(1), do: func(ctx context.Context, v *visit) error { return only(v.store.Shrink(ctx, v.key(0))) }},
	{name: "ls", begin: saved(1), do: func(ctx context.Context, v *visit) error {
		return errors.Join(has(v.store.Calls.List(ctx, digest.Digest{}), v.key(0)), has(v.store.Values.List(ctx, digest.Digest{}), v.result(0)))
	}},
	{name: "query", begin: saved(3), do: func(ctx context.Context, v *visit) error { return v.finds(ctx, v.store, 3) }},
	{name: "query what is folded", begin: folded(3), do: func(ctx context.Context, v *visit) error { return v.finds(ctx, v.store, 3) }},
	{name: "query and find nothing", do: func(ctx context.Context, v *visit) error { return v.finds(ctx, v.store, 0) }},
	{name: "ls functions", begin: folded(1), do: func(ctx context.Context, v *visit) error {
		all, err := v.store.Calls.Functions(ctx)
		return is(true)(slices.ContainsFunc(all, func(f callindex.Function) bool { return f.Name == v.name }), err)
	}},
	{name: "snapshot", begin: folded(1), do: func(ctx context.Context, v *visit) error {
		files, err := v.store.Calls.Snapshot(ctx)
		return is(true)(len(files) > 0, err)
	}},
	{name: "check", begin: saved(1), do: func(ctx context.Context, v *visit) error { return v.checked(ctx, nil) }},
	{name: "copy to elsewhere", begin: saved(2), do: func(ctx context.Context, v *visit) error {
		elsewhere, err := quiver.New(ctx, mem.New(nil), nil)
		if err != nil {
			return err
		}
		sum, err := v.store.Query(quiver.Query{Name: v.name}).Transfer(ctx, elsewhere, nil)
		return is(2)(sum.Copied, err)
	}},
	{name: "list leases", begin: leased, do: func(ctx context.Context, v *visit) error {
		for l, err := range v.store.Leases.List(ctx) {
			if err != nil || l.Key == v.key(0) {
				return err
			}
		}
		return errors.New("the lease is not listed")
	}},
	{name: "call a function that is remembered", begin: called, do: func(ctx context.Context, v *visit) error {
		return v.calls(ctx, v.store, nil, quiver.Stats{Hits: 1})
	}},
	{name: "look for garbage", begin: old, do: func(ctx context.Context, v *visit) error {
		g, err := v.store.FindGarbage(ctx, &quiver.GCOptions{MaxAge: maxAge})
		if err != nil {
			return err
		}
		defer g.Close()
		if _, denied := v.uploads[v.role]; denied != errors.Is(g.Unlisted, bucket.ErrRefused) { // it goes on without them
			return fmt.Errorf("of unfinished uploads it is told: %w", g.Unlisted)
		}
		return is(true)(g.Calls > 0, nil)
	}},
}

// listUploads is the janitor's of a whole bucket: the right to list unfinished uploads knows no prefix, and who had it would see those of others.
func listUploads(denied denial) errand {
	return errand{name: "list unfinished uploads", denied: denied, do: func(ctx context.Context, v *visit) error {
		uploads, _ := bucket.As[bucket.Uploads](v.bucket)
		return only(uploads.ListUploads(ctx, bucket.ListOptions{Prefix: "values/"}))
	}}
}
