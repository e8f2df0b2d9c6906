package callindex

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Version is the version of a function: an integer or a text, whose type is kept; 3 is not "3". The zero Version means that there is none.
// Versions are compared with ==.
type Version struct {
	kind versionKind
	n    int64
	text string
}

type versionKind uint8

const (
	noVersion versionKind = iota
	intVersion
	textVersion
)

// IntVersion is an integer version.
func IntVersion(n int64) Version { return Version{kind: intVersion, n: n} }

// TextVersion is a text version.
func TextVersion(text string) Version { return Version{kind: textVersion, text: text} }

// ParseVersion reads a version as people write it: an integer where it is one ("3"), a text otherwise ("v3"), none where it is empty.
func ParseVersion(text string) Version {
	if text == "" {
		return Version{}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return IntVersion(n)
	}
	return TextVersion(text)
}

// IsZero says whether there is no version.
func (v Version) IsZero() bool { return v.kind == noVersion }

// Value is an int64, a string, or nil.
func (v Version) Value() any {
	switch v.kind {
	case intVersion:
		return v.n
	case textVersion:
		return v.text
	}
	return nil
}

// String is the version for people; a text that looks like an integer is quoted.
func (v Version) String() string {
	switch v.kind {
	case intVersion:
		return strconv.FormatInt(v.n, 10)
	case textVersion:
		if ParseVersion(v.text) != v {
			return strconv.Quote(v.text)
		}
	}
	return v.text
}

// MarshalJSON writes a number, a string, or null.
func (v Version) MarshalJSON() ([]byte, error) { return json.Marshal(v.Value()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Version) UnmarshalJSON(text []byte) error {
	*v = Version{}
	switch {
	case bytes.Equal(text, []byte("null")):
		return nil
	case len(text) > 0 && text[0] == '"':
		v.kind = textVersion
		return json.Unmarshal(text, &v.text)
	}
	v.kind = intVersion
	if err := json.Unmarshal(text, &v.n); err != nil {
		return fmt.Errorf("a version is an integer or a text: %w", err)
	}
	return nil
}
