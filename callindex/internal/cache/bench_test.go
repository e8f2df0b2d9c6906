package cache_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/quivercache/quiver/callindex/internal/cache"
)

const segment = "0123456789abcdef0123456789abcdef/index/25/segments/0123456789abcdef0123456789abcdef.parquet"

func fetchOf(content []byte) cache.Fetch {
	return func(context.Context) ([]byte, error) { return content, nil }
}

var sizes = []int{4 << 10, 64 << 10, 1 << 20}

func BenchmarkMemoryHit(b *testing.B) {
	c := open(b, cache.Options{Dir: b.TempDir()})
	fetch := fetchOf(make([]byte, 64<<10))
	for b.Loop() {
		if _, err := c.Range(b.Context(), segment, 4096, 64<<10, fetch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiskHit(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			c := open(b, cache.Options{Dir: b.TempDir(), Memory: -1})
			fetch := fetchOf(make([]byte, size))
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := c.Range(b.Context(), segment, 4096, int64(size), fetch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadFile is the floor under a disk hit: a file that is opened, read and closed.
func BenchmarkReadFile(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "file")
			if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := os.ReadFile(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMissThatIsKept(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			c := open(b, cache.Options{Dir: b.TempDir(), Memory: -1})
			fetch, n := fetchOf(make([]byte, size)), int64(0)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := c.Range(b.Context(), segment, n, int64(size), fetch); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

// BenchmarkFirstMiss is what the first write of a process costs in a directory of 16,384 files, which it counts.
func BenchmarkFirstMiss(b *testing.B) {
	dir := b.TempDir()
	fetch, n := fetchOf(make([]byte, 100)), int64(0)
	read := func(c *cache.Cache) {
		if _, err := c.Range(b.Context(), segment, n, 100, fetch); err != nil {
			b.Fatal(err)
		}
		n++
	}
	for c := open(b, cache.Options{Dir: dir, Memory: -1}); n < 16_384; {
		read(c)
	}
	for b.Loop() {
		read(open(b, cache.Options{Dir: dir, Memory: -1}))
	}
}
