package blobstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

type scores struct {
	Name   string
	Values []float64
	At     time.Time
}

func TestASavedValueIsLoaded(t *testing.T) {
	b := newBench(t, nil)
	saved := scores{"a", []float64{1, math.Inf(1)}, time.Unix(1, 2).UTC()}
	key, err := b.Save(t.Context(), saved, nil)
	if err != nil || key != must(digest.Of(saved)) {
		t.Fatal(key, err)
	}
	for _, k := range []digest.Key{key, key.Abbreviate(10)} {
		loaded, err := blobstore.LoadAs[scores](t.Context(), b.Store, k)
		if err != nil || must(digest.Of(loaded)) != key || loaded.Name != "a" {
			t.Errorf("%+v, %v", loaded, err)
		}
	}
	into := scores{Name: "old", Values: []float64{9, 9, 9}}
	if err := b.Load(t.Context(), key, &into); err != nil || len(into.Values) != 2 {
		t.Errorf("what was there before is still there: %+v, %v", into, err)
	}
}

func TestSavesKeepToTheirBudget(t *testing.T) {
	b := newBench(t, nil)
	small, big := []byte("small"), noise(1, 1<<20)
	must(b.SaveBytes(t.Context(), small))
	b.requests.Expect(t, "put values/**")
	must(b.SaveBytes(t.Context(), small)) // there already
	b.requests.Expect(t, "put values/**")
	key := must(b.SaveBytes(t.Context(), big))
	b.requests.Expect(t, "stat values/**", "put values/**")
	must(b.SaveBytes(t.Context(), big))
	b.requests.Expect(t, "stat values/**")
	must(b.SaveReader(t.Context(), bytes.NewReader(big), nil))
	b.requests.Expect(t, "stat values/**")
	must(b.SaveReader(t.Context(), bytes.NewReader(small), nil))
	b.requests.Expect(t, "put values/**")
	must(b.LoadBytes(t.Context(), key, 1<<30))
	b.requests.Expect(t, "get values/**")
	must(readAll(b.Store, key))
	b.requests.Expect(t, "get values/**")
	must(b.LoadBytes(t.Context(), key.Abbreviate(8), 1<<30))
	b.requests.Expect(t, "list values/**", "get values/**")
	if err := b.Evict(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	b.requests.Expect(t, "delete values/**")
	must(b.Contains(t.Context(), key))
	b.requests.Expect(t, "stat values/**")
}

func TestAKeyOfTheCallersChoiceHoldsOneContent(t *testing.T) {
	key := digest.OfBytes([]byte("the caller's own"))
	for name, size := range map[string]int{"small": 10, "large": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			value := noise(1, size)
			options := &blobstore.SaveOptions{Key: key}
			for range 2 {
				if got, err := b.Save(t.Context(), value, options); err != nil || got != key {
					t.Fatal(got, err)
				}
			}
			if got, err := b.SaveReader(t.Context(), bytes.NewReader(value), options); err != nil || got != key {
				t.Fatal(got, err)
			}
			if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
				t.Fatal(err)
			}
			b.requests.Take()
			for _, other := range []any{noise(2, size), noise(1, size-1), "text", []any{value}} {
				_, err := b.Save(t.Context(), other, options)
				refused, ok := errors.AsType[*keyspace.SaveError](err)
				if !ok || refused.Key != key || !strings.Contains(err.Error(), "other content") {
					t.Errorf("%T: %v", other, err)
				}
			}
			if _, err := b.SaveReader(t.Context(), bytes.NewReader(noise(2, size)), options); err == nil {
				t.Error("a stream replaced it")
			}
			if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
				t.Error("it was replaced")
			}
		})
	}
	b := newBench(t, nil)
	options := &blobstore.SaveOptions{Key: key}
	must(b.Save(t.Context(), "a", options))
	b.requests.Expect(t, "put values/**")
	must(b.Save(t.Context(), "a", options))
	b.requests.Expect(t, "put values/**", "get values/**")
}

func TestWhatWouldBeLoadedAsSomethingElseIsNotSaved(t *testing.T) {
	type celsius float64
	for name, c := range map[string]struct {
		value any
		codec blobstore.Codec
	}{
		"a defined type in an interface":   {[]any{celsius(3)}, blobstore.CBOR},
		"a struct in an interface":         {[]any{scores{}}, blobstore.CBOR},
		"text that is not UTF-8":           {"\xff", blobstore.CBOR},
		"integers in an interface as JSON": {[]any{1}, blobstore.JSON},
		"NaN as JSON":                      {math.NaN(), blobstore.JSON},
		"a zone as JSON":                   {time.Unix(0, 0).In(time.FixedZone("X", 60)), blobstore.JSON},
		"text that is not UTF-8 as JSON":   {"\xff", blobstore.JSON},
		"a field that JSON leaves out": {struct {
			A int `json:"-"`
		}{1}, blobstore.JSON},
		"a type without MarshalBinary":   {1, blobstore.Binary},
		"a number as raw":                {1, blobstore.Raw},
		"nil as raw":                     {nil, blobstore.Raw},
		"a codec that forgets":           {"abc", forgetful{}},
		"a codec that panics on reading": {"panic", forgetful{}},
		"a codec of another store":       {"abc", unknown{}},
		"what has no digest":             {make(chan int), nil},
		"a digest, which stands for it":  {digest.OfBytes([]byte("x")), nil},
		"a pointer to a digest":          {new(digest.Digest), nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, &blobstore.Options{Codecs: []blobstore.Codec{forgetful{}}})
			key, err := b.Save(t.Context(), c.value, &blobstore.SaveOptions{Codec: c.codec})
			if _, ok := errors.AsType[*keyspace.SaveError](err); !ok || !key.IsZero() {
				t.Errorf("%v, %v", key, err)
			}
			b.requests.Expect(t)
		})
	}
}

// forgetful keeps the first letter only.
type forgetful struct{}

func (forgetful) Name() string                 { return "x-forgetful" }
func (forgetful) Encode(v any) ([]byte, error) { return []byte(v.(string)), nil }
func (forgetful) Decode(b []byte, into any) error {
	if string(b) == "panic" {
		panic("at the disco")
	}
	*into.(*string) = string(b[:1])
	return nil
}

type unknown struct{ forgetful }

func (unknown) Name() string { return "x-unknown" }

func TestNilAndEmptyBytesAreTwoValues(t *testing.T) {
	b := newBench(t, nil)
	null, empty := must(b.Save(t.Context(), []byte(nil), nil)), must(b.Save(t.Context(), []byte{}, nil))
	if null == empty {
		t.Fatal("one key")
	}
	if got, err := blobstore.LoadAs[[]byte](t.Context(), b.Store, null); err != nil || got != nil {
		t.Errorf("%#v, %v", got, err)
	}
	if got, err := blobstore.LoadAs[[]byte](t.Context(), b.Store, empty); err != nil || got == nil || len(got) != 0 {
		t.Errorf("%#v, %v", got, err)
	}
	if key := must(b.SaveBytes(t.Context(), nil)); key != empty {
		t.Error("SaveBytes(nil) is not the empty content")
	}
}

func TestTypesWithOneDigestLoadEachOther(t *testing.T) {
	type name string
	b := newBench(t, nil)
	key := must(b.Save(t.Context(), []byte("abc"), nil))
	if got, err := blobstore.LoadAs[[3]byte](t.Context(), b.Store, key); err != nil || string(got[:]) != "abc" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := blobstore.LoadAs[*[]byte](t.Context(), b.Store, key); err != nil || string(*got) != "abc" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := blobstore.LoadAs[any](t.Context(), b.Store, key); err != nil || string(got.([]byte)) != "abc" {
		t.Errorf("%v, %v", got, err)
	}
	key = must(b.Save(t.Context(), [3]byte{'x', 'y', 'z'}, nil))
	if got, err := b.LoadBytes(t.Context(), key, 4); err != nil || string(got) != "xyz" {
		t.Errorf("%q, %v", got, err)
	}
	key = must(b.Save(t.Context(), name("n"), nil))
	if got, err := blobstore.LoadAs[string](t.Context(), b.Store, key); err != nil || got != "n" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestCodecsOfYourOwn(t *testing.T) {
	b := newBench(t, &blobstore.Options{Codec: reversed{}})
	key := must(b.Save(t.Context(), "abc", nil))
	if got, err := blobstore.LoadAs[string](t.Context(), b.Store, key); err != nil || got != "abc" {
		t.Errorf("%q, %v", got, err)
	}
	if got := must(readAll(b.Store, key)); string(got) != "cba" {
		t.Errorf("%q", got)
	}
	other := blobstore.New(b.mem, nil)
	_, err := blobstore.LoadAs[string](t.Context(), other, key)
	if lacking, ok := errors.AsType[*blobstore.CodecError](err); !ok || lacking.Codec != "x-reversed" || errors.Is(err, digest.ErrNotFound) {
		t.Errorf("without the codec: %v", err)
	}
	for name, options := range map[string]*blobstore.Options{
		"a name of another":  {Codecs: []blobstore.Codec{reversed{}, reversed{}}},
		"an ill-formed name": {Codec: named("Upper")},
		"no name":            {Codec: named("")},
		"a built-in name":    {Codec: named("cbor")},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: New does not panic", name)
				}
			}()
			blobstore.New(b.mem, options)
		}()
	}
}

type reversed struct{}

func (reversed) Name() string { return "x-reversed" }
func (reversed) Encode(v any) ([]byte, error) {
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("a %T is no string", v)
	}
	b := []byte(text)
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	return b, nil
}
func (r reversed) Decode(b []byte, into any) error {
	encoded, err := r.Encode(string(b))
	*into.(*string) = string(encoded)
	return err
}

type named string

func (n named) Name() string               { return string(n) }
func (named) Encode(any) ([]byte, error)   { return nil, errors.New("not this one") }
func (named) Decode(_ []byte, _ any) error { return errors.New("not this one") }
