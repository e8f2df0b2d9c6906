package blobstore

import (
	"errors"
	"fmt"
	"io"

	"github.com/quivercache/quiver/bucket"
)

// body is the bytes of an object on their way to the reader of its value. It keeps apart what fails: the store, when they do not arrive as announced, or the
// object, when they are not one frame.
type body struct {
	object  *bucket.Object
	left    int64       // bytes that the store has yet to deliver
	check   *frameCheck // nil while the header is read
	failure error       // of the store
	excess  error       // what the check found
}

func (b *body) Read(p []byte) (int, error) {
	if err := errors.Join(b.failure, b.excess); err != nil {
		return 0, err
	}
	n, err := b.object.Body.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		b.failure = b.fault(fmt.Errorf("more bytes arrived than the %d announced", b.object.Size))
	case err == io.EOF && b.left > 0:
		b.failure = b.fault(fmt.Errorf("%w: %d of %d bytes are missing", io.ErrUnexpectedEOF, b.left, b.object.Size))
	case err != nil && err != io.EOF:
		b.failure = b.fault(err)
	}
	if b.failure != nil {
		return 0, b.failure
	}
	if b.check != nil {
		if b.excess = b.check.write(p[:n]); b.excess != nil {
			return 0, b.excess
		}
	}
	return n, err
}

// fault gives the failure of a body the kind it has if the provider gave it none.
func (b *body) fault(err error) error {
	if bucket.Kind(err) != nil {
		return err
	}
	return &bucket.Error{Verb: bucket.Get, Key: b.object.Key, Kind: bucket.ErrUnavailable, Err: fmt.Errorf("reading the body: %w", err)}
}

// end reads on to the end of the object, which must be here.
func (b *body) end() error {
	var more [1]byte
	if _, err := io.ReadFull(b, more[:]); err != nil && err != io.EOF {
		return err
	}
	if !b.check.complete() {
		return errors.New("it ends before its frame does")
	}
	return nil
}
