package file

import (
	"path/filepath"

	"github.com/quivercache/quiver/bucket"
)

// Locate implements bucket.Locator.
func (b *Bucket) Locate(key string) bucket.Location {
	return bucket.Location{Service: "file", Key: filepath.Join(b.dir, filepath.FromSlash(key))}
}
