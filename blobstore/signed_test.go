package blobstore_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
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
	return &signing.Signer{
		Ring:    must(signing.NewRing(keys...)),
		StoreID: func(context.Context, bool) (string, error) { return thisStore, nil },
	}
}

// hmacOf is the 40 bytes of an HMAC as docs/format.md says, computed by other means than the package's own.
func hmacOf(secret []byte, kind, store string, key digest.Digest, content []byte) []byte {
	id := sha256.Sum256(append([]byte("quiver signing key 1\x00"), secret...))
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("quiver signed 1\x00"))
	for _, part := range [][]byte{[]byte(kind), []byte(store), key[:], content} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return h.Sum(id[:8])
}

// sign signs a crafted object, under a key of its own.
func (c *crafted) sign(secret []byte, kind, store string, key digest.Digest) {
	c.flags, c.extra = 1, make([]byte, 40)
	header := c.header()
	c.extra = hmacOf(secret, kind, store, key, header[:len(header)-44])
}

// readers are stores with different keys.
var readers = map[string]*signing.Signer{
	"no keys":            nil,
	"new key":            signer(newKey),
	"new key, lenient":   {Ring: must(signing.NewRing(newKey)), AcceptUnsigned: true, StoreID: signer(newKey).StoreID},
	"new key, then old":  signer(newKey, oldKey),
	"a key of strangers": signer(foreignKey),
}

// TestWhoBelievesWhichValue: what comes of each object for each reader.
func TestWhoBelievesWhichValue(t *testing.T) {
	value := []byte("value")
	key, elsewhere := digest.OfBytes(value), digest.OfBytes([]byte("elsewhere"))
	unsigned, unknown, wrong := signing.ErrUnsigned, signing.ErrUnknownKey, signing.ErrWrong
	for name, c := range map[string]struct {
		sign                              func(*crafted)
		bare, ring, lenient, both, others error
	}{
		"not signed":                   {func(*crafted) {}, nil, unsigned, nil, unsigned, unsigned},
		"signed":                       {func(c *crafted) { c.sign(newKey, "value", thisStore, key) }, nil, nil, nil, nil, unknown},
		"signed with the old key":      {func(c *crafted) { c.sign(oldKey, "value", thisStore, key) }, nil, unknown, unknown, nil, unknown},
		"signed for another store":     {func(c *crafted) { c.sign(newKey, "value", otherStore, key) }, nil, wrong, wrong, wrong, unknown},
		"signed under another key":     {func(c *crafted) { c.sign(newKey, "value", thisStore, elsewhere) }, nil, wrong, wrong, wrong, unknown},
		"signed as another kind":       {func(c *crafted) { c.sign(newKey, "record", thisStore, key) }, nil, wrong, wrong, wrong, unknown},
		"another value, the same HMAC": {func(c *crafted) { c.sign(newKey, "value", thisStore, key); c.swap("other") }, nil, wrong, wrong, wrong, unknown},
	} {
		object := craft(key, "raw", value)
		c.sign(&object)
		for reader, want := range map[string]error{
			"no keys": c.bare, "new key": c.ring, "new key, lenient": c.lenient, "new key, then old": c.both, "a key of strangers": c.others,
		} {
			b := newBench(t, &blobstore.Options{Signer: readers[reader]})
			b.plant(key, object.bytes())
			_, err := b.bothWays(key)
			if want == nil && err != nil || !errors.Is(err, want) {
				t.Errorf("%s, read with %s: %v", name, reader, err)
			}
			if want != nil {
				b.wantDamage(key, err)
			}
			b.requests.Expect(t, "get values/**", "get values/**")
		}
	}
}

// swap puts another value into a signed object, with everything right but the HMAC.
func (c *crafted) swap(value string) {
	other := craft(c.key, c.codec, []byte(value))
	c.size, c.sum, c.frame = other.size, other.sum, other.frame
}

// TestAValueThatIsCopiedToAnotherNameIsNotBelieved, even where the name in its header is changed with it.
func TestAValueThatIsCopiedToAnotherNameIsNotBelieved(t *testing.T) {
	b := newBench(t, &blobstore.Options{Signer: signer(newKey)})
	from, to := must(b.SaveBytes(t.Context(), []byte("value"))), digest.OfBytes([]byte("elsewhere"))
	object := b.object(from)
	b.plant(to, object)
	_, err := b.bothWays(to)
	b.wantDamage(to, err)
	object = bytes.Clone(object)
	copy(object[56:], to[:])
	b.plant(to, resealed(object))
	_, err = b.bothWays(to)
	b.wantDamage(to, err)
	if !errors.Is(err, signing.ErrWrong) {
		t.Error(err)
	}
}

// resealed puts the right checksum on a changed header.
func resealed(object []byte) []byte {
	end := 8 + int(binary.LittleEndian.Uint32(object[4:])) - 4
	if end < 8 || end+4 > len(object) {
		return object
	}
	binary.LittleEndian.PutUint32(object[end:], crc32.Checksum(object[:end], crc32.MakeTable(crc32.Castagnoli)))
	return object
}

// TestNoChangedByteOfASignedValueIsBelieved, whether or not the checksum of the header is made right again.
func TestNoChangedByteOfASignedValueIsBelieved(t *testing.T) {
	value := []byte("a value of some bytes, some bytes")
	for name, signer := range readers {
		if signer == nil {
			continue
		}
		b := newBench(t, &blobstore.Options{Signer: signer})
		key := must(b.SaveBytes(t.Context(), value))
		whole := b.object(key)
		checksum := 8 + int(binary.LittleEndian.Uint32(whole[4:])) - 4 // of the header: made right again, it is what it was
		for i := range whole {
			for _, seal := range []func([]byte) []byte{slices.Clone[[]byte], resealed} {
				object := bytes.Clone(whole)
				object[i] ^= 0x41
				b.plant(key, seal(object))
				got, err := b.bothWays(key)
				newer, isNewer := errors.AsType[*keyspace.NewerFormatError](err)
				switch {
				case isNewer && (i < 12 || i > 15):
					t.Fatalf("%s, byte %d: %v", name, i, newer)
				case err == nil && (i < checksum || !bytes.Equal(got, value)):
					t.Fatalf("%s, byte %d: the value is %q", name, i, got)
				case err != nil && !isNewer:
					b.wantDamage(key, err)
				}
			}
		}
	}
}

func TestWhatIsNotBelievedHealsWhenItIsSavedAgain(t *testing.T) {
	for name, size := range map[string]int{"small": 300, "large": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			value := noise(1, size)
			key := digest.OfBytes(value)
			b := newBench(t, &blobstore.Options{Signer: signer(newKey)})
			forged := craft(key, "raw", value)
			b.plant(key, forged.bytes())
			_, err := b.bothWays(key)
			b.wantDamage(key, err)
			b.requests.Take()
			must(b.SaveReader(t.Context(), bytes.NewReader(value), nil))
			if name == "small" {
				b.requests.Expect(t, "put values/**")
			} else {
				b.requests.Expect(t, "stat values/**", "put values/**")
			}
			if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
				t.Fatalf("it did not heal: %v", err)
			}
			healed := b.version(key)
			must(b.SaveBytes(t.Context(), value))
			if b.version(key) != healed {
				t.Error("a signed object was replaced once more")
			}
		})
	}
}

func TestASignedValueSaysSo(t *testing.T) {
	b := newBench(t, &blobstore.Options{Signer: signer(newKey)})
	key := must(b.SaveBytes(t.Context(), []byte("value")))
	bare := blobstore.New(b.mem, nil)
	plain := must(bare.SaveBytes(t.Context(), []byte("not signed")))
	for _, c := range []struct {
		store    *blobstore.Store
		key      digest.Digest
		id       signing.KeyID
		verified bool
	}{
		{b.Store, key, signer(newKey).Ring.ID(), true},
		{bare, key, signer(newKey).Ring.ID(), false},
		{bare, plain, signing.KeyID{}, false},
	} {
		r := must(c.store.Open(t.Context(), c.key))
		if id, verified := r.Signed(); id != c.id || verified != c.verified {
			t.Errorf("signed with %v, verified %v", id, verified)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAStoreWhoseIDCannotBeReadIsAnErrorAndNoMiss(t *testing.T) {
	down := errors.New("down")
	s := signer(newKey)
	b := newBench(t, &blobstore.Options{Signer: s})
	key := must(b.SaveBytes(t.Context(), []byte("value")))
	s.StoreID = func(context.Context, bool) (string, error) { return "", down }
	if _, err := b.bothWays(key); !errors.Is(err, down) || errors.Is(err, digest.ErrNotFound) {
		t.Errorf("loaded: %v", err)
	}
	b.requests.Take()
	_, err := b.SaveBytes(t.Context(), []byte("another"))
	if _, ok := errors.AsType[*keyspace.SaveError](err); !ok || !errors.Is(err, down) {
		t.Errorf("saved: %v", err)
	}
	b.requests.Expect(t)
}

// TestSignedValuesOfFormat1StayReadable reads and writes the objects of the first version that signed.
func TestSignedValuesOfFormat1StayReadable(t *testing.T) {
	names, err := filepath.Glob("testdata/format/v1/signed/*")
	if err != nil || len(names) != 2 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b := newBench(t, &blobstore.Options{Signer: signer(oldKey), Entropy: strings.NewReader("12345678")})
		key := must(digest.Parse(filepath.Base(name)))
		object := must(os.ReadFile(name))
		b.plant(key, object)
		value, err := b.bothWays(key)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		writer := newBench(t, &blobstore.Options{Signer: signer(oldKey), Entropy: strings.NewReader("12345678")})
		if _, err := writer.SaveBytes(t.Context(), value); err != nil || !bytes.Equal(writer.object(key), object) {
			t.Errorf("%s is written otherwise today: %v\n%s", name, err, hex.EncodeToString(writer.object(key)))
		}
	}
}

// TestAStreamIsSignedAsItsBytesAre: what is signed is known before the second reading.
func TestAStreamIsSignedAsItsBytesAre(t *testing.T) {
	value := noise(1, 3<<20)
	b := newBench(t, &blobstore.Options{Signer: signer(newKey)})
	key := must(b.SaveReader(t.Context(), io.MultiReader(bytes.NewReader(value)), nil))
	if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
		t.Error(err)
	}
	object := b.object(key)
	c := craft(key, "raw", value)
	c.flags, c.extra = 1, make([]byte, 40)
	header := c.header()
	copy(header[88:96], object[88:96]) // the nonce
	if want := hmacOf(newKey, "value", thisStore, key, header[:len(header)-44]); !bytes.Equal(object[99:139], want) {
		t.Errorf("its HMAC is %x, not %x", object[99:139], want)
	}
}
