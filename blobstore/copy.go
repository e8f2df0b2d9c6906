package blobstore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/op"
)

// CopyOptions say how a value is copied; nil, or a zero field, means the default.
type CopyOptions struct {
	// ByServer lets the store's server copy what has 1 MiB or more, where one server has both stores. Such a value does not come through this machine, nor is it checked: if it is
	// damaged, so is the copy, which whoever reads it will see.
	ByServer bool
	// Verify has what is there already read, and replaced where it is damaged.
	Verify bool
}

// CopyTo saves a value in another store, under its key and as it is encoded, whether or not its codec is known here. It is checked on the way. What is there already is not
// sent again. A value that is missing or damaged is digest.ErrNotFound; what prevents saving is a *keyspace.SaveError.
func (s *Store) CopyTo(ctx context.Context, to *Store, key digest.Digest, options *CopyOptions) error {
	r, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	defer func() { r.Close() }()
	if copying, ok := s.near(ctx, to, r); ok && options != nil && options.ByServer {
		r.Close() // others can use its connection
		if copied, err := to.copyByServer(ctx, r.Key(), copying); copied || err != nil {
			return err
		}
		if r, err = s.Open(ctx, key); err != nil {
			return err
		}
	}
	return to.copyOf(ctx, r, options != nil && options.Verify)
}

// copying is a copy that a server makes.
type copying struct {
	bucket.Copier
	from bucket.Location
	size int64
}

// near says whether a server can copy a value to a store that will believe it as it is.
func (s *Store) near(ctx context.Context, to *Store, r *Reader) (copying, bool) {
	object := r.Object()
	locator, ok := bucket.As[bucket.Locator](s.bucket)
	if !ok || object.Size < large || to.verify(ctx, r.header) != nil {
		return copying{}, false
	}
	from := locator.Locate(object.Key)
	copier, ok := bucket.Near(to.bucket, from)
	return copying{copier, from, object.Size}, ok
}

// copyByServer has the server copy a value, unless it is there. It says false where the server cannot.
func (s *Store) copyByServer(ctx context.Context, key digest.Digest, c copying) (copied bool, err error) {
	err = s.Do(ctx, key, op.Write, func(ctx context.Context) error {
		// Many servers know no condition on a copy. What another writer puts there between these two requests has the same content.
		_, err := s.bucket.Stat(ctx, name(key))
		if errors.Is(err, bucket.ErrNotFound) {
			begun := s.clock.Now()
			if err = c.Copy(ctx, c.from, c.size, name(key)); err == nil {
				s.ages.note(key, begun)
			}
		}
		if err == nil || errors.Is(err, bucket.ErrExists) {
			return s.Keep(ctx, key) // which knows what was copied just now
		}
		return err
	})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, bucket.ErrRefused), errors.Is(err, bucket.ErrNoBucket), errors.Is(err, bucket.ErrNotFound):
		return false, nil
	}
	return false, &keyspace.SaveError{Key: key, Err: err}
}

// copyOf saves what is read from another store.
func (s *Store) copyOf(ctx context.Context, r *Reader, verify bool) (err error) {
	content, release, err := s.rewindable(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	key := r.Key()
	if content.Size() != r.Size() {
		return &keyspace.SaveError{Key: key, Err: fmt.Errorf("%d bytes were read, not %d", content.Size(), r.Size())}
	}
	w := &writing{header: header{codec: r.Codec(), size: r.Size(), sum: r.header.sum, key: key}, verify: verify}
	if content.Size() >= large {
		w.source = &stream{s.compression, &w.header, content}
		return s.write(ctx, w)
	}
	encoded, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	return s.writeWhole(ctx, w, encoded)
}
