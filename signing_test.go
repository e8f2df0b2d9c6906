package quiver_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/signing"
)

// signingRing is a ring of keys by their numbers.
func signingRing(t testing.TB, numbers ...int) *signing.Ring {
	t.Helper()
	keys := make([][]byte, len(numbers))
	for i, n := range numbers {
		sum := sha256.Sum256(fmt.Appendf(nil, "key %d", n))
		keys[i] = sum[:]
	}
	ring, err := signing.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// signingStore is newStore with keys.
func signingStore(t testing.TB, b bucket.Bucket, numbers ...int) (*quiver.Store, *buckettest.Recorder) {
	recorder := &buckettest.Recorder{}
	return open(bucket.Wrap(b, recorder.Record), &quiver.Options{Signing: signingRing(t, numbers...)}), recorder
}

// TestSigningCostsNoRequest goes through the budgets of opening, saving and loading, as they are without keys.
func TestSigningCostsNoRequest(t *testing.T) {
	large := bytes.Repeat([]byte("large"), 1<<20)
	b := mem.New(nil)
	s, recorder := signingStore(t, b, 1)
	call := saveCall(t, s, "f")
	recorder.Expect(t, "get quiver.json", "put quiver.json", "put index/*", "stat values/*", "put calls/*")
	value, err := s.Values.SaveBytes(t.Context(), []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	recorder.Expect(t, "put values/**")
	if _, err := s.Values.SaveBytes(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	recorder.Expect(t, "stat values/**", "put values/**")

	next, recorder := signingStore(t, b, 1)
	for range 2 {
		if _, err := next.Calls.Load(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		if _, err := next.Values.LoadBytes(t.Context(), value, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	recorder.Expect(t, "get quiver.json", "get calls/*", "get calls/*", "get values/**", "get values/**")

	first, recorder := signingStore(t, mem.New(nil), 1)
	if _, err := first.Values.SaveBytes(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	recorder.Expect(t, "get quiver.json", "put quiver.json", "stat values/**", "put values/**")
}

// TestAReaderThatWasThereBeforeTheStoreVerifiesWhatComes: it had seen that there was no store, and looks again.
func TestAReaderThatWasThereBeforeTheStoreVerifiesWhatComes(t *testing.T) {
	b := mem.New(nil)
	early, recorder := signingStore(t, b, 1)
	if _, err := early.Calls.Load(t.Context(), digest.OfBytes(nil)); !errors.Is(err, quiver.ErrNotFound) {
		t.Fatal(err)
	}
	writer, _ := signingStore(t, b, 1)
	key := saveCall(t, writer, "f")
	recorder.Take()
	for range 2 {
		if _, err := early.Calls.Load(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	recorder.Expect(t, "get calls/*", "get quiver.json", "get calls/*")
}

func TestObjectsOfAnotherStoreAreNotBelieved(t *testing.T) {
	one, other := mem.New(nil), mem.New(nil)
	s, _ := signingStore(t, one, 1)
	key := saveCall(t, s, "f")
	value, err := s.Values.SaveBytes(t.Context(), []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	there, _ := signingStore(t, other, 1)
	saveCall(t, there, "g")
	for _, name := range []string{layout.RecordSpace.Name(key), layout.ValueSpace.Name(value)} {
		text, _, err := bucket.ReadAll(t.Context(), one, name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Put(t.Context(), name, bucket.Bytes(text), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := there.Calls.Load(t.Context(), key); !errors.Is(err, signing.ErrWrong) || !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("the record: %v", err)
	}
	if _, err := there.Values.LoadBytes(t.Context(), value, 1<<20); !errors.Is(err, signing.ErrWrong) || !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("the value: %v", err)
	}
}

// TestAStoreThatLostItsFormatMissesAndHeals: what is signed for an id that nobody knows cannot be verified.
func TestAStoreThatLostItsFormatMissesAndHeals(t *testing.T) {
	b := mem.New(nil)
	s, _ := signingStore(t, b, 1)
	key := saveCall(t, s, "f")
	if err := b.Delete(t.Context(), layout.Format); err != nil {
		t.Fatal(err)
	}
	next, _ := signingStore(t, b, 1)
	if _, err := next.Calls.Load(t.Context(), key); !errors.Is(err, signing.ErrNoStore) || !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Load = %v", err)
	}
	saveCall(t, next, "f")
	for _, s := range []*quiver.Store{next, func() *quiver.Store { s, _ := signingStore(t, b, 1); return s }()} {
		if _, err := s.Calls.Load(t.Context(), key); err != nil {
			t.Errorf("it did not heal: %v", err)
		}
	}
}

func TestAFormatThatCannotBeReadAgainIsAFailureAndNoMiss(t *testing.T) {
	b := mem.New(nil)
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Get, Key: layout.Format, Nth: 2, Do: buckettest.Fail(bucket.ErrRefused)})
	early := open(bucket.Wrap(b, faults.Inject), &quiver.Options{Signing: signingRing(t, 1)})
	if _, err := early.Calls.Load(t.Context(), digest.OfBytes(nil)); !errors.Is(err, quiver.ErrNotFound) {
		t.Fatal(err)
	}
	writer, _ := signingStore(t, b, 1)
	key := saveCall(t, writer, "f")
	if _, err := early.Calls.Load(t.Context(), key); !errors.Is(err, bucket.ErrRefused) || errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Load = %v", err)
	}
	if _, err := early.Calls.Load(t.Context(), key); err != nil {
		t.Errorf("and again: %v", err)
	}
	faults.Done(t)
}

// TestEveryCrashPointOfTheFirstSignedWrite leaves a bucket that the next client, with the next key, can use.
func TestEveryCrashPointOfTheFirstSignedWrite(t *testing.T) {
	requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		b := mem.New(nil)
		s := open(bucket.Wrap(b, crash.Inject), &quiver.Options{Signing: signingRing(t, 1)})
		_, err := s.Calls.Save(t.Context(), &callindex.Record{Call: callindex.Call{Name: "f"}}, nil)
		if err != nil && !crash.Crashed() {
			t.Error(err)
		}
		next, _ := signingStore(t, b, 2, 1)
		key := saveCall(t, next, "f")
		if _, err := next.Calls.Load(t.Context(), key); err != nil {
			t.Error(err)
		}
	})
	if requests != 4 {
		t.Errorf("%d requests, want 4", requests)
	}
}
