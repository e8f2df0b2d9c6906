package signing

import (
	"context"
	"errors"

	"github.com/quivercache/quiver/digest"
)

// Signer signs and verifies the objects of one store.
type Signer struct {
	Ring           *Ring
	AcceptUnsigned bool // believe objects that are not signed, as where a store is about to be signed

	// StoreID returns the id of the store. For a write, it makes the bucket a store where it is none; else the id of no store is empty.
	StoreID func(ctx context.Context, write bool) (string, error)
}

// Sign signs the content of an object that is to be written. An error is that of StoreID.
func (s *Signer) Sign(ctx context.Context, kind Kind, key digest.Digest, content []byte) (MAC, error) {
	store, err := s.StoreID(ctx, true)
	if err != nil {
		return MAC{}, err
	}
	return s.Ring.Sign(Message{kind, store, key, content}), nil
}

// Verify says whether to believe an object that was read; a nil mac is that of one that is not signed. It fails with a *Refusal, or with the error of StoreID.
func (s *Signer) Verify(ctx context.Context, kind Kind, key digest.Digest, content []byte, mac *MAC) error {
	if mac == nil {
		if s.AcceptUnsigned {
			return nil
		}
		return &Refusal{Err: ErrUnsigned}
	}
	store, err := s.StoreID(ctx, false)
	if err != nil {
		return err
	}
	if store == "" {
		return &Refusal{Key: mac.Key, Err: ErrNoStore}
	}
	return s.Ring.Verify(Message{kind, store, key, content}, *mac)
}

// Why an object is refused.
var (
	ErrUnsigned   = errors.New("it is not signed")
	ErrUnknownKey = errors.New("it is signed with a key that is not known here")
	ErrWrong      = errors.New("its HMAC is wrong: it was changed, or signed for another store or name")
	ErrNoStore    = errors.New("it is signed, and what for is not known: quiver.json is missing")
)

// Refusal says why an object is not believed.
type Refusal struct {
	Key KeyID // that it claims to be signed with; zero where it is not signed
	Err error // ErrUnsigned, ErrUnknownKey, ErrWrong or ErrNoStore
}

func (r *Refusal) Error() string {
	if r.Key == (KeyID{}) {
		return r.Err.Error()
	}
	return r.Err.Error() + " (key " + r.Key.String() + ")"
}

func (r *Refusal) Unwrap() error { return r.Err }
