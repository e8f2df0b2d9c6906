package adapters_test

import (
	"context"
	"slices"
	"testing"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func TestABridgeMeetsTheContract(t *testing.T) {
	always := []bucket.Verb{bucket.GetRange, bucket.Removal, bucket.ListFolders}
	for name, c := range map[string]struct {
		options adapters.Options
		prefix  string
		single  bool // the cloud has no extras of its own
		extras  []bucket.Verb
	}{
		"bare":                 {single: true},
		"prefixed":             {prefix: "team/", options: adapters.Options{ConditionalDelete: true}, extras: []bucket.Verb{bucket.DeleteIf, bucket.DeleteAll, bucket.ListUploads}},
		"from start":           {options: adapters.Options{FromStart: true, PageSize: 3}, extras: []bucket.Verb{bucket.DeleteAll, bucket.ListUploads}},
		"from start, prefixed": {single: true, options: adapters.Options{FromStart: true, ConditionalDelete: true}, prefix: "a.b/c/", extras: []bucket.Verb{bucket.DeleteIf}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			buckettest.Run(t, func(t *testing.T) bucket.Bucket {
				service := newCloud()
				service.single = c.single
				b := service.bridge(t, &c.options)
				if c.prefix == "" {
					return b
				}
				under, err := bucket.Under(b, c.prefix)
				if err != nil {
					t.Fatal(err)
				}
				return under
			}, slices.Concat(always, c.extras)...)
		})
	}
}

func TestUploadsOfABridgeMeetTheContract(t *testing.T) {
	for _, options := range []*adapters.Options{nil, {PageSize: 2}} {
		buckettest.RunUploads(t, func(t *testing.T) (bucket.Bucket, buckettest.Begin) {
			service := newCloud()
			return service.bridge(t, options), func(_ context.Context, key string) error {
				service.store.BeginUpload(key)
				return nil
			}
		})
	}
}

func TestTheModelAgreesWithABridge(t *testing.T) {
	t.Parallel()
	buckettest.Model(t, func() bucket.Bucket {
		return newCloud().bridge(t, &adapters.Options{ConditionalDelete: true})
	})
}
