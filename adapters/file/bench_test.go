package file_test

import (
	"fmt"
	"testing"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
)

func benchmarked(b *testing.B, sync bool) *file.Bucket {
	b.Helper()
	bkt, err := file.New(b.TempDir(), &file.Options{NoSync: !sync})
	if err != nil {
		b.Fatal(err)
	}
	return bkt
}

func BenchmarkCreate1KiB(b *testing.B) {
	for _, sync := range []bool{true, false} {
		b.Run(fmt.Sprint("sync=", sync), func(b *testing.B) {
			bkt, body, n := benchmarked(b, sync), bucket.Bytes(make([]byte, 1024)), 0
			for b.Loop() {
				if err := bkt.Put(b.Context(), fmt.Sprintf("values/%02x/%08x", n%256, n), body, bucket.IfAbsent()); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

func BenchmarkGet1KiB(b *testing.B) {
	bkt := benchmarked(b, false)
	if err := bkt.Put(b.Context(), "values/ab/abcd", bucket.Bytes(make([]byte, 1024)), bucket.IfAbsent()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := bucket.ReadAll(b.Context(), bkt, "values/ab/abcd", 1024); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	bkt := benchmarked(b, false)
	for n := range 10_000 {
		if err := bkt.Put(b.Context(), fmt.Sprintf("values/ab/ab%06d", n), bucket.Bytes(nil), bucket.IfAbsent()); err != nil {
			b.Fatal(err)
		}
	}
	for name, options := range map[string]bucket.ListOptions{"expand in 10000": {Prefix: "values/ab/ab0050", Limit: 2}, "page of 1000 in 10000": {Prefix: "values/"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := bkt.List(b.Context(), options); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
