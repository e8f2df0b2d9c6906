package callindex_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// The tests of this file hold the rule for every record write: sent once, under a mark younger than MarkLife, another attempt under another mark,
// with the write id of its mark.

// writesUnderMarks checks a history of requests against the rule, and returns how many record writes there were.
func writesUnderMarks(t *testing.T, w *world) int {
	t.Helper()
	marked := map[string]bool{} // write ids
	writes := 0
	for _, r := range w.recorder.Take() {
		if !r.Verb.Writes() {
			continue
		}
		if mark, batch := layout.ParseMark(r.Key); mark != nil {
			marked[mark.Write] = true
			continue
		} else if batch != nil {
			marked[batch.Write] = true
			continue
		}
		writes++
		if r.Verb == bucket.Put {
			body, err := r.Body.Open()
			if err != nil {
				t.Fatal(err)
			}
			text := make([]byte, r.Body.Size())
			if _, err := body.Read(text); err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(text), `"write":"`)
			if !marked[rest[:32]] {
				t.Errorf("%v carries write id %s, which no earlier mark has", r, rest[:32])
			}
		}
	}
	return writes
}

func TestALostAnswerIsRecognisedByItsWriteID(t *testing.T) {
	w := newWorld(t, putFault(1, buckettest.LoseAnswer()))
	r := record(call("f", 1), "mine")
	winner := mustSave(t, w.Store, r, nil)
	if winner.Result != r.Result {
		t.Errorf("the winner is %v", winner)
	}
	if n := marks(t, w.bucket)[keyOf(t, &r.Call)]; n != 2 {
		t.Errorf("%d marks for two attempts", n)
	}
	if n := writesUnderMarks(t, w); n != 2 {
		t.Errorf("%d record writes, want 2", n)
	}
}

func TestALostAnswerWhileReplacingIsNotTakenForAStranger(t *testing.T) {
	w := newWorld(t, putFault(3, buckettest.LoseAnswer()))
	mustSave(t, w.Store, record(call("f", 1), "old"), nil)
	second := record(call("f", 1), "new")
	if winner := mustSave(t, w.Store, second, &callindex.SaveOptions{Replace: true}); winner.Result != second.Result {
		t.Errorf("the winner is %v", winner)
	}
	// One record, one refused create, one replacement that landed untold, one attempt that found it.
	if n := writesUnderMarks(t, w); n != 4 {
		t.Errorf("%d record writes, want 4", n)
	}
}

func TestALostMarkIsPlacedAgain(t *testing.T) {
	for _, do := range []buckettest.Action{buckettest.LoseAnswer(), buckettest.Fail(bucket.ErrThrottled)} {
		w := &world{bucket: mem.New(nil), clock: &handClock{}, recorder: &buckettest.Recorder{}, faults: buckettest.NewFaults(markFault(1, do))}
		retried := bucket.Wrap(bucket.Wrap(bucket.Wrap(w.bucket, w.recorder.Record), w.faults.Inject),
			bucket.Retry(bucket.RetryOptions{Backoff: op.Backoff{Base: 1, Cap: 1, Clock: w.clock, Entropy: entropy}}))
		s := callindex.New(retried, &callindex.Options{Clock: w.clock, Entropy: entropy})
		mustSave(t, s, record(call("f", 1), 1), nil)
		w.faults.Done(t)
		writesUnderMarks(t, w)
	}
}

func TestARecordWriteIsSentOnceForEachMark(t *testing.T) {
	w := newWorld(t)
	repeated := bucket.Wrap(w.bucket, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			_, deadline := ctx.Deadline()
			if isRecord := strings.HasPrefix(r.Key, "calls/") && r.Verb.Writes(); isRecord && (!op.IsSingleAttempt(ctx) || !deadline) {
				t.Errorf("%s %s may be repeated, or has no deadline", r.Verb, r.Key)
			}
			return next(ctx, r)
		}
	})
	s := callindex.New(repeated, nil)
	r := record(call("f", 1), 1)
	mustSave(t, s, r, nil)
	mustSave(t, s, r, &callindex.SaveOptions{Replace: true})
	if err := s.Evict(t.Context(), keyOf(t, &r.Call)); err != nil {
		t.Fatal(err)
	}
}

func TestAnOldMarkIsReplacedBeforeTheRecordIsWritten(t *testing.T) {
	for _, c := range []struct {
		slept time.Duration
		marks int
	}{{callindex.MarkLife - time.Second, 1}, {callindex.MarkLife, 2}, {24 * time.Hour, 2}} {
		w := newWorld(t)
		r := record(call("f", 1), 1)
		mustSave(t, w.Store, r, &callindex.SaveOptions{Beside: func(ctx context.Context) error {
			for len(marks(t, w.bucket)) == 0 { // the mark is there, then the function is frozen
				if err := op.SystemClock().Sleep(ctx, time.Millisecond); err != nil {
					return err
				}
			}
			return w.clock.Sleep(ctx, c.slept)
		}})
		if n := marks(t, w.bucket)[keyOf(t, &r.Call)]; n != c.marks {
			t.Errorf("%d marks after %v, want %d", n, c.slept, c.marks)
		}
		writesUnderMarks(t, w)
	}
}

func TestAFrozenEvictionTakesAnotherMark(t *testing.T) {
	w := newWorld(t)
	r := record(call("f", 1), 1)
	mustSave(t, w.Store, r, nil)
	frozen := w.client(buckettest.NewFaults(markFault(1, buckettest.After(func(ctx context.Context) error { return w.clock.Sleep(ctx, time.Hour) }))))
	if err := frozen.Evict(t.Context(), keyOf(t, &r.Call)); err != nil {
		t.Fatal(err)
	}
	if n := marks(t, w.bucket)[keyOf(t, &r.Call)]; n != 3 {
		t.Errorf("%d marks, want one of the save and two of the eviction", n)
	}
}

func TestALostDeletionIsASuccess(t *testing.T) {
	w := newWorld(t, buckettest.Fault{Verb: bucket.DeleteIf, Do: buckettest.LoseAnswer()})
	r := record(call("f", 1), 1)
	mustSave(t, w.Store, r, nil)
	if err := w.Evict(t.Context(), keyOf(t, &r.Call)); err != nil {
		t.Errorf("Evict = %v", err)
	}
}

func TestAnEvictionThatLosesARaceReadsAgain(t *testing.T) {
	w := newWorld(t)
	r := record(call("f", 1), "old")
	mustSave(t, w.Store, r, nil)
	stranger := func(context.Context) error {
		mustSave(t, w.client(buckettest.NewFaults()), record(call("f", 1), "new"), &callindex.SaveOptions{Replace: true})
		return nil
	}
	evicting := w.client(buckettest.NewFaults(buckettest.Fault{Verb: bucket.DeleteIf, Do: buckettest.Before(stranger)}))
	if err := evicting.Evict(t.Context(), keyOf(t, &r.Call)); err != nil {
		t.Fatal(err)
	}
	if there, err := w.Contains(t.Context(), keyOf(t, &r.Call)); there || err != nil {
		t.Errorf("Contains = %v, %v", there, err)
	}
}

func TestAStoreThatFailsIsASaveErrorWithItsCause(t *testing.T) {
	for _, kind := range []error{bucket.ErrRefused, bucket.ErrUnavailable, bucket.ErrThrottled} {
		for _, fault := range []func(int, buckettest.Action) buckettest.Fault{putFault, markFault} {
			var script []buckettest.Fault
			for n := 1; n <= 4; n++ {
				script = append(script, fault(n, buckettest.Fail(kind)))
			}
			w := newWorld(t)
			r := record(call("f", 1), 1)
			_, err := w.client(buckettest.NewFaults(script...)).Save(t.Context(), r, nil)
			if !errors.Is(err, kind) || errors.Is(err, digest.ErrNotFound) || !strings.Contains(err.Error(), keyOf(t, &r.Call).String()) {
				t.Errorf("Save with a store that says %q: %v", kind, err)
			}
		}
	}
}

func TestConcurrentSavesOfOneFunctionShareMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 64
		w := &world{bucket: mem.New(nil), clock: &handClock{}, recorder: &buckettest.Recorder{}}
		slow := bucket.Wrap(bucket.Wrap(w.bucket, w.recorder.Record), func(next bucket.Handler) bucket.Handler {
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if err := op.SystemClock().Sleep(ctx, 30*time.Millisecond); err != nil {
					return bucket.Answer{}, err
				}
				return next(ctx, r)
			}
		})
		s := callindex.New(slow, nil)
		begun := time.Now()
		var group sync.WaitGroup
		for i := range n {
			group.Go(func() { mustSave(t, s, record(call("f", i), i), nil) })
		}
		group.Wait()
		if took := time.Since(begun); took > 90*time.Millisecond {
			t.Errorf("%d saves took %v, more than three round trips", n, took)
		}
		if sent := len(w.recorder.Take()); sent > n+2 {
			t.Errorf("%d saves sent %d requests, want at most two marks more", n, sent)
		}
		if got := len(marks(t, w.bucket)); got != n {
			t.Errorf("%d keys are marked, want %d", got, n)
		}
	})
}

func TestWhoSharesAMarkDoesNotFailWithItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{bucket: mem.New(nil), clock: &handClock{}, recorder: &buckettest.Recorder{}}
		stuck := make(chan struct{})
		first := true
		s := callindex.New(bucket.Wrap(w.bucket, func(next bucket.Handler) bucket.Handler {
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if first {
					first = false
					<-stuck
				}
				return next(ctx, r)
			}
		}), nil)
		var group sync.WaitGroup
		group.Go(func() { mustSave(t, s, record(call("f", 0), 0), nil) }) // its mark is under way
		synctest.Wait()
		leaving, leave := context.WithCancel(t.Context())
		group.Go(func() { // sends the next mark, and goes away
			if _, err := s.Save(leaving, record(call("f", 1), 1), nil); !errors.Is(err, context.Canceled) {
				t.Errorf("who went away: %v", err)
			}
		})
		synctest.Wait()
		for i := 2; i < 5; i++ {
			group.Go(func() { mustSave(t, s, record(call("f", i), i), nil) })
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		group.Go(func() {
			if _, err := s.Save(impatient, record(call("f", 9), 9), nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who waited too long: %v", err)
			}
		})
		synctest.Wait()
		if err := op.SystemClock().Sleep(t.Context(), 2*time.Minute); err != nil {
			t.Error(err)
		}
		leave()
		synctest.Wait()
		close(stuck)
		group.Wait()
		marked := marks(t, w.bucket)
		for _, i := range []int{0, 2, 3, 4} {
			c := call("f", i)
			if marked[keyOf(t, &c)] == 0 {
				t.Errorf("call %d has no mark", i)
			}
		}
	})
}

// TestManyWritersOfOneCallAgree has clients save different results of the same calls at once.
func TestManyWritersOfOneCallAgree(t *testing.T) {
	w := newWorld(t)
	const clients, calls = 8, 50
	results := make([][]digest.Digest, clients)
	var group sync.WaitGroup
	for c := range clients {
		s := w.client(buckettest.NewFaults())
		results[c] = make([]digest.Digest, calls)
		group.Go(func() {
			for i := range calls {
				results[c][i] = mustSave(t, s, record(call("f", i), c), nil).Result
			}
		})
	}
	group.Wait()
	for c := range clients {
		if !slices.Equal(results[c], results[0]) {
			t.Errorf("client %d was told other winners than client 0", c)
		}
	}
	writesUnderMarks(t, w)
}
