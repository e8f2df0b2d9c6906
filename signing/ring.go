package signing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

const (
	// MinKey is how many bytes a key has at the least: as many as the hash, and as its strength.
	MinKey = 32

	minDistinct = 16 // different bytes in a key: one in 10^15 that were drawn at random has fewer
	idTag       = "quiver signing key 1\x00"
)

// KeyID names a key without telling it: the first 8 bytes of a SHA-256 of a tag and the key.
type KeyID [8]byte

// String is 16 hex characters.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText is String.
func (id KeyID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// MAC is an HMAC-SHA-256 and the key that it was made with.
type MAC struct {
	Key KeyID
	Sum [sha256.Size]byte
}

// Ring is the keys of a program: the first signs, all verify. It may be used by many goroutines.
type Ring struct{ keys []key }

// key keeps its bytes inside a function, where no format verb and no encoder finds them.
type key struct {
	id  KeyID
	mac func() hash.Hash
}

// NewRing makes a ring of keys, of at least MinKey random bytes each: the first signs and verifies, the others verify. The errors name a key by its place, never
// by its bytes.
func NewRing(keys ...[]byte) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("there is no signing key: " + hint)
	}
	r := &Ring{}
	for i, secret := range keys {
		if err := check(secret); err != nil {
			return nil, fmt.Errorf("signing key %d of %d %w: %s", i+1, len(keys), err, hint)
		}
		secret = bytes.Clone(secret)
		sum := sha256.Sum256(append([]byte(idTag), secret...))
		r.keys = append(r.keys, key{KeyID(sum[:8]), func() hash.Hash { return hmac.New(sha256.New, secret) }})
	}
	return r, nil
}

// hint is how to make a key.
const hint = "make one with openssl rand -hex 32"

// check refuses keys that can be guessed, as far as that shows.
func check(secret []byte) error {
	if len(secret) < MinKey {
		return fmt.Errorf("has %d bytes, not at least %d", len(secret), MinKey)
	}
	distinct := map[byte]bool{}
	for _, b := range secret {
		distinct[b] = true
	}
	if len(distinct) < minDistinct {
		return fmt.Errorf("has only %d different bytes, so it was not drawn at random", len(distinct))
	}
	return nil
}

// ID is the id of the key that signs.
func (r *Ring) ID() KeyID { return r.keys[0].id }

// Sign signs a message with the first key.
func (r *Ring) Sign(m Message) MAC {
	k := r.keys[0]
	return MAC{k.id, k.sum(m)}
}

// Verify says whether a message was signed with a key of the ring. If not, the error is a *Refusal.
func (r *Ring) Verify(m Message, mac MAC) error {
	refusal := &Refusal{Key: mac.Key, Err: ErrUnknownKey}
	for _, k := range r.keys {
		if k.id != mac.Key {
			continue
		}
		if sum := k.sum(m); hmac.Equal(sum[:], mac.Sum[:]) { // in constant time: a wrong guess tells nothing of the right one
			return nil
		}
		refusal.Err = ErrWrong
	}
	return refusal
}

func (k key) sum(m Message) [sha256.Size]byte {
	h := k.mac()
	m.write(h)
	return [sha256.Size]byte(h.Sum(nil))
}
