package bucket

import "fmt"

// Condition says when a write may happen. Its zero value is refused: make one with [IfAbsent] or [IfMatch].
type Condition struct {
	absent  bool
	version Version
}

// IfAbsent lets a write happen where there is no object.
func IfAbsent() Condition { return Condition{absent: true} }

// IfMatch lets a write happen where the object still has this version. An empty version is refused.
func IfMatch(version Version) Condition { return Condition{version: version} }

// Absent says whether the condition is IfAbsent.
func (c Condition) Absent() bool { return c.absent }

// Version is the version of an IfMatch, and empty otherwise.
func (c Condition) Version() Version { return c.version }

// Check refuses the zero Condition, with ErrInvalid.
func (c Condition) Check() error {
	if c == (Condition{}) {
		return fmt.Errorf("%w: a write needs a condition: IfAbsent, or IfMatch with the version that was read", ErrInvalid)
	}
	return nil
}

func (c Condition) String() string {
	if c.absent {
		return "if absent"
	}
	return fmt.Sprintf("if version %q", string(c.version))
}
