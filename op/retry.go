package op

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"
)

// Backoff waits between the attempts at one thing: a random time below a bound that doubles from Base to Cap ("full jitter",
// which spreads many clients best). It is the only backoff in Quiver.
type Backoff struct {
	Base, Cap time.Duration
	Clock     Clock
	Entropy   Entropy
}

// Wait waits before attempt n, the first repetition being 1. It fails as Clock.Sleep does.
func (b Backoff) Wait(ctx context.Context, n int) error {
	d, err := b.draw(n)
	if err != nil {
		return err
	}
	return b.Clock.Sleep(ctx, d)
}

func (b Backoff) draw(n int) (time.Duration, error) {
	bound := b.Base
	for ; n > 1 && bound < b.Cap; n-- {
		bound *= 2
	}
	bound = min(bound, b.Cap)
	if bound <= 0 {
		return 0, nil
	}
	var random [8]byte
	if _, err := io.ReadFull(b.Entropy, random[:]); err != nil {
		return 0, fmt.Errorf("drawing a random wait: %w", err)
	}
	return time.Duration(binary.LittleEndian.Uint64(random[:]) % uint64(bound)), nil
}

// Budget bounds the repetitions that all requests of a store make together, so that a store in trouble is not asked many times
// as often as one that is well. A repetition spends a token; a success earns a tenth of one back.
type Budget struct {
	mu     sync.Mutex
	tokens int // in tenths
	most   int
}

const (
	spent  = 10
	earned = 1
)

// NewBudget returns a full budget of so many repetitions.
func NewBudget(repetitions int) *Budget {
	return &Budget{tokens: spent * repetitions, most: spent * repetitions}
}

// Spend takes a token for a repetition and says whether there was one.
func (b *Budget) Spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < spent {
		return false
	}
	b.tokens -= spent
	return true
}

// Earn notes a success.
func (b *Budget) Earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+earned, b.most)
}

type singleAttempt struct{}

// SingleAttempt marks every request under ctx as one that is sent once: decorators and adapters repeat nothing, whatever the answer.
// Record writes are sent so, because each attempt needs a mark of its own.
func SingleAttempt(ctx context.Context) context.Context {
	return context.WithValue(ctx, singleAttempt{}, true)
}

// IsSingleAttempt says whether requests under ctx are sent once.
func IsSingleAttempt(ctx context.Context) bool { return ctx.Value(singleAttempt{}) != nil }

type freshness struct{}

// WhileFresh returns a context whose requests may be sent only as long as the function returns nil. It is asked again as late as can be, when a request is about to leave: a process may be frozen at any point,
// also after it has made up its mind.
func WhileFresh(ctx context.Context, fresh func() error) context.Context {
	return context.WithValue(ctx, freshness{}, fresh)
}

// StillFresh says why a request under ctx may not be sent any more; nil: it may.
func StillFresh(ctx context.Context) error {
	if fresh, ok := ctx.Value(freshness{}).(func() error); ok {
		return fresh()
	}
	return nil
}
