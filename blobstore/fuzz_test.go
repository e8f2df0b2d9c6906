package blobstore_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
)

// FuzzReadObject: whatever is stored under a key, it is either the value that its header describes, as any zstd decoder reads it, or an error. Nothing
// panics, and reading at once and as a stream agree.
func FuzzReadObject(f *testing.F) {
	var key digest.Digest
	for _, object := range firstObjects {
		f.Add(must(hex.DecodeString(object.hex)))
	}
	for _, value := range [][]byte{{}, []byte("value"), noise(1, 500), bytes.Repeat([]byte("ab"), 1000)} {
		honest := craft(key, "raw", value)
		f.Add(honest.bytes())
		two := honest
		two.frame = append(two.frame, two.frame...)
		f.Add(two.bytes())
		streamed := honest
		streamed.frame = stream(value)
		f.Add(streamed.bytes())
	}
	bomb := craft(key, "raw", nil)
	bomb.size, bomb.frame = 1<<20, rleFrame(7<<3, 1<<20, 8)
	f.Add(bomb.bytes())
	plain := must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20)))
	f.Fuzz(func(t *testing.T, object []byte) {
		if len(object) >= 88 {
			copy(key[:], object[56:88]) // the key that it claims to have
		}
		b := newBench(t, &blobstore.Options{MemoryLimit: 16 << 20})
		b.plant(key, object)
		value, err := readAll(b.Store, key)
		if err != nil {
			whole, wholeErr := b.LoadBytes(t.Context(), key, 16<<20)
			if wholeErr == nil {
				t.Fatalf("a stream fails (%v), and at once it is %.20x", err, whole)
			}
			return
		}
		if sum := sha256.Sum256(value); !bytes.Equal(sum[:], object[24:56]) {
			t.Fatalf("%.20x is not what the header describes", value)
		}
		if other, err := plain.DecodeAll(object, nil); err != nil || !bytes.Equal(other, value) {
			t.Fatalf("%.20x, where another decoder reads %.20x, %v", value, other, err)
		}
		whole, err := b.LoadBytes(t.Context(), key, 16<<20)
		_, misfit := errors.AsType[*blobstore.DecodeError](err)
		_, unknown := errors.AsType[*blobstore.CodecError](err)
		malformed := errors.Is(err, digest.ErrNotFound)
		if !misfit && !unknown && !malformed && (err != nil || string(object[96:99]) == "raw" && !bytes.Equal(whole, value)) {
			t.Fatalf("a stream is %.20x, and at once it is %.20x, %v", value, whole, err)
		}
	})
}

// FuzzDecode: no bytes make a codec panic or a value that is not the one its bytes encode.
func FuzzDecode(f *testing.F) {
	for _, object := range firstObjects {
		for _, codec := range []string{"raw", "cbor", "json", "binary"} {
			f.Add(codec, []byte(object.encoded)[:min(len(object.encoded), 100)])
		}
	}
	f.Fuzz(func(t *testing.T, codec string, encoded []byte) {
		b := newBench(t, nil)
		key := digest.OfBytes([]byte("fuzz"))
		c := craft(key, codec, encoded)
		b.plant(key, c.bytes())
		for _, into := range []any{new(any), new(scores), new(map[string][]int), new([]byte), new(string), new(*[4]byte)} {
			err := b.Load(t.Context(), key, into)
			_, misfit := errors.AsType[*blobstore.DecodeError](err)
			_, unknown := errors.AsType[*blobstore.CodecError](err)
			if err != nil && !misfit && !unknown && !errors.Is(err, digest.ErrNotFound) {
				t.Fatalf("%T: %v", into, err)
			}
		}
	})
}

// FuzzFrame: under a header that is right about it, what follows a header is read as any zstd decoder reads it, or refused because it is not one frame.
func FuzzFrame(f *testing.F) {
	for _, value := range [][]byte{{}, []byte("value"), noise(1, 500), bytes.Repeat([]byte("ab"), 1000)} {
		f.Add(pack(value))
		f.Add(pack(value, zstd.WithEncoderCRC(false)))
		f.Add(append(pack(value), pack(value)...))
		f.Add(append([]byte("\x50\x2a\x4d\x18\x01\x00\x00\x00x"), pack(value)...))
		f.Add(append(pack(value), "\x50\x2a\x4d\x18\x00\x00\x00\x00"...))
		f.Add(stream(value))
	}
	f.Add(rleFrame(7<<3, 256<<10, 2))
	plain := must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(16<<20)))
	key := digest.OfBytes([]byte("fuzz"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		value, err := plain.DecodeAll(frame, nil)
		b := newBench(t, nil)
		c := craft(key, "raw", value)
		c.frame = frame
		b.plant(key, c.bytes())
		got, ours := b.bothWays(key)
		switch {
		case ours == nil && (err != nil || !bytes.Equal(got, value)):
			t.Fatalf("%x is read as %.20x, where another decoder reads %.20x, %v", frame, got, value, err)
		case ours == nil:
			c.frame = append(frame, frame...)
			b.plant(key, c.bytes())
			if _, err := b.bothWays(key); err == nil {
				t.Fatalf("%x is read although it is there twice", frame)
			}
		default:
			b.wantDamage(key, ours)
		}
	})
}
