package blobstore_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

func TestAnObjectIsWhatTheFormatSays(t *testing.T) {
	b := newBench(t, &blobstore.Options{Entropy: strings.NewReader("12345678")})
	value := []byte("hello, hello, hello")
	key := must(b.SaveBytes(t.Context(), value))
	want := craft(key, "raw", value)
	if object := b.object(key); !bytes.HasPrefix(object, want.header()) {
		t.Errorf("the header is\n%x, not\n%x", object, want.header())
	}
}

func TestAnyZstdDecoderYieldsTheEncodedValue(t *testing.T) {
	b := newBench(t, nil)
	decoder := must(zstd.NewReader(nil))
	defer decoder.Close()
	stream := bytes.Repeat([]byte("0123456789"), 1<<18)
	for key, want := range map[digest.Digest][]byte{
		must(b.SaveBytes(t.Context(), nil)):                                                {},
		must(b.SaveBytes(t.Context(), []byte("bytes"))):                                    []byte("bytes"),
		must(b.Save(t.Context(), "text", nil)):                                             []byte("\x64text"),
		must(b.Save(t.Context(), []int{1}, &blobstore.SaveOptions{Codec: blobstore.JSON})): []byte("[1]"),
		must(b.SaveBytes(t.Context(), noise(1, 3<<20))):                                    noise(1, 3<<20),
		must(b.SaveReader(t.Context(), bytes.NewReader(stream), nil)):                      stream,
	} {
		if got, err := decoder.DecodeAll(b.object(key), nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%.20x instead of %.20x (%v)", got, want, err)
		}
	}
}

func TestTwoSavesAreTwoVersionsWithOneContent(t *testing.T) {
	one, two := newBench(t, nil), newBench(t, nil)
	key := must(one.SaveBytes(t.Context(), []byte("x")))
	must(two.SaveBytes(t.Context(), []byte("x")))
	if bytes.Equal(one.object(key), two.object(key)) {
		t.Error("the objects are the same: where a version is a hash of the content, a refresh would not change it")
	}
}

func TestEveryCorruptedByteIsAMissWithAReason(t *testing.T) {
	for _, value := range [][]byte{[]byte("hello, hello, hello, hello"), {}, noise(1, 300), bytes.Repeat([]byte("ab"), 200)} {
		b := newBench(t, nil)
		key := must(b.SaveBytes(t.Context(), value))
		good := b.object(key)
		for at := range good {
			for _, flip := range []byte{1, 0x80, 0xff} {
				bad := slices.Clone(good)
				bad[at] ^= flip
				b.plant(key, bad)
				got, err := b.bothWays(key)
				if err == nil {
					if !bytes.Equal(got, value) {
						t.Fatalf("byte %d ^ %#x: wrong bytes %q", at, flip, got)
					}
					// The frame header has bits that say nothing about the content; the bytes were found right all the same.
					continue
				}
				b.wantDamage(key, err)
			}
		}
	}
}

func TestEveryTruncationIsAMissWithAReason(t *testing.T) {
	for _, value := range [][]byte{[]byte("hello, hello, hello, hello"), {}, noise(1, 300)} {
		b := newBench(t, nil)
		key := must(b.SaveBytes(t.Context(), value))
		good := b.object(key)
		for length := range good { // the end of the header is among them
			b.plant(key, good[:length])
			_, err := b.bothWays(key)
			b.wantDamage(key, err)
		}
	}
}

func TestLiesAreFoundOut(t *testing.T) {
	value := bytes.Repeat([]byte("value "), 100)
	key := digest.OfBytes(value)
	honest := craft(key, "raw", value)
	for name, lie := range map[string]func(*crafted){
		"smaller size":                   func(c *crafted) { c.size-- },
		"larger size":                    func(c *crafted) { c.size++ },
		"size beyond a signed integer":   func(c *crafted) { c.size = 1 << 63 },
		"huge size":                      func(c *crafted) { c.size = 1<<63 - 1 },
		"size 0":                         func(c *crafted) { c.size = 0 },
		"another SHA-256":                func(c *crafted) { c.sum[0]++ },
		"another key":                    func(c *crafted) { c.key[31]++ },
		"no codec":                       func(c *crafted) { c.codec = "" },
		"a codec in upper case":          func(c *crafted) { c.codec = "RAW" },
		"a codec with a long name":       func(c *crafted) { c.codec = strings.Repeat("a", 33) },
		"the codec json":                 func(c *crafted) { c.codec = "json" },
		"the codec cbor":                 func(c *crafted) { c.codec = "cbor" },
		"more header than there is":      func(c *crafted) { c.extra = []byte("more") },
		"version 0":                      func(c *crafted) { c.version = 0 },
		"another magic":                  func(c *crafted) { c.magic = "quix" },
		"another skippable frame":        func(c *crafted) { c.skippable = "\x50\x2a\x4d\x18" },
		"no frame":                       func(c *crafted) { c.frame = nil },
		"two frames":                     func(c *crafted) { c.frame = append(pack(value[:300]), pack(value[300:])...) },
		"the frame twice":                func(c *crafted) { c.frame = append(c.frame, c.frame...) },
		"an empty frame after":           func(c *crafted) { c.frame = append(c.frame, pack(nil)...) },
		"an empty frame before":          func(c *crafted) { c.frame = append(pack(nil), c.frame...) },
		"a trailing byte":                func(c *crafted) { c.frame = append(c.frame, 0) },
		"trailing bytes":                 func(c *crafted) { c.frame = append(c.frame, "trailing"...) },
		"a skippable frame between":      func(c *crafted) { c.frame = append([]byte("\x50\x2a\x4d\x18\x01\x00\x00\x00x"), c.frame...) },
		"a skippable frame after":        func(c *crafted) { c.frame = append(c.frame, "\x50\x2a\x4d\x18\x01\x00\x00\x00x"...) },
		"an empty skippable frame after": func(c *crafted) { c.frame = append(c.frame, "\x50\x2a\x4d\x18\x00\x00\x00\x00"...) },
		"a header twice":                 func(c *crafted) { c.frame = append(c.header(), c.frame...) },
		"other content in the frame":     func(c *crafted) { c.frame = pack(bytes.Repeat([]byte("other "), 100)) },
		"less content in the frame":      func(c *crafted) { c.frame = stream(value[:599]) },
		"more content in the frame":      func(c *crafted) { c.frame = stream(append(slices.Clip(value), 'x')) },
		"a dictionary":                   func(c *crafted) { c.frame[4] |= 1 },
		"a reserved bit":                 func(c *crafted) { c.frame[4] |= 8 },
		"bytes that are no frame":        func(c *crafted) { c.frame = value },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			c := honest
			c.frame = slices.Clone(c.frame)
			lie(&c)
			b.plant(key, c.bytes())
			_, err := b.LoadBytes(t.Context(), key, 1<<62)
			if c.size == 1<<63-1 { // more than may be loaded, as far as Load can know
				if _, ok := errors.AsType[*blobstore.SizeError](err); !ok {
					t.Fatal(err)
				}
				_, err = readAll(b.Store, key)
			}
			b.wantDamage(key, err)
			if c.codec == "json" || c.codec == "cbor" {
				return // a stream yields the bytes as they are encoded
			}
			_, err = readAll(b.Store, key)
			b.wantDamage(key, err)
		})
	}
	b := newBench(t, nil)
	b.plant(key, honest.bytes())
	if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
		t.Errorf("without a lie: %v", err)
	}
}

// stream packs without announcing a size in the frame.
func stream(value []byte) []byte {
	var out bytes.Buffer
	e := must(zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1)))
	must(e.Write(value[:len(value)/2]))
	if err := e.Flush(); err != nil {
		panic(err)
	}
	must(e.Write(value[len(value)/2:]))
	if err := e.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func TestFramesOfOtherWritersAreRead(t *testing.T) {
	value := bytes.Repeat([]byte("value "), 1000)
	key := digest.OfBytes(value)
	for name, frame := range map[string][]byte{
		"without a checksum":     pack(value, zstd.WithEncoderCRC(false)),
		"without a content size": stream(value),
		"level 19":               pack(value, zstd.WithEncoderLevel(zstd.SpeedBestCompression)),
	} {
		b := newBench(t, nil)
		c := craft(key, "raw", value)
		c.frame = frame
		b.plant(key, c.bytes())
		if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// rleFrame is a frame of blocks of 128 KiB of zeros each, 4 bytes apiece.
func rleFrame(window byte, size uint64, blocks int) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xc0, window}
	b = binary.LittleEndian.AppendUint64(b, size)
	for i := range blocks {
		header := uint32(128<<10)<<3 | 1<<1
		if i == blocks-1 {
			header |= 1
		}
		b = append(b, byte(header), byte(header>>8), byte(header>>16), 0)
	}
	return b
}

func TestWindowsAreBounded(t *testing.T) {
	const size = 128 << 10
	zeros := make([]byte, size)
	key := digest.OfBytes(zeros)
	for window, good := range map[byte]bool{7 << 3: true, 13 << 3: true, 13<<3 | 1: false, 14 << 3: false, 0xff: false} { // 8 MiB is 13 << 3
		b := newBench(t, nil)
		c := craft(key, "raw", zeros)
		c.frame = rleFrame(window, size, 1)
		b.plant(key, c.bytes())
		_, err := b.bothWays(key)
		if good && err != nil {
			t.Errorf("window %#x: %v", window, err)
		}
		if !good {
			b.wantDamage(key, err)
		}
	}
}

func TestABombIsRefusedAtOnceInLittleMemory(t *testing.T) {
	const blocks = 80 << 10 // 10 GiB from 320 KiB
	key := digest.OfBytes([]byte("bomb"))
	for name, announced := range map[string]uint64{"nothing": 0, "1 KiB": 1 << 10, "2 MiB": 2 << 20, "900 MiB": 900 << 20, "10 GiB": blocks * 128 << 10, "1 EiB": 1 << 60} {
		for _, inFrame := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, nil)
				c := craft(key, "raw", nil)
				c.size = announced
				c.frame = rleFrame(7<<3, announced, blocks)
				if !inFrame { // no content size to compare with
					c.frame = append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3}, c.frame[14:]...)
				}
				b.plant(key, c.bytes())
				begun := time.Now()
				grown := heapGrowth(func() {
					_, err := b.LoadBytes(t.Context(), key, 1<<20)
					if err == nil {
						t.Error("it was loaded")
					}
				})
				if took := time.Since(begun); took > 5*time.Second || grown > 32<<20 {
					t.Errorf("it took %v and %d MiB", took, grown>>20)
				}
			})
		}
	}
}

func TestAStreamStopsWhereABombExceedsItsSize(t *testing.T) {
	b := newBench(t, nil)
	key := digest.OfBytes([]byte("bomb"))
	c := craft(key, "raw", nil)
	c.size = 3 << 20
	c.frame = append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3}, rleFrame(0, 0, 80<<10)[14:]...)
	b.plant(key, c.bytes())
	_, err := readAll(b.Store, key)
	b.wantDamage(key, err)
	_, err = b.LoadBytes(t.Context(), key, 1<<30)
	b.wantDamage(key, err)
}

func TestForeignObjectsAreMisses(t *testing.T) {
	key := digest.OfBytes([]byte("x"))
	for _, object := range [][]byte{nil, {0}, []byte("{}"), []byte("a text that someone put there by hand, which is quite a bit longer than any header is, so that all of one could be read from it, if it were one"),
		pack([]byte("x")), make([]byte, 5000), bytes.Repeat([]byte{0xff}, 5000), []byte("\x51\x2a\x4d\x18\xff\xff\xff\xff"), []byte("\x51\x2a\x4d\x18\x00\x00\x00\x00"), []byte("\x51\x2a\x4d\x18\x08\x00\x00\x00quiv\x02\x00\x00\x00")} {
		b := newBench(t, nil)
		b.plant(key, object)
		_, err := b.bothWays(key)
		b.wantDamage(key, err)
	}
}

func TestANewerFormatIsAnErrorAndNoMiss(t *testing.T) {
	value := []byte("value")
	key := digest.OfBytes(value)
	for name, newer := range map[string]func(*crafted){
		"version":               func(c *crafted) { c.version = 2 },
		"version of other size": func(c *crafted) { c.version, c.codec, c.extra = 255, "", make([]byte, 3900) },
		"flag":                  func(c *crafted) { c.flags, c.extra = 2, make([]byte, 40) },
		"last flag":             func(c *crafted) { c.flags = 1 << 15 },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			c := craft(key, "raw", value)
			newer(&c)
			b.plant(key, c.bytes())
			before := b.object(key)
			_, err := b.bothWays(key)
			found, ok := errors.AsType[*keyspace.NewerFormatError](err)
			if !ok || errors.Is(err, digest.ErrNotFound) || found.Found != int(c.version) || !strings.Contains(err.Error(), fmt.Sprintf("%#04x", c.flags)) {
				t.Fatal(err)
			}
			must(b.SaveBytes(t.Context(), value)) // it is there already
			if _, err := b.Save(t.Context(), []byte("other"), &blobstore.SaveOptions{Key: key}); !errors.As(err, &found) {
				t.Error(err)
			}
			if !bytes.Equal(before, b.object(key)) {
				t.Error("it was replaced")
			}
		})
	}
}

func TestObjectsOfTheFirstVersionAreRead(t *testing.T) {
	for _, object := range firstObjects {
		raw := must(hex.DecodeString(object.hex))
		b := newBench(t, nil)
		key := must(digest.Parse(object.key))
		b.plant(key, raw)
		if got, err := readAll(b.Store, key); err != nil || string(got) != object.encoded {
			t.Errorf("%q: %q, %v", object.encoded, got, err)
		}
	}
}
