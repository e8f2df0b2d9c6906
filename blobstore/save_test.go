package blobstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
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
	for name, size := range map[string]int{"small": 10, "large": 2 << 20} {
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
				refused, ok := errors.AsType[*blobstore.SaveError](err)
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
			if _, ok := errors.AsType[*blobstore.SaveError](err); !ok || !key.IsZero() {
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

func TestAMissIsNotFoundAndNothingElseIs(t *testing.T) {
	missing := digest.OfBytes([]byte("missing"))
	b := newBench(t, nil)
	for what, err := range map[string]error{
		"load":              b.Load(t.Context(), missing, new(any)),
		"load of a prefix":  b.Load(t.Context(), missing.Abbreviate(8), new(any)),
		"load, too short":   b.Load(t.Context(), digest.Prefix("abc"), new(any)),
		"open":              second(b.Open(t.Context(), missing)),
		"evict":             b.Evict(t.Context(), missing),
		"evict of a prefix": b.Evict(t.Context(), missing.Abbreviate(8)),
	} {
		if !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := b.Load(t.Context(), missing, new(any)); !strings.Contains(err.Error(), missing.String()) {
		t.Errorf("the key is not in %q", err)
	}
	for _, kind := range []error{bucket.ErrRefused, bucket.ErrUnavailable, bucket.ErrThrottled, bucket.ErrNoBucket} {
		key := must(b.SaveBytes(t.Context(), noise(1, 1<<20)))
		faults := buckettest.NewFaults(
			buckettest.Fault{Verb: bucket.Get, Nth: 1, Do: buckettest.Fail(kind)}, buckettest.Fault{Verb: bucket.Get, Nth: 2, Do: buckettest.Fail(kind)},
			buckettest.Fault{Verb: bucket.Put, Do: buckettest.Fail(kind)}, buckettest.Fault{Verb: bucket.Stat, Do: buckettest.Fail(kind)}, buckettest.Fault{Verb: bucket.Delete, Do: buckettest.Fail(kind)},
		)
		failing := blobstore.New(bucket.Wrap(b.mem, faults.Inject), nil)
		for what, err := range map[string]error{
			"load":       failing.Load(t.Context(), key, new(any)),
			"open":       second(failing.Open(t.Context(), key)),
			"save":       second(failing.SaveBytes(t.Context(), []byte("y"))),
			"save large": second(failing.SaveBytes(t.Context(), noise(3, 1<<20))),
			"evict":      failing.Evict(t.Context(), key),
		} {
			if !errors.Is(err, kind) || errors.Is(err, digest.ErrNotFound) {
				t.Errorf("%s, %v: %v", what, kind, err)
			}
		}
		faults.Done(t)
	}
}

func second[T any](_ T, err error) error { return err }

func TestAContextThatEndedIsNoMiss(t *testing.T) {
	b := newBench(t, nil)
	key := must(b.SaveBytes(t.Context(), noise(1, 2<<20)))
	ended, cancel := context.WithCancel(t.Context())
	r := must(b.Open(ended, key))
	defer r.Close()
	cancel()
	_, err := r.Read(make([]byte, 1))
	for what, err := range map[string]error{
		"read": err, "load": b.Load(ended, key, new(any)), "save": second(b.SaveBytes(ended, []byte("x"))), "evict": b.Evict(ended, key),
		"stream": second(b.SaveReader(ended, bytes.NewReader(noise(2, 2<<20)), nil)),
	} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestABodyThatIsCutIsAFailureAndNoDamage(t *testing.T) {
	for name, size := range map[string]int{"small": 200, "large": 2 << 20} {
		for _, at := range []int64{0, 5, 50, 130, 250} {
			t.Run(fmt.Sprintf("%s at %d", name, at), func(t *testing.T) {
				cut := buckettest.Fault{Verb: bucket.Get, Do: buckettest.CutBody(at)}
				again := cut
				again.Nth = 2
				faults := buckettest.NewFaults(cut, again)
				b := newBench(t, nil, faults.Inject)
				key := must(b.SaveBytes(t.Context(), noise(1, size)))
				_, err := b.LoadBytes(t.Context(), key, 1<<30)
				_, streamed := readAll(b.Store, key)
				for _, err := range []error{err, streamed} {
					if !errors.Is(err, bucket.ErrUnavailable) || errors.Is(err, digest.ErrNotFound) {
						t.Error(err)
					}
				}
				faults.Done(t)
				if _, err := b.bothWays(key); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		}
	}
}

// quiet cuts bodies without an error, as a careless provider would.
func quiet(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		if answer.Object != nil {
			object := *answer.Object
			object.Size += 10
			answer.Object = &object
		}
		return answer, err
	}
}

func TestABodyShorterThanAnnouncedIsAFailureAndNoDamage(t *testing.T) {
	for _, size := range []int{10, 2 << 20} {
		b := newBench(t, nil, quiet)
		key := must(b.SaveBytes(t.Context(), noise(1, size)))
		if _, err := b.bothWays(key); !errors.Is(err, bucket.ErrUnavailable) || errors.Is(err, digest.ErrNotFound) {
			t.Error(err)
		}
	}
}

func TestALostAnswerToASaveIsASuccessOnRepetition(t *testing.T) {
	for _, options := range []*blobstore.SaveOptions{nil, {Key: digest.OfBytes([]byte("own"))}} {
		faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Do: buckettest.LoseAnswer()})
		b := newBench(t, nil, faults.Inject, bucket.Retry(bucket.RetryOptions{Backoff: op.Backoff{Base: 1, Cap: 1, Clock: op.SystemClock(), Entropy: op.SystemEntropy()}}))
		key, err := b.Save(t.Context(), "value", options)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := blobstore.LoadAs[string](t.Context(), b.Store, key); err != nil || got != "value" {
			t.Error(got, err)
		}
		faults.Done(t)
	}
}

func TestACrashAtAnyRequestLeavesAValueOrNone(t *testing.T) {
	value := noise(1, 1<<20)
	key := digest.OfBytes(value)
	buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		shared := mem.New(nil)
		_, err := blobstore.New(bucket.Wrap(shared, crash.Inject), nil).SaveBytes(t.Context(), value)
		after := blobstore.New(shared, nil)
		there := must(after.Contains(t.Context(), key))
		if err == nil && !there {
			t.Error("the save was acknowledged, and lost")
		}
		if there {
			if got, err := after.LoadBytes(t.Context(), key, 1<<30); err != nil || !bytes.Equal(got, value) {
				t.Error(err)
			}
		}
		if _, err := after.SaveBytes(t.Context(), value); err != nil {
			t.Error(err)
		}
	})
}

func TestValuesThatAreTooLargeAreRefusedBothWays(t *testing.T) {
	b := newBench(t, &blobstore.Options{MemoryLimit: 1000})
	key := must(b.SaveReader(t.Context(), bytes.NewReader(noise(1, 2<<20)), nil))
	for what, err := range map[string]error{
		"load":  b.Load(t.Context(), key, new([]byte)),
		"bytes": second(b.LoadBytes(t.Context(), key, 1<<40)),
		"save":  second(b.Save(t.Context(), noise(1, 1001), nil)),
	} {
		if large, ok := errors.AsType[*blobstore.SizeError](err); !ok || large.Limit != 1000 || errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(b.Save(t.Context(), noise(1, 1000), nil))
	if _, err := b.LoadBytes(t.Context(), digest.OfBytes(noise(1, 1000)), 999); err == nil {
		t.Error("the caller's limit does not count")
	}
}

func TestAValueOfAnotherShapeIsAnErrorAndNoMiss(t *testing.T) {
	b := newBench(t, nil)
	key := must(b.Save(t.Context(), map[string]int{"a": 1}, nil))
	for _, into := range []any{new(int), new([]int), new(scores), new(map[string]string), new(error)} {
		err := b.Load(t.Context(), key, into)
		if misfit, ok := errors.AsType[*blobstore.DecodeError](err); !ok || misfit.Key != key || errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%T: %v", into, err)
		}
	}
	for _, into := range []any{nil, 1, (*int)(nil), map[string]int{}} {
		if err := b.Load(t.Context(), key, into); err == nil {
			t.Errorf("loaded into %T", into)
		}
	}
	if got, err := blobstore.LoadAs[map[string]int](t.Context(), b.Store, key); err != nil || got["a"] != 1 {
		t.Error(got, err)
	}
}

// entries counts what enters an operation context.
type entries struct {
	mu   sync.Mutex
	seen []string
}

func (e *entries) Do(ctx context.Context, key string, intent op.Intent, operation func(context.Context) error) error {
	e.mu.Lock()
	e.seen = append(e.seen, fmt.Sprintf("%s %s", intent, key))
	e.mu.Unlock()
	return operation(ctx)
}

func TestOperationsEnterTheirContextWithTheFullKey(t *testing.T) {
	var context entries
	b := newBench(t, &blobstore.Options{Context: op.Chain(&context, op.PerKey())})
	key := must(b.SaveBytes(t.Context(), []byte("x")))
	short := key.Abbreviate(12)
	must(b.LoadBytes(t.Context(), short, 10))
	r := must(b.Open(t.Context(), short))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Evict(t.Context(), short); err != nil {
		t.Fatal(err)
	}
	want := []string{"write " + key.String(), "read " + short.String(), "read " + key.String(), "read " + short.String(), "read " + key.String(), "read " + short.String(), "write " + key.String()}
	if fmt.Sprint(context.seen) != fmt.Sprint(want) {
		t.Errorf("%v", context.seen)
	}
}

func TestManySaversOfOneValueAllSucceed(t *testing.T) {
	b := newBench(t, nil)
	var savers sync.WaitGroup
	for i := range 8 {
		savers.Go(func() {
			for n := range 6 {
				value := noise(uint64(n), 100+n*250_000)
				key, err := b.SaveBytes(t.Context(), value)
				if err != nil || key != digest.OfBytes(value) {
					t.Errorf("saver %d: %v", i, err)
				}
				if got, err := b.LoadBytes(t.Context(), key, 1<<30); err != nil || !bytes.Equal(got, value) {
					t.Errorf("saver %d: %v", i, err)
				}
			}
		})
	}
	savers.Wait()
}

func TestEveryCharacterOfAnErrorHelps(t *testing.T) {
	key := digest.OfBytes([]byte("k"))
	for _, err := range []error{
		&blobstore.SaveError{Err: errors.New("cause")}, &blobstore.SaveError{Key: key, Err: errors.New("cause")},
		&blobstore.NewerFormatError{Object: "values/x", Version: 2}, &blobstore.CodecError{Object: "values/x", Codec: "y"},
		&blobstore.SizeError{Size: 5, Limit: 4, Hint: "hint"}, &blobstore.SizeError{Size: -1, Limit: 4, Hint: "hint"},
	} {
		if text := err.Error(); len(text) < 20 || strings.Contains(text, "%!") {
			t.Errorf("%T: %q", err, text)
		}
	}
}
