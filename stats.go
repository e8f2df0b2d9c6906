package quiver

import (
	"maps"
	"sync"
	"time"
)

// Miss is why a call was not answered from the store.
type Miss string

// The reasons of a miss.
const (
	MissNew     Miss = "new"     // nothing is remembered
	MissExpired Miss = "expired" // it is older than FuncOptions.TTL
	MissError   Miss = "error"   // an error is remembered, and FuncOptions.KeepErrors is not set
	MissDamaged Miss = "damaged" // the record or the value cannot be believed
	MissLost    Miss = "lost"    // the record is there, the value is not
	MissUnfit   Miss = "unfit"   // the value does not fit the function's type
)

// Stats counts what the memoised functions of a Store did since it was opened, and what its queries passed over.
type Stats struct {
	Hits    int64          // calls answered from the store
	Misses  map[Miss]int64 // calls that were not, by reason
	Shared  int64          // callers that were given what another caller's call came to, of the same key and at the same time
	Awaited int64          // times that a call waited for another process, by FuncOptions.Once

	Computed   int64 // functions that were run
	Errors     int64 // of them, those that failed or panicked
	Saved      int64 // results, and errors that are kept, that were saved
	Superseded int64 // results that were dropped, since another process had saved one first
	Unsaved    int64 // results, and errors, that were not to be remembered: by CacheIf, Require, KeepErrors

	Failures int64 // look-ups and saves that failed
	Skipped  int64 // look-ups and saves that were not attempted, since the store had failed shortly before

	PassedOver int64 // damaged records that queries and transformations met, each time

	Waiting  int64         // callers that are waiting now
	TimeKept time.Duration // computing that hits made needless, where the records say how long it took
}

// Stats returns what was counted so far. It may be called at any time.
func (s *Store) Stats() Stats {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	stats := s.tally.stats
	stats.Misses = maps.Clone(stats.Misses)
	return stats
}

// tally is the Stats as they are being counted.
type tally struct {
	mu    sync.Mutex
	stats Stats
}

func (t *tally) count(change func(*Stats)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.stats)
}

func (t *tally) miss(m Miss) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stats.Misses == nil {
		t.stats.Misses = map[Miss]int64{}
	}
	t.stats.Misses[m]++
}
