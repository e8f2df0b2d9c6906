package callindex_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ctx is that of the examples.
var ctx = context.Background()

// call returns a call of a function with one argument.
func call(name string, argument any) callindex.Call {
	d, err := digest.Of(argument)
	if err != nil {
		panic(err)
	}
	return callindex.Call{Name: name, Version: callindex.IntVersion(1), Arguments: []callindex.Argument{{Name: "x", Digest: d}}}
}

// record returns the record of a call with a result.
func record(c callindex.Call, result any) *callindex.Record {
	d, err := digest.Of(result)
	if err != nil {
		panic(err)
	}
	return &callindex.Record{Call: c, Result: d}
}

// failing is a test, or a check of rapid's.
type failing interface {
	Helper()
	Fatal(arguments ...any)
	Fatalf(format string, arguments ...any)
}

func keyOf(t failing, c *callindex.Call) digest.Digest {
	t.Helper()
	key, err := c.Key()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// handClock is moved by hand.
type handClock struct{ passed atomic.Int64 }

func (c *handClock) Now() time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *handClock) Sleep(_ context.Context, d time.Duration) error {
	c.passed.Add(int64(d))
	return nil
}

// zeros is entropy without chance: waits are zero. Ids need chance, so it counts them.
type counted struct{ n atomic.Uint64 }

func (c *counted) Read(p []byte) (int, error) {
	n := c.n.Add(1)
	for i := range p {
		p[i] = byte(n >> (8 * (i % 8)))
	}
	return len(p), nil
}

// world is a store over a bucket in memory, with its requests recorded and faults injected.
type world struct {
	*callindex.Store
	bucket   *mem.Bucket
	clock    *handClock
	recorder *buckettest.Recorder
	faults   *buckettest.Faults
}

func newWorld(t *testing.T, script ...buckettest.Fault) *world {
	w := &world{bucket: mem.New(nil), clock: &handClock{}, recorder: &buckettest.Recorder{}, faults: buckettest.NewFaults(script...)}
	w.Store = w.client(w.faults)
	t.Cleanup(func() { w.faults.Done(t) })
	return w
}

var entropy io.Reader = &counted{}

// client returns another store over the same bucket, as another process would have.
func (w *world) client(faults *buckettest.Faults) *callindex.Store {
	b := bucket.Wrap(bucket.Wrap(w.bucket, w.recorder.Record), faults.Inject)
	return callindex.New(b, &callindex.Options{Clock: w.clock, Entropy: entropy})
}

// marks returns the keys that the bucket has marks of.
func marks(t failing, b bucket.Bucket) map[digest.Digest]int {
	t.Helper()
	keys := map[digest.Digest]int{}
	for info, err := range bucket.All(context.Background(), b, bucket.ListOptions{Prefix: layout.Index}) {
		if err != nil {
			t.Fatal(err)
		}
		mark, batch := layout.ParseMark(info.Key)
		if mark == nil && batch == nil {
			continue
		}
		if mark != nil {
			keys[mark.Key]++
			continue
		}
		body, _, err := bucket.ReadAll(context.Background(), b, info.Key, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		all, err := callindex.DecodeBatch(*batch, body)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			keys[m.Key]++
		}
	}
	return keys
}

// putFault and markFault strike the writing of records and of marks.
func putFault(nth int, do buckettest.Action) buckettest.Fault {
	return buckettest.Fault{Verb: bucket.Put, Key: "calls/*", Nth: nth, Do: do}
}

func markFault(nth int, do buckettest.Action) buckettest.Fault {
	return buckettest.Fault{Verb: bucket.Put, Key: "index/*", Nth: nth, Do: do}
}

func mustSave(t testing.TB, s *callindex.Store, r *callindex.Record, options *callindex.SaveOptions) *callindex.Record {
	t.Helper()
	winner, err := s.Save(context.Background(), r, options)
	if err != nil {
		t.Fatal(err)
	}
	return winner
}

func TestASavedRecordIsLoadedAndCountedOut(t *testing.T) {
	w := newWorld(t)
	r := record(call("train", 1), 2)
	r.Metadata = callindex.Metadata{"tags": {"project": "alpha"}}
	key := keyOf(t, &r.Call)
	mustSave(t, w.Store, r, nil)
	w.recorder.Expect(t, "put index/*/marks/*/"+key.String()+".*", "put calls/*/"+key.String()+".json")

	for _, k := range []digest.Key{key, digest.Prefix(key.String()[:6]), digest.Prefix(strings.ToUpper(key.String()))} {
		got, err := w.Load(t.Context(), k)
		if err != nil || got.Result != r.Result || got.Name != "train" || got.Version != callindex.IntVersion(1) || got.Metadata["tags"]["project"] != "alpha" {
			t.Errorf("Load(%v) = %+v, %v", k, got, err)
		}
		if got != nil && keyOf(t, &got.Call) != key {
			t.Errorf("the loaded record has another key")
		}
	}
	w.recorder.Expect(t, "get calls/*", "list calls/*", "get calls/*", "get calls/*")

	if there, err := w.Contains(t.Context(), key); !there || err != nil {
		t.Errorf("Contains = %v, %v", there, err)
	}
	w.recorder.Expect(t, "stat calls/*")
}

func TestLoadOfAnUnknownKeyIsNotFound(t *testing.T) {
	w := newWorld(t)
	for _, key := range []digest.Key{digest.OfBytes(nil), digest.Prefix("abcd"), digest.Prefix("ab")} {
		if _, err := w.Load(t.Context(), key); !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("Load(%v) = %v", key, err)
		}
		if err := w.Evict(t.Context(), key); !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("Evict(%v) = %v", key, err)
		}
	}
}

func TestTheFirstRecordWinsAndTheLoserLearnsIt(t *testing.T) {
	w := newWorld(t)
	first := mustSave(t, w.Store, record(call("f", 1), "first"), nil)
	w.recorder.Take()
	second := mustSave(t, w.client(buckettest.NewFaults()), record(call("f", 1), "second"), nil)
	w.recorder.Expect(t, "put index/*", "put calls/*", "get calls/*")
	if second.Result != first.Result {
		t.Errorf("the loser got %v, want the winner's %v", second.Result, first.Result)
	}
}

// TestSavingAgainReplacesTheRecord is the contract's CallStorage.save.
func TestSavingAgainReplacesTheRecord(t *testing.T) {
	w := newWorld(t)
	mustSave(t, w.Store, record(call("f", 1), "first"), nil)
	w.recorder.Take()
	second := record(call("f", 1), "second")
	mustSave(t, w.Store, second, &callindex.SaveOptions{Replace: true})
	w.recorder.Expect(t, "put index/*", "put calls/*", "get calls/*", "put calls/*")
	if got, err := w.Load(t.Context(), keyOf(t, &second.Call)); err != nil || got.Result != second.Result {
		t.Errorf("Load = %+v, %v", got, err)
	}
}

func TestOverReplacesJustTheRecordThatWasLoaded(t *testing.T) {
	w := newWorld(t)
	saved := mustSave(t, w.Store, record(call("f", 1), "first"), nil)
	loaded, err := w.Load(t.Context(), keyOf(t, &saved.Call))
	if err != nil {
		t.Fatal(err)
	}
	w.recorder.Take()
	second := mustSave(t, w.Store, record(call("f", 1), "second"), &callindex.SaveOptions{Over: loaded})
	w.recorder.Expect(t, "put index/*", "put calls/*")
	third := mustSave(t, w.Store, record(call("f", 1), "third"), &callindex.SaveOptions{Over: loaded})
	if third.Result != second.Result {
		t.Errorf("a stranger's record was replaced by one that was over an older one")
	}
	fourth := record(call("f", 1), "fourth")
	if got := mustSave(t, w.Store, fourth, &callindex.SaveOptions{Over: second}); got.Result != fourth.Result {
		t.Errorf("a record that was saved, not loaded, did not give way")
	}
	if err := w.Evict(t.Context(), keyOf(t, &saved.Call)); err != nil {
		t.Fatal(err)
	}
	fifth := record(call("f", 1), "fifth")
	if got := mustSave(t, w.Store, fifth, &callindex.SaveOptions{Over: loaded}); got.Result != fifth.Result {
		t.Errorf("over an evicted record nothing was saved")
	}
}

func TestManyRecordsOfOneFunctionShareAMark(t *testing.T) {
	w := newWorld(t)
	const n = 100
	records := make([]*callindex.Record, n)
	for i := range records {
		records[i] = record(call("f", i), i)
	}
	records = append(records, record(call("f", 0), "a second record of one key"))
	winners, err := w.SaveAll(t.Context(), records[:n], nil)
	if err != nil {
		t.Fatal(err)
	}
	budget := []string{"put index/*/batch.*"}
	for range n {
		budget = append(budget, "put calls/*")
	}
	w.recorder.Expect(t, budget...)
	marked := marks(t, w.bucket)
	for i, winner := range winners {
		if winner == nil || winner.Result != records[i].Result || marked[keyOf(t, &winner.Call)] != 1 {
			t.Fatalf("record %d: %+v, marked %d times", i, winner, marked[keyOf(t, &records[i].Call)])
		}
	}
	if winners, err = w.SaveAll(t.Context(), records, nil); err != nil || winners[n].Result != records[0].Result {
		t.Errorf("saved again, with one key twice: %v", err)
	}
}

func TestSaveAllGoesOnAfterAFailure(t *testing.T) {
	w := newWorld(t, putFault(1, buckettest.Fail(bucket.ErrRefused)))
	records := []*callindex.Record{record(call("f", 1), 1), {}, record(call("g", 1), 1)}
	winners, err := w.SaveAll(t.Context(), records, nil)
	if !errors.Is(err, bucket.ErrRefused) || winners[1] != nil || (winners[0] == nil) == (winners[2] == nil) {
		t.Errorf("SaveAll = %v, %v, want one of the two saved", winners, err)
	}
}

func TestWhatIsSavedBesideIsThereBeforeTheRecord(t *testing.T) {
	w := newWorld(t)
	sent := 0
	_, err := w.Save(t.Context(), record(call("f", 1), 1), &callindex.SaveOptions{Beside: func(context.Context) error {
		for _, r := range w.recorder.Take() {
			if strings.HasPrefix(r.Key, "calls/") {
				t.Errorf("%v was sent first", r)
			}
		}
		sent++
		return nil
	}})
	if err != nil || sent != 1 {
		t.Errorf("Beside ran %d times: %v", sent, err)
	}
	failed := errors.New("no value")
	_, err = w.Save(t.Context(), record(call("f", 2), 1), &callindex.SaveOptions{Beside: func(context.Context) error { return failed }})
	if !errors.Is(err, failed) {
		t.Errorf("Save = %v, want %v", err, failed)
	}
	if there, err := w.Contains(t.Context(), keyOf(t, &record(call("f", 2), 1).Call)); there || err != nil {
		t.Errorf("a record without its value is there: %v, %v", there, err)
	}
}

func TestEvictIsAGetAMarkAndADelete(t *testing.T) {
	w := newWorld(t)
	r := record(call("f", 1), 1)
	key := keyOf(t, &r.Call)
	mustSave(t, w.Store, r, nil)
	w.recorder.Take()
	if err := w.Evict(t.Context(), digest.Prefix(key.String()[:8])); err != nil {
		t.Fatal(err)
	}
	w.recorder.Expect(t, "list calls/*", "get calls/*", "put index/*/marks/*/"+key.String()+".*", "delete if calls/*")
	if there, err := w.Contains(t.Context(), key); there || err != nil {
		t.Errorf("Contains = %v, %v", there, err)
	}
	if n := marks(t, w.bucket)[key]; n != 2 {
		t.Errorf("the key has %d marks, want one of the save and one of the eviction", n)
	}
	if err := w.Evict(t.Context(), key); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("Evict again = %v", err)
	}
}

func TestListExpandAndShrinkAreThoseOfTheKeys(t *testing.T) {
	w := newWorld(t)
	want := map[digest.Digest]bool{}
	for i := range 20 {
		r := record(call("f", i), i)
		mustSave(t, w.Store, r, nil)
		want[keyOf(t, &r.Call)] = true
	}
	for key, err := range w.List(t.Context(), digest.Digest{}) {
		if err != nil || !want[key] {
			t.Fatalf("List yields %v, %v", key, err)
		}
		delete(want, key)
		short, err := w.Shrink(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if full, err := w.Expand(t.Context(), short[0]); err != nil || full != key {
			t.Errorf("Expand(%v) = %v, %v", short[0], full, err)
		}
	}
	if len(want) > 0 {
		t.Errorf("List left out %d keys", len(want))
	}
}

func TestScanYieldsEveryRecordAndGoesOnAfterADamagedOne(t *testing.T) {
	w := newWorld(t)
	var odd digest.Digest
	for i := range 200 {
		r := record(call("f", i), i)
		mustSave(t, w.Store, r, nil)
		odd = keyOf(t, &r.Call)
	}
	overwrite(t, w.bucket, layout.RecordSpace.Name(odd), []byte("{}"))
	records, damaged := 0, 0
	var last digest.Digest
	for r, err := range w.Scan(t.Context(), digest.Digest{}) {
		switch {
		case errors.Is(err, digest.ErrNotFound):
			damaged++
		case err != nil:
			t.Fatal(err)
		default:
			key := keyOf(t, &r.Call)
			if key.Compare(last) <= 0 {
				t.Errorf("%v comes after %v", key, last)
			}
			last = key
			records++
		}
	}
	if records != 199 || damaged != 1 {
		t.Errorf("%d records and %d damaged, want 199 and 1", records, damaged)
	}
	for _, err := range w.Scan(t.Context(), digest.Digest{}) {
		if err != nil {
			t.Error(err)
		}
		break // leaves nothing behind: goleak
	}
}

// overwrite replaces an object's bytes behind the store's back.
func overwrite(t testing.TB, b bucket.Bucket, name string, body []byte) {
	t.Helper()
	info, err := b.Stat(context.Background(), name)
	if err == nil {
		err = b.Put(context.Background(), name, bucket.Bytes(body), bucket.IfMatch(info.Version))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheOperationContextIsEnteredWithTheFullKey(t *testing.T) {
	var entered []string
	s := callindex.New(mem.New(nil), &callindex.Options{Context: contextFunc(func(key string, intent op.Intent) {
		entered = append(entered, fmt.Sprintf("%s %d", intent, len(key)))
	})})
	r := record(call("f", 1), 1)
	mustSave(t, s, r, nil)
	key := keyOf(t, &r.Call)
	if _, err := s.Load(t.Context(), digest.Prefix(key.String()[:8])); err != nil {
		t.Fatal(err)
	}
	if err := s.Evict(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(entered, ", "); got != "write 64, read 8, read 64, write 64" {
		t.Errorf("entered: %s", got)
	}
}

type contextFunc func(key string, intent op.Intent)

func (f contextFunc) Do(ctx context.Context, key string, intent op.Intent, operation func(context.Context) error) error {
	f(key, intent)
	return operation(ctx)
}
