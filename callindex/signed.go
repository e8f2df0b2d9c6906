package callindex

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/internal/sealed"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/signing"
)

// The last member but one of a record that is signed: the HMAC of all bytes before it.
const (
	signedOpen   = `,"signed":{"key":"`
	signedMiddle = `","hmac":"`
	signedClose  = `"}`
	signedSize   = len(signedOpen) + 2*len(signing.KeyID{}) + len(signedMiddle) + 2*sha256.Size + len(signedClose)
)

// encode returns a record's bytes, signed if the store signs.
func (s *Store) encode(ctx context.Context, key digest.Digest, r *Record) ([]byte, error) {
	body, err := r.body(key)
	if err != nil {
		return nil, err
	}
	r.signed, r.verified = signing.KeyID{}, false // those of a record that this one was made from
	if s.signer != nil {
		mac, err := s.signer.Sign(ctx, signing.Record, key, body)
		if err != nil {
			return nil, fmt.Errorf("signing the record: %w", err)
		}
		body = appendSigned(body, mac)
		r.signed, r.verified = mac.Key, true
	}
	return seal(body)
}

// decode returns the record of a key from an object's bytes, if it is to be believed.
func (s *Store) decode(ctx context.Context, info bucket.Info, key digest.Digest, text []byte) (*Record, error) {
	r, err := decode(info, key, text)
	if err != nil {
		return nil, err
	}
	content, mac := cutSigned(text[:len(text)-sealed.Size])
	if s.signer != nil {
		err = s.signer.Verify(ctx, signing.Record, key, content, mac)
	}
	if refusal, ok := errors.AsType[*signing.Refusal](err); ok {
		return nil, keyspace.Damaged(info, refusal, "it is not verified")
	}
	if err != nil {
		return nil, fmt.Errorf("verifying %s: %w", info.Key, err)
	}
	if mac != nil {
		r.signed, r.verified = mac.Key, s.signer != nil
	}
	return r, nil
}

// appendSigned appends the member.
func appendSigned(body []byte, mac signing.MAC) []byte {
	body = append(body, signedOpen...)
	body = hex.AppendEncode(body, mac.Key[:])
	body = append(body, signedMiddle...)
	body = hex.AppendEncode(body, mac.Sum[:])
	return append(body, signedClose...)
}

// cutSigned returns what stands before the member, and the HMAC in it; nil where there is no such member. It is found by its place and its size: a record that is not signed
// ends with its write id, which is a text.
func cutSigned(body []byte) (content []byte, mac *signing.MAC) {
	if len(body) < signedSize {
		return body, nil
	}
	content, member := body[:len(body)-signedSize], body[len(body)-signedSize:]
	mac = new(signing.MAC)
	key := member[len(signedOpen):][:2*len(mac.Key)]
	sum := member[len(member)-len(signedClose)-2*len(mac.Sum):][:2*len(mac.Sum)]
	_, keyErr := hex.Decode(mac.Key[:], key)
	_, sumErr := hex.Decode(mac.Sum[:], sum)
	if keyErr != nil || sumErr != nil || !bytes.Equal(appendSigned(nil, *mac), member) {
		return body, nil
	}
	return content, mac
}

// Signed returns the id of the key that the record says it is signed with, zero where it is not signed, and whether that was verified: a store without keys
// cannot.
func (r *Record) Signed() (key signing.KeyID, verified bool) { return r.signed, r.verified }
