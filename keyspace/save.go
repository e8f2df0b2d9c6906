package keyspace

import (
	"fmt"

	"github.com/quivercache/quiver/digest"
)

// SaveError says that an entry could not be saved, and why. errors.Is and errors.As see the cause.
//
// Contract: SaveError.
type SaveError struct {
	Key digest.Digest // zero where not even the key could be had
	Err error
}

func (e *SaveError) Error() string {
	if e.Key.IsZero() {
		return "not saved: " + e.Err.Error()
	}
	return fmt.Sprintf("%s not saved: %v", e.Key, e.Err)
}

func (e *SaveError) Unwrap() error { return e.Err }
