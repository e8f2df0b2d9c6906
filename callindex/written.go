package callindex

import (
	"maps"
	"slices"
	"sync"
)

// writtenLimit is how many functions a store remembers to have written calls of.
const writtenLimit = 1000

// written are the names of the functions whose calls were written.
type written struct {
	mu    sync.Mutex
	names map[string]bool
}

func (w *written) add(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names == nil {
		w.names = map[string]bool{}
	}
	if len(w.names) < writtenLimit {
		w.names[name] = true
	}
}

// Written returns the names of the functions whose calls this store has saved or evicted, up to 1,000 of them, in order.
func (s *Store) Written() []string {
	s.written.mu.Lock()
	defer s.written.mu.Unlock()
	return slices.Sorted(maps.Keys(s.written.names))
}
