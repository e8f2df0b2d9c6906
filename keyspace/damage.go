package keyspace

import (
	"fmt"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
)

// DamagedError says that an entry is there and cannot be believed. It is digest.ErrNotFound for errors.Is: a miss with a reason. Saving the entry again replaces
// what is damaged, in just that version.
type DamagedError struct {
	Object  string         // the object's name in the bucket
	Version bucket.Version // the version that was read
	Reason  string
	Err     error // the cause, may be nil
}

// Damaged makes a DamagedError of the version that was read.
func Damaged(info bucket.Info, err error, reason string, arguments ...any) *DamagedError {
	return &DamagedError{Object: info.Key, Version: info.Version, Reason: fmt.Sprintf(reason, arguments...), Err: err}
}

func (e *DamagedError) Error() string {
	text := e.Object + " is damaged: " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; it is replaced when it is computed and saved again"
}

// Is makes a damaged entry a miss.
func (e *DamagedError) Is(target error) bool { return target == digest.ErrNotFound }

func (e *DamagedError) Unwrap() error { return e.Err }

// NewerFormatError says that an object was written by a later Quiver, in a format that this one does not know. It is neither a miss nor damage.
type NewerFormatError struct {
	Object       string // the object's name in the bucket
	Found, Known int    // formats
}

func (e *NewerFormatError) Error() string {
	return fmt.Sprintf("%s has format %d, this Quiver knows formats up to %d: use a newer Quiver with this store", e.Object, e.Found, e.Known)
}
