package roles_test

import (
	"context"
	"testing"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/internal/contracttest"
)

// The whole contract, under a prefix: by a janitor, and by three users of whom each sends what no lesser role may. That shows that a reader's rights are enough for
// every reading request of every operation, and a writer's for every write that deletes nothing.
func TestTheContractHoldsForALeastPrivilegeRole(t *testing.T) {
	t.Run("janitor", func(t *testing.T) {
		t.Parallel()
		held(t, func(as func(role) bucket.Bucket) bucket.Bucket { return as(janitor) })
	})
	t.Run("each request by the least role that may send it", func(t *testing.T) {
		t.Parallel()
		held(t, func(as func(role) bucket.Bucket) bucket.Bucket {
			return divided{reading: as(reader), writing: as(writer), deleting: as(janitor)}
		})
	})
}

// held holds a store to the contract, as users have it. Each row finds it empty. Deletes have no conditions, which MinIO would not keep to.
func held(t *testing.T, bucketOf func(as func(role) bucket.Bucket) bucket.Bucket) {
	t.Helper()
	d := found(t).of(t, prefixed.domain...)
	as := func(t *testing.T) func(who role) bucket.Bucket {
		return func(who role) bucket.Bucket {
			return d.users[who].openWith(t, d.bucket, prefixed.prefix, &s3.Options{CustomEndpoint: true})
		}
	}
	contracttest.Run(t, func(t *testing.T) bucket.Bucket {
		empty(t, as(t)(root))
		return bucketOf(as(t))
	})
}

func empty(t *testing.T, b bucket.Bucket) {
	t.Helper()
	var names []string
	for info, err := range bucket.All(t.Context(), b, bucket.ListOptions{}) {
		must(t, err)
		names = append(names, info.Key)
	}
	must(t, bucket.RemoveAll(t.Context(), b, names, 1))
}

// divided is a bucket whose requests are sent by three users.
type divided struct{ reading, writing, deleting bucket.Bucket }

func (d divided) Get(ctx context.Context, key string) (*bucket.Object, error) {
	return d.reading.Get(ctx, key)
}

func (d divided) Stat(ctx context.Context, key string) (bucket.Info, error) {
	return d.reading.Stat(ctx, key)
}

func (d divided) List(ctx context.Context, options bucket.ListOptions) (bucket.Page, error) {
	return d.reading.List(ctx, options)
}

func (d divided) Put(ctx context.Context, key string, body bucket.Source, condition bucket.Condition) error {
	return d.writing.Put(ctx, key, body, condition)
}

func (d divided) Delete(ctx context.Context, key string) error { return d.deleting.Delete(ctx, key) }

func (divided) Close() error { return nil } // each is closed by whoever opened it

func (d divided) GetRange(ctx context.Context, key string, offset, length int64) (*bucket.Object, error) {
	ranges, _ := bucket.As[bucket.RangeGetter](d.reading)
	return ranges.GetRange(ctx, key, offset, length)
}

func (d divided) ListFolders(ctx context.Context, options bucket.ListOptions) (bucket.FolderPage, error) {
	folders, _ := bucket.As[bucket.FolderLister](d.reading)
	return folders.ListFolders(ctx, options)
}

func (d divided) Remove(ctx context.Context, key string) error {
	return bucket.Remove(ctx, d.deleting, key)
}

func (d divided) DeleteAll(ctx context.Context, keys []string) error {
	bulk, _ := bucket.As[bucket.BulkDeleter](d.deleting)
	return bulk.DeleteAll(ctx, keys)
}
