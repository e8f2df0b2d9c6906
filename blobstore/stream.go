package blobstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

// SaveReader is Save of the bytes that r yields from where it stands to its end, by the codec raw, in little memory whatever their number.
//
// They are read twice: once for the key, once to be sent. A reader that can seek is read twice itself, and stands where it stood afterwards; any other is
// kept in a temporary file meanwhile (Options.SpoolDir, Options.SpoolLimit), which is gone when SaveReader returns. Content that changes between the
// two is not saved. Reading itself cannot be interrupted: ctx is looked at before each Read.
func (s *Store) SaveReader(ctx context.Context, r io.Reader, options *SaveOptions) (key digest.Digest, err error) {
	var o SaveOptions
	if options != nil {
		o = *options
	}
	if o.Codec != nil && o.Codec != Raw {
		return key, &keyspace.SaveError{Key: o.Key, Err: fmt.Errorf("a stream is saved by the codec raw, not %s", o.Codec.Name())}
	}
	content, release, err := s.rewindable(ctx, r)
	if err != nil {
		return key, &keyspace.SaveError{Key: o.Key, Err: err}
	}
	defer func() {
		if left := release(); left != nil && err == nil {
			err = &keyspace.SaveError{Key: key, Err: fmt.Errorf("it is saved, but its temporary file is left behind: %w", left)}
		}
	}()
	if content.Size() < large {
		whole, err := io.ReadAll(content)
		if err != nil {
			return key, &keyspace.SaveError{Key: o.Key, Err: err}
		}
		return s.Save(ctx, whole, &SaveOptions{Key: o.Key, Codec: Raw, Replace: o.Replace, Verify: o.Verify})
	}
	own, sum, err := digestStream(ctx, content)
	if err != nil {
		return key, &keyspace.SaveError{Key: o.Key, Err: err}
	}
	w := &writing{
		header:  header{codec: Raw.Name(), size: content.Size(), sum: sum, key: cmp.Or(o.Key, own)},
		replace: o.Replace,
		verify:  o.Verify,
	}
	w.explicit = w.header.key != own
	w.source = &stream{s.compression, &w.header, content}
	if err := s.write(ctx, w); err != nil {
		return key, err
	}
	return w.header.key, nil
}

// digestStream is the first of the two times that content is read.
func digestStream(ctx context.Context, content *io.SectionReader) (key digest.Digest, sum [sha256.Size]byte, err error) {
	value, encoded := digest.NewBytes(content.Size()), sha256.New()
	if _, err := io.CopyBuffer(io.MultiWriter(value, encoded), interruptible{ctx, content}, make([]byte, chunk)); err != nil {
		return key, sum, fmt.Errorf("reading the value: %w", err)
	}
	key, err = value.Sum()
	if err != nil {
		return key, sum, fmt.Errorf("%w: %w", errContentChanged, err)
	}
	return key, [sha256.Size]byte(encoded.Sum(nil)), nil
}

// interruptible is a reader that stops when its context does.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, context.Cause(i.ctx)
	}
	return i.r.Read(p)
}

var errContentChanged = errors.New("the content changed while it was saved")

// chunk is how many bytes of a stream are packed at once.
const chunk = 128 << 10

// stream is the object of a streamed value. Each time it is opened the content is read, packed and checked anew.
type stream struct {
	compression *compression
	header      *header
	content     *io.SectionReader
}

func (*stream) Size() int64 { return -1 }

func (s *stream) Open() (io.ReadCloser, error) {
	p := &packing{
		stream:  s,
		content: io.NewSectionReader(s.content, 0, s.content.Size()),
		hash:    sha256.New(),
		chunk:   make([]byte, chunk),
	}
	p.out.Write(s.header.appendTo(nil))
	p.encoder = s.compression.borrowEncoder(&p.out, s.header.size)
	return p, nil
}

// packing is an object while it is being packed, as far as it is asked for.
type packing struct {
	*stream
	content io.Reader
	hash    hash.Hash
	encoder *zstd.Encoder
	chunk   []byte
	out     bytes.Buffer
	err     error // what follows the bytes in out
}

func (p *packing) Read(b []byte) (int, error) {
	for p.out.Len() == 0 && p.err == nil {
		p.err = p.fill()
	}
	if p.out.Len() == 0 {
		return 0, p.err
	}
	return p.out.Read(b)
}

// fill packs the next chunk. After the last one it checks that what was sent is what was digested, and returns io.EOF.
func (p *packing) fill() error {
	n, err := p.content.Read(p.chunk)
	p.hash.Write(p.chunk[:n])
	if _, err := p.encoder.Write(p.chunk[:n]); err != nil {
		return err
	}
	if err != io.EOF {
		return err
	}
	if [sha256.Size]byte(p.hash.Sum(nil)) != p.header.sum {
		return errContentChanged
	}
	if err := p.encoder.Close(); err != nil {
		return err
	}
	return io.EOF
}

func (p *packing) Close() error {
	if p.encoder != nil {
		p.compression.returnEncoder(p.encoder)
		p.encoder, p.err = nil, errClosed
	}
	return nil
}
