package blobstore_test

import (
	"runtime"
	"sync"
	"time"
)

// heapGrowth runs f and returns by how many bytes the heap was larger meanwhile than before, as far as samples tell.
func heapGrowth(f func()) uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	before, most := stats.HeapAlloc, stats.HeapAlloc
	done := make(chan struct{})
	var sampling sync.WaitGroup
	sampling.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				runtime.ReadMemStats(&stats)
				most = max(most, stats.HeapAlloc)
			}
		}
	})
	f()
	close(done)
	sampling.Wait()
	return most - before
}
