package quiver

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/quivercache/quiver/digest"
)

// BinaryDigest is the SHA-256 of the running executable, for Def.Code: every build then begins anew. It is read once. A program that cannot read itself gets
// the error, and should give its functions versions.
func BinaryDigest() (digest.Digest, error) { return binaryDigest() }

var binaryDigest = sync.OnceValues(func() (digest.Digest, error) {
	path := "/proc/self/exe" // what runs, also where a later build has taken its place
	if runtime.GOOS != "linux" {
		var err error
		if path, err = os.Executable(); err != nil {
			return digest.Digest{}, fmt.Errorf("finding the running executable: %w", err)
		}
	}
	return fileDigest(path)
})

func fileDigest(path string) (d digest.Digest, err error) {
	file, err := os.Open(path)
	if err != nil {
		return d, fmt.Errorf("reading the running executable: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return d, fmt.Errorf("reading the running executable: %w", err)
	}
	return digest.Digest(sum.Sum(nil)), nil
}
