//go:build soak

package blobstore_test

import (
	"io"
	"testing"
)

func TestAGiBStreamsInLittleMemory(t *testing.T) {
	const size = 1 << 30
	saveInLittleMemory(t, size, io.NewSectionReader(incompressible, 0, size))
	saveInLittleMemory(t, size, struct{ io.Reader }{io.NewSectionReader(incompressible, 0, size)})
	readInLittleMemory(t, repeated{[]byte("a content that compresses well, for a bucket in memory. ")}, size)
}
