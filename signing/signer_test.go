package signing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/signing"
)

func TestASignerAsksForTheStoreWhenItNeedsIt(t *testing.T) {
	var asked []bool
	id := ""
	s := &signing.Signer{Ring: ring(t, 1), StoreID: func(_ context.Context, write bool) (string, error) {
		asked = append(asked, write)
		if write {
			id = storeID
		}
		return id, nil
	}}
	key := digest.OfBytes(nil)
	verify := func(mac *signing.MAC) error { return s.Verify(t.Context(), signing.Value, key, nil, mac) }

	if err := verify(nil); !errors.Is(err, signing.ErrUnsigned) || len(asked) != 0 {
		t.Errorf("not signed: %v, after %v", err, asked)
	}
	early := s.Ring.Sign(signing.Message{Kind: signing.Value, Store: storeID, Key: key})
	if err := verify(&early); !errors.Is(err, signing.ErrNoStore) {
		t.Errorf("signed, where there is no store: %v", err)
	}
	mac, err := s.Sign(t.Context(), signing.Value, key, nil)
	if err != nil || mac != early {
		t.Errorf("signed as %v, %v", mac, err)
	}
	if err := verify(&mac); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(asked) != "[false true false]" {
		t.Errorf("the store was asked for %v", asked)
	}
	s.AcceptUnsigned = true
	if err := verify(nil); err != nil {
		t.Errorf("not signed, and accepted: %v", err)
	}
	mac.Sum[0]++
	if err := verify(&mac); !errors.Is(err, signing.ErrWrong) {
		t.Errorf("signed wrongly, where objects that are not signed are accepted: %v", err)
	}
}

func TestAStoreThatCannotBeAskedIsNoRefusal(t *testing.T) {
	down := errors.New("down")
	s := &signing.Signer{Ring: ring(t, 1), StoreID: func(context.Context, bool) (string, error) { return "", down }}
	if _, err := s.Sign(t.Context(), signing.Value, digest.Digest{}, nil); !errors.Is(err, down) {
		t.Error(err)
	}
	err := s.Verify(t.Context(), signing.Value, digest.Digest{}, nil, &signing.MAC{})
	if _, refused := errors.AsType[*signing.Refusal](err); refused || !errors.Is(err, down) {
		t.Error(err)
	}
}

func ExampleParseKeys() {
	r, err := signing.ParseKeys(`
		# since November; the one before it still verifies
		8ba1eee1c69d4d7e1a5a2d1f3a87c6c2b0a1f0d9e8c7b6a5948372615049fe3c
		q2VfJ0m4yF2m4uJb5Zr9n0Vt1k3s6w8xPzQyRcTgUhE=`)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := signing.Message{Kind: signing.Value, Store: "00112233445566778899aabbccddeeff", Content: []byte("content")}
	mac := r.Sign(m)
	fmt.Println("signed with key", mac.Key)
	fmt.Println(r.Verify(m, mac))
	m.Content = []byte("other")
	fmt.Println(r.Verify(m, mac))
	// Output:
	// signed with key 8c92b415a2e3fc7f
	// <nil>
	// its HMAC is wrong: it was changed, or signed for another store or name (key 8c92b415a2e3fc7f)
}
