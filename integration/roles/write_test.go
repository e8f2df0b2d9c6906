package roles_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

// writes are the errands of writers: saves, replacements, leases.
var writes = []errand{
	{name: "save a value", denied: writers, do: func(ctx context.Context, v *visit) error {
		return v.there(ctx, 1000, only(v.store.Values.SaveBytes(ctx, v.value(1000))))
	}},
	{name: "save a value of 1 MiB", denied: writers, do: func(ctx context.Context, v *visit) error {
		return v.there(ctx, 1<<20, only(v.store.Values.SaveBytes(ctx, v.value(1<<20))))
	}},
	{name: "save a stream", denied: writers, do: func(ctx context.Context, v *visit) error {
		return v.there(ctx, 2<<20, only(v.store.Values.SaveReader(ctx, bytes.NewReader(v.value(2<<20)), nil)))
	}},
	{name: "upload 20 MiB", denied: writers, do: func(ctx context.Context, v *visit) error {
		if err := v.bucket.Put(ctx, v.object(), bucket.Bytes(v.value(large)), bucket.IfAbsent()); err != nil {
			return err
		}
		info, err := v.near.Stat(ctx, v.object())
		return is[int64](large)(info.Size, err)
	}},
	{name: "upload in vain", denied: writers, begin: func(ctx context.Context, v *visit) error {
		return v.near.Put(ctx, v.object(), bucket.Bytes([]byte("first")), bucket.IfAbsent())
	}, do: inVain},
	{name: "save a call", denied: writers, do: func(ctx context.Context, v *visit) error {
		return v.kept(ctx, v.save(ctx, v.store, 0))
	}},
	{name: "save calls together", denied: writers, begin: savedResults(3), do: func(ctx context.Context, v *visit) error {
		return v.found(ctx, 3, only(v.store.Calls.SaveAll(ctx, []*callindex.Record{v.record(0), v.record(1), v.record(2)}, nil)))
	}},
	{name: "replace a call", denied: writers, begin: saved(1), do: func(ctx context.Context, v *visit) error {
		r := v.record(0)
		r.Metadata = callindex.Metadata{"tags": {"replaced": true}}
		return v.tagged(ctx, only(v.store.Calls.Save(ctx, r, &callindex.SaveOptions{Replace: true})))
	}},
	{name: "change a call in place", denied: writers, begin: saved(1), do: func(ctx context.Context, v *visit) error {
		done, err := v.store.Calls.Transform(ctx, func(r *callindex.Record) (*callindex.Record, error) {
			r.Metadata = callindex.Metadata{"tags": {"replaced": true}}
			return r, nil
		}, &callindex.TransformOptions{Query: quiver.Query{Name: v.name}})
		return v.tagged(ctx, is(1)(done.Changed, err))
	}},
	{name: "heal a value", denied: writers, begin: damaged(func(v *visit) string { return layout.ValueSpace.Name(v.result(0)) }), do: func(ctx context.Context, v *visit) error {
		if err := miss(only(v.store.Values.LoadBytes(ctx, v.result(0), 1000))); err != nil {
			return err
		}
		return v.kept(ctx, only(v.store.Values.SaveBytes(ctx, v.content(0))))
	}},
	{name: "heal a call", denied: writers, begin: damaged(func(v *visit) string { return layout.RecordSpace.Name(v.key(0)) }), do: func(ctx context.Context, v *visit) error {
		return v.kept(ctx, only(v.store.Calls.Save(ctx, v.record(0), nil)))
	}},
	{name: "keep an old value", denied: writers, begin: savedResults(1), do: keepOld},
	{name: "call a function", denied: writers, do: func(ctx context.Context, v *visit) error {
		return v.calls(ctx, v.store, nil, quiver.Stats{Computed: 1, Saved: 1})
	}},
	{name: "refresh a call of a function", denied: writers, begin: called, do: func(ctx context.Context, v *visit) error {
		f, err := v.function(v.store, nil)
		if err != nil {
			return err
		}
		return is(answer)(f.Refresh(ctx, 0))
	}},
	{name: "call a function once", denied: writers, do: func(ctx context.Context, v *visit) error {
		err := v.calls(ctx, v.store, &quiver.FuncOptions[int]{Once: time.Minute}, quiver.Stats{Computed: 1, Saved: 1})
		return v.released(ctx, err)
	}},
	{name: "prepare and commit", denied: writers, do: prepared(func(ctx context.Context, p *quiver.Prepared[int, int]) error {
		return is(answer)(p.Commit(ctx, answer))
	})},
	{name: "prepare and abandon", denied: writers, do: prepared(func(ctx context.Context, p *quiver.Prepared[int, int]) error {
		return p.Abandon(ctx)
	})},
	{name: "break a lease", denied: writers, begin: leased, do: func(ctx context.Context, v *visit) error {
		return only(v.store.Leases.Break(ctx, v.key(0)))
	}},
	{name: "copy to here", denied: writers, do: func(ctx context.Context, v *visit) error {
		elsewhere, err := quiver.New(ctx, mem.New(nil), nil)
		if err == nil {
			err = v.save(ctx, elsewhere, 0)
		}
		if err != nil {
			return fmt.Errorf("preparing: %w", err)
		}
		return v.kept(ctx, only(elsewhere.Query(quiver.Query{}).Transfer(ctx, v.store, nil)))
	}},
	{name: "abort an upload", denied: denial{reader: "s3:AbortMultipartUpload"}, do: func(ctx context.Context, v *visit) error {
		uploads, _ := bucket.As[bucket.Uploads](v.bucket)
		id, err := v.upload(ctx)
		if err != nil {
			return fmt.Errorf("preparing: %w", err)
		}
		err = uploads.AbortUpload(ctx, bucket.Upload{Key: v.object(), ID: id})
		return v.nothingUnfinished(ctx, err)
	}},
	// A function whose store takes nothing runs all the same, unless the store is strict: the reader's result is counted as a failure to save, and nothing else.
	{name: "call a function of a store that is not strict", do: func(ctx context.Context, v *visit) error {
		lenient, err := quiver.New(ctx, v.bucket, &quiver.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		want := quiver.Stats{Computed: 1, Saved: 1}
		if v.role == reader {
			want = quiver.Stats{Computed: 1, Failures: 1}
		}
		return v.calls(ctx, lenient, nil, want)
	}},
}

// inVain uploads in parts what is there already: the parts are judged with the last request, and then removed.
func inVain(ctx context.Context, v *visit) error {
	err := v.bucket.Put(ctx, v.object(), bucket.Bytes(v.value(large)), bucket.IfAbsent())
	if errors.Is(err, bucket.ErrExists) {
		return v.nothingUnfinished(ctx, nil)
	}
	if err == nil {
		return errors.New("the second one won")
	}
	return err
}

// keepOld keeps a value that is older than it is, in the eyes of its user: gc would remove it, so it is written again.
func keepOld(ctx context.Context, v *visit) error {
	aged := bucket.Wrap(v.bucket, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			answer.Info.ModTime = answer.Info.ModTime.Add(-2 * blobstore.KeepFor)
			return answer, err
		}
	})
	name := layout.ValueSpace.Name(v.result(0))
	before, err := v.near.Stat(ctx, name)
	if err != nil {
		return err
	}
	if err := blobstore.New(aged, nil).Keep(ctx, v.result(0)); err != nil {
		return err
	}
	after, err := v.near.Stat(ctx, name)
	if err == nil && after.Version == before.Version {
		err = errors.New("it was not written again")
	}
	return err
}

// prepared prepares a call, whose lease is given back by what ends it.
func prepared(end func(ctx context.Context, p *quiver.Prepared[int, int]) error) func(ctx context.Context, v *visit) error {
	return func(ctx context.Context, v *visit) error {
		f, err := v.function(v.store, nil)
		if err != nil {
			return err
		}
		p, err := f.Prepare(ctx, 0, time.Minute)
		if err != nil {
			return err
		}
		return v.released(ctx, end(ctx, p))
	}
}

// released says whether a lease was written and given back, if it should have been.
func (v *visit) released(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	f, err := v.function(v.host, nil)
	if err != nil {
		return err
	}
	key, err := f.Key(0)
	if err != nil {
		return err
	}
	l, err := v.host.Leases.Get(ctx, key)
	return is(lease.Released)(l.State, err)
}

// there says whether a value is, as root sees it.
func (v *visit) there(ctx context.Context, size int, err error) error {
	if err != nil {
		return err
	}
	got, err := v.host.Values.LoadBytes(ctx, digest.OfBytes(v.value(size)), 1<<30)
	return is(true)(bytes.Equal(got, v.value(size)), err)
}

// kept says whether the first call is, with its result, as root sees it.
func (v *visit) kept(ctx context.Context, err error) error {
	if err == nil {
		err = v.loaded(ctx, v.host, 0)
	}
	return err
}

// found says whether the function has so many calls, as root sees it.
func (v *visit) found(ctx context.Context, calls int, err error) error {
	if err == nil {
		err = v.finds(ctx, v.host, calls)
	}
	return err
}

// tagged says whether the first call was replaced, as root sees it.
func (v *visit) tagged(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	r, err := v.host.Calls.Load(ctx, v.key(0))
	if err != nil {
		return err
	}
	return is[any](true)(r.Metadata["tags"]["replaced"], nil)
}
