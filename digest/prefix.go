package digest

import (
	"errors"
	"fmt"
	"strings"
)

const (
	// MinPrefix and MaxPrefix bound the length of a [Prefix], in hex characters.
	MinPrefix = 4
	MaxPrefix = textSize - 1
)

var (
	// ErrNotFound: no such key. Contract: KeyError.
	ErrNotFound = errors.New("no such key")

	// ErrTooShort: a prefix of fewer than 4 characters. It is an [ErrNotFound] too, as the contract's KeyError
	// covers both.
	ErrTooShort = fmt.Errorf("%w: a short digest needs at least %d characters", ErrNotFound, MinPrefix)

	// ErrMalformed: text that can be no digest and no prefix of one: not hex, or too long. It never leads to a request.
	ErrMalformed = errors.New("malformed digest")
)

// A Key names an entry of a store: a [Digest], or a [Prefix] of one. No other type implements it.
type Key interface {
	fmt.Stringer
	isKey()
}

// A Prefix is a digest cut short: 4 to 63 hex characters. A conversion such as Prefix("ab12") is allowed, since every
// use validates it and folds upper case.
//
// Contract: short digest.
type Prefix string

func (Digest) isKey() {}
func (Prefix) isKey() {}

// String returns the prefix as it was written.
func (p Prefix) String() string { return string(p) }

// ParsePrefix reads a prefix from 4 to 63 hex characters and returns it in lower case. Errors: [ErrTooShort],
// [ErrMalformed].
func ParsePrefix(s string) (Prefix, error) {
	if len(s) == textSize {
		return "", malformed(s, "this is a whole digest where a short one is expected")
	}
	k, err := ParseKey(s)
	if err != nil {
		return "", err
	}
	return k.(Prefix), nil
}

// ParseKey reads a [Digest] from 64 hex characters and a [Prefix] from 4 to 63. Errors: [ErrTooShort], [ErrMalformed].
func ParseKey(s string) (Key, error) {
	full, short, isFull, err := Split(Prefix(s))
	switch {
	case err != nil:
		return nil, err
	case isFull:
		return full, nil
	default:
		return short, nil
	}
}

// Split validates and normalizes a key, and says which of the two it is: isFull tells whether full or short is set.
// A Prefix of 64 characters is a full digest. Errors: [ErrTooShort], [ErrMalformed]; a nil Key is malformed.
func Split(k Key) (full Digest, short Prefix, isFull bool, err error) {
	switch k := k.(type) {
	case Digest:
		return k, "", true, nil
	case Prefix:
		return splitText(string(k))
	default:
		return Digest{}, "", false, fmt.Errorf("%w: a key is a Digest or a Prefix, not %T", ErrMalformed, k)
	}
}

func splitText(s string) (full Digest, short Prefix, isFull bool, err error) {
	switch {
	case len(s) == textSize:
		full, err = Parse(s)
		return full, "", err == nil, err
	case len(s) > textSize:
		return Digest{}, "", false, malformed(s, fmt.Sprintf("a key has at most %d hex characters, this has %d", textSize, len(s)))
	case !isHex(s):
		return Digest{}, "", false, malformed(s, "a key is written in the characters 0-9 and a-f")
	case len(s) < MinPrefix:
		return Digest{}, "", false, fmt.Errorf("%w, %q has %d", ErrTooShort, s, len(s))
	default:
		return Digest{}, Prefix(strings.ToLower(s)), false, nil
	}
}

func isHex(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// malformed quotes what was given, cut so that an error message stays one readable line.
func malformed(given, why string) error {
	const room = textSize + 8
	if len(given) > room {
		given = given[:room] + "…"
	}
	return fmt.Errorf("%w: %q: %s", ErrMalformed, given, why)
}
