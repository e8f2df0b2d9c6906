package lease_test

import (
	"context"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// pass lets time pass in a bubble.
func pass(d time.Duration) { _ = op.SystemClock().Sleep(context.Background(), d) }

// skewed is the machine's clock, off by some time.
type skewed struct{ by time.Duration }

func (c skewed) Now() time.Time { return time.Now().Add(c.by) }

func (c skewed) Sleep(ctx context.Context, d time.Duration) error {
	return op.SystemClock().Sleep(ctx, d)
}

// timeless is a store that does not tell its time.
func timeless(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		answer.Info.Date, answer.Page.Date = time.Time{}, time.Time{}
		if answer.Object != nil {
			answer.Object.Date = time.Time{}
		}
		return answer, err
	}
}

// handClock moves when somebody sleeps.
type handClock struct {
	now   time.Time
	slept []time.Duration
}

func (c *handClock) Now() time.Time { return c.now }

func (c *handClock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return nil
}
