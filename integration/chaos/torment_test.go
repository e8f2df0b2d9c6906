package chaos_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/op"
)

// tormentor does to the workers, to their network and to their server what may befall them.
type tormentor struct {
	t       *testing.T
	chance  *rand.Rand
	fleet   *fleet
	network *network
	front   *front
	server  *servers.Server
	counts  map[string]int // torments, by name
	later   sync.WaitGroup // what ends a torment
}

// torments are shuffled and taken one after the other, again and again, so that each of them happens.
var torments = map[string]func(c *tormentor, ctx context.Context){
	"kill":     (*tormentor).kill,
	"kill two": func(c *tormentor, ctx context.Context) { c.kill(ctx); c.kill(ctx) },
	"freeze":   (*tormentor).freeze,
	"weather":  (*tormentor).change,
	"mend":     func(c *tormentor, _ context.Context) { c.network.become(calm) },
	"cut":      func(c *tormentor, _ context.Context) { c.network.cut(func() bool { return c.chance.IntN(3) == 0 }) },
	"storm":    (*tormentor).storm,
	"restart":  (*tormentor).restart,
	"silence":  (*tormentor).silence,
}

func (c *tormentor) torment(ctx context.Context) {
	names := slices.Sorted(maps.Keys(torments))
	for {
		c.chance.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			if c.pause(ctx, 200*time.Millisecond, 1800*time.Millisecond) != nil {
				return
			}
			c.counts[name]++
			torments[name](c, ctx)
			c.fleet.check()
		}
	}
}

// end ends what still goes on, and leaves a good network.
func (c *tormentor) end() {
	c.later.Wait()
	c.network.become(calm)
	c.front.storm.Store(0)
	c.network.cut(func() bool { return true }) // those of bad weather
	c.t.Logf("torments: %v; %d requests were struck by storms", c.counts, c.front.hit.Load())
}

// pause waits for some time between two, and fails when ctx has ended before.
func (c *tormentor) pause(ctx context.Context, least, most time.Duration) error {
	select {
	case <-time.After(least + time.Duration(c.chance.Int64N(int64(most-least)))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *tormentor) kill(context.Context) { c.fleet.crash(c.chance.IntN(workers)) }

func (c *tormentor) freeze(ctx context.Context) {
	p := c.fleet.workers[c.chance.IntN(workers)].process
	length := time.Duration(500+c.chance.IntN(4500)) * time.Millisecond
	p.signal(syscall.SIGSTOP)
	c.after(ctx, length, func() { p.signal(syscall.SIGCONT) })
}

// after does something later, at the end of the torment at the latest.
func (c *tormentor) after(ctx context.Context, length time.Duration, do func()) {
	c.later.Go(func() {
		select {
		case <-time.After(length):
		case <-ctx.Done():
		}
		do()
	})
}

func (c *tormentor) change(context.Context) {
	names := slices.Sorted(maps.Keys(weathers))
	weather := names[c.chance.IntN(len(names))]
	c.counts[weather]++
	c.network.become(weather)
	c.network.cut(func() bool { return c.chance.IntN(2) == 0 }) // so that there are new connections soon
}

func (c *tormentor) storm(ctx context.Context) {
	c.front.storm.Store(int64(10 + c.chance.IntN(60)))
	c.after(ctx, time.Duration(500+c.chance.IntN(2500))*time.Millisecond, func() { c.front.storm.Store(0) })
}

func (c *tormentor) restart(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	must(c.t, c.server.Kill(ctx))
	must(c.t, op.SystemClock().Sleep(ctx, time.Duration(c.chance.IntN(1500))*time.Millisecond))
	must(c.t, c.server.Restart(ctx))
}

func (c *tormentor) silence(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	must(c.t, c.server.Stop(ctx))
	must(c.t, op.SystemClock().Sleep(ctx, time.Duration(200+c.chance.IntN(2000))*time.Millisecond))
	must(c.t, c.server.Continue(ctx))
}
