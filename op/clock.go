package op

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// Clock tells the time and waits. Now carries a monotonic reading where the machine has one.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or until ctx is done, whose cause it then returns. A wait that would outlast the deadline of ctx fails at
	// once, with context.DeadlineExceeded: there is no use in waiting for a time that is not there.
	Sleep(ctx context.Context, d time.Duration) error
}

type machine struct{}

// SystemClock is the machine's clock.
func SystemClock() Clock { return machine{} }

func (machine) Now() time.Time { return time.Now() }

func (machine) Sleep(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Elapsed is the time from since to now by the wall clock or by the monotonic clock, whichever says longer. A function that its
// platform froze is noticed so: its monotonic clock may have stood still, the wall clock has not; and where the wall clock was set
// back, the monotonic one tells.
func Elapsed(since, now time.Time) time.Duration {
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
}

// Entropy is a source of random bytes, crypto/rand's Reader where nothing else is given.
type Entropy = io.Reader

// SystemEntropy is the machine's cryptographic random source.
func SystemEntropy() Entropy { return rand.Reader }

// NewID returns a random id of 32 hex characters: the write id of a mutable object, the name of a unique one.
func NewID(entropy Entropy) (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(entropy, id[:]); err != nil {
		return "", fmt.Errorf("drawing a random id: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}
