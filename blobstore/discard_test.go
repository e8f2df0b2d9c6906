package blobstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

func TestOnlyAValueThatWasWrittenBeforeIsDiscarded(t *testing.T) {
	b, clock := timed(t, nil)
	key := must(b.SaveBytes(t.Context(), []byte("value")))
	object := b.object(key)
	elsewhere, empty, cut, newer := digest.OfBytes([]byte("elsewhere")), digest.OfBytes([]byte("empty")), digest.OfBytes([]byte("cut")), digest.OfBytes([]byte("newer"))
	b.plant(elsewhere, object)
	b.plant(empty, nil)
	b.plant(cut, object[:60])
	later := craft(newer, "raw", []byte("newer"))
	later.version = 2
	b.plant(newer, later.header())
	written := clock.Now()
	clock.pass(time.Minute)
	get, del := "get range values/*", "delete if values/*"
	b.requests.Take()
	for _, c := range []struct {
		key    digest.Digest
		before time.Time
		want   blobstore.Discarded
		budget []string
	}{
		{key, written, blobstore.InUse, []string{get}},
		{elsewhere, clock.Now(), blobstore.Foreign, []string{get}},
		{empty, clock.Now(), blobstore.Foreign, []string{get}},
		{cut, clock.Now(), blobstore.Foreign, []string{get}},
		{newer, clock.Now(), blobstore.Foreign, []string{get}},
		{key, written.Add(1), blobstore.Removed, []string{get, del}},
		{key, written.Add(1), blobstore.Gone, []string{get}},
	} {
		became, err := b.Discard(t.Context(), c.key, c.before)
		b.requests.Expect(t, c.budget...)
		if err != nil || became != c.want || (b.version(c.key) != "") != (c.want == blobstore.InUse || c.want == blobstore.Foreign) {
			t.Errorf("%s: it is %q, not %q; there: %t; %v", c.key, became, c.want, b.version(c.key) != "", err)
		}
	}
}

func TestADiscardGivesWayToWhoWritesTheValueMeanwhile(t *testing.T) {
	for what, c := range map[string]struct {
		strike func(b *bench, key digest.Digest)
		want   blobstore.Discarded
		there  bool
	}{
		"written again":  {func(b *bench, key digest.Digest) { b.plant(key, b.object(key)) }, blobstore.InUse, true},
		"removed before": {func(b *bench, key digest.Digest) { _ = b.mem.Delete(context.Background(), layout.ValueSpace.Name(key)) }, blobstore.Removed, false},
	} {
		b, clock := timed(t, nil)
		key := must(b.SaveBytes(t.Context(), []byte("value")))
		clock.pass(time.Minute)
		faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.DeleteIf, Do: buckettest.Before(func(context.Context) error { c.strike(b, key); return nil })})
		became, err := b.process(clock, nil, faults.Inject).Discard(t.Context(), key, clock.Now())
		faults.Done(t)
		if err != nil || became != c.want || (b.version(key) != "") != c.there {
			t.Errorf("%s: it is %q, not %q; there: %t; %v", what, became, c.want, b.version(key) != "", err)
		}
	}
}

// bare is a bucket without extras.
type bare struct{ bucket.Bucket }

func TestAStoreWithoutExtrasIsLookedAtRightBefore(t *testing.T) {
	b, clock := timed(t, nil)
	key := must(b.SaveBytes(t.Context(), noise(1, 100_000)))
	written := clock.Now()
	clock.pass(time.Minute)
	s := blobstore.New(bucket.Wrap(bare{b.mem}, b.requests.Record), &blobstore.Options{Clock: clock})
	b.requests.Take()
	for _, c := range []struct {
		before time.Time
		want   blobstore.Discarded
		budget []string
	}{
		{written, blobstore.InUse, []string{"get values/*"}},
		{clock.Now(), blobstore.Removed, []string{"get values/*", "delete values/*"}},
		{clock.Now(), blobstore.Gone, []string{"get values/*"}},
	} {
		became, err := s.Discard(t.Context(), key, c.before)
		b.requests.Expect(t, c.budget...)
		if err != nil || became != c.want {
			t.Errorf("it is %q, not %q; %v", became, c.want, err)
		}
	}
}

func TestADiscardThatFailsSaysSo(t *testing.T) {
	for fault, do := range map[bucket.Verb]buckettest.Action{
		bucket.GetRange: buckettest.Fail(bucket.ErrRefused), bucket.DeleteIf: buckettest.Fail(bucket.ErrThrottled),
	} {
		b, clock := timed(t, nil)
		key := must(b.SaveBytes(t.Context(), []byte("value")))
		clock.pass(time.Minute)
		faults := buckettest.NewFaults(buckettest.Fault{Verb: fault, Do: do})
		became, err := b.process(clock, nil, faults.Inject).Discard(t.Context(), key, clock.Now())
		faults.Done(t)
		if became != "" || bucket.Kind(err) == nil || b.version(key) == "" {
			t.Errorf("%s: it is %q, %v", fault, became, err)
		}
	}
	b, clock := timed(t, nil)
	key := must(b.SaveBytes(t.Context(), []byte("value")))
	clock.pass(time.Minute)
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.GetRange, Do: buckettest.CutBody(20)})
	if became, err := b.process(clock, nil, faults.Inject).Discard(t.Context(), key, clock.Now()); !errors.Is(err, bucket.ErrUnavailable) || b.version(key) == "" {
		t.Errorf("a body that was cut: it is %q, %v", became, err)
	}
}
