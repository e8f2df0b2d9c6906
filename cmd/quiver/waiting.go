package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// silence is how long a request may take before its user is told what is being waited for.
const silence = 3 * time.Second

// waiting is a middleware that says on a terminal, or with -v, that the store is being waited for, and of a request that failed how long that was.
func (a *app) waiting() bucket.Middleware {
	var once sync.Once
	say := func() {
		if a.verbose || isTerminal(a.err) {
			once.Do(func() { fmt.Fprintln(a.err, "quiver: waiting for the store …") })
		}
	}
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			begun := a.clock.Now()
			timer := time.AfterFunc(silence, say)
			defer timer.Stop()
			answer, err := next(ctx, r)
			return answer, waited(err, a.clock.Now().Sub(begun))
		}
	}
}

// waited is a failure with the time that it took to fail, where that was long.
func waited(err error, took time.Duration) error {
	failure, ok := errors.AsType[*bucket.Error](err)
	if !ok || took < silence {
		return err
	}
	timed := *failure
	timed.Err = fmt.Errorf("after %s: %w", took.Round(time.Second), cmp.Or(failure.Err, failure.Kind))
	return &timed
}
