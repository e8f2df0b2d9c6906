package op_test

import (
	"context"
	"fmt"

	"github.com/quivercache/quiver/op"
)

// timed is a context of one's own: it sees every operation that goes through it.
type timed struct{}

func (timed) Do(ctx context.Context, key string, intent op.Intent, operation func(context.Context) error) error {
	fmt.Println("begins:", intent, key)
	err := operation(ctx)
	fmt.Println("ends:", intent, key, err)
	return err
}

func ExampleChain() {
	c := op.Chain(timed{}, op.PerKey())
	err := c.Do(context.Background(), "abcd", op.Write, func(ctx context.Context) error {
		// The same key again, inside: this does not deadlock, since ctx remembers what is held.
		return c.Do(ctx, "abcd", op.Read, func(context.Context) error {
			fmt.Println("loads abcd")
			return nil
		})
	})
	fmt.Println(err)
	// Output:
	// begins: write abcd
	// begins: read abcd
	// loads abcd
	// ends: read abcd <nil>
	// ends: write abcd <nil>
	// <nil>
}
