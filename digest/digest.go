package digest

import (
	"bytes"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
)

// Size is the length of a digest in bytes.
const Size = 32

// textSize is the length of a digest as text, in hex characters.
const textSize = 2 * Size

// A Digest is the SHA-256 of a value's content, as [Of] defines it. It is comparable, orders like its text, and is
// written as 64 lower-case hex characters.
//
// A Digest handed to [Of] stands for the value it is the digest of: see the package page.
//
// Contract: Digest.
type Digest [Size]byte

// Parse reads a digest from exactly 64 hex characters; upper case is folded. Anything else is [ErrMalformed].
func Parse(s string) (Digest, error) {
	var d Digest
	if len(s) != textSize {
		return Digest{}, malformed(s, fmt.Sprintf("a digest has %d hex characters, this has %d", textSize, len(s)))
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return Digest{}, malformed(s, "a digest is written in the characters 0-9 and a-f")
	}
	return d, nil
}

// String returns the 64 lower-case hex characters.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Compare orders digests as bytes, which is also the order of their texts.
func (d Digest) Compare(other Digest) int { return bytes.Compare(d[:], other[:]) }

// IsZero reports whether d is the zero Digest, which is the digest of no known value and serves as "none".
func (d Digest) IsZero() bool { return d == Digest{} }

// Abbreviate returns the first n hex characters of d; n is clamped to 4 to 63, so the outcome is always a valid [Prefix].
func (d Digest) Abbreviate(n int) Prefix {
	return Prefix(d.String()[:min(max(n, MinPrefix), MaxPrefix)])
}

// HasPrefix reports whether d's text begins with p, whatever the case of p. A p that is too short or malformed is
// a prefix of nothing.
func (d Digest) HasPrefix(p Prefix) bool {
	full, short, isFull, err := Split(p)
	if err != nil {
		return false
	}
	if isFull {
		return d == full
	}
	return d.startsWith(short)
}

// startsWith is HasPrefix for a prefix that is already normalized.
func (d Digest) startsWith(normalized Prefix) bool {
	var text [textSize]byte
	hex.Encode(text[:], d[:])
	return string(text[:len(normalized)]) == string(normalized)
}

// AppendText implements [encoding.TextAppender].
func (d Digest) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, d[:]), nil }

// MarshalText implements [encoding.TextMarshaler]; encoding/json uses it for values and for map keys.
func (d Digest) MarshalText() ([]byte, error) { return d.AppendText(make([]byte, 0, textSize)) }

// UnmarshalText implements [encoding.TextUnmarshaler] with the rules of [Parse].
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Value implements [driver.Valuer]: a database holds the 64 hex characters.
func (d Digest) Value() (driver.Value, error) { return d.String(), nil }

// Scan implements the Scanner of database/sql. It reads text of 64 hex characters, or a blob of 32 raw bytes. NULL
// is refused: use sql.Null[Digest] where a column may be empty.
func (d *Digest) Scan(src any) error {
	switch src := src.(type) {
	case string:
		return d.UnmarshalText([]byte(src))
	case []byte:
		if len(src) == Size {
			*d = Digest(src)
			return nil
		}
		return d.UnmarshalText(src)
	default:
		return fmt.Errorf("%w: cannot scan %T into a digest; it takes 64 hex characters or %d bytes", ErrMalformed, src, Size)
	}
}
