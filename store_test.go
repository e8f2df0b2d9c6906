package quiver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(fleetVariable); task != "" {
		if err := fleetProcess(task); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// newStore returns a store over a bucket, its requests recorded and harmed.
func newStore(b bucket.Bucket, script ...buckettest.Fault) (*quiver.Store, *buckettest.Recorder) {
	recorder := &buckettest.Recorder{}
	b = bucket.Wrap(bucket.Wrap(b, buckettest.NewFaults(script...).Inject), recorder.Record)
	return open(b, nil), recorder
}

// open opens a store with options that are right.
func open(b bucket.Bucket, options *quiver.Options) *quiver.Store {
	s, err := quiver.New(context.Background(), b, options)
	if err != nil {
		panic(err)
	}
	return s
}

func saveCall(t testing.TB, s *quiver.Store, name string) digest.Digest {
	t.Helper()
	r := &callindex.Record{Call: callindex.Call{Name: name}, Result: digest.OfBytes([]byte(name))}
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Calls.Save(context.Background(), r, nil); err != nil {
		t.Fatal(err)
	}
	return key
}

// TestOpeningCostsOneGetAtMost is the row "open" of the request budgets.
func TestOpeningCostsOneGetAtMost(t *testing.T) {
	b := mem.New(nil)
	s, recorder := newStore(b)
	recorder.Expect(t)
	for range 2 {
		if _, err := s.Calls.Load(t.Context(), digest.OfBytes(nil)); !errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("Load from an empty bucket = %v", err)
		}
	}
	recorder.Expect(t, "get quiver.json", "get calls/*", "get calls/*")

	key := saveCall(t, s, "f")
	recorder.Expect(t, "put quiver.json", "put index/*", "stat values/*", "put calls/*")

	again, recorder := newStore(b)
	if _, err := again.Calls.Load(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	saveCall(t, again, "g")
	recorder.Expect(t, "get quiver.json", "get calls/*", "put index/*", "stat values/*", "put calls/*")

	first, recorder := newStore(b)
	saveCall(t, first, "h")
	recorder.Expect(t, "get quiver.json", "put index/*", "stat values/*", "put calls/*")
}

func TestAContextThatIsOverOpensNothingAndShows(t *testing.T) {
	interrupted := errors.New("interrupt signal received")
	for _, cause := range []error{nil, interrupted} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		store, err := quiver.New(ctx, mem.New(nil), nil)
		if store != nil || !errors.Is(err, context.Canceled) || cause != nil && !errors.Is(err, cause) || strings.Count(err.Error(), "canceled") != 1 {
			t.Errorf("of the cause %v: %v", cause, err)
		}
	}
}

func TestManyFirstWritersMakeOneStore(t *testing.T) {
	b := mem.New(nil)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			s, _ := newStore(b)
			saveCall(t, s, string(rune('a'+i)))
		})
	}
	group.Wait()
	text, _, err := bucket.ReadAll(t.Context(), b, layout.Format, 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	var f quiver.Format
	if err := json.Unmarshal(text, &f); err != nil || f.Format != 1 || f.Shards != 64 || f.Digests != "quiver1" || len(f.Store) != 32 {
		t.Errorf("%s: %v", text, err)
	}
}

func TestABucketOfAnotherKindIsAClearError(t *testing.T) {
	const known = `"format": 1, "shards": 64, "digests": "quiver1", "store": "00112233445566778899aabbccddeeff"`
	for _, c := range []struct {
		text  string
		newer bool
		fine  bool
	}{
		{text: `{` + known + `}`, fine: true},
		{text: `{` + known + `, "note": "members that are not known do not matter"}`, fine: true},
		{text: ``},
		{text: `hello`},
		{text: `{}`},
		{text: `[]`},
		{text: `{"format": "1"}`},
		{text: `{"name": "quiver", "version": "1.2.3"}`}, // another tool's
		{text: strings.Replace(`{`+known+`}`, "64", "128", 1)},
		{text: strings.Replace(`{`+known+`}`, "quiver1", "blake3", 1)},
		{text: strings.Replace(`{`+known+`}`, `"format": 1`, `"format": 2`, 1), newer: true},
		{text: `{` + known + `, "split": {"f": 2}}`, newer: true},
		{text: `{` + known + `, "keyed": true}`, newer: true},
	} {
		b := mem.New(nil)
		if err := b.Put(t.Context(), layout.Format, bucket.Bytes([]byte(c.text)), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		s, recorder := newStore(b)
		_, err := s.Values.SaveBytes(t.Context(), []byte("x"))
		var newer *quiver.NewerFormatError
		switch {
		case c.fine:
			if err != nil {
				t.Errorf("%s: %v", c.text, err)
			}
			continue
		case c.newer != errors.As(err, &newer), !c.newer && !errors.Is(err, quiver.ErrForeign), errors.Is(err, quiver.ErrNotFound):
			t.Errorf("%s: %v", c.text, err)
		}
		recorder.Expect(t, "get quiver.json")
		if _, err := s.Calls.Load(t.Context(), digest.OfBytes(nil)); err == nil || errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("%s: Load = %v", c.text, err)
		}
	}
}

func TestAStoreThatCannotBeOpenedIsAskedAgain(t *testing.T) {
	s, _ := newStore(mem.New(nil), buckettest.Fault{Verb: bucket.Get, Key: layout.Format, Do: buckettest.Fail(bucket.ErrRefused)})
	if _, err := s.Calls.Load(t.Context(), digest.OfBytes(nil)); !errors.Is(err, bucket.ErrRefused) || errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Load = %v", err)
	}
	saveCall(t, s, "f")
}

// TestEveryCrashPointOfTheFirstWrite leaves a bucket that the next client can use.
func TestEveryCrashPointOfTheFirstWrite(t *testing.T) {
	requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		b := mem.New(nil)
		s := open(bucket.Wrap(b, crash.Inject), nil)
		_, err := s.Calls.Save(t.Context(), &callindex.Record{Call: callindex.Call{Name: "f"}}, nil)
		if crash.Crashed() == (err == nil) && !crash.Crashed() {
			t.Error(err)
		}
		next, _ := newStore(b)
		saveCall(t, next, "f")
	})
	if requests != 4 {
		t.Errorf("%d requests, want 4", requests)
	}
}

// twins are a value and a call in one store, and a value and a call whose keys begin alike.
func TestExpandAndShrinkAcrossValuesAndCalls(t *testing.T) {
	b := mem.New(nil)
	s, _ := newStore(b)
	at := func(hex string) digest.Digest {
		d, err := digest.Parse(hex + strings.Repeat("0", 64-len(hex)))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	put := func(space layout.Keyspace, hex string) {
		if err := b.Put(t.Context(), space.Name(at(hex)), bucket.Bytes(nil), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	put(layout.ValueSpace, "abcd1")
	put(layout.RecordSpace, "abcd2")
	put(layout.ValueSpace, "eeee1")
	put(layout.ValueSpace, "eeee23")
	put(layout.RecordSpace, "eeee1") // in both
	put(layout.RecordSpace, "9999")

	for _, c := range []struct{ prefix, want string }{{"abcd1", "abcd1"}, {"abcd2", "abcd2"}, {"eeee1", "eeee1"}, {"9999", "9999"}} {
		if got, err := s.Expand(t.Context(), digest.Prefix(c.prefix)); err != nil || got != at(c.want) {
			t.Errorf("Expand(%s) = %v, %v", c.prefix, got, err)
		}
	}
	var ambiguous *quiver.AmbiguousError
	for prefix, need := range map[digest.Prefix]int{"abcd": 5, "eeee": 5} {
		if _, err := s.Expand(t.Context(), prefix); !errors.As(err, &ambiguous) || ambiguous.Need != need {
			t.Errorf("Expand(%s) = %v", prefix, err)
		}
	}
	if _, err := s.Expand(t.Context(), digest.Prefix("0000")); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Expand of an unknown prefix = %v", err)
	}
	got, err := s.Shrink(t.Context(), at("abcd1"), digest.Prefix("abcd2"), at("eeee23"), at("eeee1"), at("9999"))
	if want := "[abcd1 abcd2 eeee2 eeee1 9999]"; err != nil || strings.Join(strings.Fields(stringOf(got)), " ") != want {
		t.Errorf("Shrink = %v, %v, want %s", got, err, want)
	}
	if _, err := s.Shrink(t.Context(), at("1234")); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Shrink of an unknown key = %v", err)
	}
}

func stringOf(prefixes []digest.Prefix) string {
	words := make([]string, len(prefixes))
	for i, p := range prefixes {
		words[i] = string(p)
	}
	return "[" + strings.Join(words, " ") + "]"
}

func FuzzFormat(f *testing.F) {
	f.Add([]byte(`{"format": 1, "shards": 64, "digests": "quiver1", "store": "00112233445566778899aabbccddeeff"}`))
	f.Add([]byte(`{"format": 2}`))
	f.Add([]byte(`{"split": null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b := mem.New(nil)
		if err := b.Put(t.Context(), layout.Format, bucket.Bytes(text), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		s, _ := newStore(b)
		if _, err := s.Calls.Load(t.Context(), digest.OfBytes(nil)); err == nil {
			t.Error("an unknown call was loaded")
		}
	})
}

// TestManyFirstCallsShareOneLookAtASilentStore holds that who waits for the format hears of a failure when the one who asked does, and asks no more.
func TestManyFirstCallsShareOneLookAtASilentStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		silent := func(next bucket.Handler) bucket.Handler {
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if r.Key == layout.Format {
					looks.Add(1)
				}
				<-time.After(time.Minute)
				return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrUnavailable}
			}
		}
		s, err := quiver.New(t.Context(), bucket.Wrap(mem.New(nil), silent), nil)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		var calls sync.WaitGroup
		for range 64 {
			calls.Go(func() {
				if _, err := s.Values.Contains(t.Context(), digest.Digest{1}); !errors.Is(err, bucket.ErrUnavailable) {
					t.Errorf("a silent store answers %v", err)
				}
			})
		}
		calls.Wait()
		if took := time.Since(begun); took != time.Minute || looks.Load() != 1 {
			t.Errorf("64 calls took %v and %d looks at the format", took, looks.Load())
		}
	})
}

// TestWhoLooksAtTheStoreForOthersMayLeave holds that the others do not fail with the one who was first and was told to stop.
func TestWhoLooksAtTheStoreForOthersMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(next bucket.Handler) bucket.Handler {
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				select {
				case <-time.After(time.Minute):
					return next(ctx, r)
				case <-ctx.Done():
					return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrUnavailable, Err: context.Cause(ctx)}
				}
			}
		}
		s, err := quiver.New(t.Context(), bucket.Wrap(mem.New(nil), slow), nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		var calls sync.WaitGroup
		calls.Go(func() {
			if _, err := s.Values.Contains(ctx, digest.Digest{1}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the first one's time is up, and it gets %v", err)
			}
		})
		synctest.Wait()
		for range 8 {
			calls.Go(func() {
				if there, err := s.Values.Contains(t.Context(), digest.Digest{1}); there || err != nil {
					t.Errorf("who waited gets %v, %v", there, err)
				}
			})
		}
		calls.Wait()
	})
}
