package failures_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// budgets are what the operations of a store cost: the table of requests in the design, over the wire. A listing is a GET, and on GCS so is a look at an object.
var budgets = []expense{
	{"open", "", "", "", nil, func(_ context.Context, c client) error { c.again(); return nil }},
	{"first read, in a new bucket", "2 GET", "2 GET", "2 GET", nil, missing(func(ctx context.Context, c client) error { return loads("none")(ctx, c.again()) })},
	{"first write, in a new bucket", "GET, 2 PUT", "GET, 2 POST", "GET, 2 PUT", nil, func(ctx context.Context, c client) error { return values("first")(ctx, c.again()) }},
	{"first read", "2 GET", "2 GET", "2 GET", values("there"), func(ctx context.Context, c client) error { return loadsValue("there")(ctx, c.again()) }},
	{"first write", "GET, PUT", "GET, POST", "GET, PUT", nil, func(ctx context.Context, c client) error { return values("other")(ctx, c.again()) }},
	{"the format becomes known", "2 GET", "2 GET", "2 GET", nil, loadsValue("there")},

	{"save small value", "PUT", "POST", "PUT", nil, values("small")},
	{"save small value, there", "PUT", "POST", "PUT", nil, values("small")},
	{"save 1 MiB", "HEAD, PUT", "GET, POST", "HEAD, PUT", nil, largeValues("large")},
	{"save 1 MiB, there", "HEAD", "GET", "HEAD", nil, largeValues("large")},
	{"load value", "GET", "GET", "GET", nil, loadsValue("small")},
	{"load value, 40 MiB and a header", "6 GET", "6 GET", "6 GET", func(ctx context.Context, near client) error {
		return only(near.store.Values.SaveBytes(ctx, content("huge", 40*mebibyte)))
	}, func(ctx context.Context, c client) error {
		return loadValue(ctx, c.store, content("huge", 40*mebibyte))
	}},
	{"contains value", "HEAD", "GET", "HEAD", nil, func(ctx context.Context, c client) error { return only(c.store.Values.Contains(ctx, of("small"))) }},
	{"evict value", "HEAD, DELETE", "DELETE", "DELETE", nil, func(ctx context.Context, c client) error { return c.store.Values.Evict(ctx, of("small")) }},
	{"evict value, prefix", "GET, DELETE", "GET, DELETE", "GET, DELETE", values("small"), func(ctx context.Context, c client) error { return c.store.Values.Evict(ctx, prefix(of("small"))) }},

	{"save the result of a record", "PUT", "POST", "PUT", nil, results("new", 1)},
	{"save record", "2 PUT", "2 POST", "2 PUT", nil, saves("new", nil)},
	{"save record and its value", "3 PUT", "3 POST", "3 PUT", nil, func(ctx context.Context, c client) error { return save(ctx, c.store, "with value", 0) }},
	{"save record, first wins", "2 PUT, GET", "2 POST, GET", "2 PUT, GET", nil, saves("new", nil)},
	{"save record, replacing", "2 PUT, GET, PUT", "2 POST, GET, POST", "2 PUT, GET, PUT", nil, saves("new", &callindex.SaveOptions{Replace: true})},
	{"save the results of 5 records", "5 PUT", "5 POST", "5 PUT", nil, results("together", foundCalls)},
	{"save 5 records of one function", "6 PUT", "6 POST", "6 PUT", nil, func(ctx context.Context, c client) error { return saveTogether(ctx, c.store, "together") }},
	{"load record", "GET", "GET", "GET", nil, loads("new")},
	{"load record, missing", "GET", "GET", "GET", nil, missing(loads("none"))},
	{"contains record", "HEAD", "GET", "HEAD", nil, func(ctx context.Context, c client) error { return only(c.store.Calls.Contains(ctx, keyOf("new", 0))) }},
	{"contains record, prefix", "GET", "GET", "GET", nil, func(ctx context.Context, c client) error {
		return only(c.store.Calls.Contains(ctx, prefix(keyOf("new", 0))))
	}},
	{"expand record", "GET", "GET", "GET", nil, func(ctx context.Context, c client) error {
		return only(c.store.Calls.Expand(ctx, prefix(keyOf("new", 0))))
	}},
	{"shrink record", "2 GET", "2 GET", "2 GET", nil, func(ctx context.Context, c client) error { return only(c.store.Calls.Shrink(ctx, keyOf("new", 0))) }},
	{"evict record", "GET, PUT, DELETE", "GET, POST, DELETE", "GET, PUT, DELETE", nil, func(ctx context.Context, c client) error { return c.store.Calls.Evict(ctx, keyOf("new", 0)) }},
	{"evict record, prefix", "2 GET, PUT, DELETE", "2 GET, POST, DELETE", "2 GET, PUT, DELETE", saves("new", nil),
		func(ctx context.Context, c client) error { return c.store.Calls.Evict(ctx, prefix(keyOf("new", 0))) }},

	{"call, new", "GET, 4 PUT", "GET, 4 POST", "GET, 4 PUT", nil, calls(100)},
	{"call, remembered in its record", "GET", "GET", "GET", nil, calls(100)},
	{"call, new, of 20 KiB", "GET, 4 PUT", "GET, 4 POST", "GET, 4 PUT", nil, calls(20_000)},
	{"call, remembered, of 20 KiB", "2 GET", "2 GET", "2 GET", nil, calls(20_000)},
}

func TestOperationsOfAStoreKeepToTheirBudget(t *testing.T) { spend(t, budgets) }

// A listing is a GET.
func TestAQueryKeepsToItsBudget(t *testing.T) {
	query := func(q quiver.Query) func(ctx context.Context, c client) error {
		return func(ctx context.Context, c client) error { return only(c.store.Query(q).Count(ctx)) }
	}
	one := quiver.Query{Name: "one"}
	fold := func(ctx context.Context, c client) error { return only(c.store.Fold(ctx, nil)) }
	spend(t, []expense{
		{"first query, of a store without calls", "3 GET", "3 GET", "3 GET", values("there"), query(one)},
		{"query, of 1 call", "3 GET", "3 GET", "3 GET", saves("one", nil), query(one)},
		{"query, of 1 call beside 5 of another function", "3 GET", "3 GET", "3 GET",
			func(ctx context.Context, c client) error { return saveTogether(ctx, c.store, "other") }, query(one)},
		{"query, folded", "4 GET", "4 GET", "4 GET", fold, query(one)},
		{"query, folded, for another argument", "2 GET", "2 GET", "2 GET", nil, query(quiver.Query{Name: "one", Args: quiver.Args{"nothing": 1}})},
		{"query, settled", "2 GET", "2 GET", "2 GET", nil, query(quiver.Query{Name: "one", Settled: true})},
		{"fold, of nothing", "5 GET", "5 GET", "5 GET", nil, fold},
		{"fold, of 1 call", "GET, PUT, 3 GET, 3 PUT, POST", "GET, POST, 3 GET, 3 POST, DELETE", "GET, PUT, 3 GET, 3 PUT, DELETE", saves("two", nil), func(ctx context.Context, c client) error {
			return only(c.store.Fold(ctx, &quiver.FoldOptions{Function: "two"}))
		}},
	})
}

func of(name string) digest.Digest { return digest.OfBytes(content(name, 100)) }

func prefix(d digest.Digest) digest.Prefix { return digest.Prefix(d.String()[:16]) }

func values(name string) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error {
		return only(c.store.Values.SaveBytes(ctx, content(name, 100)))
	}
}

func largeValues(name string) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error {
		return only(c.store.Values.SaveBytes(ctx, content(name, mebibyte)))
	}
}

func loadsValue(name string) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error { return loadValue(ctx, c.store, content(name, 100)) }
}

// results saves what the first calls of a function came to. Whoever saves a record whose result he has not saved himself looks for it first.
func results(function string, n int) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error {
		var failures []error
		for i := range n {
			failures = append(failures, only(c.store.Values.SaveBytes(ctx, resultOf(function, i))))
		}
		return errors.Join(failures...)
	}
}

func saves(function string, options *callindex.SaveOptions) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error {
		return only(c.store.Calls.Save(ctx, recordOf(function, 0), options))
	}
}

func loads(function string) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error { return only(c.store.Calls.Load(ctx, keyOf(function, 0))) }
}

// calls calls a memoised function, whose result has so many bytes.
func calls(size int) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error {
		f, err := quiver.Func(c.store, quiver.Def{Name: "bytes", Version: callindex.IntVersion(1)},
			func(_ context.Context, n int) ([]byte, error) { return content("called", n), nil }, nil)
		if err != nil {
			return err
		}
		got, err := f.Call(ctx, size)
		return unless(err, func() error { return same(got, content("called", size)) })
	}
}

func missing(do func(ctx context.Context, c client) error) func(ctx context.Context, c client) error {
	return fails(do, bucket.ErrNotFound, quiver.ErrNotFound)
}

func exists(do func(ctx context.Context, c client) error) func(ctx context.Context, c client) error {
	return fails(do, bucket.ErrExists)
}

// fails demands that an operation fails so.
func fails(do func(ctx context.Context, c client) error, kinds ...error) func(ctx context.Context, c client) error {
	return func(ctx context.Context, c client) error {
		err := do(ctx, c)
		for _, kind := range kinds {
			if errors.Is(err, kind) {
				return nil
			}
		}
		return fmt.Errorf("it has not failed with one of %q, but %w", kinds, err)
	}
}
