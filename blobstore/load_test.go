package blobstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

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
	key := must(b.SaveBytes(t.Context(), noise(1, 1<<20)))
	ended, cancel := context.WithCancel(t.Context())
	r := must(b.Open(ended, key))
	defer r.Close()
	cancel()
	_, err := r.Read(make([]byte, 1))
	for what, err := range map[string]error{
		"read": err, "load": b.Load(ended, key, new(any)), "save": second(b.SaveBytes(ended, []byte("x"))), "evict": b.Evict(ended, key),
		"stream": second(b.SaveReader(ended, bytes.NewReader(noise(2, 1<<20)), nil)),
	} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestABodyThatIsCutIsAFailureAndNoDamage(t *testing.T) {
	for name, size := range map[string]int{"small": 200, "large": 1 << 20} {
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
	for _, size := range []int{10, 1 << 20} {
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
	key := must(b.SaveReader(t.Context(), bytes.NewReader(noise(1, 1<<20)), nil))
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
			for n := range 3 {
				value := noise(uint64(n), 100+n*530_000)
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
		&blobstore.CodecError{Object: "values/x", Codec: "y"},
		&blobstore.SizeError{Size: 5, Limit: 4, Hint: "hint"}, &blobstore.SizeError{Size: -1, Limit: 4, Hint: "hint"},
		&blobstore.DecodeError{Key: key, Codec: "cbor", Into: reflect.TypeFor[int](), Err: errors.New("cause")},
	} {
		if text := err.Error(); len(text) < 20 || strings.Contains(text, "%!") {
			t.Errorf("%T: %q", err, text)
		}
	}
}
