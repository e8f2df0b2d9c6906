package callindex_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/signing"
)

const (
	thisStore  = "00112233445566778899aabbccddeeff"
	otherStore = "ffeeddccbbaa99887766554433221100"
)

// secret is the key of a number: 32 ascending bytes.
func secret(n byte) []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = n + byte(i)
	}
	return key
}

// The keys of the fleet, before and after it changed them, and one of somebody else.
var oldKey, newKey, foreignKey = secret(0), secret(100), secret(200)

func signer(keys ...[]byte) *signing.Signer {
	ring, err := signing.NewRing(keys...)
	if err != nil {
		panic(err)
	}
	return &signing.Signer{Ring: ring, StoreID: func(context.Context, bool) (string, error) { return thisStore, nil }}
}

// lenient believes what is not signed too.
func lenient(s *signing.Signer) *signing.Signer {
	s.AcceptUnsigned = true
	return s
}

// readers are stores with different keys.
var readers = map[string]*signing.Signer{
	"no keys":            nil,
	"new key":            signer(newKey),
	"new key, lenient":   lenient(signer(newKey)),
	"new key, then old":  signer(newKey, oldKey),
	"a key of strangers": signer(foreignKey),
}

// signing returns a store over the bucket of w that signs.
func (w *world) signing(s *signing.Signer) *callindex.Store {
	return callindex.New(bucket.Wrap(w.bucket, w.recorder.Record), &callindex.Options{Clock: w.clock, Entropy: entropy, Signer: s})
}

// unsealed is a record without its checksum: what is signed.
func unsealed(text []byte) []byte { return text[:bytes.LastIndex(text, []byte(`,"sha256":`))] }

// signed ends a record with an HMAC as docs/format.md says, computed by other means than the package's own, and with the checksum.
func signed(content, secret []byte, kind, store string, key digest.Digest) []byte {
	id := sha256.Sum256(append([]byte("quiver signing key 1\x00"), secret...))
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("quiver signed 1\x00"))
	for _, part := range [][]byte{[]byte(kind), []byte(store), key[:], content} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return resealed(fmt.Appendf(nil, `%s,"signed":{"key":"%x","hmac":"%x"}`, content, id[:8], h.Sum(nil)))
}

func resealed(body []byte) []byte {
	return fmt.Appendf(nil, "%s,\"sha256\":\"%x\"}\n", body, sha256.Sum256(body))
}

func encoded(t testing.TB, r *callindex.Record) (digest.Digest, []byte) {
	t.Helper()
	key := keyOf(t, &r.Call)
	text, err := callindex.Encode(r, key)
	if err != nil {
		t.Fatal(err)
	}
	return key, text
}

func wantDamage(t testing.TB, b bucket.Bucket, err error) {
	t.Helper()
	damage, ok := errors.AsType[*keyspace.DamagedError](err)
	if !ok || !errors.Is(err, digest.ErrNotFound) {
		t.Fatalf("not a damaged record: %v", err)
	}
	if info, err := b.Stat(t.Context(), damage.Object); err != nil || info.Version != damage.Version {
		t.Errorf("the damage is of version %q, not %q (%v)", damage.Version, info.Version, err)
	}
}

// TestWhoBelievesWhichRecord: what comes of each object for each reader.
func TestWhoBelievesWhichRecord(t *testing.T) {
	r := record(call("f", 1), 2)
	r.Inline = &callindex.Inline{Codec: "raw", Data: []byte("value")}
	key, text := encoded(t, r)
	content := unsealed(text)
	elsewhere := digest.OfBytes([]byte("elsewhere"))
	other := bytes.Replace(content, []byte(`"dmFsdWU="`), []byte(`"b3RoZXI="`), 1)
	end := func(signed []byte) []byte { return unsealed(signed)[len(content):] } // the HMAC alone
	unsigned, unknown, wrong := signing.ErrUnsigned, signing.ErrUnknownKey, signing.ErrWrong
	for name, c := range map[string]struct {
		object                            []byte
		bare, ring, lenient, both, others error
	}{
		"not signed":                      {text, nil, unsigned, nil, unsigned, unsigned},
		"signed":                          {signed(content, newKey, "record", thisStore, key), nil, nil, nil, nil, unknown},
		"signed with the old key":         {signed(content, oldKey, "record", thisStore, key), nil, unknown, unknown, nil, unknown},
		"signed for another store":        {signed(content, newKey, "record", otherStore, key), nil, wrong, wrong, wrong, unknown},
		"signed under another key":        {signed(content, newKey, "record", thisStore, elsewhere), nil, wrong, wrong, wrong, unknown},
		"signed as another kind":          {signed(content, newKey, "value", thisStore, key), nil, wrong, wrong, wrong, unknown},
		"another result, the same HMAC":   {resealed(append(other, end(signed(content, newKey, "record", thisStore, key))...)), nil, wrong, wrong, wrong, unknown},
		"an HMAC in upper case":           {shout(signed(content, newKey, "record", thisStore, key)), nil, unsigned, nil, unsigned, unsigned},
		"signed, and something behind it": {resealed(append(unsealed(signed(content, newKey, "record", thisStore, key)), `,"more":1`...)), nil, unsigned, nil, unsigned, unsigned},
	} {
		for reader, want := range map[string]error{
			"no keys": c.bare, "new key": c.ring, "new key, lenient": c.lenient, "new key, then old": c.both, "a key of strangers": c.others,
		} {
			w := newWorld(t)
			if err := w.bucket.Put(t.Context(), layout.RecordSpace.Name(key), bucket.Bytes(c.object), bucket.IfAbsent()); err != nil {
				t.Fatal(err)
			}
			got, err := w.signing(readers[reader]).Load(t.Context(), key)
			if want == nil && (err != nil || got.Result != r.Result) || !errors.Is(err, want) {
				t.Errorf("%s, read with %s: %+v, %v", name, reader, got, err)
			}
			if want != nil {
				wantDamage(t, w.bucket, err)
			}
			w.recorder.Expect(t, "get calls/**")
		}
	}
}

// shout writes the digits of an HMAC in upper case.
func shout(object []byte) []byte {
	body := unsealed(object)
	at := bytes.LastIndex(body, []byte(`"hmac":"`)) + len(`"hmac":"`)
	return resealed(append(bytes.Clone(body[:at]), bytes.ToUpper(body[at:])...))
}

func TestARecordThatIsCopiedToAnotherNameIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	s := w.signing(signer(newKey))
	r, other := record(call("f", 1), 2), record(call("f", 3), 4)
	mustSave(t, s, r, nil)
	mustSave(t, s, other, nil)
	from, to := layout.RecordSpace.Name(keyOf(t, &r.Call)), layout.RecordSpace.Name(keyOf(t, &other.Call))
	text, _, err := bucket.ReadAll(t.Context(), w.bucket, from, callindex.RecordLimit)
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, w.bucket, to, text)
	_, err = s.Load(t.Context(), keyOf(t, &other.Call))
	wantDamage(t, w.bucket, err)
}

// TestNoChangedByteOfASignedRecordIsBelieved, whether or not the checksum is made right again.
func TestNoChangedByteOfASignedRecordIsBelieved(t *testing.T) {
	r := record(call("f", 1), 2)
	r.Metadata = callindex.Metadata{"tags": {"a": "b"}}
	w := newWorld(t)
	mustSave(t, w.signing(signer(newKey)), r, nil)
	key := keyOf(t, &r.Call)
	name := layout.RecordSpace.Name(key)
	whole, _, err := bucket.ReadAll(t.Context(), w.bucket, name, callindex.RecordLimit)
	if err != nil {
		t.Fatal(err)
	}
	body := unsealed(whole)
	for reader, s := range readers {
		if s == nil || strings.Contains(reader, "lenient") { // the lenient one is below
			continue
		}
		store := w.signing(s)
		for i := range whole {
			object := bytes.Clone(whole)
			object[i] ^= 0x41
			objects := [][]byte{object}
			if i < len(body) {
				objects = append(objects, resealed(object[:len(body)]))
			}
			for _, object := range objects {
				overwrite(t, w.bucket, name, object)
				got, err := store.Load(t.Context(), key)
				if err == nil {
					t.Fatalf("%s, byte %d: %+v", reader, i, got)
				}
				wantDamage(t, w.bucket, err)
			}
		}
	}
	// Who believes what is not signed believes what was signed before somebody spoiled the member: docs/signing.md says so.
	spoiled := resealed(bytes.Replace(body, []byte(`,"signed":{`), []byte(`,"singed":{`), 1))
	overwrite(t, w.bucket, name, spoiled)
	if _, err := w.signing(readers["new key, lenient"]).Load(t.Context(), key); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotBelievedIsReplacedByTheNextSave(t *testing.T) {
	r := record(call("f", 1), 2)
	key, text := encoded(t, r)
	for name, object := range map[string][]byte{"not signed": text, "signed by strangers": signed(unsealed(text), foreignKey, "record", thisStore, key)} {
		w := newWorld(t)
		s := w.signing(signer(newKey))
		if err := w.bucket.Put(t.Context(), layout.RecordSpace.Name(key), bucket.Bytes(object), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		if err := s.Evict(t.Context(), key); !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: Evict = %v", name, err)
		}
		w.recorder.Take()
		saved := mustSave(t, s, r, nil)
		w.recorder.Expect(t, "put index/**", "put calls/**", "get calls/**", "put calls/**")
		if id, verified := saved.Signed(); id != signer(newKey).Ring.ID() || !verified {
			t.Errorf("%s: saved with key %v, verified %v", name, id, verified)
		}
		if _, err := s.Load(t.Context(), key); err != nil {
			t.Errorf("%s: it did not heal: %v", name, err)
		}
	}
}

func TestASignedRecordSaysSo(t *testing.T) {
	w := newWorld(t)
	r, plain := record(call("f", 1), 2), record(call("g", 1), 2)
	mustSave(t, w.signing(signer(newKey)), r, nil)
	mustSave(t, w.Store, plain, nil)
	for _, c := range []struct {
		store    *callindex.Store
		call     *callindex.Call
		id       signing.KeyID
		verified bool
	}{
		{w.signing(signer(oldKey, newKey)), &r.Call, signer(newKey).Ring.ID(), true},
		{w.Store, &r.Call, signer(newKey).Ring.ID(), false},
		{w.Store, &plain.Call, signing.KeyID{}, false},
		{w.signing(lenient(signer(newKey))), &plain.Call, signing.KeyID{}, false},
	} {
		got, err := c.store.Load(t.Context(), keyOf(t, c.call))
		if err != nil {
			t.Fatal(err)
		}
		if id, verified := got.Signed(); id != c.id || verified != c.verified {
			t.Errorf("%s: signed with %v, verified %v", c.call.Name, id, verified)
		}
	}
}

// TestARecordThatIsSavedElsewhereIsSignedAnew: what was loaded of a signed record does not stay with it.
func TestARecordThatIsSavedElsewhereIsSignedAnew(t *testing.T) {
	w := newWorld(t)
	r := record(call("f", 1), 2)
	loaded := mustSave(t, w.signing(signer(oldKey)), r, nil)
	for _, c := range []struct {
		by *signing.Signer
		id signing.KeyID
	}{{signer(newKey, oldKey), signer(newKey).Ring.ID()}, {nil, signing.KeyID{}}} {
		again := mustSave(t, w.signing(c.by), loaded, &callindex.SaveOptions{Replace: true})
		if id, _ := again.Signed(); id != c.id {
			t.Errorf("signed with %v, want %v", id, c.id)
		}
		if got, err := w.Load(t.Context(), keyOf(t, &r.Call)); err != nil {
			t.Error(err)
		} else if id, _ := got.Signed(); id != c.id {
			t.Errorf("stored as signed with %v, want %v", id, c.id)
		}
	}
}

func TestAStoreWhoseIDCannotBeReadIsAnErrorAndNoMiss(t *testing.T) {
	down := errors.New("down")
	w, by := newWorld(t), signer(newKey)
	s := w.signing(by)
	r := record(call("f", 1), 2)
	mustSave(t, s, r, nil)
	by.StoreID = func(context.Context, bool) (string, error) { return "", down }
	if _, err := s.Load(t.Context(), keyOf(t, &r.Call)); !errors.Is(err, down) || errors.Is(err, digest.ErrNotFound) {
		t.Errorf("Load = %v", err)
	}
	if _, err := s.Save(t.Context(), record(call("f", 2), 2), nil); !errors.Is(err, down) {
		t.Errorf("Save = %v", err)
	}
}

// TestSignedRecordsOfFormat1StayReadable reads records as the first version that signed wrote them, and signs them the same.
func TestSignedRecordsOfFormat1StayReadable(t *testing.T) {
	names, err := filepath.Glob("testdata/format/v1/signed/*.json")
	if err != nil || len(names) != 2 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		key, err := digest.Parse(strings.TrimSuffix(filepath.Base(name), ".json"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := callindex.Recode(t.Context(), newWorld(t).signing(signer(oldKey)), key, text)
		if err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s is written otherwise today: %v\n%s", name, err, again)
		}
	}
}

// FuzzDecodeSigned: what is believed is byte for byte what was signed.
func FuzzDecodeSigned(f *testing.F) {
	r := record(call("f", 1), 2)
	key, text := encoded(f, r)
	f.Add(unsealed(text))
	f.Add(unsealed(signed(unsealed(text), newKey, "record", thisStore, key)))
	f.Add(unsealed(signed([]byte(`{"format":1`), newKey, "record", thisStore, key)))
	f.Add([]byte(`{"format":1,"signed":{"key":"0000000000000000","hmac":"` + strings.Repeat("00", 32) + `"}`))
	s := callindex.New(mem.New(nil), &callindex.Options{Signer: signer(newKey)})
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := callindex.Recode(t.Context(), s, key, resealed(body))
		content, _, _ := bytes.Cut(body, []byte(`,"signed":`))
		if err == nil && !bytes.Equal(resealed(body), signed(content, newKey, "record", thisStore, key)) {
			t.Errorf("%q was believed", body)
		}
	})
}
