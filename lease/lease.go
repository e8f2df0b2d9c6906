package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// Lease is a lease that somebody has. It may be used by many goroutines.
type Lease struct {
	leases *Leases
	turn   chan struct{} // one write at a time: who has it may change what follows

	mu        sync.Mutex
	info      Info      // without a version where it is not known what is there
	written   time.Time // when the last write that landed was sent, or earlier
	releasing bool      // a release was begun, and may have landed
	lost      error
}

// have returns a lease that was written just now.
func (l *Leases) have(info Info, written time.Time) *Lease {
	return &Lease{leases: l, turn: make(chan struct{}, 1), info: info, written: written}
}

// Info is what the lease says.
func (l *Lease) Info() Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.info
}

// Lost says that the lease has been lost or given back, as far as its holder knows; nil: he does not know of it. It sends no request and waits for none. A lease that was not renewed for its whole term counts as lost, until it is
// renewed after all: another may have it.
//
// While nobody breaks or removes a lease, at most one of its holders is told nil, unless a clock of his stands still. Who is frozen between being told and what he does then has to bear that another does the same.
func (l *Lease) Lost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.lost != nil:
		return l.lost
	case l.releasing:
		return errReleased
	case l.left() <= 0:
		return fmt.Errorf("%w: it was not renewed for its whole term of %v", ErrLost, l.info.Term)
	}
	return nil
}

var errReleased = fmt.Errorf("%w: its holder has released it", ErrLost)

// left is how much of the term is left. mu must be held.
func (l *Lease) left() time.Duration {
	return l.info.Term - op.Elapsed(l.written, l.leases.clock.Now())
}

// Renew makes the lease hold for a whole term from now on, by a PUT. Fails with ErrLost where somebody else has taken or broken it; one that nobody has taken is renewed also after its term. After any other failure it may have been
// renewed, or will be.
func (l *Lease) Renew(ctx context.Context) error { return l.rewrite(ctx, false) }

// Release gives the lease back, by a PUT. Fails with ErrLost where it was not there to give. After any other failure it may have been given back, or will be: it cannot be renewed any more, and Release may be called again.
func (l *Lease) Release(ctx context.Context) error { return l.rewrite(ctx, true) }

// rewrite writes the lease anew, as it is or released. What it does not know of the object it reads, and looks again when it was refused by a write of its own that has landed late.
func (l *Lease) rewrite(ctx context.Context, release bool) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for another write of the lease of %s: %w", l.Info().Key, context.Cause(ctx))
	}
	again, err := l.begin(release)
	if err != nil {
		return err
	}
	there := l.Info()
	for range 1 + lateWrites {
		if there.object.Version == "" {
			if there, err = l.leases.Get(ctx, there.Key); err != nil {
				return l.failed(err)
			}
		}
		switch {
		case there.ID != l.Info().ID:
			return l.lose(&HeldError{there})
		case there.State == Released && release && again:
			return l.note(there, l.written)
		case there.State == Released:
			return l.lose(errBroken)
		}
		next, begun := there, l.leases.clock.Now()
		next.Until = begun.Add(next.Term)
		if release {
			next.State, next.Values = Released, nil
		}
		if there, err = l.leases.write(ctx, next, bucket.IfMatch(there.object.Version)); err == nil {
			return l.note(there, begun)
		}
		if !errors.Is(err, bucket.ErrChanged) {
			return l.failed(err)
		}
	}
	return l.failed(err)
}

// lateWrites is how many writes whose answers were lost may land while the next is under way.
const lateWrites = 3

// begin says whether a release was begun before this one.
func (l *Lease) begin(release bool) (again bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.lost != nil:
		return false, l.lost
	case l.releasing && !release:
		return false, errReleased
	}
	again, l.releasing = l.releasing, release
	return again, nil
}

// note notes a write that has landed, sent then.
func (l *Lease) note(there Info, sent time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info, l.written = there, sent
	if there.State == Released {
		l.lost = errReleased
	}
	return nil
}

var errBroken = errors.New("somebody has broken it")

// failed notes a failure: the lease is not there or is none any more, or nobody knows what is there.
func (l *Lease) failed(err error) error {
	switch {
	case errors.Is(err, digest.ErrNotFound):
		return l.lose(errors.New("somebody has removed it"))
	case isUnreadable(err):
		return l.lose(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.object.Version = ""
	return err
}

// lose notes that the lease is not its holder's any more.
func (l *Lease) lose(why error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = fmt.Errorf("%w: %w", ErrLost, why)
	return l.lost
}

// Resume returns a lease that was taken earlier, perhaps by another process, by its id: by a GET. Fails with ErrLost where somebody else has it, or nobody.
func (l *Leases) Resume(ctx context.Context, key digest.Digest, id string) (*Lease, error) {
	begun := l.clock.Now()
	there, err := l.Get(ctx, key)
	resumed := l.have(there, begun.Add(-there.age()))
	switch {
	case err != nil:
		return nil, resumed.failed(err)
	case there.ID != id:
		return nil, resumed.lose(&HeldError{there})
	case there.State == Released:
		return nil, resumed.lose(errors.New("it was released"))
	}
	return resumed, nil
}
