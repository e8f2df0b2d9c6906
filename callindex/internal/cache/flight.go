package cache

import (
	"context"
	"errors"
	"fmt"
)

// flight finds the bytes of one range, for all who wait for them.
type flight struct {
	cancel  context.CancelFunc
	waiting int           // guarded by the cache's mutex
	done    chan struct{} // closed when the rest is set
	content []byte
	from    *Count
	err     error
}

// join returns the flight of a range, a new one where there is none. The mutex must be held.
func (c *Cache) join(ctx context.Context, e extent, fetch Fetch) *flight {
	if f := c.flights[e]; f != nil && f.waiting > 0 {
		f.waiting++
		return f
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{cancel: cancel, waiting: 1, done: make(chan struct{}), err: errors.New("the fetch has ended its goroutine")}
	c.flights[e] = f
	go func() {
		defer cancel()
		defer c.land(e, f)
		f.content, f.from, f.err = c.find(ctx, e, fetch)
	}()
	return f
}

// find returns a range that is not in memory, and where it came from.
func (c *Cache) find(ctx context.Context, e extent, fetch Fetch) ([]byte, *Count, error) {
	if content, ok := c.disk.read(e); ok {
		return content, &c.stats.Disk, nil
	}
	content, err := fetch(ctx)
	if err == nil && int64(len(content)) != e.length {
		err = fmt.Errorf("reading %s at %d: %d bytes came, not the %d that were asked for", e.object, e.offset, len(content), e.length)
	}
	if err != nil {
		return nil, nil, err
	}
	c.disk.write(e, content)
	return content[:e.length:e.length], &c.stats.Fetched, nil // who appends to it gets a copy
}

// land hands a range to all who wait for it, and keeps it in memory.
func (c *Cache) land(e extent, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[e] == f {
		delete(c.flights, e)
	}
	if f.err == nil {
		c.memory.put(e, f.content, c.disk.clock.Now().UnixNano())
		f.from.add(e.length)
		c.stats.Shared += int64(max(f.waiting-1, 0))
	}
	close(f.done)
}

// wait waits for a flight, or the end of the caller's ctx. The last to leave ends the flight; who comes then needs another.
func (c *Cache) wait(ctx context.Context, f *flight) ([]byte, error) {
	select {
	case <-f.done:
		return f.content, f.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
	}
	return nil, context.Cause(ctx)
}
