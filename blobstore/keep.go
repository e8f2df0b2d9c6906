package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// KeepFor is how old a value may be that a record is about to name, and how long ago it may have been seen to be no older. gc
// removes values that no record names and that are four times as old.
const KeepFor = 6 * time.Hour

// Keep sees to it that gc does not remove values, as it may with those of a day that no record names: a value of more than KeepFor is written again, or, where the role may not do that, Options.Unkept is told. It is for who is about to write a record that names them, and must be called again where that takes
// longer than KeepFor.
//
// A value that this Store has saved or kept in the last hours costs no request, another one a HEAD, and an old one a GET and a PUT more. A value that is not there is no failure, unless this Store knows that it was: then it must be saved again.
func (s *Store) Keep(ctx context.Context, keys ...digest.Digest) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(keepParallel)
	for _, key := range keys {
		if s.Known(key) {
			continue
		}
		group.Go(func() error {
			if err := s.Do(ctx, key, op.Write, func(ctx context.Context) error { return s.keep(ctx, key) }); err != nil {
				return fmt.Errorf("keeping value %s: %w", key, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// keepParallel is how many values are kept at once, of which each may be in memory.
const keepParallel = 8

var errGone = errors.New("it was there, and was removed since: save it again")

func (s *Store) keep(ctx context.Context, key digest.Digest) error {
	there, err := s.stay(ctx, key, func(info bucket.Info) (bucket.Source, error) { return s.again(ctx, key, info) })
	if err == nil && !there && s.ages.forget(key) {
		return errGone
	}
	return err
}

// Known says whether this Store has saved or kept a value in the last hours.
func (s *Store) Known(key digest.Digest) bool { return s.ages.isYoung(key, s.clock.Now()) }

// stay writes a value again that is older than KeepFor, and says whether it is there. It gives way to others who do so too.
func (s *Store) stay(ctx context.Context, key digest.Digest, again func(bucket.Info) (bucket.Source, error)) (there bool, err error) {
	for range attempts {
		begun := s.clock.Now()
		info, err := s.bucket.Stat(ctx, name(key))
		if errors.Is(err, bucket.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err = s.renew(ctx, key, begun, info, again); !errors.Is(err, bucket.ErrChanged) {
			return true, err
		}
	}
	return true, fmt.Errorf("other writers replaced the value %d times meanwhile: %w", attempts, bucket.ErrChanged)
}

// attempts is how often a value may be replaced by others while it is written again.
const attempts = 4

// renew writes a value again that was described, at begun or later, to be older than KeepFor. Fails with bucket.ErrChanged where there is another version by now.
func (s *Store) renew(ctx context.Context, key digest.Digest, begun time.Time, info bucket.Info, again func(bucket.Info) (bucket.Source, error)) error {
	if age, told := ageOf(info); told && age <= KeepFor {
		s.ages.note(key, begun.Add(-age))
		return nil
	}
	if refused := s.refused.Load(); refused != nil && op.Elapsed(*refused, begun) <= KeepFor {
		s.ages.note(key, begun)
		return nil
	}
	source, err := again(info)
	if err != nil {
		return err
	}
	begun = s.clock.Now() // what is not to be believed is replaced later, if it is
	if source != nil {
		err = s.bucket.Put(ctx, info.Key, source, bucket.IfMatch(info.Version))
	}
	if errors.Is(err, bucket.ErrRefused) && s.unkept != nil {
		s.refused.Store(&begun)
		s.unkept(err)
		err = nil
	}
	if err == nil {
		s.ages.note(key, begun)
	}
	return err
}

// ageOf is how old an object is by the store's clock, where that tells.
func ageOf(info bucket.Info) (age time.Duration, told bool) {
	return max(info.Date.Sub(info.ModTime), 0), !info.Date.IsZero() && !info.ModTime.IsZero()
}

// again is a value's object with another nonce, as it is sent. It is nil for an object that is not to be believed, which nobody has to keep.
func (s *Store) again(ctx context.Context, key digest.Digest, info bucket.Info) (bucket.Source, error) {
	r, err := s.get(ctx, key)
	if errors.Is(err, digest.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h := r.header
	if !h.signed || s.signer != nil { // without keys a signed object stays as it is: to be written makes another version of it on most stores
		if _, err := io.ReadFull(s.entropy, h.nonce[:]); err != nil {
			return nil, fmt.Errorf("drawing a nonce: %w", err)
		}
	}
	if h.signed && s.signer != nil { // its HMAC was verified, and pins the content; what is not signed stays so
		if err := s.sign(ctx, &h); err != nil {
			return nil, err
		}
	}
	source := &rewritten{ctx, s.bucket, info, h.appendTo(nil), int64(r.header.length())}
	if info.Size >= large {
		return source, nil
	}
	whole, err := source.join(r.body.object)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(whole)
	return bucket.Bytes(text), err
}

// rewritten is an object with another header, which is read while it is written.
type rewritten struct {
	ctx    context.Context
	bucket bucket.Bucket
	object bucket.Info
	header []byte
	old    int64 // bytes of the header that it has
}

func (r *rewritten) Size() int64 { return r.object.Size - r.old + int64(len(r.header)) }

func (r *rewritten) Open() (io.ReadCloser, error) {
	object, err := bucket.ReadAhead(r.ctx, r.bucket, r.object.Key)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, object.Body, r.old); err != nil {
		object.Body.Close()
		return nil, err
	}
	rest, err := r.join(object)
	if err != nil {
		object.Body.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{rest, object.Body}, nil
}

// join puts the new header before what follows the old one, which was read.
func (r *rewritten) join(object *bucket.Object) (io.Reader, error) {
	if object.Version != r.object.Version {
		return nil, &bucket.Error{Verb: bucket.Get, Key: r.object.Key, Kind: bucket.ErrChanged}
	}
	return io.MultiReader(bytes.NewReader(r.header), object.Body), nil
}

// ages remembers of some values when they were written, or later. When it is full it forgets any of them.
type ages struct {
	mu      sync.Mutex
	written map[digest.Digest]time.Time
}

// rememberedAges is how many values a store remembers the ages of.
const rememberedAges = 65_536

// note notes that no version of a value is older than that.
func (a *ages) note(key digest.Digest, written time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.written == nil {
		a.written = map[digest.Digest]time.Time{}
	}
	if _, known := a.written[key]; !known && len(a.written) >= rememberedAges {
		for other := range a.written {
			delete(a.written, other)
			break
		}
	}
	a.written[key] = written
}

// forget forgets a value, and says whether it was known to be there at any time.
func (a *ages) forget(key digest.Digest) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := a.written[key]
	delete(a.written, key)
	return known
}

// isYoung says whether a value is known to be no older than KeepFor, if it is there.
func (a *ages) isYoung(key digest.Digest, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	written, known := a.written[key]
	return known && op.Elapsed(written, now) <= KeepFor
}
