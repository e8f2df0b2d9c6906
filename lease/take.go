package lease

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// Claim is what somebody wants to have.
type Claim struct {
	Key      digest.Digest
	State    State           // Held or Prepared; default Held
	Term     time.Duration   // MinTerm to MaxTerm
	Function string          // for people
	Values   []digest.Digest // that gc must keep
}

// claimed is a lease for a claim, taken now.
func (l *Leases) claimed(c Claim) (Info, error) {
	if c.State == "" {
		c.State = Held
	}
	switch {
	case c.State != Held && c.State != Prepared:
		return Info{}, fmt.Errorf("a lease is taken as %q or %q, not as %q", Held, Prepared, c.State)
	case c.Term < MinTerm || c.Term > MaxTerm:
		return Info{}, fmt.Errorf("a lease holds for %v to %v, not for %v", MinTerm, MaxTerm, c.Term)
	}
	id, err := op.NewID(l.entropy)
	if err != nil {
		return Info{}, err
	}
	now, term := l.clock.Now(), c.Term.Truncate(time.Millisecond) // as others read it
	return Info{
		Key: c.Key, State: c.State, ID: id, Owner: l.owner, Host: l.host, Function: c.Function, Since: now, Until: now.Add(term), Term: term, Values: c.Values,
	}, nil
}

// Waiting says how to wait for a lease; nil, or a zero field, means the default.
type Waiting struct {
	// Done is asked before a lease is taken that somebody has had, since what he did may be what is wanted. Where it says true, Take returns no lease and no error.
	Done func(ctx context.Context) (bool, error)
	// Tell is told whom the caller waits for, before he waits: once for each holder.
	Tell func(Info)
	// Not to wait: fail with a *HeldError.
	Not bool
	// Answer is how long the store may take for each request, after which Take fails with ErrSilent; default as long as ctx allows. Others are waited for however long they take.
	Answer time.Duration
}

// ErrSilent says that the store took too long to tell of a lease.
var ErrSilent = errors.New("the store took too long to tell whether the lease is free")

// Take takes a lease as soon as it is free, or waits for another's until ctx ends. A nil lease without an error means that Waiting.Done said so.
//
// A lease that nobody has had costs a PUT, one that was released or has expired another PUT and a GET. Who waits reads the lease after 1 s, then less and less often, up to a tenth of its term or 10 s, and sends at most 5 requests and one
// for each second that he waits.
//
// Where the store does not say whether it has written the lease, Take fails, and it may be that nobody has it for a term.
//
// A lease that cannot be read is an *UnreadableError or a *keyspace.NewerFormatError: there is no use in waiting for it.
func (l *Leases) Take(ctx context.Context, c Claim, w *Waiting) (*Lease, error) {
	if w == nil {
		w = new(Waiting)
	}
	t := &taking{leases: l, claim: c, Waiting: *w, begun: l.clock.Now()}
	lease, err := t.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("taking the lease of %s: %w", c.Key, err)
	}
	return lease, nil
}

// taking is one Take.
type taking struct {
	leases *Leases
	claim  Claim
	Waiting

	begun    time.Time
	requests int       // sent so far
	seen     Info      // as it was read last
	watched  time.Time // when this version has been seen for its whole term
	told     string    // the id of the holder that Tell was told of
	pauses   int       // since the holder changed
}

func (t *taking) run(ctx context.Context) (*Lease, error) {
	condition := bucket.IfAbsent()
	for lost := false; ; lost = true {
		lease, err := t.try(ctx, condition)
		if lease != nil || err != nil {
			return lease, err
		}
		// The first refusal says only that somebody has had the lease; after another one, others are at it too.
		for wait := lost; wait || !t.free(); wait = false {
			if err := t.wait(ctx); err != nil {
				return nil, err
			}
		}
		if t.Done != nil {
			// Who takes the lease in the version that was read before knows that nobody has had it since.
			if done, err := t.Done(ctx); done || err != nil {
				return nil, err
			}
		}
		condition = bucket.IfAbsent()
		if t.seen.object.Version != "" {
			condition = bucket.IfMatch(t.seen.object.Version)
		}
	}
}

// try writes the lease and returns it, or none where it was refused, and notes what is there.
func (t *taking) try(ctx context.Context, condition bucket.Condition) (*Lease, error) {
	info, err := t.leases.claimed(t.claim)
	if err != nil {
		return nil, err
	}
	sent := t.leases.clock.Now()
	t.requests++
	there, err := t.within(ctx, func(ctx context.Context) (Info, error) { return t.leases.write(ctx, info, condition) })
	if err == nil {
		return t.leases.have(there, sent), nil
	}
	t.requests++ // what is there was read
	if errors.Is(err, bucket.ErrExists) || errors.Is(err, bucket.ErrChanged) {
		err = nil
	}
	return nil, t.see(there, err)
}

// wait waits a while and reads the lease again.
func (t *taking) wait(ctx context.Context) error {
	if t.Not {
		return &HeldError{t.seen}
	}
	if t.Tell != nil && t.told != t.seen.ID && t.seen.State != Released {
		t.told = t.seen.ID
		t.Tell(t.seen)
	}
	d, err := t.pause(ctx)
	if err != nil {
		return err
	}
	if err := t.leases.clock.Sleep(ctx, d); err != nil {
		return fmt.Errorf("%w; %w", err, &HeldError{t.seen})
	}
	t.requests++
	return t.see(t.within(ctx, func(ctx context.Context) (Info, error) { return t.leases.Get(ctx, t.claim.Key) }))
}

// within gives the store its time for a request.
func (t *taking) within(ctx context.Context, request func(ctx context.Context) (Info, error)) (Info, error) {
	if t.Answer <= 0 {
		return request(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.Answer, ErrSilent)
	defer cancel()
	i, err := request(ctx)
	if err != nil && errors.Is(context.Cause(ctx), ErrSilent) {
		err = fmt.Errorf("%w (%v): %w", ErrSilent, t.Answer, err)
	}
	return i, err
}

// see notes what was read. A lease that is not there is as good as released.
func (t *taking) see(i Info, err error) error {
	switch {
	case errors.Is(err, digest.ErrNotFound):
		i = Info{State: Released}
	case err != nil:
		return err
	}
	if i.ID != t.seen.ID {
		t.pauses = 0
	}
	if i.write != t.seen.write {
		t.watched = t.leases.clock.Now().Add(i.Term)
	}
	t.seen = i
	return nil
}

// free says whether the lease may be taken: also where it was seen unchanged for its whole term.
func (t *taking) free() bool { return t.seen.free() || !t.leases.clock.Now().Before(t.watched) }

const (
	firstPause = time.Second
	lastPause  = 10 * time.Second
)

// pause is how long to wait before the lease is read again: longer each time, up to a tenth of the term, but not beyond its end. A random part of it keeps those apart who wait for the same lease.
func (t *taking) pause(ctx context.Context) (time.Duration, error) {
	longest := min(max(t.seen.Term/10, firstPause), lastPause)
	d := firstPause
	for range t.pauses {
		d = min(d*5/4, longest)
	}
	t.pauses++
	now := t.leases.clock.Now()
	ends := t.watched.Sub(now)
	if age := t.seen.age(); age > 0 {
		ends = min(ends, t.seen.Term+slack-age)
	}
	d = min(d, ends)
	if deadline, ok := ctx.Deadline(); ok {
		d = min(d, deadline.Sub(now)/2) // what is left is for the request
	}
	var random [2]byte
	if _, err := io.ReadFull(t.leases.entropy, random[:]); err != nil {
		return 0, fmt.Errorf("drawing a random pause: %w", err)
	}
	// Whoever goes on sends at most three requests before the next pause.
	d = max(d, firstPause, time.Duration(t.requests+3-spare)*time.Second-now.Sub(t.begun))
	return d + d*time.Duration(binary.LittleEndian.Uint16(random[:]))/(1<<18), nil // up to a quarter more
}

// spare is how many requests a waiter may send beyond one a second.
const spare = 5
