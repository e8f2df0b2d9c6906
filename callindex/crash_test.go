package callindex_test

import (
	"context"
	"errors"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/internal/historytest"
)

// TestEveryCrashPoint stops a client at each request of each operation. Whatever became of it, the record is the old one or the new one, whole; nothing that
// was acknowledged is lost; and where the record is not what the start was, there is a mark that says so.
func TestEveryCrashPoint(t *testing.T) {
	old, fresh := record(call("f", 1), "old"), record(call("f", 1), "new")
	other := record(call("f", 2), "beside")
	key := keyOf(t, &old.Call)
	absent := digest.Digest{}
	for _, c := range []struct {
		name     string
		begin    []*callindex.Record
		do       func(ctx context.Context, s *callindex.Store) error
		before   digest.Digest // the result in the record, zero where there is none
		after    digest.Digest
		requests int
	}{
		{"save", nil, func(ctx context.Context, s *callindex.Store) error { _, err := s.Save(ctx, fresh, nil); return err },
			absent, fresh.Result, 2},
		{"save second", []*callindex.Record{old}, func(ctx context.Context, s *callindex.Store) error { _, err := s.Save(ctx, fresh, nil); return err },
			old.Result, old.Result, 3},
		{"replace", []*callindex.Record{old}, func(ctx context.Context, s *callindex.Store) error {
			_, err := s.Save(ctx, fresh, &callindex.SaveOptions{Replace: true})
			return err
		}, old.Result, fresh.Result, 4},
		{"evict", []*callindex.Record{old}, func(ctx context.Context, s *callindex.Store) error { return s.Evict(ctx, key) },
			old.Result, absent, 3},
		{"save many", nil, func(ctx context.Context, s *callindex.Store) error {
			_, err := s.SaveAll(ctx, []*callindex.Record{fresh, other}, nil)
			return err
		}, absent, fresh.Result, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
				w := newWorld(t)
				for _, r := range c.begin {
					mustSave(t, w.Store, r, nil)
				}
				marked := marks(t, w.bucket)[key]
				err := c.do(t.Context(), w.client(crash))
				if crash.Crashed() && err == nil && c.before != c.after && c.name != "save many" {
					t.Error("the client crashed, and was told that all is well")
				}
				got := absent
				switch r, loadErr := w.Load(t.Context(), key); {
				case loadErr == nil:
					got = r.Result
				case !errors.Is(loadErr, digest.ErrNotFound):
					t.Fatal(loadErr)
				}
				if got != c.before && got != c.after {
					t.Errorf("the record is neither the old nor the new one: %v", got)
				}
				if err == nil && got != c.after {
					t.Errorf("acknowledged, and the record is %v", got)
				}
				if got != c.before && marks(t, w.bucket)[key] == marked {
					t.Error("the record changed, and no mark says so")
				}
				if again := c.do(t.Context(), w.Store); again != nil && !errors.Is(again, digest.ErrNotFound) {
					t.Errorf("done again by another client: %v", again)
				}
			})
			if requests != c.requests {
				t.Errorf("%d requests, want %d", requests, c.requests)
			}
		})
	}
}

// TestNoCrashPointLeavesADifference has the eight operations that change a store, on one with segments and marks, and wants that queries, folds and checks make of what is left what they would have made of it without a crash.
func TestNoCrashPointLeavesADifference(t *testing.T) {
	historytest.Crashes(t, func(_ *testing.T, clock *historytest.Clock) bucket.Bucket {
		return mem.New(&mem.Options{Clock: clock})
	})
}

// TestTheMarkIsAcknowledgedBeforeTheRecordIsSent holds the order that all exactness rests on.
func TestTheMarkIsAcknowledgedBeforeTheRecordIsSent(t *testing.T) {
	w := newWorld(t)
	r := record(call("f", 1), 1)
	key := keyOf(t, &r.Call)
	unsent := func(context.Context) error {
		if there, err := w.bucket.Stat(context.Background(), "calls/"+key.String()[:2]+"/"+key.String()+".json"); !errors.Is(err, bucket.ErrNotFound) {
			t.Errorf("the record %v is there before its mark: %v", there, err)
		}
		return nil
	}
	marked := func(context.Context) error {
		if marks(t, w.bucket)[key] != 1 {
			t.Error("the record is sent before its mark is there")
		}
		return nil
	}
	faults := buckettest.NewFaults(markFault(1, buckettest.After(unsent)), putFault(1, buckettest.Before(marked)))
	mustSave(t, w.client(faults), r, nil)
	faults.Done(t)
}
