package op

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"golang.org/x/sync/semaphore"
)

// ErrUpgrade is returned when an operation that holds a key for reading asks for it for writing: waiting would deadlock.
var ErrUpgrade = errors.New("a key held for reading cannot be taken for writing inside the same operation")

// held is the context key under which a lock notes what the operation already has.
type held struct {
	lock any
	key  string
}

type serial struct{ turn *semaphore.Weighted }

// Serial lets one operation run at a time, whatever its key. Who waits longest goes first; a wait ends with the deadline of its ctx.
//
// Contract: SerializingMixin.
func Serial() Context { return &serial{semaphore.NewWeighted(1)} }

func (s *serial) Do(ctx context.Context, key string, _ Intent, operation func(context.Context) error) error {
	mine := held{lock: s}
	if ctx.Value(mine) != nil {
		return operation(ctx)
	}
	if err := s.turn.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("waiting for the store's lock (key %s): %w", key, err)
	}
	defer s.turn.Release(1)
	return operation(context.WithValue(ctx, mine, Write))
}

// everyone is the weight of a writer: no reader fits beside it.
const everyone = math.MaxInt64

// perKey holds a lock for each key in use, and none for a key that is not.
type perKey struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	sem   *semaphore.Weighted
	users int // operations that hold or await it
}

// PerKey gives a writer its key alone and lets readers of a key share it. Who waits longest goes first; a wait ends with the
// deadline of its ctx. Nothing is kept for keys that are not in use.
//
// Contract: PerKeyLockMixin.
func PerKey() Context { return &perKey{locks: map[string]*keyLock{}} }

func (p *perKey) Do(ctx context.Context, key string, intent Intent, operation func(context.Context) error) error {
	mine := held{p, key}
	if has, ok := ctx.Value(mine).(Intent); ok {
		if has == Read && intent != Read {
			return fmt.Errorf("key %s: %w", key, ErrUpgrade)
		}
		return operation(ctx)
	}
	weight := int64(everyone)
	if intent == Read {
		weight = 1
	}
	lock := p.join(key)
	defer p.leave(key, lock)
	if err := lock.sem.Acquire(ctx, weight); err != nil {
		return fmt.Errorf("waiting for the lock of key %s: %w", key, err)
	}
	defer lock.sem.Release(weight)
	return operation(context.WithValue(ctx, mine, intent))
}

func (p *perKey) join(key string) *keyLock {
	p.mu.Lock()
	defer p.mu.Unlock()
	lock := p.locks[key]
	if lock == nil {
		lock = &keyLock{sem: semaphore.NewWeighted(everyone)}
		p.locks[key] = lock
	}
	lock.users++
	return lock
}

func (p *perKey) leave(key string, lock *keyLock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if lock.users--; lock.users == 0 {
		delete(p.locks, key)
	}
}
