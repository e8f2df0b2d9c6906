package historytest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Clock is moved by hand.
type Clock struct{ passed atomic.Int64 }

// begun is when a new Clock is.
var begun = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Now implements op.Clock.
func (c *Clock) Now() time.Time { return begun.Add(time.Duration(c.passed.Load())) }

// Sleep implements op.Clock: it moves the clock.
func (c *Clock) Sleep(_ context.Context, d time.Duration) error {
	c.pass(d)
	return nil
}

func (c *Clock) pass(d time.Duration) { c.passed.Add(int64(d)) }

func (c *Clock) set(now time.Time) { c.passed.Store(int64(now.Sub(begun))) }

// Timed gives a bucket a clock: its objects and answers have the times that they would have on a store with this clock.
func Timed(b bucket.Bucket, clock op.Clock) bucket.Bucket {
	var written sync.Map // by key
	return bucket.Wrap(b, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			now := clock.Now()
			answer, err := next(ctx, r)
			if err == nil && r.Verb == bucket.Put {
				written.Store(r.Key, now)
			}
			set := func(info *bucket.Info) {
				if t, ok := written.Load(info.Key); ok {
					info.ModTime = t.(time.Time)
				}
			}
			set(&answer.Info)
			answer.Info.Date = now
			for i := range answer.Page.Objects {
				set(&answer.Page.Objects[i])
			}
			answer.Page.Date = now
			if answer.Object != nil {
				answer.Object.Date = now
				set(&answer.Object.Info)
			}
			return answer, err
		}
	})
}

// entropy is without chance: waits are short, and ids are numbers.
type entropy struct{ n *atomic.Uint64 }

func (e entropy) Read(p []byte) (int, error) {
	n := e.n.Add(1)
	for i := range p {
		p[i] = byte(n >> (8 * (i % 8)))
	}
	return len(p), nil
}

// skewed is a client's clock, which is wrong by a constant.
type skewed struct {
	op.Clock
	by time.Duration
}

func (c skewed) Now() time.Time { return c.Clock.Now().Add(c.by) }
