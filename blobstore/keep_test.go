package blobstore_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
	"github.com/quivercache/quiver/signing"
)

// handClock is moved by hand.
type handClock struct{ passed atomic.Int64 }

func (c *handClock) Now() time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *handClock) Sleep(_ context.Context, d time.Duration) error {
	c.pass(d)
	return nil
}

func (c *handClock) pass(d time.Duration) { c.passed.Add(int64(d)) }

// skewed is a clock that is wrong by a constant.
type skewed struct{ op.Clock }

func (c skewed) Now() time.Time { return c.Clock.Now().Add(-9 * time.Hour) }

// timed is a bench with a clock, by which its store's clock goes; the client's is hours behind.
func timed(t testing.TB, signer *signing.Signer) (*bench, *handClock) {
	clock := &handClock{}
	b := &bench{t: t, mem: mem.New(&mem.Options{Clock: clock})}
	b.Store = b.process(clock, signer)
	return b, clock
}

// process is another process's store.
func (b *bench) process(clock op.Clock, signer *signing.Signer, middlewares ...bucket.Middleware) *blobstore.Store {
	wrapped := bucket.Wrap(b.mem, b.requests.Record)
	for _, m := range middlewares {
		wrapped = bucket.Wrap(wrapped, m)
	}
	return blobstore.New(wrapped, &blobstore.Options{Clock: skewed{clock}, Signer: signer})
}

const hour = time.Hour

func TestKeepingCostsNothingWhatIsKnownOneHeadWhatIsYoungAndARewriteWhatIsOld(t *testing.T) {
	b, clock := timed(t, nil)
	key := must(b.SaveBytes(t.Context(), noise(1, 1000)))
	stat, get, put := "stat values/*", "get values/*", "put values/*"
	both := []*blobstore.Store{b.Store, b.process(clock, nil)}
	for _, step := range []struct {
		passes  time.Duration
		process int
		want    []string
	}{
		{0, 0, []string{put}}, // it was saved
		{6 * hour, 0, nil},
		{time.Second, 0, []string{stat, get, put}}, // older than 6 hours
		{6 * hour, 0, nil},
		{0, 1, []string{stat}}, // not older
		{0, 1, nil},
		{time.Second, 1, []string{stat, get, put}}, // known by when it was written, not by when it was looked at
		{6 * hour, 1, nil},
		{0, 0, []string{stat}}, // the first one learns that it is younger
		{0, 0, nil},
	} {
		clock.pass(step.passes)
		process := both[step.process]
		if err := process.Keep(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		b.requests.Expect(t, step.want...)
		if !process.Known(key) {
			t.Error("it is not known")
		}
	}
}

func TestSavingWhatIsThereCostsAHeadOnceInSixHours(t *testing.T) {
	for size, budgets := range map[int][4][]string{
		1000:    {{"put *"}, {"put *", "stat *"}, {"put *"}, {"put *", "stat *", "put *"}},
		2 << 20: {{"stat *", "put *"}, {"stat *"}, {"stat *"}, {"stat *", "put *"}},
	} {
		b, clock := timed(t, nil)
		save := func(s *blobstore.Store, budget []string) {
			t.Helper()
			must(s.SaveBytes(t.Context(), noise(1, size)))
			b.requests.Expect(t, budget...)
		}
		save(b.Store, budgets[0])
		clock.pass(5 * hour)
		other := b.process(clock, nil)
		save(other, budgets[1])
		save(other, budgets[2])
		key := digest.OfBytes(noise(1, size))
		written := b.version(key)
		clock.pass(2 * hour)
		save(other, budgets[3])
		if b.version(key) == written {
			t.Errorf("%d bytes: a value of 7 hours was left as it was", size)
		}
		if value, err := b.bothWays(key); err != nil || !bytes.Equal(value, noise(1, size)) {
			t.Errorf("%d bytes: it holds %d, %v", size, len(value), err)
		}
	}
}

// TestWhatIsWrittenAgainIsTheSameValue: but for the nonce, and who has signed it.
func TestWhatIsWrittenAgainIsTheSameValue(t *testing.T) {
	for what, c := range map[string]struct{ by, keeps *signing.Signer }{
		"not signed": {}, "signed": {signer(newKey), signer(newKey)}, "by a new key": {signer(oldKey), signer(newKey, oldKey)}, "without keys": {signer(newKey), nil},
		"not signed, by who signs": {nil, readers["new key, lenient"]},
	} {
		for _, size := range []int{0, 100, 1<<20 + 1} {
			b, clock := timed(t, c.by)
			key := must(b.SaveBytes(t.Context(), noise(1, size)))
			before, version := b.object(key), b.version(key)
			clock.pass(7 * hour)
			b.Store = b.process(clock, c.keeps)
			if err := b.Keep(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			after := b.object(key)
			if b.version(key) == version {
				t.Errorf("%s: it was not written again", what)
			}
			if same := bytes.Equal(before, after); same != (what == "without keys") {
				t.Errorf("%s: its bytes are the same: %t", what, same)
			}
			if value, err := b.bothWays(key); err != nil || !bytes.Equal(value, noise(1, size)) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func TestWhatIsNotThereIsNoFailureUnlessItWas(t *testing.T) {
	b, clock := timed(t, nil)
	unknown := digest.OfBytes([]byte("unknown"))
	if err := b.Keep(t.Context(), unknown, unknown); err != nil || b.Known(unknown) {
		t.Errorf("%v; known: %t", err, b.Known(unknown))
	}
	key := must(b.SaveBytes(t.Context(), []byte("value")))
	if err := b.mem.Delete(t.Context(), layout.ValueSpace.Name(key)); err != nil {
		t.Fatal(err)
	}
	clock.pass(7 * hour)
	err := b.Keep(t.Context(), unknown, key)
	if err == nil || !strings.Contains(err.Error(), "save it again") || !strings.Contains(err.Error(), key.String()) || errors.Is(err, digest.ErrNotFound) {
		t.Error(err)
	}
	must(b.SaveBytes(t.Context(), []byte("value")))
	if err := b.Keep(t.Context(), key); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotToBeBelievedIsLeftAndWhatIsNewerIsAnError(t *testing.T) {
	b, clock := timed(t, nil)
	key := must(b.SaveBytes(t.Context(), []byte("value")))
	b.plant(key, []byte("damaged"))
	version := b.version(key)
	clock.pass(7 * hour)
	if err := b.process(clock, nil).Keep(t.Context(), key); err != nil || b.version(key) != version {
		t.Errorf("damaged: %v, written again: %t", err, b.version(key) != version)
	}
	newer := craft(key, "raw", []byte("value"))
	newer.version = 2
	b.plant(key, append(newer.header(), newer.frame...))
	version = b.version(key)
	clock.pass(7 * hour)
	err := b.process(clock, nil).Keep(t.Context(), key)
	if _, ok := errors.AsType[*keyspace.NewerFormatError](err); !ok || b.version(key) != version {
		t.Errorf("newer: %v, written again: %t", err, b.version(key) != version)
	}
}

// TestWhoeverElseWritesItOrRemovesItIsGivenWay strikes between the HEAD and the PUT.
func TestWhoeverElseWritesItOrRemovesItIsGivenWay(t *testing.T) {
	value := []byte("value")
	key := digest.OfBytes(value)
	for what, c := range map[string]struct {
		strike func(b *bench, clock *handClock)
		times  int
		there  bool
		err    error
	}{
		"another keeps it": {func(b *bench, clock *handClock) { _ = b.process(clock, nil).Keep(context.Background(), key) }, 1, true, nil},
		"gc removes it":    {func(b *bench, _ *handClock) { _ = b.mem.Delete(context.Background(), layout.ValueSpace.Name(key)) }, 1, false, nil},
		"it is replaced all the time": {func(b *bench, clock *handClock) {
			b.plant(key, b.object(key))
			clock.pass(7 * hour)
		}, 4, true, bucket.ErrChanged},
	} {
		b, clock := timed(t, nil)
		must(b.SaveBytes(t.Context(), value))
		clock.pass(7 * hour)
		var script []buckettest.Fault
		for n := range c.times {
			script = append(script, buckettest.Fault{Verb: bucket.Put, Nth: n + 1, Do: buckettest.Before(func(context.Context) error { c.strike(b, clock); return nil })})
		}
		faults := buckettest.NewFaults(script...)
		err := b.process(clock, nil, faults.Inject).Keep(t.Context(), key)
		faults.Done(t)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || (b.version(key) != "") != c.there {
			t.Errorf("%s: %v; there: %t", what, err, b.version(key) != "")
		}
		b, clock = timed(t, nil) // the same, where the value is saved: then it is there
		must(b.SaveBytes(t.Context(), value))
		clock.pass(7 * hour)
		for i := range script {
			script[i].Nth++ // the first one is refused
		}
		faults = buckettest.NewFaults(script...)
		_, err = b.process(clock, nil, faults.Inject).SaveBytes(t.Context(), value)
		faults.Done(t)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || b.version(key) == "" {
			t.Errorf("%s, while it is saved: %v; there: %t", what, err, b.version(key) != "")
		}
	}
}

func TestAFailureOfTheStoreIsNeverAValueThatIsNotThere(t *testing.T) {
	for _, verb := range []bucket.Verb{bucket.Stat, bucket.Get, bucket.Put} {
		b, clock := timed(t, nil)
		key := must(b.SaveBytes(t.Context(), []byte("value")))
		clock.pass(7 * hour)
		faults := buckettest.NewFaults(buckettest.Fault{Verb: verb, Do: buckettest.Fail(bucket.ErrRefused)})
		s := b.process(clock, nil, faults.Inject)
		if err := s.Keep(t.Context(), key); !errors.Is(err, bucket.ErrRefused) || s.Known(key) {
			t.Errorf("%s: %v; known: %t", verb, err, s.Known(key))
		}
		faults.Done(t)
	}
}

// TestWhereTheStoreDoesNotTellItsTimeWhatIsNotKnownIsWrittenAgain: it may be old.
func TestWhereTheStoreDoesNotTellItsTimeWhatIsNotKnownIsWrittenAgain(t *testing.T) {
	b, clock := timed(t, nil)
	key := must(b.SaveBytes(t.Context(), []byte("value")))
	timeless := func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			answer.Info.Date = time.Time{}
			return answer, err
		}
	}
	version := b.version(key)
	if err := b.process(clock, nil, timeless).Keep(t.Context(), key); err != nil || b.version(key) == version {
		t.Errorf("%v; written again: %t", err, b.version(key) != version)
	}
}

// TestWhoMayNotReplaceSavesAllTheSameAndSaysSoOnce: a writer on Google Cloud has no right to delete values, which replacing takes.
func TestWhoMayNotReplaceSavesAllTheSameAndSaysSoOnce(t *testing.T) {
	b, clock := timed(t, nil)
	saved := []digest.Digest{must(b.SaveBytes(t.Context(), []byte("one"))), must(b.SaveBytes(t.Context(), []byte("two")))}
	version := b.version(saved[0])
	clock.pass(7 * hour)
	var said []error
	may := false
	mayNotReplace := func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb == bucket.Put && !r.Condition.Absent() && !may {
				return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: bucket.ErrRefused}
			}
			return next(ctx, r)
		}
	}
	s := blobstore.New(bucket.Wrap(b.mem, b.requests.Record, mayNotReplace), &blobstore.Options{Clock: skewed{clock}, Unkept: func(err error) { said = append(said, err) }})
	if _, err := s.SaveBytes(t.Context(), []byte("one")); err != nil {
		t.Errorf("saving what is there: %v", err)
	}
	b.requests.Take()
	if err := s.Keep(t.Context(), saved...); err != nil {
		t.Errorf("keeping: %v", err)
	}
	if len(said) != 1 || !errors.Is(said[0], bucket.ErrRefused) || b.version(saved[0]) != version {
		t.Errorf("said %v; written again: %t", said, b.version(saved[0]) != version)
	}
	b.requests.Expect(t, "stat values/*") // of the other one, and no more

	may = true // it was given the right, or its credentials had run out for a moment
	clock.pass(7 * hour)
	if err := s.Keep(t.Context(), saved...); err != nil || b.version(saved[0]) == version {
		t.Errorf("who may replace by now: %v; written again: %t", err, b.version(saved[0]) != version)
	}
}
