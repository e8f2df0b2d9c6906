package digest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/quivercache/quiver/digest"
)

// against runs the work and its floor in turns, so that both meet the same machine, and reports the median ratio of the
// two as the metric x/floor. The goals are in the names' comments; no test asserts them, since they depend on the machine.
func against(b *testing.B, floor, work func()) {
	const rounds = 20
	b.ReportAllocs()
	var ratios []float64
	var spent [2]time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		floor()
		between := time.Now()
		work()
		ended := time.Now()
		spent[0] += between.Sub(began)
		spent[1] += ended.Sub(between)
		if i%rounds == rounds-1 {
			ratios = append(ratios, float64(spent[1])/float64(spent[0]))
			spent = [2]time.Duration{}
		}
	}
	if len(ratios) > 0 {
		slices.Sort(ratios)
		b.ReportMetric(ratios[len(ratios)/2], "x/floor")
	}
}

func hashes(n int) func() {
	part := make([]byte, digest.Size)
	return func() {
		for range n {
			d := sha256.Sum256(part)
			copy(part, d[:])
		}
	}
}

func mustOf(b *testing.B, v any) {
	if _, err := digest.Of(v); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBytes: at most 1.03 of SHA-256 over the same bytes, read in the same way.
func BenchmarkBytes(b *testing.B) {
	for _, size := range []int{64 << 10, 1 << 20, 16 << 20} {
		content := make([]byte, size)
		raw := func() { sha256.Sum256(content) }
		b.Run(fmt.Sprintf("Of/%dKiB", size>>10), func(b *testing.B) {
			against(b, raw, func() { mustOf(b, content) })
		})
		b.Run(fmt.Sprintf("OfReader/%dKiB", size>>10), func(b *testing.B) {
			r := bytes.NewReader(content)
			against(b, raw, func() {
				if _, err := digest.OfReader(r); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(fmt.Sprintf("OfReaderInPieces/%dKiB", size>>10), func(b *testing.B) {
			r := struct{ io.ReadSeeker }{bytes.NewReader(content)} // which copies what is read
			h := sha256.New()
			copied := func() {
				h.Reset()
				if _, err := io.Copy(h, r); err != nil {
					b.Fatal(err)
				}
				if _, err := r.Seek(0, io.SeekStart); err != nil {
					b.Fatal(err)
				}
			}
			against(b, copied, func() {
				if _, err := digest.OfReader(r); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkInts: at most 3 times 1,000 hashes of 32 bytes.
func BenchmarkInts(b *testing.B) {
	ints := make([]int, 1000)
	for i := range ints {
		ints[i] = i * i
	}
	against(b, hashes(len(ints)), func() { mustOf(b, ints) })
}

// BenchmarkStruct: at most 2.5 times 21 hashes of 32 bytes, and 4 allocations.
func BenchmarkStruct(b *testing.B) {
	type record struct {
		Name, City, Street, Comment string
		Age, Height, Weight         int
		Latitude, Longitude, Score  float64
	}
	r := record{"Ada", "London", "St James's Square", "first", 36, 165, 60, 51.5, -0.13, 9.9}
	against(b, hashes(21), func() { mustOf(b, r) })
}

// BenchmarkMap: a map of 10 entries, as parameters often are.
func BenchmarkMap(b *testing.B) {
	m := make(map[string]any)
	for i := range 10 {
		m[fmt.Sprintf("parameter %d", i)] = i
	}
	against(b, hashes(21), func() { mustOf(b, m) })
}

// BenchmarkInterfaces: a list of 1,000 values whose types are looked up one by one.
func BenchmarkInterfaces(b *testing.B) {
	list := make([]any, 1000)
	for i := range list {
		list[i] = float64(i)
	}
	against(b, hashes(len(list)), func() { mustOf(b, list) })
}
