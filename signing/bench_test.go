package signing_test

import (
	"testing"

	"github.com/quivercache/quiver/signing"
)

// BenchmarkSign signs what is signed of a value, its header, and a record of a common size.
func BenchmarkSign(b *testing.B) {
	r := ring(b, 1)
	for name, size := range map[string]int{"value": 100, "record": 1000} {
		m := signing.Message{Kind: signing.Record, Store: storeID, Content: make([]byte, size)}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Sign(m)
			}
		})
	}
}
