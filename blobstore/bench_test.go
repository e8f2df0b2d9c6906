package blobstore_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// A benchmark stands beside its floor: the same codec, compression and bucket, with nothing checked. Both run in turns, and ratio is what the store takes
// more.
func beside(b *testing.B, size int, ours, floor func()) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var spent, least time.Duration
	for b.Loop() {
		begun := time.Now()
		ours()
		between := time.Now()
		floor()
		spent, least = spent+between.Sub(begun), least+time.Since(between)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/ours")
	b.ReportMetric(float64(spent)/float64(least), "ratio")
}

// text is as compressible as records are.
func text(size int) []byte {
	var b []byte
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, `{"index":%d,"score":%d,"name":"sample"}`, i, i*i%977)
	}
	return b[:size]
}

func benchmarkSave(b *testing.B, size int) {
	ctx := context.Background()
	store, bare := blobstore.New(mem.New(nil), nil), mem.New(nil)
	e := must(zstd.NewWriter(nil, zstd.WithWindowSize(1<<20)))
	value := text(size)
	name := layout.ValueSpace.Name(digest.OfBytes(nil))
	key := digest.OfBytes(value)
	beside(b, size, func() {
		if _, err := store.SaveBytes(ctx, value); err != nil {
			b.Fatal(err)
		}
		if err := store.Evict(ctx, key); err != nil {
			b.Fatal(err)
		}
	}, func() {
		_ = digest.OfBytes(value) // the key is not what a floor can do without
		if err := bare.Put(ctx, name, bucket.Bytes(e.EncodeAll(value, nil)), bucket.IfAbsent()); err != nil {
			b.Fatal(err)
		}
		if err := bare.Delete(ctx, name); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkSave1KiB(b *testing.B) { benchmarkSave(b, 1<<10) }

func BenchmarkSave1MiB(b *testing.B) { benchmarkSave(b, 1<<20) }

func benchmarkLoad(b *testing.B, size int) {
	ctx := context.Background()
	store, bare := blobstore.New(mem.New(nil), nil), mem.New(nil)
	e, d := must(zstd.NewWriter(nil, zstd.WithWindowSize(1<<20))), must(zstd.NewReader(nil))
	value := text(size)
	key := must(store.SaveBytes(ctx, value))
	name := layout.ValueSpace.Name(key)
	if err := bare.Put(ctx, name, bucket.Bytes(e.EncodeAll(value, nil)), bucket.IfAbsent()); err != nil {
		b.Fatal(err)
	}
	beside(b, size, func() {
		if _, err := store.LoadBytes(ctx, key, 1<<30); err != nil {
			b.Fatal(err)
		}
	}, func() {
		object, _, err := bucket.ReadAll(ctx, bare, name, 1<<30)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.DecodeAll(object, make([]byte, 0, size)); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkLoad1KiB(b *testing.B) { benchmarkLoad(b, 1<<10) }

func BenchmarkLoad1MiB(b *testing.B) { benchmarkLoad(b, 1<<20) }

func BenchmarkSaveAndLoadStruct(b *testing.B) {
	ctx := context.Background()
	store := blobstore.New(mem.New(nil), nil)
	value := scores{"name", []float64{1, 2, 3}, time.Unix(1, 2).UTC()}
	b.ReportAllocs()
	for b.Loop() {
		key, err := store.Save(ctx, value, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := blobstore.LoadAs[scores](ctx, store, key); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSmallValuesTakeLittleMemory(t *testing.T) {
	store := blobstore.New(mem.New(nil), nil)
	value := noise(1, 1<<10)
	key := must(store.SaveBytes(t.Context(), value)) // the tables are made once
	for what, operation := range map[string]func(){
		"save": func() { must(store.SaveBytes(t.Context(), value)) },
		"load": func() { must(store.LoadBytes(t.Context(), key, 1<<20)) },
	} {
		const times = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			operation()
		}
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / times
		t.Logf("a %s of 1 KiB allocates %d bytes", what, each)
		if each > 32<<10 {
			t.Errorf("a %s of 1 KiB allocates %d bytes", what, each)
		}
	}
}
