package mem_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var extras = []bucket.Verb{bucket.GetRange, bucket.DeleteIf, bucket.Removal, bucket.DeleteAll, bucket.ListFolders, bucket.ListUploads}

func TestMemMeetsTheContract(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return mem.New(nil) }, extras...)
}

func TestMemUnderAPrefixMeetsTheContract(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		under, err := bucket.Under(mem.New(nil), "some/where/")
		if err != nil {
			t.Fatal(err)
		}
		return under
	}, extras...)
}

func TestUploadsInMemMeetTheContract(t *testing.T) {
	buckettest.RunUploads(t, func(*testing.T) (bucket.Bucket, buckettest.Begin) {
		b := mem.New(nil)
		return b, func(_ context.Context, key string) error {
			b.BeginUpload(key)
			return nil
		}
	})
}

// clock stands still.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Sleep(context.Context, time.Duration) error {
	return errors.New("nobody waits here")
}

func TestVersionsNeverRepeatAndTimesAreTheClocks(t *testing.T) {
	c := &clock{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	var _ op.Clock = c
	b := mem.New(&mem.Options{Clock: c})
	seen := map[bucket.Version]bool{}
	for range 10 {
		if err := b.Put(t.Context(), "a", bucket.Bytes([]byte("same")), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		object, err := b.Get(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if seen[object.Version] || !object.ModTime.Equal(c.now) || !object.Date.Equal(c.now) {
			t.Errorf("%+v, at %v", object, c.now)
		}
		seen[object.Version] = true
		if err := b.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(time.Second)
	}
}

func Example() {
	ctx := context.Background()
	b := mem.New(nil)
	fmt.Println(b.Put(ctx, "greeting", bucket.Bytes([]byte("hello")), bucket.IfAbsent()))
	content, _, err := bucket.ReadAll(ctx, b, "greeting", 1<<20)
	fmt.Println(string(content), err)
	// Output:
	// <nil>
	// hello <nil>
}
