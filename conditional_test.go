package quiver_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// countUp adds 1 to a number in the metadata of a call's record, by reading it and writing it back.
func countUp(t *testing.T, s *quiver.Store, key digest.Digest) error {
	return s.Calls.Do(t.Context(), key, op.Write, func(ctx context.Context) error {
		r, err := s.Calls.Load(ctx, key)
		if err != nil {
			return err
		}
		n, err := r.Metadata["count"]["n"].(interface{ Int64() (int64, error) }).Int64()
		if err != nil {
			return err
		}
		r.Metadata["count"]["n"] = n + 1
		_, err = s.Calls.Save(ctx, r, &callindex.SaveOptions{Replace: true})
		return err
	})
}

// TestUnderConditionalNoChangeIsOverwritten has clients of their own read, change and replace one record; without the context they overwrite each other's changes.
func TestUnderConditionalNoChangeIsOverwritten(t *testing.T) {
	const clients, each = 4, 20
	b := mem.New(nil)
	first := openStore(t, b)
	r := &quiver.Record{Call: quiver.Call{Name: "counter"}, Metadata: quiver.Metadata{"count": {"n": 0}}}
	if _, err := first.Calls.Save(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range clients {
		s, err := quiver.New(t.Context(), b, &quiver.Options{Context: op.Conditional(op.Backoff{Base: time.Microsecond, Cap: time.Millisecond}, 1000)})
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			for range each {
				if err := countUp(t, s, key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	got, err := first.Calls.Load(t.Context(), key)
	if err != nil || fmt.Sprint(got.Metadata["count"]["n"]) != fmt.Sprint(clients*each) {
		t.Errorf("%v, %v: not %d", got.Metadata, err, clients*each)
	}
}

// TestUnderConditionalAnEvictSparesWhatWasReplaced evicts a record that a stranger has replaced since it was read.
func TestUnderConditionalAnEvictSparesWhatWasReplaced(t *testing.T) {
	b := mem.New(nil)
	stranger := openStore(t, b)
	people(t, stranger, "ada")
	s, err := quiver.New(t.Context(), b, &quiver.Options{Context: op.Conditional(op.Backoff{}, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := stranger.Query(quiver.Query{Name: "age"}).Only(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	err = s.Calls.Do(t.Context(), key, op.Write, func(ctx context.Context) error {
		if _, err := s.Calls.Load(ctx, key); err != nil {
			return err
		}
		r.Metadata = quiver.Metadata{"changed": {}}
		if _, err := stranger.Calls.Save(t.Context(), r, &callindex.SaveOptions{Replace: true}); err != nil {
			return err
		}
		return s.Calls.Evict(ctx, key)
	})
	if !errors.Is(err, op.ErrLostRace) || !errors.Is(err, bucket.ErrChanged) {
		t.Error(err)
	}
	if _, err := s.Calls.Load(t.Context(), key); err != nil {
		t.Error(err)
	}
}
