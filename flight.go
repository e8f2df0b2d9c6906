package quiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
)

// outcome is how a call ended, for all who wait for it.
type outcome struct {
	value    any                                // *Out, for one of them alone; nil: there is none
	encoded  *blobstore.Encoded                 // the same, for the others to decode; nil: not encoded yet
	encode   func() (*blobstore.Encoded, error) // encodes value where somebody else waits
	unshared error                              // why that is not possible
	err      error
	panicked *PanicError
	exited   bool // the function ended its goroutine, as t.FailNow does
}

// shared is an outcome that several can take: whoever takes the value shares no memory with the others.
func (o outcome) shared() outcome {
	if o.value == nil || o.encoded == nil && o.err != nil {
		return o
	}
	if o.encoded == nil {
		if o.encoded, o.unshared = o.encode(); o.unshared != nil {
			return o
		}
	}
	clone := *o.encoded
	clone.Data = bytes.Clone(clone.Data)
	o.encoded = &clone
	return o
}

// A PanicError is what a caller gets who waited for another caller's computation, when that panicked. The other caller gets the panic.
type PanicError struct {
	Value any    // what the function panicked with
	Stack []byte // where
}

func (e *PanicError) Error() string { return fmt.Sprintf("the function panicked: %v", e.Value) }

func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var (
	errAbandoned = errors.New("nobody waits for the computation any more")
	errExited    = errors.New("the function neither returned nor panicked: it ended its goroutine")
)

// flights are the calls that are being answered. Callers of one key share one.
type flights struct {
	mu    sync.Mutex
	table map[flightKey]*flight
}

type flightKey struct {
	key     digest.Digest
	refresh bool // whoever asks for a computation is not content with a remembered result
}

// flight answers one call, for whoever joins it.
type flight struct {
	flights *flights
	key     flightKey
	waiting int                     // guarded by flights.mu
	cancel  context.CancelCauseFunc // guarded by flights.mu; nil before the flight has a goroutine

	done    chan struct{}
	outcome outcome // after done
	taken   bool    // its value; guarded by flights.mu
}

// join returns the flight of a key, and whether it is a new one, which the caller must see to.
func (fs *flights) join(key flightKey) (f *flight, isNew bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.table[key]; f != nil {
		f.waiting++
		return f, false
	}
	f = &flight{flights: fs, key: key, waiting: 1, done: make(chan struct{})}
	fs.table[key] = f
	return f, true
}

// try runs something that may answer the call, and ends the flight if it does, or panics.
func (f *flight) try(part func() (o outcome, answered bool)) (answered bool) {
	o := outcome{exited: true} // unless it returns or panics
	answered = true
	defer func() {
		if problem := recover(); problem != nil {
			o = outcome{panicked: &PanicError{Value: problem, Stack: debug.Stack()}}
		}
		if answered {
			f.land()
			f.outcome = o
			close(f.done)
		}
	}()
	if o, answered = part(); answered && f.land() > 1 {
		o = o.shared()
	}
	return answered
}

// fly answers the call in a goroutine of its own, since whoever came first may leave before the others: with the values of his ctx, but not its deadline.
func (f *flight) fly(ctx context.Context, answer func(ctx context.Context) outcome) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	f.flights.mu.Lock()
	f.cancel = cancel
	f.flights.mu.Unlock()
	go func() {
		defer cancel(nil)
		f.try(func() (outcome, bool) { return answer(ctx), true })
	}()
}

// land lets nobody join any more, and returns how many wait.
func (f *flight) land() int {
	f.flights.mu.Lock()
	defer f.flights.mu.Unlock()
	if f.flights.table[f.key] == f {
		delete(f.flights.table, f.key)
	}
	return f.waiting
}

// wait waits for the outcome until the caller's own context ends. When the last caller leaves, the computation is told to stop, and nobody joins it any more.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return nil
	default:
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
	}
	f.flights.mu.Lock()
	defer f.flights.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		if f.flights.table[f.key] == f {
			delete(f.flights.table, f.key)
		}
		if f.cancel != nil { // else it has ended without a goroutine
			f.cancel(errAbandoned)
		}
	}
	return context.Cause(ctx)
}

// take returns the value itself to the first who asks for it, nil to all others.
func (f *flight) take() any {
	f.flights.mu.Lock()
	defer f.flights.mu.Unlock()
	if f.taken {
		return nil
	}
	f.taken = true
	return f.outcome.value
}
