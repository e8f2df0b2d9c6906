package cache

import (
	"cmp"
	"container/list"
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/quivercache/quiver/op"
)

// Options are the settings of a cache. A zero field means the default.
type Options struct {
	Dir    string      // made by the first write; empty: memory only
	Disk   int64       // bytes of files at the most; default 1 GiB; negative: none is written
	Memory int64       // bytes in memory at the most; default 64 MiB; negative: none
	Warn   func(error) // told once, when a range cannot be written; default nobody
	Clock  op.Clock    // default the machine's
}

// Cache keeps ranges of immutable objects. It may be used by many goroutines, and its directory by many processes.
type Cache struct {
	disk disk

	mu      sync.Mutex
	memory  memory
	flights map[extent]*flight
	stats   Stats
}

// extent is a range of an object.
type extent struct {
	object         string
	offset, length int64
}

// Fetch reads a range from the store. It gives the bytes away.
type Fetch func(ctx context.Context) ([]byte, error)

// fraction of a limit that a range may have: a larger one would push out too many others.
const fraction = 4

// New returns a cache. It touches no file before the first Range.
func New(o Options) (*Cache, error) {
	c := &Cache{
		disk:    disk{dir: o.Dir, limit: cmp.Or(o.Disk, 1<<30), clock: cmp.Or(o.Clock, op.SystemClock()), warn: o.Warn},
		memory:  memory{limit: cmp.Or(o.Memory, 64<<20), entries: map[extent]*list.Element{}},
		flights: map[extent]*flight{},
	}
	if o.Dir == "" {
		c.disk.limit = -1
		return c, nil
	}
	var err error
	if c.disk.dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("the directory %s of the local cache: %w", o.Dir, err)
	}
	return c, nil
}

// Range returns the bytes [offset, offset+length) of an object, whose name must be its own in all the world: the store's id and the object's name. They come from memory, from the directory, or
// from fetch, and then are kept; Range fails if fetch returns another number of bytes. They are shared: nobody may change them.
//
// Of those who ask for one range at the same time, one has it fetched, and all get the answer, or its failure, which is not kept. A caller whose ctx ends gets the cause and leaves the others
// alone: fetch must use the ctx that it is given, which has the values of that one caller's and ends when nobody waits any more.
func (c *Cache) Range(ctx context.Context, object string, offset, length int64, fetch Fetch) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	e := extent{object, offset, length}
	c.mu.Lock()
	kept := c.memory.get(e)
	if kept == nil {
		f := c.join(ctx, e, fetch)
		c.mu.Unlock()
		return c.wait(ctx, f)
	}
	c.stats.Memory.add(length)
	c.mu.Unlock()
	if c.disk.dir != "" {
		kept.used.Store(c.disk.touch(e, kept.used.Load()))
	}
	return kept.content, nil
}

// Stats says where ranges came from, and how many are in memory.
type Stats struct {
	Memory, Disk, Fetched, Held Count
	Shared                      int64 // ranges that came with another caller's, from disk or store
	Damaged                     int64 // files that were not what their names said
}

// Count is a number of ranges, and of their bytes.
type Count struct{ Ranges, Bytes int64 }

func (n *Count) add(bytes int64) {
	n.Ranges++
	n.Bytes += bytes
}

// Stats returns what was counted since New.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.Held = Count{int64(len(c.memory.entries)), c.memory.size}
	stats.Damaged = c.disk.damaged.Load()
	return stats
}
