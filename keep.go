package quiver

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

// saving is what a call came to, on its way into the store.
type saving struct {
	call    *callindex.Call
	key     digest.Digest
	ours    outcome
	record  *callindex.Record
	values  []*blobstore.Encoded // what the record names
	kept    []digest.Digest      // what it names besides, and that was saved earlier
	replace bool                 // whatever record the call has
	over    *callindex.Record    // that must give way
}

const (
	// large is from how many bytes on a value is sent before the mark, under which the record must follow soon.
	large = 1 << 20
	// saveParallel is how many values are sent at once.
	saveParallel = 8
	// overtakes is how often a record that another process was quicker to save may turn out to be of no use.
	overtakes = 3
)

// save saves what a call came to, and returns what the call is answered with: that, or what another process has saved first. It goes on when
// nobody waits any more, since the work is done; Store.Close waits for it.
func (f *Function[In, Out]) save(ctx context.Context, p *saving) outcome {
	s := f.store
	if s.readOnly {
		return p.ours
	}
	if !s.strict && !s.outage.mayWrite(s.clock.Now()) {
		s.tally.count(func(s *Stats) { s.Skipped++ })
		return p.ours
	}
	if !s.saves.begin() {
		return f.unsaved(ctx, p, errClosed)
	}
	defer s.saves.end()
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), f.options.TransferTime+p.transferTime(), errSlow)
	defer cancel()
	o, err := f.settle(ctx, p)
	if err != nil {
		return f.unsaved(ctx, p, slow(ctx, err))
	}
	return o
}

// settle saves what a call came to, and returns what is then remembered of it.
func (f *Function[In, Out]) settle(ctx context.Context, p *saving) (outcome, error) {
	s := f.store
	for range overtakes {
		winner, err := s.put(ctx, p)
		if err != nil {
			return outcome{}, err
		}
		s.outage.hasWritten()
		if p.isOurs(winner) {
			s.tally.count(func(s *Stats) { s.Saved++ })
			return p.ours, nil
		}
		theirs, miss, err := f.read(ctx, winner, p.key)
		switch {
		case miss != "":
			p.over, p.replace = winner, false
			continue
		case err != nil:
			return outcome{}, &keyspace.SaveError{Key: p.key, Err: err}
		}
		s.tally.count(func(s *Stats) { s.Superseded++ })
		return theirs, nil
	}
	return outcome{}, &keyspace.SaveError{Key: p.key, Err: bucket.ErrChanged}
}

var errClosed = &keyspace.SaveError{Err: errors.New("the store is closed")}

// saves are the saves under way, which go on although nobody may wait for them, and the leases that are held.
type saves struct {
	mu     sync.Mutex
	n      int
	closed bool
	over   chan struct{} // closed with the store
	idle   chan struct{} // closed when the last of them has ended; nil: nobody asked
}

// begin begins a save, unless the store is closed.
func (s *saves) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.n++
	}
	return !s.closed
}

func (s *saves) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n--; s.n == 0 && s.idle != nil {
		close(s.idle)
	}
}

// finish lets no more saves begin, and waits for those under way.
func (s *saves) finish() {
	s.mu.Lock()
	if !s.closed {
		close(s.over)
	}
	s.closed = true
	if s.n > 0 && s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// transferTime is what the bytes of the values may take.
func (p *saving) transferTime() time.Duration {
	size := 0
	for _, e := range p.values {
		size += len(e.Data)
	}
	return time.Duration(size>>20) * time.Second
}

// isOurs says whether a record remembers what this call came to.
func (p *saving) isOurs(winner *callindex.Record) bool {
	if winner.Result != p.record.Result {
		return false
	}
	ours, theirs := rememberedError(p.record), rememberedError(winner)
	return ours == nil && theirs == nil || ours != nil && theirs != nil && *ours == *theirs
}

// put saves the values that a record names, large ones first and small ones beside the mark, then the record. It returns the record that the call then has.
func (s *Store) put(ctx context.Context, p *saving) (*callindex.Record, error) {
	var first, beside []*blobstore.Encoded
	seen := map[digest.Digest]bool{}
	for _, e := range p.values {
		switch {
		case seen[e.Key]:
		case len(e.Data) >= large:
			first = append(first, e)
		default:
			beside = append(beside, e)
		}
		seen[e.Key] = true
	}
	if err := s.putValues(ctx, first); err != nil {
		return nil, err
	}
	return s.Calls.Save(ctx, p.record, &callindex.SaveOptions{
		Replace: p.replace,
		Over:    p.over,
		Beside: func(ctx context.Context) error {
			late := slices.DeleteFunc(slices.Clone(first), func(e *blobstore.Encoded) bool { return s.Values.Known(e.Key) }) // after hours
			if err := s.putValues(ctx, append(late, beside...)); err != nil {
				return err
			}
			return s.Values.Keep(ctx, p.kept...)
		},
	})
}

func (s *Store) putValues(ctx context.Context, values []*blobstore.Encoded) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(saveParallel)
	for _, e := range values {
		group.Go(func() error { return s.Values.SaveEncoded(ctx, e) })
	}
	return group.Wait()
}

// unsaved answers a call whose outcome could not be saved. Where that is the store's fault, it is an error only if the store is strict.
func (f *Function[In, Out]) unsaved(ctx context.Context, p *saving, err error) outcome {
	s := f.store
	o := p.ours
	if isStoreFailure(err) {
		f.failed(ctx, toSave, p.key, err)
		if !s.strict {
			return o
		}
	}
	if o.err != nil {
		err = errors.Join(o.err, err)
	}
	o.err = err
	return o
}
