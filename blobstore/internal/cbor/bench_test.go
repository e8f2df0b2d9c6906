package cbor_test

import (
	"testing"

	"github.com/quivercache/quiver/blobstore/internal/cbor"
)

type five struct {
	ID    int
	Name  string
	Score float64
	Flag  bool
	Tags  []string
}

var sample = five{7, "name", 1.5, true, []string{"a", "b"}}

func BenchmarkEncodeStruct(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cbor.Marshal(sample); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeStruct(b *testing.B) {
	encoded, err := cbor.Marshal(sample)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var v five
		if err := cbor.Unmarshal(encoded, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeFloats(b *testing.B) {
	floats := make([]float64, 1_000_000)
	b.SetBytes(8_000_000)
	for b.Loop() {
		if _, err := cbor.Marshal(floats); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeFloats(b *testing.B) {
	encoded, err := cbor.Marshal(make([]float64, 1_000_000))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(8_000_000)
	for b.Loop() {
		var floats []float64
		if err := cbor.Unmarshal(encoded, &floats); err != nil {
			b.Fatal(err)
		}
	}
}
