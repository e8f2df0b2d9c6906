package segment

import (
	"errors"
	"fmt"
)

// ErrDamaged says that bytes are not those of a segment, its filter or its deletions. A damaged segment is never a miss: what it says has to be rebuilt from the records.
var ErrDamaged = errors.New("the segment is damaged")

// NewerError says that a later version wrote the segment.
type NewerError struct{ Found int64 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the segment has format %d, and this version knows up to %d: read it with a later version", e.Found, Format)
}

// Format is the latest format of segments.
const Format = 1

func damaged(text string, arguments ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(text, arguments...))
}
