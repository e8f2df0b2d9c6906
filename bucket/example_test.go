package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

// A counter that many clients can add to: read, then replace just the version that was read, and start over after a lost race.
func Example() {
	ctx := context.Background()
	b := mem.New(nil)
	if err := b.Put(ctx, "counter", bucket.Bytes([]byte("0")), bucket.IfAbsent()); err != nil {
		fmt.Println(err)
	}
	add := func() error {
		for {
			content, info, err := bucket.ReadAll(ctx, b, "counter", 100)
			if err != nil {
				return err
			}
			var n int
			if _, err := fmt.Sscan(string(content), &n); err != nil {
				return err
			}
			err = b.Put(ctx, "counter", bucket.Bytes(fmt.Append(nil, n+1)), bucket.IfMatch(info.Version))
			if !errors.Is(err, bucket.ErrChanged) {
				return err
			}
		}
	}
	fmt.Println(add(), add())
	content, _, err := bucket.ReadAll(ctx, b, "counter", 100)
	fmt.Println(string(content), err)
	// Output:
	// <nil> <nil>
	// 2 <nil>
}

func ExampleAll() {
	ctx := context.Background()
	b := mem.New(nil)
	for _, key := range []string{"values/ab/1", "values/ab/2", "values/cd/3"} {
		if err := b.Put(ctx, key, bucket.Bytes(nil), bucket.IfAbsent()); err != nil {
			fmt.Println(err)
		}
	}
	for info, err := range bucket.All(ctx, b, bucket.ListOptions{Prefix: "values/ab/"}) {
		fmt.Println(info.Key, err)
	}
	// Output:
	// values/ab/1 <nil>
	// values/ab/2 <nil>
}

func ExampleFolders() {
	ctx := context.Background()
	b := mem.New(nil)
	for _, key := range []string{"index/00/manifest.json", "index/25/manifest.json", "index/25/marks/a", "index/readme"} {
		if err := b.Put(ctx, key, bucket.Bytes(nil), bucket.IfAbsent()); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(bucket.Folders(ctx, b, "index/"))
	// Output: [index/00/ index/25/] <nil>
}

func ExampleAs() {
	b, err := bucket.Decorate(mem.New(nil), bucket.Decorators{Prefix: "team/", Limit: 8})
	if err != nil {
		fmt.Println(err)
	}
	_, ok := bucket.As[bucket.ConditionalDeleter](b)
	fmt.Println("can delete conditionally:", ok)
	// Output: can delete conditionally: true
}

func ExampleError() {
	b := bucket.Wrap(mem.New(nil), bucket.ReadOnly())
	err := b.Delete(context.Background(), "calls/ab/abcd.json")
	fmt.Println(errors.Is(err, bucket.ErrRefused), errors.Is(err, bucket.ErrNotFound))
	fmt.Println(err)
	// Output:
	// true false
	// delete calls/ab/abcd.json: the store refused the request; the store was opened read-only
}

// The same counter, by operations that say nothing of conditions and are run again when they have lost a race.
func ExampleConditional() {
	b := bucket.Conditional(mem.New(nil))
	c := op.Conditional(op.Backoff{Base: 10 * time.Millisecond, Cap: time.Second}, 8)
	runs := 0
	add := func(ctx context.Context) error {
		runs++
		content, _, err := bucket.ReadAll(ctx, b, "counter", 100)
		if errors.Is(err, bucket.ErrNotFound) {
			content, err = []byte("0"), nil
		}
		if err != nil {
			return err
		}
		var n int
		if _, err := fmt.Sscan(string(content), &n); err != nil {
			return err
		}
		if runs == 1 { // somebody else is quicker
			if err := b.Put(context.Background(), "counter", bucket.Bytes([]byte("41")), bucket.IfAbsent()); err != nil {
				return err
			}
		}
		return b.Put(ctx, "counter", bucket.Bytes(fmt.Append(nil, n+1)), bucket.IfAbsent())
	}
	err := c.Do(context.Background(), "counter", op.Write, add)
	content, _, _ := bucket.ReadAll(context.Background(), b, "counter", 100)
	fmt.Println(string(content), runs, err)
	// Output: 42 2 <nil>
}
