package blobstore_test

import (
	"context"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
)

// survives saves a value and loads it again. Its digest must be what it was.
func survives[T any](t rapid.TB, s *blobstore.Store, codec blobstore.Codec, value T) T {
	key, err := s.Save(context.Background(), value, &blobstore.SaveOptions{Codec: codec})
	if err != nil {
		t.Fatalf("%#v: %v", value, err)
	}
	loaded, err := blobstore.LoadAs[T](context.Background(), s, key)
	if err != nil {
		t.Fatalf("%#v: %v", value, err)
	}
	if d, err := digest.Of(loaded); err != nil || d != key {
		t.Fatalf("%#v became %#v (%v)", value, loaded, err)
	}
	return loaded
}

func TestTypedValuesSurviveEachCodec(t *testing.T) {
	type result struct {
		Ints   []int64
		Uints  map[string]uint64
		Nested struct{ Small []int8 }
		Text   string
		Bytes  []byte
		At     time.Time
		Maybe  *bool
	}
	rapid.Check(t, func(t *rapid.T) {
		s := blobstore.New(mem.New(nil), nil)
		v := result{
			Ints:  rapid.SliceOf(rapid.Int64()).Draw(t, "ints"),
			Uints: rapid.MapOf(rapid.String(), rapid.Uint64()).Draw(t, "uints"),
			Text:  rapid.String().Draw(t, "text"),
			Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"),
			At:    time.Unix(rapid.Int64Range(0, 1<<35).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).UTC(),
			Maybe: rapid.Ptr(rapid.Bool(), true).Draw(t, "maybe"),
		}
		v.Nested.Small = rapid.SliceOf(rapid.Int8()).Draw(t, "small")
		if rapid.Bool().Draw(t, "nil") {
			v.Ints, v.Uints, v.Bytes = nil, nil, nil
		}
		codec := rapid.SampledFrom([]blobstore.Codec{blobstore.CBOR, blobstore.JSON}).Draw(t, "codec")
		survives(t, s, codec, v)
		survives(t, s, codec, rapid.Float64().Draw(t, "float"))
		survives(t, s, codec, rapid.Float32().Draw(t, "float32"))
		survives(t, s, codec, map[string]any{"a": rapid.String().Draw(t, "text in any"), "b": []any{nil, true, rapid.Float64().Draw(t, "float in any")}})
		survives(t, s, blobstore.Raw, rapid.SliceOf(rapid.Byte()).Draw(t, "raw"))
		survives(t, s, blobstore.Raw, rapid.String().Draw(t, "raw text"))
		survives(t, s, blobstore.Binary, v.At)
		survives(t, s, nil, []any{rapid.Int64().Draw(t, "int in any"), rapid.Uint64().Draw(t, "uint in any"), v.At, v.Bytes})
	})
}

func TestWhatIsEasilyLostSurvivesCBOR(t *testing.T) {
	s := newBench(t, nil).Store
	survives(t, s, nil, uint64(math.MaxUint64))
	survives(t, s, nil, int64(math.MinInt64))
	survives(t, s, nil, []any{uint64(math.MaxUint64), int64(math.MinInt64)})
	survives(t, s, nil, math.NaN())
	survives(t, s, nil, []float64{math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.NaN()})
	survives(t, s, nil, complex(math.Copysign(0, -1), math.NaN()))
	if survives(t, s, nil, []int(nil)) != nil || survives(t, s, nil, []int{}) == nil || survives(t, s, nil, map[int]int(nil)) != nil || survives(t, s, nil, map[int]int{}) == nil {
		t.Error("nil and empty are not told apart")
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 12, 0, 0, 123456789, berlin)
	if got := survives(t, s, nil, at); !got.Equal(at) || got.AddDate(0, 6, 0).Sub(got) != at.AddDate(0, 6, 0).Sub(at) {
		t.Errorf("%v became %v", at, got)
	}
	survives(t, s, nil, time.Now())
	survives(t, s, nil, []any{time.Now().In(time.FixedZone("X", 17)), map[any]any{1: "x"}})
	survives(t, s, nil, map[string]time.Time{"a": {}})
	survives(t, s, nil, big.NewInt(-5))
	survives(t, s, nil, netip.MustParseAddr("fe80::1%eth0"))
	survives(t, s, nil, url.URL{Scheme: "s", Path: "/p", ForceQuery: true})
	large := make(map[string]int, 10_000)
	for i := range 10_000 {
		large[time.Duration(i).String()] = i
	}
	survives(t, s, nil, large)
}
