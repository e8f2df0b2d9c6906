package blobstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/signing"
)

// Reader reads a value as it is encoded. It must be closed.
//
// What it yields before io.EOF is not verified yet: who acts on it must be ready to take it back. io.EOF comes only after the size and the
// SHA-256 were found right, and nothing was found behind the value. Then, and at any earlier time, a damaged value is a *keyspace.DamagedError, and
// a store that fails is its *bucket.Error. The ctx of Open governs it.
type Reader struct {
	store  *Store
	header header
	body   *body
	zstd   *zstd.Decoder // nil before the first byte is asked for
	hash   hash.Hash
	left   int64 // bytes that are to come
	err    error // what every further Read returns
}

// newReader reads the header of an object and takes its body over.
func (s *Store) newReader(ctx context.Context, key digest.Digest, object *bucket.Object) (*Reader, error) {
	r := &Reader{store: s, body: &body{object: object, left: object.Size}}
	h, err := readHeader(r.body)
	r.header.key = key
	if err == nil && h.key != key {
		err = fmt.Errorf("its header has the key %s", h.key)
	}
	if newer, ok := errors.AsType[*newerFormat](err); ok {
		r.Close()
		return nil, fmt.Errorf("%w (%w)", &keyspace.NewerFormatError{Object: object.Key, Found: int(newer.version), Known: headerVersion}, newer)
	}
	if err != nil {
		r.Close()
		return nil, r.fail(err)
	}
	if err := s.verify(ctx, h); err != nil {
		r.Close()
		if refusal, ok := errors.AsType[*signing.Refusal](err); ok {
			return nil, r.refused(refusal)
		}
		return nil, err
	}
	r.header, r.left, r.hash = h, h.size, sha256.New()
	r.body.check = checkFrame(h.size)
	return r, nil
}

// Key is the value's key.
func (r *Reader) Key() digest.Digest { return r.header.key }

// Codec is the name of the codec that encoded the value.
func (r *Reader) Codec() string { return r.header.codec }

// Size is how many bytes the encoded value has. It is what the object's header says; a Reader yields exactly so many or fails.
func (r *Reader) Size() int64 { return r.header.size }

// Object describes the object, as it is stored.
func (r *Reader) Object() bucket.Info { return r.body.object.Info }

// Read yields the encoded value.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.zstd == nil {
		var err error
		if r.zstd, err = r.store.compression.borrowDecoder(r.body); err != nil {
			return 0, r.stop(err)
		}
	}
	if r.left == 0 {
		if err := r.finish(); err != nil {
			return 0, r.stop(err)
		}
		r.err = io.EOF
		return 0, r.err
	}
	n, err := r.zstd.Read(p[:min(int64(len(p)), r.left)])
	r.hash.Write(p[:n])
	r.left -= int64(n)
	switch ended := errors.Is(err, io.EOF); {
	case ended && r.left > 0:
		return n, r.stop(r.anotherSize(r.header.size - r.left))
	case err != nil && !ended:
		return n, r.stop(err)
	}
	return n, nil
}

// finish looks for the end of the object behind the last byte of the value.
func (r *Reader) finish() error {
	var more [1]byte
	n, err := io.ReadFull(r.zstd, more[:])
	switch {
	case n > 0:
		return fmt.Errorf("it unpacks to more than the %d bytes of its header", r.header.size)
	case err != io.EOF:
		return err
	}
	if err := r.body.end(); err != nil {
		return err
	}
	return r.checkSum([sha256.Size]byte(r.hash.Sum(nil)))
}

func (r *Reader) checkSum(sum [sha256.Size]byte) error {
	if sum != r.header.sum {
		return fmt.Errorf("its SHA-256 is %x, not the %x of its header", sum, r.header.sum)
	}
	return nil
}

func (r *Reader) anotherSize(size int64) error {
	return fmt.Errorf("it unpacks to %d bytes, not the %d of its header", size, r.header.size)
}

// whole returns the whole value, verified.
func (r *Reader) whole() ([]byte, error) {
	const small = 1 << 20 // bytes, of the object and of what its header announces
	object := r.body.object.Size
	if r.header.size <= small && object <= small {
		return r.atOnce()
	}
	// The announced size is believed only so far as the object can be expected to hold it.
	var value bytes.Buffer
	value.Grow(int(min(r.header.size, max(small, 16*object))) + bytes.MinRead)
	if _, err := value.ReadFrom(r); err != nil {
		return nil, err
	}
	return value.Bytes(), nil
}

// atOnce is whole for a small value, without the machinery of a stream.
func (r *Reader) atOnce() ([]byte, error) {
	value, err := r.unpack()
	if err != nil {
		return nil, r.stop(err)
	}
	r.left, r.err = 0, io.EOF
	return value, nil
}

func (r *Reader) unpack() ([]byte, error) {
	frame := make([]byte, r.body.left)
	if _, err := io.ReadFull(r.body, frame); err != nil && err != io.EOF {
		return nil, err
	}
	if err := r.body.end(); err != nil {
		return nil, err
	}
	value, err := r.store.compression.unpack(frame, r.header.size)
	if err != nil {
		return nil, err
	}
	if size := int64(len(value)); size != r.header.size {
		return nil, r.anotherSize(size)
	}
	return value, r.checkSum(sha256.Sum256(value))
}

// stop makes an error the outcome of every further Read.
func (r *Reader) stop(err error) error {
	r.err = r.fail(err)
	return r.err
}

// fail is what is wrong with the object, unless it is the store that failed.
func (r *Reader) fail(err error) error {
	if r.body.failure != nil {
		return r.body.failure
	}
	if r.body.excess != nil {
		err = r.body.excess // the unpacker tells it in other words
	}
	return r.damaged(err)
}

// damaged remembers that this version of the object is not to be believed.
func (r *Reader) damaged(err error) error {
	info := r.body.object.Info
	r.store.damaged.note(r.header.key, info.Version)
	return keyspace.Damaged(info, nil, "%v", err)
}

// refused remembers the same of a version that is intact, and whose writer is not trusted.
func (r *Reader) refused(refusal *signing.Refusal) error {
	info := r.body.object.Info
	r.store.damaged.note(r.header.key, info.Version)
	return keyspace.Damaged(info, refusal, "it is not verified")
}

var errClosed = errors.New("the reader is closed")

// Close releases the connection. A value that was not read to its end is not verified.
func (r *Reader) Close() error {
	if r.err != nil && errors.Is(r.err, errClosed) {
		return nil
	}
	r.err = errClosed
	if r.zstd != nil {
		r.store.compression.returnDecoder(r.zstd)
		r.zstd = nil
	}
	return r.body.object.Body.Close()
}
