// Package sealed ends JSON objects with a checksum of their own bytes, which can be checked before the JSON is read. Records and manifests are sealed.
package sealed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// The end of a sealed object: a member with the SHA-256 of all bytes before it.
const (
	opening = `,"sha256":"`
	closing = "\"}\n"
)

// Size is how many bytes the seal of an object has.
const Size = len(opening) + 2*sha256.Size + len(closing)

// What is wrong with an object that is not sealed.
var (
	ErrOpen   = errors.New("it does not end with a checksum")
	ErrBroken = errors.New("its checksum is not that of its bytes")
)

// Seal appends the seal to a JSON object without its closing brace.
func Seal(body []byte) []byte {
	sum := sha256.Sum256(body)
	body = append(body, opening...)
	body = hex.AppendEncode(body, sum[:])
	return append(body, closing...)
}

// Check says what is wrong with the seal of an object.
func Check(object []byte) error {
	at := len(object) - Size
	if at < 0 || !bytes.HasPrefix(object[at:], []byte(opening)) || !bytes.HasSuffix(object, []byte(closing)) {
		return ErrOpen
	}
	sum := sha256.Sum256(object[:at])
	if hex.EncodeToString(sum[:]) != string(object[at+len(opening):len(object)-len(closing)]) {
		return ErrBroken
	}
	return nil
}
