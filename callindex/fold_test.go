package callindex_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/internal/historytest"
	"github.com/quivercache/quiver/layout"
)

// timed is a world whose store has the world's clock.
func timed(t *testing.T, script ...buckettest.Fault) *world {
	t.Helper()
	w := &world{clock: &handClock{}, recorder: &buckettest.Recorder{}, faults: buckettest.NewFaults(script...)}
	w.bucket = mem.New(&mem.Options{Clock: w.clock})
	w.Store = w.client(w.faults)
	t.Cleanup(func() { w.faults.Done(t) })
	return w
}

func mustFold(t testing.TB, s *callindex.Store, options *callindex.FoldOptions) callindex.Folded {
	t.Helper()
	folded, err := s.Fold(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	return folded
}

// found returns the names and results of the calls that a query finds, in the order of keys.
func found(t testing.TB, s *callindex.Store, q callindex.Query) []string {
	t.Helper()
	q.Order = callindex.ByKey
	var all []string
	for r, err := range s.Query(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Name+" "+r.Result.String()[:8])
	}
	return all
}

// saveCalls saves calls of a function with the arguments from one number up to another.
func saveCalls(t testing.TB, s *callindex.Store, name string, from, to int) {
	t.Helper()
	var records []*callindex.Record
	for i := from; i < to; i++ {
		records = append(records, record(call(name, i), i))
	}
	if _, err := s.SaveAll(context.Background(), records, nil); err != nil {
		t.Fatal(err)
	}
}

func TestAFoldTakesWhatWasSavedAtOnce(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "train", 0, 5)
	mustSave(t, w.Store, record(call("elsewhere", 1), 1), nil)
	before := found(t, w.Store, callindex.Query{})
	if folded := mustFold(t, w.Store, nil); folded != (callindex.Folded{Shards: 2, Marks: 2, Taken: 2, Rows: 6, Segments: 2}) {
		t.Errorf("%+v", folded)
	}
	if left := marks(t, w.bucket); len(left) > 0 {
		t.Errorf("marks of %v are left", left)
	}
	if after := found(t, w.Store, callindex.Query{}); len(after) != 6 || !slices.Equal(before, after) {
		t.Errorf("before the fold %v, after it %v", before, after)
	}
	if again := mustFold(t, w.Store, nil); again != (callindex.Folded{Shards: 2}) {
		t.Errorf("folded again: %+v", again)
	}
}

func TestAFoldLeavesWhatMayStillHappen(t *testing.T) {
	w := timed(t, putFault(2, buckettest.Fail(bucket.ErrRefused)))
	mustSave(t, w.Store, record(call("f", 0), 0), nil)
	if _, err := w.Save(t.Context(), record(call("f", 1), 1), nil); !errors.Is(err, bucket.ErrRefused) { // a mark without a record
		t.Fatal(err)
	}
	r := record(call("f", 2), 2)
	mustSave(t, w.Store, r, nil)
	if err := w.Evict(t.Context(), keyOf(t, &r.Call)); err != nil {
		t.Fatal(err)
	}
	if folded := mustFold(t, w.Store, nil); folded.Marks != 4 || folded.Taken != 1 {
		t.Errorf("%+v", folded)
	}
	w.clock.passed.Add(int64(callindex.Grace))
	if folded := mustFold(t, w.Store, nil); folded.Taken != 0 {
		t.Errorf("in the grace: %+v", folded)
	}
	w.clock.passed.Add(int64(time.Second))
	if folded := mustFold(t, w.Store, nil); folded.Taken != 3 || folded.Rows != 0 {
		t.Errorf("after it: %+v", folded)
	}
	if got := found(t, w.Store, callindex.Query{}); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestAFoldOfOneFunctionLeavesOthersAlone(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, historytest.Functions[0], 0, 2)
	saveCalls(t, w.Store, historytest.Functions[1], 0, 2) // of the same shard
	w.recorder.Take()
	if folded := mustFold(t, w.Store, &callindex.FoldOptions{Function: historytest.Functions[0]}); folded.Taken != 1 || folded.Rows != 2 {
		t.Errorf("%+v", folded)
	}
	if left := len(marks(t, w.bucket)); left != 2 {
		t.Errorf("marks of %d calls are left", left)
	}
	if got := found(t, w.Store, callindex.Query{}); len(got) != 4 {
		t.Errorf("%v", got)
	}
}

func TestAFoldHasABudget(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "f", 0, 3)
	w.recorder.Take()
	mustFold(t, w.Store, &callindex.FoldOptions{Function: "f"})
	w.recorder.Expect(t, "get index/*/manifest.json", "put index/*/manifest.json", "get index/*/manifest.json", // the first manifest
		"list index/*/marks/*", "get index/*/marks/*/batch.*", "get calls/*", "get calls/*", "get calls/*",
		"put index/*/segments/*.parquet", "put index/*/segments/*.filter", "put index/*/manifest.json", "delete all index/*/marks/*")
	r := record(call("f", 1), "another")
	mustSave(t, w.Store, r, &callindex.SaveOptions{Replace: true})
	w.clock.passed.Add(int64(callindex.Grace + time.Second)) // the mark of the refused attempt
	w.recorder.Take()
	mustFold(t, w.client(buckettest.NewFaults()), &callindex.FoldOptions{Function: "f"})
	w.recorder.Expect(t, "get index/*/manifest.json", "list index/*/marks/*", "get calls/*",
		"get range index/*/segments/*.filter", "get range index/*/segments/*.parquet", // the row that is replaced
		"put index/*/segments/*.parquet", "put index/*/segments/*.filter", "put index/*/manifest.json", "delete all index/*/marks/*")
}

func TestAQueryHasABudget(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "f", 0, 100)
	mustFold(t, w.Store, nil)
	query := func(s *callindex.Store, q callindex.Query, want int, budget ...string) {
		t.Helper()
		w.recorder.Take()
		if got := len(found(t, s, q)); got != want {
			t.Errorf("%+v finds %d calls, not %d", q, got, want)
		}
		w.recorder.Expect(t, budget...)
	}
	point := callindex.Query{Name: "f", Args: callindex.Args{"x": 7}}
	cold := []string{"list index/*/marks/*", "get index/*/manifest.json", "get range index/*/segments/*.filter", "get range index/*/segments/*.parquet"}
	fresh := w.client(buckettest.NewFaults())
	query(fresh, point, 1, cold...)
	query(fresh, point, 1, cold[:2]...) // from the cache
	query(fresh, callindex.Query{Name: "f", Args: callindex.Args{"x": 1000}}, 0, cold[:2]...)
	query(fresh, callindex.Query{Name: "other"}, 0, cold[:1][0], "get index/*/manifest.json")
	query(w.client(buckettest.NewFaults()), callindex.Query{}, 100, append([]string{"list folders index/"}, cold...)...)
	query(w.client(buckettest.NewFaults()), callindex.Query{Name: "f", Settled: true}, 100, cold[1:]...)
	mustSave(t, w.Store, record(call("f", 1000), 1), nil)
	query(fresh, point, 1, append(cold[:2:2], "get calls/*")[:2]...) // a mark that cannot concern it
	query(fresh, callindex.Query{Name: "f", Args: callindex.Args{"x": 1000}}, 1, append(cold[:2:2], "get calls/*")...)
}

func TestSmallSegmentsAreMerged(t *testing.T) {
	w := timed(t)
	for i := range 9 {
		saveCalls(t, w.Store, "f", i*10, i*10+10)
		mustFold(t, w.Store, nil)
	}
	want := found(t, w.Store, callindex.Query{})
	if n := segments(t, w.bucket); len(want) != 90 || n > 9+3 { // those that were merged stay for a day
		t.Errorf("%d calls, %d segments", len(want), n)
	}
	w.clock.passed.Add(int64(25 * time.Hour))
	if swept, err := w.Sweep(t.Context()); err != nil || swept.Deleted == 0 {
		t.Errorf("%+v, %v", swept, err)
	}
	if n := segments(t, w.bucket); n > 3 {
		t.Errorf("%d segments", n)
	}
	mustFold(t, w.Store, &callindex.FoldOptions{Compact: true})
	w.clock.passed.Add(int64(25 * time.Hour))
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := segments(t, w.bucket); n != 1 {
		t.Errorf("compacted: %d segments", n)
	}
	if got := found(t, w.Store, callindex.Query{}); !slices.Equal(got, want) {
		t.Errorf("%d calls, not %d", len(got), len(want))
	}
}

func segments(t testing.TB, b bucket.Bucket) (n int) {
	t.Helper()
	for info, err := range bucket.All(context.Background(), b, bucket.ListOptions{Prefix: layout.Index}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(info.Key, ".parquet") {
			n++
		}
	}
	return n
}

func TestMoreMarksThanAFoldTakesAreFoldedAll(t *testing.T) {
	w := timed(t)
	const calls = 3 * callindex.FoldLimit / 2
	for from := 0; from < calls; from += 500 {
		saveCalls(t, w.Store, "f", from, from+500)
	}
	rounds := 0
	folded := mustFold(t, w.Store, &callindex.FoldOptions{Progress: func(callindex.Folded) { rounds++ }})
	if folded.Rows != calls || rounds < 2 {
		t.Errorf("%+v in %d rounds", folded, rounds)
	}
	n := 0
	for _, err := range w.Query(t.Context(), callindex.Query{Settled: true}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != calls {
		t.Errorf("%d calls are found", n)
	}
}

// TestManyFoldersFoldOneFunction has folders and writers at once, on the machine's clock.
func TestManyFoldersFoldOneFunction(t *testing.T) {
	b := mem.New(nil)
	const writers, each = 4, 30
	done := make(chan error)
	for n := range writers {
		go func() {
			s := callindex.New(b, nil)
			for i := range each {
				if _, err := s.Save(context.Background(), record(call("f", n*each+i), i), nil); err != nil {
					done <- err
					return
				}
				if i%10 == 9 {
					if _, err := s.Fold(context.Background(), nil); err != nil && !errors.Is(err, bucket.ErrChanged) {
						done <- err
						return
					}
				}
			}
			done <- nil
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	s := callindex.New(b, nil)
	if got := len(found(t, s, callindex.Query{})); got != writers*each {
		t.Errorf("%d calls before the last fold", got)
	}
	mustFold(t, s, nil)
	if got := len(found(t, s, callindex.Query{Settled: true})); got != writers*each {
		t.Errorf("%d calls after the last fold", got)
	}
	for f, err := range s.Check(t.Context(), nil) {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestEveryCrashPointOfARepair stops it at each of its requests. What was there is found, and the next one finishes the work.
func TestEveryCrashPointOfARepair(t *testing.T) {
	do := func(ctx context.Context, s *callindex.Store) error {
		for _, err := range s.Check(ctx, &callindex.CheckOptions{Repair: true}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		w := timed(t)
		for i := range 5 { // the fourth fold merges
			saveCalls(t, w.Store, "f", i, i+1)
			mustFold(t, w.Store, nil)
		}
		mustSave(t, w.Store, record(call("f", 0), "replaced"), &callindex.SaveOptions{Replace: true})
		evicted := call("f", 1)
		if err := w.Evict(t.Context(), keyOf(t, &evicted)); err != nil {
			t.Fatal(err)
		}
		w.clock.passed.Add(int64(25 * time.Hour))
		saveCalls(t, w.Store, "f", 10, 12)
		want := found(t, w.Store, callindex.Query{})
		if len(want) != 6 {
			t.Fatalf("%v", want)
		}
		err := do(t.Context(), w.client(crash))
		if crash.Crashed() != (err != nil) {
			t.Errorf("it ends with %v", err)
		}
		for when, step := range []func(){func() {}, func() { mustFold(t, w.Store, nil) }, func() { _, err = w.Sweep(t.Context()) }, func() { err = do(t.Context(), w.Store) }} {
			err = nil
			step()
			if got := found(t, w.client(buckettest.NewFaults()), callindex.Query{}); err != nil || !slices.Equal(got, want) {
				t.Errorf("step %d, %v: there is\n%v, not\n%v", when, err, got, want)
			}
		}
		w.clock.passed.Add(int64(48 * time.Hour))
		if _, err := w.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		for f, err := range w.Check(t.Context(), &callindex.CheckOptions{ReadData: true}) {
			t.Errorf("a check finds %+v, %v", f, err)
		}
	})
}

// TestASegmentThatGoesAwayUnderAQuery has a merge, a day and a sweep between two requests of a query. It begins anew, and yields nothing twice and leaves nothing out.
func TestASegmentThatGoesAwayUnderAQuery(t *testing.T) {
	for _, nth := range []int{1, 2, 3, 4, 5, 6, 7} {
		t.Run(fmt.Sprint("before the request number ", nth), func(t *testing.T) {
			w := timed(t)
			saveCalls(t, w.Store, "f", 0, 3)
			mustFold(t, w.Store, nil)
			saveCalls(t, w.Store, "f", 3, 6)
			mustFold(t, w.Store, nil)
			saveCalls(t, w.Store, "f", 6, 8)
			want := found(t, w.Store, callindex.Query{})
			away := buckettest.NewFaults(buckettest.Fault{Key: "*", Nth: nth, Do: buckettest.Before(func(ctx context.Context) error {
				mustFold(t, w.Store, &callindex.FoldOptions{Compact: true})
				for _, i := range []int{0, 4, 7} {
					mustSave(t, w.Store, record(call("f", i), i), &callindex.SaveOptions{Replace: true})
				}
				w.clock.passed.Add(int64(25 * time.Hour))
				_, err := w.Sweep(ctx)
				return err
			})})
			if got := found(t, w.client(away), callindex.Query{Name: "f"}); !slices.Equal(got, want) {
				t.Errorf("%v, not %v", got, want)
			}
			away.Done(t)
		})
	}
}

func TestASegmentThatIsMissingForGoodIsAnError(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "f", 0, 3)
	mustFold(t, w.Store, nil)
	for info, err := range bucket.All(t.Context(), w.bucket, bucket.ListOptions{Prefix: layout.Index}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(info.Key, ".filter") {
			if err := w.bucket.Delete(t.Context(), info.Key); err != nil {
				t.Fatal(err)
			}
		}
	}
	damaged(t, w, "it lists what is not there")
}

// damaged wants that a query fails with an *IndexError of these words, and that a repair mends it.
func damaged(t *testing.T, w *world, words string) {
	t.Helper()
	fresh := w.client(buckettest.NewFaults())
	var last error
	for _, err := range fresh.Query(t.Context(), callindex.Query{Name: "f"}) {
		last = err
	}
	broken, ok := errors.AsType[*callindex.IndexError](last)
	if !ok || !strings.Contains(last.Error(), words) || !strings.Contains(last.Error(), "quiver check --repair") {
		t.Fatalf("a query ends with %v (%v)", last, broken)
	}
	kinds := map[callindex.FindingKind]int{}
	for f, err := range fresh.Check(t.Context(), &callindex.CheckOptions{Repair: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if kinds[f.Kind]++; !f.Healed {
			t.Errorf("%+v is not healed", f)
		}
	}
	if kinds[callindex.DamagedIndex] == 0 {
		t.Errorf("the check finds %v", kinds)
	}
	after := w.client(buckettest.NewFaults())
	if got := found(t, after, callindex.Query{Name: "f"}); len(got) != 3 {
		t.Errorf("after the repair: %v", got)
	}
	for f, err := range after.Check(t.Context(), &callindex.CheckOptions{ReadData: true}) {
		if err != nil || f.Kind != callindex.Orphan {
			t.Errorf("after the repair: %+v, %v", f, err)
		}
	}
}

func TestADamagedIndexIsAnErrorWithACure(t *testing.T) {
	for suffix, words := range map[string]string{"manifest.json": "checksum", ".filter": "segments/", ".parquet": "segments/", "batch.": "batch mark"} {
		t.Run(suffix, func(t *testing.T) {
			w := timed(t)
			saveCalls(t, w.Store, "f", 0, 3)
			if suffix != "batch." {
				mustFold(t, w.Store, nil)
			}
			for info, err := range bucket.All(t.Context(), w.bucket, bucket.ListOptions{Prefix: layout.Index}) {
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(info.Key, suffix) {
					continue
				}
				content, _, err := bucket.ReadAll(t.Context(), w.bucket, info.Key, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				for i := range content {
					content[i] ^= 0x55
				}
				if err := w.bucket.Put(t.Context(), info.Key, bucket.Bytes(content), bucket.IfMatch(info.Version)); err != nil {
					t.Fatal(err)
				}
			}
			w.clock.passed.Add(int64(time.Hour)) // a mark that is young is left alone
			damaged(t, w, words)
		})
	}
}

// TestADamagedBatchMarkIsHealedWhenItIsOld says so until then: what it announces may still be under way.
func TestADamagedBatchMarkIsHealedWhenItIsOld(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "f", 0, 3)
	for info, err := range bucket.All(t.Context(), w.bucket, bucket.ListOptions{Prefix: layout.Index}) {
		if err == nil && strings.Contains(info.Key, "batch.") {
			err = w.bucket.Put(t.Context(), info.Key, bucket.Bytes([]byte("no marks")), bucket.IfMatch(info.Version))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var last error
	for f, err := range w.client(buckettest.NewFaults()).Check(t.Context(), &callindex.CheckOptions{Repair: true}) {
		if last = err; err == nil && (f.Kind != callindex.DamagedIndex || f.Healed) {
			t.Errorf("a check finds %+v", f)
		}
	}
	if last == nil || !strings.Contains(last.Error(), "not healed yet") {
		t.Errorf("it ends with %v", last)
	}
	w.clock.passed.Add(int64(time.Hour))
	damaged(t, w, "batch mark")
}

func TestACheckFindsWhatIsWrongAndHealsIt(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "f", 0, 6)
	mustFold(t, w.Store, nil)
	name := func(i int) string {
		c := call("f", i)
		return layout.RecordSpace.Name(keyOf(t, &c))
	}
	ctx := t.Context()
	if err := w.bucket.Delete(ctx, name(0)); err != nil { // by hand, without a mark
		t.Fatal(err)
	}
	other := timed(t)
	for _, i := range []int{1, 9} { // records from another store, copied by hand
		mustSave(t, other.Store, record(call("f", i), "copied"), nil)
		content, _, err := bucket.ReadAll(ctx, other.bucket, name(i), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		condition := bucket.IfAbsent()
		if info, err := w.bucket.Stat(ctx, name(i)); err == nil {
			condition = bucket.IfMatch(info.Version)
		}
		if err := w.bucket.Put(ctx, name(i), bucket.Bytes(content), condition); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.bucket.Stat(ctx, name(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.bucket.Put(ctx, name(2), bucket.Bytes([]byte("no record")), bucket.IfMatch(info.Version)); err != nil {
		t.Fatal(err)
	}
	orphan := layout.Segment{Shard: layout.FunctionOf("f").Shard(), ID: strings.Repeat("ab", 16)}.Table()
	if err := w.bucket.Put(ctx, orphan, bucket.Bytes([]byte("x")), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	w.clock.passed.Add(int64(25 * time.Hour))
	want := map[callindex.FindingKind]string{
		callindex.LostRecord: name(0), callindex.StaleRow: name(1), callindex.UnlistedCall: name(9), callindex.DamagedRecord: name(2), callindex.Orphan: orphan,
	}
	for _, repair := range []bool{false, false, true} {
		got := map[callindex.FindingKind]string{}
		for f, err := range w.Check(ctx, &callindex.CheckOptions{Repair: repair}) {
			if err != nil {
				t.Fatal(err)
			}
			if got[f.Kind] = f.Object; f.Healed != repair {
				t.Errorf("%+v", f)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("it finds %v, not %v", got, want)
		}
	}
	if got := len(found(t, w.Store, callindex.Query{})); got != 5 { // 1, 3, 4, 5, 9
		t.Errorf("%d calls after the repair", got)
	}
	w.clock.passed.Add(int64(time.Hour))
	mustFold(t, w.Store, nil)
	for f, err := range w.Check(ctx, nil) {
		t.Errorf("after the repair: %+v, %v", f, err)
	}
}

func TestAQueryRefusesToReadTooManyCallsOneByOne(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "f", 0, 20)
	var last error
	for _, err := range w.Query(t.Context(), callindex.Query{Name: "f", MaxPending: 19}) {
		last = err
	}
	if pending, ok := errors.AsType[*callindex.PendingError](last); !ok || pending.Limit != 19 || !strings.Contains(last.Error(), "quiver fold") {
		t.Errorf("%v", last)
	}
	var account callindex.Account
	n := 0
	for _, err := range w.Query(t.Context(), callindex.Query{Name: "f", MaxPending: 20, Account: &account}) {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 20 || account != (callindex.Account{Shards: 1, Pending: 20}) {
		t.Errorf("%d calls, %+v", n, account)
	}
	if got := found(t, w.Store, callindex.Query{Name: "f", Settled: true}); len(got) > 0 {
		t.Errorf("settled: %v", got)
	}
	now := w.clock.Now()
	mustFold(t, w.Store, nil)
	for _, err := range w.Query(t.Context(), callindex.Query{Name: "f", Settled: true, Account: &account}) {
		if err != nil {
			t.Error(err)
		}
	}
	if !account.AsOf.Equal(now.Add(-callindex.Grace)) || account.Pending != 0 {
		t.Errorf("%+v", account)
	}
}

func TestWhoMayOnlyReadQueriesAndIsToldThatHeMayNotFold(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "f", 0, 3)
	reader := callindex.New(bucket.Wrap(w.bucket, bucket.ReadOnly()), &callindex.Options{Clock: w.clock, Entropy: entropy})
	if got := found(t, reader, callindex.Query{Name: "f"}); len(got) != 3 {
		t.Errorf("%v", got)
	}
	if _, err := reader.Fold(t.Context(), nil); !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("a fold ends with %v", err)
	}
	mustFold(t, w.Store, nil)
	if got := found(t, reader, callindex.Query{Name: "f"}); len(got) != 3 {
		t.Errorf("%v", got)
	}
}

func TestARecordThatCannotBeBelievedKeepsItsMark(t *testing.T) {
	w := timed(t)
	saveCalls(t, w.Store, "f", 0, 2)
	c := call("f", 0)
	name := layout.RecordSpace.Name(keyOf(t, &c))
	info, err := w.bucket.Stat(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.bucket.Put(t.Context(), name, bucket.Bytes([]byte("no record")), bucket.IfMatch(info.Version)); err != nil {
		t.Fatal(err)
	}
	w.clock.passed.Add(int64(time.Hour))
	if folded := mustFold(t, w.Store, nil); folded.Taken != 0 || folded.Damaged != 1 {
		t.Errorf("%+v", folded)
	}
	mustSave(t, w.Store, record(c, "again"), nil)
	w.clock.passed.Add(int64(time.Hour))
	if folded := mustFold(t, w.Store, nil); folded.Rows != 2 || folded.Damaged != 0 {
		t.Errorf("%+v", folded)
	}
}

func TestFunctionsAreKnownFromManifests(t *testing.T) {
	w := timed(t)
	saved := w.clock.Now()
	for i := range 3 {
		r := record(call("slow", i), i)
		r.Metadata = callindex.Metadata{"runtime": {"walltime": 1.5}}
		mustSave(t, w.Store, r, nil)
	}
	saveCalls(t, w.Store, "quick", 0, 2)
	mustFold(t, w.Store, nil)
	w.clock.passed.Add(int64(time.Minute))
	c := call("slow", 1)
	if err := w.Evict(t.Context(), keyOf(t, &c)); err != nil {
		t.Fatal(err)
	}
	w.clock.passed.Add(int64(time.Hour))
	mustFold(t, w.Store, nil)
	w.recorder.Take()
	got, err := w.Functions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []callindex.Function{{Name: "quick", Calls: 2, Saved: saved}, {Name: "slow", Calls: 2, Saved: saved, Spent: 3 * time.Second}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	w.recorder.Expect(t, "list folders index/", "get index/*/manifest.json", "get index/*/manifest.json")
}

func TestASeededStoreIsAsOneThatWasFolded(t *testing.T) {
	w := timed(t)
	records := func(yield func(*callindex.Record) bool) {
		for i := range 1000 {
			r := record(call(fmt.Sprint("f", i%7), i), i)
			r.Saved = w.clock.Now()
			if !yield(r) {
				return
			}
		}
	}
	if err := w.Seed(t.Context(), records, callindex.SeedOptions{Records: true, Rows: 100}); err != nil {
		t.Fatal(err)
	}
	for f, err := range w.Check(t.Context(), &callindex.CheckOptions{ReadData: true}) {
		t.Errorf("%+v, %v", f, err)
	}
	w.recorder.Take()
	for f, err := range w.Check(t.Context(), nil) {
		t.Errorf("%+v, %v", f, err)
	}
	reads := 0
	for _, r := range w.recorder.Take() {
		if strings.HasPrefix(r.Key, layout.Calls) {
			reads++
		}
	}
	if reads != 1000 {
		t.Errorf("a check of 1,000 calls read %d records", reads)
	}
	if got := len(found(t, w.Store, callindex.Query{Name: "f3"})); got != 143 {
		t.Errorf("%d calls", got)
	}
}

// TestASegmentThatGoesAwayInTheMiddleOfAQuery loses it after the first of its rows were yielded, and changes calls on both sides of the last one.
func TestASegmentThatGoesAwayInTheMiddleOfAQuery(t *testing.T) {
	const calls = 20_000
	w := timed(t)
	byKey := map[string]int{}
	records := func(yield func(*callindex.Record) bool) {
		for i := range calls {
			r := record(call("f", i), i)
			r.Saved = w.clock.Now()
			byKey[keyOf(t, &r.Call).String()] = i
			if !yield(r) {
				return
			}
		}
	}
	if err := w.Seed(t.Context(), records, callindex.SeedOptions{}); err != nil {
		t.Fatal(err)
	}
	ordered := slices.Sorted(maps.Keys(byKey)) // as rows are
	at := func(i int) int { return byKey[ordered[i]] }
	// Marked when the query begins: two near the start, two near the end.
	for _, i := range []int{10, 11, calls - 11, calls - 10} {
		mustSave(t, w.Store, record(call("f", at(i)), -i), &callindex.SaveOptions{Replace: true})
	}
	away := func(context.Context) error {
		for _, i := range []int{20, 21, calls - 21, calls - 20} { // marked, and not folded, when it begins anew
			defer mustSave(t, w.Store, record(call("f", at(i)), -i), &callindex.SaveOptions{Replace: true})
		}
		mustFold(t, w.Store, &callindex.FoldOptions{Compact: true}) // takes the first four marks
		w.clock.passed.Add(int64(25 * time.Hour))
		_, err := w.Sweep(context.Background())
		return err
	}
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.GetRange, Key: "*.parquet", Nth: 3, Do: buckettest.Before(away)})
	seen := map[string]int{}
	for r, err := range w.client(faults).Query(t.Context(), callindex.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[keyOf(t, &r.Call).String()]++
	}
	faults.Done(t)
	for key, n := range seen {
		if n != 1 {
			t.Errorf("call %d is yielded %d times", byKey[key], n)
		}
	}
	if len(seen) != calls {
		t.Errorf("%d of %d calls are yielded", len(seen), calls)
	}
}
