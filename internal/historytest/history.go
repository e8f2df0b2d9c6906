// Package historytest tries the call index on any bucket, for tests: in histories of chance ([Try]), and with one crash after another ([Crashes]).
//
// A history is what several clients do to one bucket, by chance: an operation may be interrupted before and after any of its requests by another client's, its client may crash there, its process may be frozen there, and a write may
// land long after its client has given it up. Whatever happens, every query finds what a scan of all records would have found at some moment while it ran, and nothing is lost.
package historytest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// history is a bucket, its clock and its clients. Requests of one client run beside each other, so what they share is locked.
type history struct {
	bucket  bucket.Bucket
	clock   *Clock
	entropy op.Entropy

	mu      sync.Mutex
	chance  *rand.Rand
	clients []*historian
	late    []late
	saved   int
	log     []string
	failure error

	landing sync.RWMutex // a request that has been found to be in time lands before time passes
	writes  sync.Mutex   // one at a time, with what it makes true
	queries []*watched   // under way
}

func newHistory(b bucket.Bucket, clock *Clock, seed uint64) *history {
	h := &history{bucket: b, clock: clock, entropy: entropy{new(atomic.Uint64)}, chance: rand.New(rand.NewPCG(seed, 0))}
	for n := range 3 {
		h.clients = append(h.clients, h.client(n))
	}
	return h
}

// draw is a number below n, by chance.
func (h *history) draw(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.chance.IntN(n)
}

func pick[T any](h *history, from ...T) T { return from[h.draw(len(from))] }

func (h *history) logf(depth int, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, strings.Repeat("  ", depth)+h.clock.Now().Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

// fail ends the history.
func (h *history) fail(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		h.failure = fmt.Errorf(format, args...)
	}
}

func (h *history) failed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failure != nil
}

// pass lets time go by. What was sent lands before it is too old to.
func (h *history) pass(d time.Duration) {
	end := h.clock.Now().Add(d)
	for {
		h.landing.Lock()
		h.mu.Lock()
		slices.SortFunc(h.late, func(a, b late) int { return a.sent.Compare(b.sent) })
		if len(h.late) == 0 || h.late[0].sent.Add(lands).After(end) {
			h.clock.passed.Add(int64(max(0, end.Sub(h.clock.Now()))))
			h.mu.Unlock()
			h.landing.Unlock()
			return
		}
		first := h.late[0]
		h.late = h.late[1:]
		h.clock.passed.Add(int64(max(0, first.sent.Add(lands-time.Second).Sub(h.clock.Now()))))
		h.mu.Unlock()
		h.landing.Unlock()
		first.land()
	}
}

// Seed returns a seed by chance.
func Seed() uint64 {
	var random [8]byte
	if _, err := io.ReadFull(op.SystemEntropy(), random[:]); err != nil {
		panic(err) // a machine without chance
	}
	return binary.LittleEndian.Uint64(random[:]) >> 1
}

// Try lets several clients do this and that to an empty bucket whose clock is this one (see Timed), as the seed has it, and says what went wrong.
func Try(b bucket.Bucket, clock *Clock, seed uint64) error {
	h := newHistory(b, clock, seed)
	for range 1 + h.draw(25) {
		h.step(0)
	}
	h.end()
	if h.failure != nil {
		return fmt.Errorf("the history of seed %d:\n%s\n%w", seed, strings.Join(h.log, "\n"), h.failure)
	}
	return nil
}

// TryFor tries one seed after another, several at once, until some time is over by the clock or one goes wrong. It returns how many it has tried.
func TryFor(d time.Duration, clock op.Clock, atOnce int, first uint64, try func(seed uint64) error) (int, error) {
	end := clock.Now().Add(d)
	group, ctx := errgroup.WithContext(context.Background())
	group.SetLimit(atOnce)
	n := 0
	for ; ctx.Err() == nil && clock.Now().Before(end); n++ {
		seed := first + uint64(n)
		group.Go(func() error { return try(seed) })
	}
	return n, group.Wait()
}
