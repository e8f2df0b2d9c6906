package bucket_test

import (
	"context"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

var allExtras = []bucket.Verb{bucket.GetRange, bucket.DeleteIf, bucket.Removal, bucket.DeleteAll, bucket.ListFolders, bucket.ListUploads}

func prefixed(t *testing.T, b bucket.Bucket, prefix string) bucket.Bucket {
	t.Helper()
	under, err := bucket.Under(b, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return under
}

func decorated(t *testing.T, b bucket.Bucket, d bucket.Decorators) bucket.Bucket {
	t.Helper()
	b, err := bucket.Decorate(b, d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func full(d bucket.Decorators) bucket.Decorators {
	d.Limit, d.Meter = 8, bucket.NewMeter(op.SystemClock())
	return d
}

func TestEveryDecoratorMeetsTheContract(t *testing.T) {
	for name, decorate := range map[string]func(t *testing.T, b bucket.Bucket) bucket.Bucket{
		"retry": func(_ *testing.T, b bucket.Bucket) bucket.Bucket {
			return bucket.Wrap(b, bucket.Retry(bucket.RetryOptions{}))
		},
		"limit": func(_ *testing.T, b bucket.Bucket) bucket.Bucket { return bucket.Wrap(b, bucket.Limit(3)) },
		"observe": func(_ *testing.T, b bucket.Bucket) bucket.Bucket {
			return bucket.Wrap(b, bucket.Observe(bucket.NewMeter(op.SystemClock())))
		},
		"prefix":        func(t *testing.T, b bucket.Bucket) bucket.Bucket { return prefixed(t, b, "team/") },
		"prefix, twice": func(t *testing.T, b bucket.Bucket) bucket.Bucket { return prefixed(t, prefixed(t, b, "a.b/c/"), "d-/") },
		"retry, prefixed": func(t *testing.T, b bucket.Bucket) bucket.Bucket {
			return prefixed(t, bucket.Wrap(b, bucket.Retry(bucket.RetryOptions{})), "team/")
		},
		"limit, prefixed": func(t *testing.T, b bucket.Bucket) bucket.Bucket {
			return prefixed(t, bucket.Wrap(b, bucket.Limit(3)), "team/")
		},
		"observe, prefixed": func(t *testing.T, b bucket.Bucket) bucket.Bucket {
			return prefixed(t, bucket.Wrap(b, bucket.Observe(bucket.NewMeter(op.SystemClock()))), "team/")
		},
		"conditional": func(_ *testing.T, b bucket.Bucket) bucket.Bucket { return bucket.Conditional(b) },
		"decorate":    func(t *testing.T, b bucket.Bucket) bucket.Bucket { return decorated(t, b, full(bucket.Decorators{})) },
		"decorate, prefixed": func(t *testing.T, b bucket.Bucket) bucket.Bucket {
			return decorated(t, b, full(bucket.Decorators{Prefix: "team/"}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			buckettest.Run(t, func(t *testing.T) bucket.Bucket { return decorate(t, mem.New(nil)) }, allExtras...)
		})
	}
}

func TestUploadsBehindDecoratorsMeetTheContract(t *testing.T) {
	for _, prefix := range []string{"", "team/", "a.b/c/"} {
		buckettest.RunUploads(t, func(t *testing.T) (bucket.Bucket, buckettest.Begin) {
			store := mem.New(nil)
			store.BeginUpload("other")
			store.BeginUpload("team")
			return decorated(t, store, full(bucket.Decorators{Prefix: prefix})), func(_ context.Context, key string) error {
				store.BeginUpload(prefix + key)
				return nil
			}
		})
	}
}

func TestAReadOnlyBucketMeetsTheContractOfReading(t *testing.T) {
	for name, d := range map[string]bucket.Decorators{"bare": {ReadOnly: true}, "prefixed": full(bucket.Decorators{ReadOnly: true, Prefix: "team/"})} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			buckettest.RunReading(t, func(t *testing.T) (bucket.Bucket, bucket.Bucket) {
				store := mem.New(nil)
				return decorated(t, store, d), decorated(t, store, bucket.Decorators{Prefix: d.Prefix})
			}, allExtras...)
		})
	}
}

func TestTheModelAgreesWithTheWholeStack(t *testing.T) {
	buckettest.Model(t, func() bucket.Bucket {
		b, err := bucket.Decorate(mem.New(nil), bucket.Decorators{Prefix: "team/", Limit: 2, Meter: bucket.NewMeter(op.SystemClock())})
		if err != nil {
			panic(err)
		}
		return b
	})
}
