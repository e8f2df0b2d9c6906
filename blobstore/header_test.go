package blobstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/digest"
)

func TestHeadersSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := header{codec: rapid.StringMatching(`[a-z0-9.+-]{1,32}`).Draw(t, "codec"), size: rapid.Int64Min(0).Draw(t, "size")}
		copy(h.sum[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sum"))
		copy(h.key[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		copy(h.nonce[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "nonce"))
		if h.signed = rapid.Bool().Draw(t, "signed"); h.signed {
			copy(h.mac.Key[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "id"))
			copy(h.mac.Sum[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hmac"))
		}
		b := h.appendTo([]byte("before"))[len("before"):]
		if len(b) != h.length() {
			t.Fatalf("%d bytes, not %d", len(b), h.length())
		}
		after := bytes.NewReader(append(b, "after"...))
		got, err := readHeader(after)
		if err != nil || got != h || after.Len() != len("after") {
			t.Fatalf("%+v became %+v, with %d bytes left (%v)", h, got, after.Len(), err)
		}
	})
}

// FuzzHeader: a header that is read is written as the same bytes; one with a wrong checksum is never read and never newer.
func FuzzHeader(f *testing.F) {
	h := header{codec: "raw", size: 5, key: digest.OfBytes([]byte("k"))}
	f.Add(h.appendTo(nil))
	f.Add(header{codec: "cbor"}.appendTo(nil))
	f.Add(header{codec: "raw", size: 5, signed: true}.appendTo(nil))
	newer := h.appendTo(nil)
	newer[12] = 2
	f.Add(newer)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = readHeader(bytes.NewReader(b)) // with the checksum as it is
		if len(b) < sumSize {
			return
		}
		body := b[:len(b)-sumSize] // and with the right one, which chance does not find
		if len(body) >= 8 {
			binary.LittleEndian.PutUint32(body[4:], uint32(len(b)-frameStart))
		}
		frame := binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.Checksum(body, castagnoli))
		got, err := readHeader(bytes.NewReader(frame))
		if err != nil {
			return
		}
		if again := got.appendTo(nil); !bytes.Equal(again, frame) {
			t.Fatalf("%x was read as %x", frame, again)
		}
		frame[len(frame)-1] ^= 1
		var found *newerFormat
		if _, err := readHeader(bytes.NewReader(frame)); err == nil || errors.As(err, &found) {
			t.Fatalf("a header with a wrong checksum: %v", err)
		}
	})
}

func TestAFrameIsWalkedTheSameInPiecesOfAnySize(t *testing.T) {
	c := compressionOf(defaultLevel)
	rapid.Check(t, func(t *rapid.T) {
		value := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value"), rapid.IntRange(1, 2000).Draw(t, "times"))
		frame := c.pack(nil, value)
		check := checkFrame(int64(len(value)))
		for rest := frame; len(rest) > 0; {
			if check.complete() {
				t.Fatalf("complete with %d bytes left", len(rest))
			}
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if err := check.write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if !check.complete() {
			t.Fatal("not complete at its end")
		}
		if check.write([]byte{0}) == nil {
			t.Fatal("a byte more is taken")
		}
	})
}
