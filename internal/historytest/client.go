package historytest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// late is a write that has not landed yet.
type late struct {
	sent time.Time
	land func()
}

// historian is a client. Its requests go through handle.
type historian struct {
	*history
	number, depth int
	store         *callindex.Store

	busy      bool
	countdown int // requests until it is interrupted; 0: never
	before    bool
	interrupt func()
	crashed   bool
	delayed   bool // the next record write lands later

	interrupted sync.WaitGroup // what interrupts it: an operation may end before, where one of its requests has failed
}

func (h *history) client(n int) *historian {
	c := &historian{history: h, number: n}
	clock := skewed{h.clock, []time.Duration{0, time.Hour, -time.Hour}[n%3]}
	c.store = callindex.New(bucket.Wrap(h.bucket, c.handle), &callindex.Options{Clock: clock, Entropy: h.entropy})
	return c
}

// lands is how long after it was sent a request may land: then S3 refuses its signature.
const lands = 15 * time.Minute

// handle is the middleware of a client.
func (c *historian) handle(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		sent, stale := c.clock.Now(), op.StillFresh(ctx)
		ctx = op.WhileFresh(ctx, func() error { return nil }) // it has left
		strikes := c.strikes()
		if strikes {
			defer c.interrupted.Done()
		}
		if strikes && c.before {
			c.interrupt()
		}
		switch {
		case c.dead():
			return bucket.Answer{}, refusal(r, bucket.ErrRefused, buckettest.ErrCrashed)
		case stale != nil:
			return bucket.Answer{}, refusal(r, bucket.ErrUnavailable, stale)
		case r.Verb.Writes() && strings.HasPrefix(r.Key, layout.Calls) && c.delays():
			c.logf(c.depth, "client %d: %s %s is late", c.number, r.Verb, r.Key)
			c.mu.Lock()
			c.late = append(c.late, late{sent, func() {
				_, err := c.write(context.WithoutCancel(ctx), r, next)
				c.logf(c.depth, "late: %s %s: %v", r.Verb, r.Key, err)
			}})
			c.mu.Unlock()
			return bucket.Answer{}, refusal(r, bucket.ErrUnavailable, errors.New("no answer"))
		}
		answer, err := c.land(ctx, r, next, sent)
		if strikes && !c.before {
			c.interrupt()
		}
		if c.dead() {
			if answer.Object != nil {
				answer.Object.Body.Close()
			}
			return bucket.Answer{}, refusal(r, bucket.ErrRefused, buckettest.ErrCrashed)
		}
		return answer, err
	}
}

// land does a request that was sent then, if it is in time.
func (c *historian) land(ctx context.Context, r *bucket.Request, next bucket.Handler, sent time.Time) (bucket.Answer, error) {
	c.landing.RLock()
	defer c.landing.RUnlock()
	if c.clock.Now().Sub(sent) > lands {
		return bucket.Answer{}, refusal(r, bucket.ErrUnavailable, errors.New("the signature has expired"))
	}
	return c.write(ctx, r, next)
}

func refusal(r *bucket.Request, kind, err error) error {
	return &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: kind, Err: err}
}

// write does a request, and notes for the queries under way what it has changed.
func (h *history) write(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
	if !r.Verb.Writes() || !strings.HasPrefix(r.Key, layout.Calls) {
		return next(ctx, r)
	}
	h.writes.Lock()
	defer h.writes.Unlock()
	answer, err := next(ctx, r)
	for _, w := range h.queries {
		w.look(h)
	}
	return answer, err
}

func (c *historian) strikes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.countdown == 0 {
		return false
	}
	c.countdown--
	if c.countdown > 0 {
		return false
	}
	c.interrupted.Add(1)
	return true
}

func (c *historian) delays() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	delayed := c.delayed
	c.delayed = false
	return delayed
}

func (c *historian) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crashed
}

// take returns a client that is not busy, and makes it so; nil where there is none.
func (h *history) take() *historian {
	n := h.draw(len(h.clients))
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.clients[n]
	if c.busy {
		return nil
	}
	c.busy = true
	return c
}

// arm lets chance interrupt the client in its next operation: it may be frozen, others may do something meanwhile, and it may crash.
func (c *historian) arm() {
	if c.depth == 2 || c.draw(4) == 0 {
		return
	}
	countdown, before, late := 1+c.draw(14), c.draw(2) == 0, c.draw(5) == 0
	freeze := time.Duration(pick(c.history, 0, 0, 0, 1, 200, 400, 2000, 7200)) * time.Second
	steps := pick(c.history, 0, 1, 2, 3)
	crash := c.draw(5) == 0
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delayed, c.countdown, c.before = late, countdown, before
	c.interrupt = func() {
		if freeze > 0 {
			c.logf(c.depth, "client %d is frozen for %v", c.number, freeze)
			c.pass(freeze)
		}
		for range steps {
			c.step(c.depth + 1)
		}
		if crash {
			c.logf(c.depth, "client %d crashes", c.number)
			c.mu.Lock()
			c.crashed = true
			c.mu.Unlock()
		}
	}
}

// disarm ends the operation of a client. One that has crashed is followed by another.
func (c *historian) disarm() {
	c.mu.Lock()
	c.countdown, c.delayed = 0, false
	c.mu.Unlock()
	c.interrupted.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if c.crashed {
		c.clients[c.number] = c.client(c.number)
	}
}
