package cache

import "path/filepath"

// What tests need to know of the directory.

const (
	HeaderSize = headerSize
	Overhead   = overhead
)

func Path(dir, object string, offset, length int64) string {
	name := extent{object, offset, length}.name()
	return filepath.Join(dir, name[:2], name)
}
