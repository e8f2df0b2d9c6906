package blobstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/op"
)

// large is from how many bytes on, encoded, a value is looked for before it is sent.
const large = 1 << 20

// writing is a value on its way into the bucket.
type writing struct {
	header   header
	explicit bool           // the caller chose the key, so it does not vouch for the content
	replace  bucket.Version // which version may be replaced; empty: none
	verify   bool           // what is there already is not believed before it was read
	source   bucket.Source
}

// write puts a value into the bucket, unless it is there. It ends with the value there, or with a *keyspace.SaveError.
func (s *Store) write(ctx context.Context, w *writing) error {
	key := w.header.key
	if _, err := io.ReadFull(s.entropy, w.header.nonce[:]); err != nil {
		return &keyspace.SaveError{Key: key, Err: fmt.Errorf("drawing a nonce: %w", err)}
	}
	if err := s.sign(ctx, &w.header); err != nil {
		return &keyspace.SaveError{Key: key, Err: err}
	}
	err := s.Do(ctx, key, op.Write, func(ctx context.Context) error {
		var err error
		for range attempts {
			if err = s.place(ctx, w); !errors.Is(err, digest.ErrNotFound) {
				return err
			} // what was in the way was damaged, which is noted now, or has gone
		}
		return fmt.Errorf("others removed the value %d times meanwhile: %w", attempts, bucket.ErrChanged)
	})
	if err != nil {
		return &keyspace.SaveError{Key: key, Err: err}
	}
	return nil
}

// place writes the object where there is none, or in place of one that was seen damaged.
func (s *Store) place(ctx context.Context, w *writing) error {
	key := w.header.key
	object := name(key)
	damaged := cmp.Or(w.replace, s.damaged.seen(key))
	condition := bucket.IfAbsent()
	if damaged != "" {
		condition = bucket.IfMatch(damaged)
	}
	begun := s.clock.Now()
	if w.header.size >= large {
		info, err := s.bucket.Stat(ctx, object)
		switch {
		case err == nil && info.Version != damaged:
			return s.leave(ctx, w, begun, info)
		case errors.Is(err, bucket.ErrNotFound):
			condition = bucket.IfAbsent()
		case err != nil:
			return err
		}
	}
	begun = s.clock.Now()
	err := s.bucket.Put(ctx, object, w.source, condition)
	if errors.Is(err, bucket.ErrChanged) { // someone replaced it, or removed it
		err = s.bucket.Put(ctx, object, w.source, bucket.IfAbsent())
	}
	if err == nil || errors.Is(err, bucket.ErrExists) {
		s.damaged.settle(key, damaged)
	}
	switch {
	case err == nil:
		s.ages.note(key, begun)
	case errors.Is(err, bucket.ErrExists):
		return s.leave(ctx, w, begun, bucket.Info{})
	}
	return err
}

// leave leaves the value that is there, if it is the one, or writes it again where gc might remove it soon. The info, if there is one, describes its object at begun or later.
func (s *Store) leave(ctx context.Context, w *writing, begun time.Time, info bucket.Info) error {
	if err := s.compare(ctx, w); err != nil {
		return err
	}
	key := w.header.key
	if s.ages.isYoung(key, s.clock.Now()) {
		return nil
	}
	again := func(bucket.Info) (bucket.Source, error) { return w.source, nil }
	if info.Version != "" {
		if err := s.renew(ctx, key, begun, info, again); !errors.Is(err, bucket.ErrChanged) {
			return err
		}
	}
	there, err := s.stay(ctx, key, again)
	if err == nil && !there {
		err = fmt.Errorf("value %s: %w", key, digest.ErrNotFound)
	}
	return err
}

// compare says whether the object that is there already holds the value. Under its own digest it does, unless it is damaged, which is looked at only where that
// was asked for. Under a key that was chosen its header tells.
func (s *Store) compare(ctx context.Context, w *writing) error {
	if !w.explicit && !w.verify {
		return nil
	}
	r, err := s.get(ctx, w.header.key)
	if err != nil {
		return err
	}
	defer r.Close()
	if w.explicit && (r.header.codec != w.header.codec || r.header.sum != w.header.sum) {
		return fmt.Errorf("the key already holds other content (codec %s, %d bytes; not codec %s, %d bytes): evict it first, or save under another key",
			r.header.codec, r.header.size, w.header.codec, w.header.size)
	}
	if w.verify {
		_, err = io.Copy(io.Discard, r)
	}
	return err
}
