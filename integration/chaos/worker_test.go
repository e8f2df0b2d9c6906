package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// orders are what a worker's process is told, in the environment.
type orders struct {
	Worker int    // which
	Nth    int    // process of this worker
	Seed   uint64 // of its choices
	URL    string // of the store
	Dir    string // of the journals
}

const (
	ordersVariable = "QUIVER_CHAOS_ORDERS"

	handsEach = 2                // hands of a worker
	opTime    = 20 * time.Second // deadline of an operation
	hangTime  = 20 * time.Second // by which an operation may outlast that: a process may be frozen meanwhile
)

// work is what a worker's process does, until its standard input ends. It returns the exit code.
func work(text string) int {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		return 2
	}
	debug.SetTraceback("all") // of who hangs
	if err := o.work(); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}

func (o orders) work() error {
	file, err := os.OpenFile(journalName(o.Dir, o.Worker, o.Nth), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer file.Close()
	chance := rand.New(rand.NewPCG(o.Seed, uint64(o.Worker)<<32|uint64(o.Nth)))
	before := goleak.IgnoreCurrent()
	w := &witness{loose: map[string]bool{}}
	store, err := o.open(w, chance)
	if err != nil {
		return err
	}
	var finish atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		finish.Store(true)
	}()
	var hands sync.WaitGroup
	failures := make([]error, handsEach)
	for i := range handsEach {
		h, err := newHand(o, i, store, w, &journal{file: file}, rand.New(rand.NewPCG(chance.Uint64(), uint64(i))))
		if err != nil {
			return err
		}
		hands.Go(func() {
			for !finish.Load() && failures[i] == nil {
				failures[i] = h.act()
			}
		})
	}
	hands.Wait()
	closed := time.AfterFunc(opTime+foldTime, func() { panic("the store does not close") })
	err = store.Close()
	closed.Stop()
	if isClear(err) {
		err = nil // it was to fold, and the store did not answer
	}
	return errors.Join(errors.Join(failures...), err, goleak.Find(before))
}

// foldTime is how long a store that is closed may fold.
const foldTime = time.Minute

// open opens the store as a program does, and one process is more patient with it than another.
func (o orders) open(w *witness, chance *rand.Rand) (*quiver.Store, error) {
	b, err := all.Open(context.Background(), o.URL)
	if err != nil {
		return nil, err
	}
	patience := []time.Duration{time.Second, 3 * time.Second, 0}
	b, err = bucket.Decorate(bucket.Wrap(b, w.watch), bucket.Decorators{
		Retry: bucket.RetryOptions{Attempts: 4 + chance.IntN(4), Attempt: patience[chance.IntN(len(patience))]}, Limit: 32,
	})
	if err != nil {
		return nil, err
	}
	return quiver.New(context.Background(), b, &quiver.Options{
		Strict: true, Logger: slog.New(slog.DiscardHandler), FoldOnClose: chance.IntN(2) == 0, Owner: fmt.Sprintf("worker %d, process %d", o.Worker, o.Nth),
	})
}

// witness sees, below retries and deadlines, which objects a write was sent for whose outcome nobody knows: it may land later.
type witness struct {
	mu    sync.Mutex
	loose map[string]bool // objects
}

func (w *witness) watch(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		if err != nil && r.Verb.Writes() && isOpen(err) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, name := range append(r.Keys, r.Key) {
				w.loose[name] = true
			}
		}
		return answer, err
	}
}

// isOpen says whether a write that failed so may land all the same.
func isOpen(err error) bool {
	kind := bucket.Kind(err)
	return kind == nil || errors.Is(kind, bucket.ErrUnavailable) || errors.Is(kind, bucket.ErrThrottled)
}

func (w *witness) isLoose(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loose[name]
}

// isClear says whether an operation may fail so: the store did not answer, or others were quicker, too often.
func isClear(err error) bool {
	kind := bucket.Kind(err)
	return errors.Is(kind, bucket.ErrUnavailable) || errors.Is(kind, bucket.ErrThrottled) || errors.Is(kind, bucket.ErrChanged) ||
		errors.Is(err, context.DeadlineExceeded) || err != nil && strings.Contains(err.Error(), tookTooLong)
}

const tookTooLong = "the store took too long"

// bounded runs an operation, which has a deadline. One that outlasts it ends the process with the stacks of all goroutines.
func bounded(operation func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), opTime)
	defer cancel()
	begun := op.SystemClock().Now()
	hung := time.AfterFunc(opTime+hangTime, func() {
		panic(fmt.Sprintf("an operation hangs that began at %v with a deadline of %v", begun, opTime))
	})
	defer hung.Stop()
	return operation(ctx)
}
