package bucket

import (
	"bytes"
	"io"
)

// Source is a body that can be sent more than once: each attempt opens it anew.
type Source interface {
	// Size is the number of bytes, -1 where it is known only at the end.
	Size() int64
	// Open returns the body from its first byte. An error in it fails the Put, and no object is written.
	Open() (io.ReadCloser, error)
}

// Bytes is a body in memory. The slice must not change while it is in use.
func Bytes(b []byte) Source { return bytesSource(b) }

type bytesSource []byte

func (s bytesSource) Size() int64 { return int64(len(s)) }

func (s bytesSource) Open() (io.ReadCloser, error) { return bytesBody{bytes.NewReader(s)}, nil }

// bytesBody keeps the seeking of its reader, so that an SDK can send it without a copy.
type bytesBody struct{ *bytes.Reader }

func (bytesBody) Close() error { return nil }

// Section is size bytes of r from its start, as of a file.
func Section(r io.ReaderAt, size int64) Source { return section{r, size} }

type section struct {
	r    io.ReaderAt
	size int64
}

func (s section) Size() int64 { return s.size }

func (s section) Open() (io.ReadCloser, error) {
	return sectionBody{io.NewSectionReader(s.r, 0, s.size)}, nil
}

type sectionBody struct{ *io.SectionReader }

func (sectionBody) Close() error { return nil }
