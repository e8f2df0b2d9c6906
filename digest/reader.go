package digest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"reflect"
)

// ErrSize: content had another number of bytes than was said before it was read or written.
var ErrSize = errors.New("digest: content is not of the size it was said to have")

// A Writer digests bytes as they are written to it: the outcome is that of [OfBytes]. Make one with [NewBytes].
type Writer struct {
	hash          hash.Hash
	size, written int64
}

// NewBytes returns a Writer for content of exactly size bytes. The size comes first because it is hashed first.
func NewBytes(size int64) *Writer { return newWriter(Value, size) }

func newWriter(d Domain, size int64) *Writer {
	w := &Writer{hash: sha256.New(), size: size}
	w.hash.Write(appendHeader(make([]byte, 0, headerSize), d, kindBytes, size))
	return w
}

// Write never fails before the announced size is exceeded; then nothing of b is taken and the error is [ErrSize].
func (w *Writer) Write(b []byte) (int, error) {
	if int64(len(b)) > w.size-w.written {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrSize, w.size)
	}
	w.written += int64(len(b))
	return w.hash.Write(b)
}

// Sum returns the digest of what was written, or [ErrSize] if that is not all of it.
func (w *Writer) Sum() (Digest, error) {
	if w.written != w.size {
		return Digest{}, fmt.Errorf("%w: %d bytes instead of %d", ErrSize, w.written, w.size)
	}
	var d Digest
	w.hash.Sum(d[:0])
	return d, nil
}

// OfReader returns the digest of the bytes from where r stands to its end, which is what a function that is given r would
// read: the outcome is that of [OfBytes]. Afterwards r stands where it stood. Content that grows or shrinks meanwhile is
// [ErrSize]; the other errors are those of r.
func OfReader(r io.ReadSeeker) (Digest, error) { return readAll(Value, r) }

func readAll(domain Domain, r io.ReadSeeker) (d Digest, err error) {
	begin, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return Digest{}, fmt.Errorf("digest: finding where the reader stands: %w", err)
	}
	defer func() {
		if _, back := r.Seek(begin, io.SeekStart); back != nil {
			d, err = Digest{}, errors.Join(err, fmt.Errorf("digest: rewinding the reader: %w", back))
		}
	}()
	end, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return Digest{}, fmt.Errorf("digest: finding the reader's end: %w", err)
	}
	if _, err := r.Seek(begin, io.SeekStart); err != nil {
		return Digest{}, fmt.Errorf("digest: returning from the reader's end: %w", err)
	}
	w := newWriter(domain, max(end-begin, 0)) // a reader may stand behind its end
	if _, err := io.Copy(w, r); err != nil {
		return Digest{}, fmt.Errorf("digest: reading the content: %w", err)
	}
	return w.Sum()
}

// digestReader digests a reader as its content.
func digestReader(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	r := addressable(v).Addr().Interface().(io.ReadSeeker)
	d, err := readAll(e.takeDomain(), r)
	if err != nil {
		return Digest{}, caused(v.Type(), "its content could not be read", err)
	}
	return d, nil
}
