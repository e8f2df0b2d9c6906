package keyspace_test

import (
	"context"
	"fmt"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

func ExampleKeys() {
	ctx, b := context.Background(), mem.New(nil)
	d := digest.OfBytes([]byte("hello"))
	if err := b.Put(ctx, layout.ValueSpace.Name(d), bucket.Bytes(nil), bucket.IfAbsent()); err != nil {
		fmt.Println(err)
		return
	}
	keys := keyspace.New(b, layout.ValueSpace, nil)
	short, err := keys.Shrink(ctx, d)
	fmt.Println(len(short[0]), err)
	full, err := keys.Expand(ctx, short[0])
	fmt.Println(full == d, err)
	// Output:
	// 4 <nil>
	// true <nil>
}
