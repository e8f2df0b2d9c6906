package bucket_test

import (
	"context"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

func TestAMeterCountsRequestsBytesAndFailures(t *testing.T) {
	meter := bucket.NewMeter(op.SystemClock())
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Stat, Nth: 2, Do: buckettest.Fail(bucket.ErrThrottled)})
	b := bucket.Wrap(bucket.Wrap(mem.New(nil), faults.Inject), bucket.Observe(meter))
	is(t, create(t, b, "hello"), nil)
	is(t, create(t, b, "hello"), bucket.ErrExists)
	is(t, b.Put(t.Context(), "streamed", stream("0123456789"), bucket.IfAbsent()), nil)
	_, err := b.Stat(t.Context(), "missing")
	is(t, err, bucket.ErrNotFound)
	_, err = b.Stat(t.Context(), "hello")
	is(t, err, bucket.ErrThrottled)
	object, err := b.Get(t.Context(), "streamed")
	is(t, err, nil)
	_, err = io.ReadFull(object.Body, make([]byte, 4))
	is(t, err, nil)
	is(t, object.Body.Close(), nil)
	ranges, _ := bucket.As[bucket.RangeGetter](b)
	part, err := ranges.GetRange(t.Context(), "streamed", 2, 3)
	is(t, err, nil)
	_, err = io.ReadAll(part.Body)
	is(t, err, nil)
	is(t, part.Body.Close(), nil)
	_, err = b.List(t.Context(), bucket.ListOptions{})
	is(t, err, nil)
	is(t, b.Delete(t.Context(), "hello"), nil)
	uploads, _ := bucket.As[bucket.Uploads](b)
	_, err = uploads.ListUploads(t.Context(), bucket.ListOptions{})
	is(t, err, nil)
	is(t, uploads.AbortUpload(t.Context(), bucket.Upload{Key: "hello", ID: "1"}), nil)

	want := map[bucket.Verb]bucket.Usage{
		bucket.Put: {Requests: 3, Sent: 5 + 5 + 10}, bucket.Stat: {Requests: 2, Failures: 1}, bucket.Get: {Requests: 1, Received: 4},
		bucket.GetRange: {Requests: 1, Received: 3}, bucket.List: {Requests: 1}, bucket.Delete: {Requests: 1},
		bucket.ListUploads: {Requests: 1}, bucket.AbortUpload: {Requests: 1},
	}
	usage := meter.Usage()
	for verb, u := range usage {
		u.Took = 0
		if u != want[verb] {
			t.Errorf("%s: %+v, not %+v", verb, u, want[verb])
		}
	}
	if len(usage) != len(want) {
		t.Errorf("the verbs are %v", usage)
	}
	if total := meter.Total(); total.Requests != 11 || total.Failures != 1 || total.Sent != 20 || total.Received != 7 {
		t.Errorf("in all %+v", total)
	}
	// 3 puts, a list and one of uploads at 5 dollars, 2 stats, a get and a range at 1, and 7 bytes.
	if dollars, want := meter.Dollars(bucket.Prices{Write: 5, Read: 1, GiB: 1 << 30}), 5*5+4*1+7.0; math.Abs(dollars-want) > 1e-9 {
		t.Errorf("%v dollars, not %v", dollars, want)
	}
}

func TestAMeterMeasuresUntilTheAnswerBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meter := bucket.NewMeter(op.SystemClock())
		b := bucket.Wrap(bucket.Wrap(filled(t, "a"), around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			pause(t, 3*time.Second)
			return next(ctx, r)
		})), bucket.Observe(meter))
		object, err := b.Get(t.Context(), "a")
		is(t, err, nil)
		pause(t, time.Hour)
		is(t, object.Body.Close(), nil)
		if took := meter.Total().Took; took != 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestAMeterInsideRetrySeesEveryAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meter := bucket.NewMeter(op.SystemClock())
		b := decorated(t, bucket.Wrap(mem.New(nil), bad(bucket.ErrThrottled)), bucket.Decorators{Meter: meter})
		is(t, b.Delete(t.Context(), "a"), bucket.ErrThrottled)
		if u := meter.Usage()[bucket.Delete]; u.Requests != 4 || u.Failures != 4 {
			t.Errorf("%+v", u)
		}
	})
}
