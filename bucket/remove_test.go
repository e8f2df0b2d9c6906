package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

func numbered(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("marks/%05d", i)
	}
	return keys
}

// one is a bucket that deletes one object at a time.
type one struct {
	bucket.Bucket
	bucket.Remover
}

func TestRemoveAllTakesARequestForAThousandOrForEach(t *testing.T) {
	keys := numbered(2500)
	for name, c := range map[string]struct {
		only func(b *mem.Bucket) bucket.Bucket
		want map[bucket.Verb]int
	}{
		"in bulk": {func(b *mem.Bucket) bucket.Bucket { return b }, map[bucket.Verb]int{bucket.DeleteAll: 3}},
		"removed": {func(b *mem.Bucket) bucket.Bucket { return one{b, b} }, map[bucket.Verb]int{bucket.Removal: 2500}},
		"deleted": {func(b *mem.Bucket) bucket.Bucket { return plain{b} }, map[bucket.Verb]int{bucket.Delete: 2500}},
	} {
		t.Run(name, func(t *testing.T) {
			var requests buckettest.Recorder
			store := filled(t, append(keys[:2000:2000], "marks/other")...) // 500 are gone already
			is(t, bucket.RemoveAll(t.Context(), bucket.Wrap(c.only(store), requests.Record), keys, 8), nil)
			got := map[bucket.Verb]int{}
			for _, request := range requests.Take() {
				if got[request.Verb]++; len(request.Keys) > bucket.BulkSize {
					t.Errorf("%d keys at once", len(request.Keys))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("sent %v, not %v", got, c.want)
			}
			page, err := store.List(t.Context(), bucket.ListOptions{})
			if is(t, err, nil); len(page.Objects) != 1 {
				t.Errorf("left: %v", page.Objects)
			}
		})
	}
	var requests buckettest.Recorder
	is(t, bucket.RemoveAll(t.Context(), bucket.Wrap(mem.New(nil), requests.Record), nil, 8), nil)
	requests.Expect(t)
}

func TestRemoveAllStopsAtItsFirstErrorAndSaysIt(t *testing.T) {
	synctest.Test(t, stopsAtItsFirstError)
}

func stopsAtItsFirstError(t *testing.T) {
	keys := numbered(100)
	refused := &bucket.Error{Verb: bucket.Removal, Key: keys[10], Kind: bucket.ErrRefused, Code: "AccessDenied"}
	for _, parallel := range []int{0, 1, 4} {
		store := filled(t, keys...)
		faults := buckettest.NewFaults(buckettest.Fault{Key: keys[10], Do: buckettest.Fail(refused)})
		var requests buckettest.Recorder
		err := bucket.RemoveAll(t.Context(), bucket.Wrap(bucket.Wrap(one{store, store}, faults.Inject), requests.Record, inASecond), keys, parallel)
		is(t, err, bucket.ErrRefused)
		if !strings.Contains(err.Error(), keys[10]) || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("it does not say what failed: %v", err)
		}
		if sent := len(requests.Take()); sent < 11 || sent > 11+2*max(parallel, 1) {
			t.Errorf("%d at once: %d requests", parallel, sent)
		}
		faults.Done(t)
	}
}

// inASecond lets a request take a second, so that all who send one at once are at the same point.
func inASecond(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		return answer, errors.Join(err, op.SystemClock().Sleep(context.WithoutCancel(ctx), time.Second))
	}
}

func TestRemoveAllSendsSoManyRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		b := handler(func(context.Context, *bucket.Request) (bucket.Answer, error) {
			for was, is := most.Load(), now.Add(1); is > was && !most.CompareAndSwap(was, is); was = most.Load() {
			}
			pause(t, time.Second)
			now.Add(-1)
			return bucket.Answer{}, nil
		})
		is(t, bucket.RemoveAll(t.Context(), b, numbered(12*bucket.BulkSize), 4), nil)
		if most.Load() != 4 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestRemoveAllEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var requests buckettest.Recorder
	store := mem.New(nil)
	b := bucket.Wrap(bucket.Wrap(one{store, store}, requests.Record), around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		if r.Key == "marks/00002" {
			cancel(errors.New("enough"))
		}
		return answer, err
	}))
	err := bucket.RemoveAll(ctx, b, numbered(10), 1)
	is(t, err, bucket.ErrUnavailable)
	if sent := requests.Take(); len(sent) < 3 || len(sent) > 5 {
		t.Errorf("sent %v", sent)
	}
	err = bucket.RemoveAll(ctx, b, numbered(10), 1)
	if is(t, err, bucket.ErrUnavailable); !strings.Contains(err.Error(), "enough") {
		t.Errorf("it does not say why: %v", err)
	}
	requests.Expect(t)
}

func TestABulkDeleteUnderAPrefixNamesTheKeyThatFailed(t *testing.T) {
	failed := &bucket.Error{Verb: bucket.DeleteAll, Key: "team/b", Kind: bucket.ErrRefused, Code: "AccessDenied"}
	faults := buckettest.NewFaults(
		buckettest.Fault{Verb: bucket.DeleteAll, Nth: 1, Do: buckettest.Fail(failed)},
		buckettest.Fault{Verb: bucket.DeleteAll, Nth: 2, Do: buckettest.Fail(bucket.ErrThrottled)},
	)
	b := prefixed(t, bucket.Wrap(mem.New(nil), faults.Inject), "team/")
	for _, want := range []string{"b", "a and others"} {
		err := bucket.RemoveAll(t.Context(), b, []string{"a", "b", "c"}, 1)
		if explained, ok := errors.AsType[*bucket.Error](err); !ok || explained.Key != want {
			t.Errorf("the error names %v, not %q", err, want)
		}
	}
	faults.Done(t)
}
