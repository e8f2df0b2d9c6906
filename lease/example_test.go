package lease_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/lease"
	"github.com/quivercache/quiver/op"
)

func ExampleLeases_Take() {
	ctx, b := context.Background(), mem.New(nil)
	call := digest.OfBytes([]byte("train 1"))
	one := lease.New(b, &lease.Options{Owner: "one"})
	other := lease.New(b, &lease.Options{Owner: "other"})

	l, err := one.Take(ctx, lease.Claim{Key: call, Term: time.Minute}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	stop := l.Keep(ctx, nil)

	_, err = other.Take(ctx, lease.Claim{Key: call, Term: time.Minute}, &lease.Waiting{Not: true})
	if held, ok := errors.AsType[*lease.HeldError](err); ok {
		fmt.Println(held.Owner, "has it:", held.State)
	}

	fmt.Println(stop(), l.Release(ctx))
	_, err = other.Take(ctx, lease.Claim{Key: call, Term: time.Minute}, &lease.Waiting{Not: true})
	fmt.Println(err)
	// Output:
	// one has it: held
	// <nil> <nil>
	// <nil>
}

func ExampleLeases_Context() {
	ctx, b := context.Background(), mem.New(nil)
	call := digest.OfBytes([]byte("train 1"))
	once := op.Chain(op.PerKey(), lease.New(b, nil).Context(time.Minute))
	err := once.Do(ctx, call.String(), op.Write, func(context.Context) error {
		fmt.Println("nobody else is at it")
		return nil
	})
	fmt.Println(err)
	// Output:
	// nobody else is at it
	// <nil>
}
