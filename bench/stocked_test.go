package main

import (
	"reflect"
	"slices"
	"testing"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/layout"
)

// TestRecordsThatAreMadeAreThoseOfAStore holds the bucket whose records are made as they are read against one that has them.
func TestRecordsThatAreMadeAreThoseOfAStore(t *testing.T) {
	ctx := t.Context()
	c := newCalls(3, 500).ofOne()
	order, err := c.byKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	index, err := file.New(t.TempDir(), &file.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	made, full := &stocked{index, c, order}, mem.New(nil)
	for _, b := range []bucket.Bucket{index, full} {
		if err := callindex.New(b, nil).Seed(ctx, c.all(), callindex.SeedOptions{Records: b == full}); err != nil {
			t.Fatal(err)
		}
	}
	names := func(b bucket.Bucket, o bucket.ListOptions) (names []string) {
		for info, err := range bucket.All(ctx, b, o) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, info.Key)
		}
		return names
	}
	all := names(full, bucket.ListOptions{Prefix: layout.Calls})
	if len(all) != c.n {
		t.Fatalf("%d records, not %d", len(all), c.n)
	}
	for _, o := range []bucket.ListOptions{
		{Prefix: layout.Calls}, {Prefix: layout.Calls, Limit: 7}, {Prefix: all[10][:len(layout.Calls)+5]}, {Prefix: all[10]},
		{Prefix: layout.Calls, After: all[10], Limit: 90}, {Prefix: layout.Calls, After: all[10] + "/"},
	} {
		if got, want := names(made, o), names(full, o); !slices.Equal(got, want) {
			t.Errorf("%+v lists %d names, not %d", o, len(got), len(want))
		}
	}
	ours, theirs := callindex.New(made, nil), callindex.New(full, nil)
	for _, k := range order[:100] {
		got, err := ours.Load(ctx, k.key)
		if err != nil {
			t.Fatal(err)
		}
		want, err := theirs.Load(ctx, k.key)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Call, want.Call) || got.Result != want.Result || !reflect.DeepEqual(got.Metadata, want.Metadata) {
			t.Errorf("%s is %+v, not %+v", k.key, got, want)
		}
	}
	if there, err := ours.Contains(ctx, mustDigest("no call")); there || err != nil {
		t.Errorf("a key of no call: %t, %v", there, err)
	}
}
