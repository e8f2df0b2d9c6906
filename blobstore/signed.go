package blobstore

import (
	"context"

	"github.com/quivercache/quiver/signing"
)

// sign signs a header that is otherwise complete, if the store signs.
func (s *Store) sign(ctx context.Context, h *header) (err error) {
	if s.signer == nil {
		return nil
	}
	h.signed = true
	h.mac, err = s.signer.Sign(ctx, signing.Value, h.key, h.appendContent(nil))
	return err
}

// verify says whether to believe a header, and with it the value of that size and SHA-256.
func (s *Store) verify(ctx context.Context, h header) error {
	if s.signer == nil {
		return nil
	}
	var mac *signing.MAC
	if h.signed {
		mac = &h.mac
	}
	return s.signer.Verify(ctx, signing.Value, h.key, h.appendContent(nil), mac)
}

// Signed returns the id of the key that the value says it is signed with, zero where it is not signed, and whether that was verified: a store without
// keys cannot.
func (r *Reader) Signed() (key signing.KeyID, verified bool) {
	return r.header.mac.Key, r.header.signed && r.store.signer != nil
}
