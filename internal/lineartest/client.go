package lineartest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// client is one of those who use the bucket. Its requests are slow, and some of them get no answer: before they have landed, after they have, and before they land later.
type client struct {
	*History
	number int
	bucket bucket.Bucket
	folder string // of the objects in question

	// unanswered is told of a write of such an object that was sent then and has no answer.
	unanswered func(r *bucket.Request, sent moment)
	faults     *atomic.Int64 // that are left to all clients
	late       *sync.WaitGroup

	mu     sync.Mutex
	chance *rand.Rand
}

// moment is when something was: by the counter, and by the clock.
type moment struct {
	tick int64
	at   time.Time
}

func (h *History) moment() moment { return moment{h.tick(), h.options.Clock.Now()} }

// run lets clients do things to the objects in a folder, each so many, and waits until nothing is under way any more.
func (h *History) run(b bucket.Bucket, folder string, live func(c *client) (do func())) {
	var late, clients sync.WaitGroup
	var faults atomic.Int64
	faults.Store(int64(h.options.Faults))
	for n := range h.options.Clients {
		c := &client{History: h, number: n, folder: folder, faults: &faults, late: &late, chance: rand.New(rand.NewPCG(h.options.Seed, uint64(n)))}
		c.bucket = bucket.Wrap(b, c.harm)
		do := live(c)
		clients.Go(func() {
			for range h.options.Operations {
				do()
			}
		})
	}
	clients.Wait()
	late.Wait()
}

// observer returns a client that meets no harm.
func (h *History) observer(b bucket.Bucket) *client {
	return &client{History: h, number: h.options.Clients, bucket: b}
}

// draw returns a number below n.
func (c *client) draw(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chance.IntN(n)
}

// wait waits for a random time.
func (c *client) wait(longest time.Duration) {
	_ = c.options.Clock.Sleep(context.Background(), time.Duration(c.draw(int(longest)+1)))
}

// harm is the middleware of a client.
func (c *client) harm(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		sent, counts := c.moment(), r.Verb.Writes() && strings.HasPrefix(r.Key, c.folder)
		answer, err := c.send(ctx, r, next, counts)
		if counts && noAnswer(err) {
			c.unanswered(r, sent)
		}
		return answer, err
	}
}

// noAnswer says whether a failure leaves open what has come of a request.
func noAnswer(err error) bool {
	return errors.Is(err, bucket.ErrUnavailable) || errors.Is(err, bucket.ErrThrottled)
}

// expected passes over a failure that a client may meet: the store did not answer, or others were faster all the time. Any other is one of the history.
func (c *client) expected(err error) {
	if !noAnswer(err) && !errors.Is(err, bucket.ErrChanged) && !errors.Is(err, context.DeadlineExceeded) {
		c.fail(fmt.Errorf("client %d: %w", c.number, err))
	}
}

// lateness is how much later than others a late write lands, in delays.
const lateness = 20

// send sends a request, or does it harm. Of the writes in question only so many are harmed, since each that has no answer makes the history harder to explain.
func (c *client) send(ctx context.Context, r *bucket.Request, next bucket.Handler, counts bool) (bucket.Answer, error) {
	c.wait(c.options.Delay)
	silence := &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrUnavailable, Err: errors.New("no answer")}
	harm := c.draw(16)
	if harm < 3 && counts && c.faults.Add(-1) < 0 {
		harm = 3
	}
	switch harm {
	case 0:
		return bucket.Answer{}, silence
	case 1:
		if r.Verb.Writes() {
			_, _ = next(ctx, r)
		}
		return bucket.Answer{}, silence
	case 2:
		if counts {
			left := op.WhileFresh(context.WithoutCancel(ctx), func() error { return nil }) // what the sender thinks of it counts no more
			c.late.Go(func() {
				c.wait(lateness * c.options.Delay)
				_, _ = next(left, r)
			})
		}
		return bucket.Answer{}, silence
	}
	answer, err := next(ctx, r)
	c.wait(c.options.Delay)
	return answer, err
}
