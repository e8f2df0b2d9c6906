package blobstore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

// CopyTo saves a value in another store, under its key and as it is encoded, whether or not its codec is known here. It is checked on the way. What is there already is not
// sent again. A value that is missing or damaged is digest.ErrNotFound; what prevents saving is a *keyspace.SaveError.
func (s *Store) CopyTo(ctx context.Context, to *Store, key digest.Digest) (err error) {
	r, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	defer r.Close()
	content, release, err := to.rewindable(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if content.Size() != r.Size() {
		return &keyspace.SaveError{Key: key, Err: fmt.Errorf("%d bytes were read, not %d", content.Size(), r.Size())}
	}
	w := &writing{header: header{codec: r.Codec(), size: r.Size(), sum: r.header.sum, key: key}}
	if content.Size() >= large {
		w.source = &stream{to.compression, &w.header, content}
		return to.write(ctx, w)
	}
	encoded, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	return to.writeWhole(ctx, w, encoded)
}
