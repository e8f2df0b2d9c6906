package contracttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/op"
)

// LostAnswers does every operation once for each of its requests, whose answer is lost: the request was done, and the client is not told. What the client is
// told in the end, and what the bucket then holds, is what it would be if nothing had gone wrong. open returns an empty bucket.
func LostAnswers(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	t.Helper()
	deletesIf := conditional(fresh(t, open))
	for _, o := range slices.Concat(changes(), lookups(), []operation{callAFunction}) {
		t.Run(o.name, func(t *testing.T) {
			want := o.reference(t, deletesIf)
			n := 0
			for struck := true; struck; {
				n++
				lost := buckettest.NewFaults(buckettest.Fault{Nth: n, Do: buckettest.LoseAnswer()})
				t.Run(fmt.Sprintf("request %d", n), func(t *testing.T) { o.withFaults(t, fresh(t, open), lost, want) })
				struck = len(lost.Unused()) == 0
			}
			if n < 3 {
				t.Errorf("only %d requests", n-1)
			}
		})
	}
}

// withFaults does an operation that faults must make no difference to.
func (o *operation) withFaults(t *testing.T, b bucket.Bucket, faults *buckettest.Faults, want *reference) {
	o.prepare(t, b)
	told, err := o.do(t.Context(), client(t, b, faults))
	if err != nil || told != want.told {
		t.Errorf("the client was told %q, %v, want %q", told, err, want.told)
	}
	now := look(t, b)
	now.follows(t, want.before, want.after)
	now.expect(t, want.after)
}

// Crashes does every operation that changes something once for each point at which its client can stop: before each request, and after it was done but not
// answered. Records and values are then as before or as they were to become, whole; nothing that was acknowledged is lost, no record is there without its
// value, the index is told of every record that has changed; and another client that does it again comes to the right end. open returns an empty bucket.
func Crashes(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	t.Helper()
	deletesIf := conditional(fresh(t, open))
	for _, o := range changes() {
		t.Run(o.name, func(t *testing.T) {
			want := o.reference(t, deletesIf)
			requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) { o.withCrash(t, fresh(t, open), crash, want) })
			if requests < 2 {
				t.Errorf("only %d requests", requests)
			}
		})
	}
}

// withCrash does an operation whose client crashes on the way, and has another do it again.
func (o *operation) withCrash(t *testing.T, b bucket.Bucket, crash *buckettest.Faults, want *reference) {
	o.prepare(t, b)
	_, err := o.do(t.Context(), client(t, b, crash))
	if crash.Crashed() == (err == nil) {
		t.Errorf("the client was told %v", err)
	}
	now := look(t, b)
	now.follows(t, want.before, want.after)
	if err == nil {
		now.expect(t, want.after)
	}
	if _, err := o.do(t.Context(), newStore(t, b, nil)); err != nil && !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("done again by another client: %v", err)
	}
	look(t, b).expect(t, want.after)
}

// client is a store whose requests suffer faults, and that does not wait before it sends one again.
func client(t *testing.T, b bucket.Bucket, faults *buckettest.Faults) *quiver.Store {
	t.Helper()
	clock := hasty{op.SystemClock()}
	b = bucket.Wrap(b, faults.Inject)
	b = bucket.Wrap(b, bucket.Retry(bucket.RetryOptions{Backoff: op.Backoff{Base: 1, Cap: 1, Clock: clock}}))
	return newStore(t, b, &quiver.Options{Clock: clock})
}

// hasty is a clock by which every wait is over.
type hasty struct{ op.Clock }

func (hasty) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }
