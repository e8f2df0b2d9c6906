package callindex

import (
	"github.com/quivercache/quiver/callindex/internal/cache"
	"github.com/quivercache/quiver/op"
)

// CacheOptions say what a store keeps of the index that it has read: segments never change, so a second query needs no request for what the first has read. A zero field means the default.
type CacheOptions struct {
	Dir    string // that processes share; default none: in memory alone
	Disk   int64  // bytes in Dir at the most; default 1 GiB
	Memory int64  // bytes in memory at the most; default 64 MiB; negative: none
	// Warn is told once if Dir cannot be written, which is no failure.
	Warn func(error)
}

// newCache returns a store's cache: in memory alone where its directory cannot be named.
func newCache(o CacheOptions, clock op.Clock) *cache.Cache {
	c, err := cache.New(cache.Options{Dir: o.Dir, Disk: o.Disk, Memory: o.Memory, Warn: o.Warn, Clock: clock})
	if err == nil {
		return c
	}
	if o.Warn != nil {
		o.Warn(err)
	}
	o.Dir = ""
	return newCache(o, clock)
}
