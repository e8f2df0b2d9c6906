package blobstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a store on a bucket in memory, whose requests are recorded.
type bench struct {
	*blobstore.Store
	t        testing.TB
	mem      *mem.Bucket
	requests buckettest.Recorder
}

func newBench(t testing.TB, options *blobstore.Options, middlewares ...bucket.Middleware) *bench {
	b := &bench{t: t, mem: mem.New(nil)}
	wrapped := bucket.Wrap(b.mem, b.requests.Record)
	for _, middleware := range middlewares {
		wrapped = bucket.Wrap(wrapped, middleware)
	}
	b.Store = blobstore.New(wrapped, options)
	return b
}

// object is the object of a key as it is stored.
func (b *bench) object(key digest.Digest) []byte {
	b.t.Helper()
	content, _, err := bucket.ReadAll(context.Background(), b.mem, layout.ValueSpace.Name(key), 1<<30)
	if err != nil {
		b.t.Fatal(err)
	}
	return content
}

func (b *bench) version(key digest.Digest) bucket.Version {
	info, err := b.mem.Stat(context.Background(), layout.ValueSpace.Name(key))
	if err != nil && !errors.Is(err, bucket.ErrNotFound) {
		b.t.Fatal(err)
	}
	return info.Version
}

// plant puts bytes where the object of a key belongs, whatever is there.
func (b *bench) plant(key digest.Digest, object []byte) {
	b.t.Helper()
	condition := bucket.IfAbsent()
	if version := b.version(key); version != "" {
		condition = bucket.IfMatch(version)
	}
	if err := b.mem.Put(context.Background(), layout.ValueSpace.Name(key), bucket.Bytes(object), condition); err != nil {
		b.t.Fatal(err)
	}
}

// crafted is a value object as docs/format.md says, written by other means than the package's own, to lie with.
type crafted struct {
	skippable, magic string
	version          byte
	flags            uint16
	size             uint64
	sum              [32]byte
	key              digest.Digest
	codec            string
	extra            []byte // between the codec's name and the checksum
	frame            []byte
}

func craft(key digest.Digest, codec string, value []byte) crafted {
	return crafted{
		skippable: "\x51\x2a\x4d\x18", magic: "quiv", version: 1, size: uint64(len(value)), sum: sha256.Sum256(value), key: key, codec: codec,
		frame: pack(value),
	}
}

func (c crafted) header() []byte {
	b := []byte(c.skippable)
	b = binary.LittleEndian.AppendUint32(b, uint32(92+len(c.codec)+len(c.extra)))
	b = append(b, c.magic...)
	b = append(b, c.version, byte(len(c.codec)))
	b = binary.LittleEndian.AppendUint16(b, c.flags)
	b = binary.LittleEndian.AppendUint64(b, c.size)
	b = append(append(b, c.sum[:]...), c.key[:]...)
	b = append(append(b, "12345678"...), c.codec...)
	b = append(b, c.extra...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func (c crafted) bytes() []byte { return append(c.header(), c.frame...) }

func pack(value []byte, options ...zstd.EOption) []byte {
	e, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithZeroFrames(true), zstd.WithEncoderConcurrency(1)}, options...)...)
	if err != nil {
		panic(err)
	}
	return e.EncodeAll(value, nil)
}

// bothWays loads a value through Load, which unpacks small ones at once, and through Open. They must agree.
func (b *bench) bothWays(key digest.Digest) ([]byte, error) {
	b.t.Helper()
	value, err := b.LoadBytes(context.Background(), key, 1<<40)
	streamed, streamErr := readAll(b.Store, key)
	if (err == nil) != (streamErr == nil) || err == nil && !bytes.Equal(value, streamed) {
		b.t.Fatalf("loaded at once: %.20x, %v\nas a stream:    %.20x, %v", value, err, streamed, streamErr)
	}
	return value, err
}

func readAll(s *blobstore.Store, key digest.Key) ([]byte, error) {
	r, err := s.Open(context.Background(), key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	value, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return value, nil
}

// wantDamage fails the test unless err is a miss with a reason, about this version.
func (b *bench) wantDamage(key digest.Digest, err error) {
	b.t.Helper()
	damage, ok := errors.AsType[*keyspace.DamagedError](err)
	if !ok || !errors.Is(err, digest.ErrNotFound) {
		b.t.Fatalf("not a damaged value: %v", err)
	}
	if damage.Version != b.version(key) || damage.Object != layout.ValueSpace.Name(key) {
		b.t.Fatalf("the damage is of %s in version %q, not %q", damage.Object, damage.Version, b.version(key))
	}
}

// noise is bytes that cannot be compressed, the same for one seed.
func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	must(rand.NewChaCha8(key).Read(b))
	return b
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
