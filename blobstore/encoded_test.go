package blobstore_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

func TestAnEncodedValueIsSavedLoadedAndDecodedAsTheValueItself(t *testing.T) {
	type point struct{ X, Y int }
	for _, value := range []any{point{1, 2}, []byte("bytes"), "text", noise(1, 2<<20)} {
		b := newBench(t, nil)
		e, err := b.Encode(value, nil)
		if err != nil || e.Key != must(digest.Of(value)) {
			t.Fatalf("Encode = %+v, %v", e, err)
		}
		b.requests.Expect(t)
		if err := b.SaveEncoded(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		again := newBench(t, nil)
		if _, err := again.Save(t.Context(), value, nil); err != nil {
			t.Fatal(err)
		}
		got, sent := b.requests.Take(), again.requests.Take()
		if len(got) != len(sent) {
			t.Errorf("SaveEncoded sent %v, Save %v", got, sent)
		}
		loaded, err := b.LoadEncoded(t.Context(), e.Key.Abbreviate(10))
		if err != nil || loaded.Codec != e.Codec || !bytes.Equal(loaded.Data, e.Data) {
			t.Fatalf("LoadEncoded = %v", err)
		}
		b.requests.Expect(t, "list values/*", "get values/*")
		for range 2 {
			into := reflect.New(reflect.TypeOf(value))
			if err := b.Decode(loaded, into.Interface()); err != nil || !reflect.DeepEqual(into.Elem().Interface(), value) {
				t.Errorf("Decode = %v, %v", into.Elem(), err)
			}
		}
	}
}

func TestWhatCannotBeEncodedOrDecodedIsAnError(t *testing.T) {
	b := newBench(t, nil)
	for _, bad := range []any{func() {}, []any{struct{ A int }{}, celsius(1)}, digest.OfBytes(nil)} {
		_, err := b.Encode(bad, nil)
		if _, ok := errors.AsType[*keyspace.SaveError](err); !ok {
			t.Errorf("Encode(%T) = %v", bad, err)
		}
	}
	if _, err := b.LoadEncoded(t.Context(), digest.OfBytes(nil)); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("LoadEncoded = %v", err)
	}
	var n int
	var codec *blobstore.CodecError
	if err := b.Decode(&blobstore.Encoded{Codec: "other"}, &n); !errors.As(err, &codec) {
		t.Errorf("another codec: %v", err)
	}
	if err := b.Decode(&blobstore.Encoded{Codec: "cbor", Data: []byte{0xff}}, &n); !errors.Is(err, blobstore.ErrMalformed) || errors.Is(err, digest.ErrNotFound) {
		t.Errorf("malformed: %v", err)
	}
	var unfit *blobstore.DecodeError
	if err := b.Decode(&blobstore.Encoded{Codec: "cbor", Data: []byte{0x61, 'x'}}, &n); !errors.As(err, &unfit) {
		t.Errorf("of another type: %v", err)
	}
	if err := b.Decode(&blobstore.Encoded{Codec: "cbor", Data: []byte{1}}, n); err == nil {
		t.Error("into no pointer: no error")
	}
	// An object that is whole, and whose bytes its codec cannot read: the next save replaces it.
	key := must(digest.Of(7))
	b.plant(key, craft(key, "cbor", []byte{0xff}).bytes())
	e, err := b.LoadEncoded(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	b.wantDamage(key, b.Decode(e, &n))
	if _, err := b.Save(t.Context(), 7, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Load(t.Context(), key, &n); err != nil || n != 7 {
		t.Errorf("Load = %d, %v", n, err)
	}
}

type celsius float64
