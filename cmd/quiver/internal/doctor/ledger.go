package doctor

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/quivercache/quiver/bucket"
)

// ledger knows which objects may be in the folder. Its zero value is ready.
type ledger struct {
	mu      sync.Mutex
	present map[string]bool // nil until there was one
}

// note is a middleware that keeps the ledger.
func (l *ledger) note(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		switch r.Verb {
		case bucket.Put:
			l.put(r.Key, err)
		case bucket.Delete, bucket.DeleteIf, bucket.Removal:
			if err == nil || errors.Is(err, bucket.ErrNotFound) {
				l.removed(r.Key)
			}
		case bucket.DeleteAll:
			if err == nil {
				l.removed(r.Keys...)
			}
		}
		return answer, err
	}
}

// put notes a write, which may have landed though it was not answered, or was refused by an object that is there.
func (l *ledger) put(key string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.Contains([]error{nil, bucket.ErrExists, bucket.ErrThrottled, bucket.ErrUnavailable}, bucket.Kind(err)) {
		l.add(key)
	}
}

// add notes an object. The lock must be held.
func (l *ledger) add(key string) {
	if l.present == nil {
		l.present = map[string]bool{}
	}
	l.present[key] = true
}

// found notes an object that a listing shows.
func (l *ledger) found(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(key)
}

func (l *ledger) removed(keys ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		delete(l.present, key)
	}
}

// keys are those of the objects that may be there, ascending.
func (l *ledger) keys() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.present))
}

// used says whether there ever may have been an object.
func (l *ledger) used() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.present != nil
}
