package callindex

import (
	"context"
	"errors"
	"iter"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

// scanParallel is how many records a scan reads ahead.
const scanParallel = 32

// Scan yields every record after a key in the order of their keys, by a listing and a GET for each, some of them ahead of the caller. A record that vanishes meanwhile is
// passed over. A record that cannot be read is yielded as its error, a *keyspace.DamagedError or *keyspace.NewerFormatError,
// and the scan goes on; any other error ends it.
func (s *Store) Scan(ctx context.Context, after digest.Digest) iter.Seq2[*Record, error] {
	return s.loadEach(ctx, s.List(ctx, after))
}

// loadEach yields the records of keys in their order, as Scan does.
func (s *Store) loadEach(ctx context.Context, keys iter.Seq2[digest.Digest, error]) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		ahead := make(chan chan read, scanParallel)
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			defer close(ahead)
			s.readAhead(ctx, keys, ahead)
		}()
		defer func() {
			cancel()
			for next := range ahead {
				<-next
			}
			<-finished
		}()
		for next := range ahead {
			r := <-next
			if isGone(r.err) {
				continue
			}
			if !yield(r.record, r.err) || r.err != nil && !isOdd(r.err) {
				return
			}
		}
	}
}

// confirmed yields records as they are read one by one, if they still match.
func (s *Store) confirmed(ctx context.Context, t *Template, records iter.Seq2[*Record, error]) iter.Seq2[*Record, error] {
	keys := func(yield func(digest.Digest, error) bool) {
		for r, err := range records {
			if err != nil {
				yield(digest.Digest{}, err)
				return
			}
			if !yield(r.key, nil) {
				return
			}
		}
	}
	return s.believed(t, s.loadEach(ctx, keys))
}

// believed yields those of records as they were read that match, and passes over the damaged ones unless it is told otherwise.
func (s *Store) believed(t *Template, records iter.Seq2[*Record, error]) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for r, err := range records {
			if damaged, ok := errors.AsType[*keyspace.DamagedError](err); ok {
				if err = s.damaged(damaged); err == nil {
					continue
				}
			}
			if err == nil && !t.Match(r) {
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// read is a record, or why there is none.
type read struct {
	record *Record
	err    error
}

// readAhead starts to read the records in order, as many at once as ahead has room for.
func (s *Store) readAhead(ctx context.Context, keys iter.Seq2[digest.Digest, error], ahead chan<- chan read) {
	for key, err := range keys {
		next := make(chan read, 1)
		ahead <- next
		if err != nil {
			next <- read{err: err}
			return
		}
		if ctx.Err() != nil {
			next <- read{err: context.Cause(ctx)}
			return
		}
		go func() {
			record, err := s.Load(ctx, key)
			next <- read{record, err}
		}()
	}
}

// isOdd says whether an error is about a single record.
func isOdd(err error) bool {
	if _, damaged := errors.AsType[*keyspace.DamagedError](err); damaged {
		return true
	}
	_, newer := errors.AsType[*keyspace.NewerFormatError](err)
	return newer
}

// isGone says whether a record was evicted since it was listed.
func isGone(err error) bool { return errors.Is(err, digest.ErrNotFound) && !isOdd(err) }
