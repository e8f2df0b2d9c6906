package bucket_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

// bad answers every request with an error.
func bad(err error) bucket.Middleware {
	return around(func(_ context.Context, r *bucket.Request, _ bucket.Handler) (bucket.Answer, error) {
		return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: err}
	})
}

// retried is a bucket behind Retry, and what reaches it.
func retried(b bucket.Bucket, options bucket.RetryOptions, inner ...bucket.Middleware) (bucket.Bucket, *buckettest.Recorder) {
	var requests buckettest.Recorder
	for _, middleware := range inner {
		b = bucket.Wrap(b, middleware)
	}
	return bucket.Wrap(bucket.Wrap(b, requests.Record), bucket.Retry(options)), &requests
}

func create(t *testing.T, b bucket.Bucket, key string) error {
	t.Helper()
	return b.Put(t.Context(), key, bucket.Bytes([]byte(key)), bucket.IfAbsent())
}

func TestRetrySendsAgainWhatMaySucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for kind, attempts := range map[error]int{
			bucket.ErrThrottled: 4, bucket.ErrUnavailable: 4,
			bucket.ErrNotFound: 1, bucket.ErrExists: 1, bucket.ErrChanged: 1, bucket.ErrRefused: 1, bucket.ErrNoBucket: 1, bucket.ErrInvalid: 1,
		} {
			b, requests := retried(mem.New(nil), bucket.RetryOptions{}, bad(kind))
			_, err := b.Stat(t.Context(), "a")
			is(t, err, kind)
			if got := len(requests.Take()); got != attempts {
				t.Errorf("%v: %d attempts, not %d", kind, got, attempts)
			}
			if says := strings.Contains(err.Error(), "4 attempts"); says != (attempts == 4) {
				t.Errorf("%v after %d attempts", err, attempts)
			}
		}
	})
}

func TestRetrySucceedsWhenTheStoreRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := buckettest.NewFaults(
			buckettest.Fault{Verb: bucket.Put, Nth: 1, Do: buckettest.Fail(bucket.ErrThrottled)},
			buckettest.Fault{Verb: bucket.Put, Nth: 2, Do: buckettest.CutBody(1)},
			buckettest.Fault{Verb: bucket.List, Nth: 1, Do: buckettest.LoseAnswer()},
		)
		b, requests := retried(mem.New(nil), bucket.RetryOptions{}, faults.Inject)
		begun := time.Now()
		is(t, create(t, b, "a"), nil)
		content, _, err := bucket.ReadAll(t.Context(), b, "a", 10)
		if err != nil || string(content) != "a" {
			t.Errorf("every attempt sends the whole body, but there is %q, %v", content, err)
		}
		if page, err := b.List(t.Context(), bucket.ListOptions{}); err != nil || len(page.Objects) != 1 {
			t.Errorf("listed %v, %v", page, err)
		}
		requests.Expect(t, "put a", "put a", "put a", "get a", "list ", "list ")
		if took := time.Since(begun); took > 300*time.Millisecond {
			t.Errorf("three waits, below 50, 100 and 50 ms, took %v", took)
		}
		faults.Done(t)
	})
}

// A lost answer must show: the writer has to find out whether the object is its own.
func TestRetryReturnsTheRefusalOfARepetitionByItsOwnSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := filled(t, "swapped", "deleted", "deleted-if")
		info, err := store.Stat(t.Context(), "swapped")
		is(t, err, nil)
		stale, err := store.Stat(t.Context(), "deleted-if")
		is(t, err, nil)
		faults := buckettest.NewFaults(
			buckettest.Fault{Key: "created", Do: buckettest.LoseAnswer()},
			buckettest.Fault{Key: "swapped", Do: buckettest.LoseAnswer()},
			buckettest.Fault{Key: "deleted", Do: buckettest.LoseAnswer()},
			buckettest.Fault{Key: "deleted-if", Do: buckettest.LoseAnswer()},
		)
		b, _ := retried(store, bucket.RetryOptions{}, faults.Inject)
		is(t, create(t, b, "created"), bucket.ErrExists)
		is(t, b.Put(t.Context(), "swapped", bucket.Bytes([]byte("new")), bucket.IfMatch(info.Version)), bucket.ErrChanged)
		is(t, b.Delete(t.Context(), "deleted"), nil)
		conditional, _ := bucket.As[bucket.ConditionalDeleter](b)
		is(t, conditional.DeleteIf(t.Context(), "deleted-if", stale.Version), nil)
		is(t, b.Delete(t.Context(), "never-there"), bucket.ErrNotFound)
		faults.Done(t)
	})
}

func TestASingleAttemptIsSentOnceWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := op.SingleAttempt(t.Context())
		b, requests := retried(mem.New(nil), bucket.RetryOptions{}, bad(bucket.ErrThrottled))
		is(t, b.Delete(ctx, "a"), bucket.ErrThrottled)
		requests.Expect(t, "delete a")

		begun := time.Now()
		b, requests = retried(mem.New(nil), bucket.RetryOptions{}, hanging)
		is(t, b.Delete(ctx, "a"), context.DeadlineExceeded)
		requests.Expect(t, "delete a")
		if took := time.Since(begun); took != 15*time.Second {
			t.Errorf("one attempt took %v", took)
		}
	})
}

// hanging answers when its context is done.
var hanging = around(func(ctx context.Context, r *bucket.Request, _ bucket.Handler) (bucket.Answer, error) {
	<-ctx.Done()
	return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: bucket.ErrUnavailable, Err: ctx.Err()}
})

func TestAnAttemptThatHangsIsGivenUpAndRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := false
		b, requests := retried(filled(t, "a"), bucket.RetryOptions{}, around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if !hung {
				hung = true
				<-ctx.Done()
				return bucket.Answer{}, ctx.Err()
			}
			return next(ctx, r)
		}))
		begun := time.Now()
		_, _, err := bucket.ReadAll(t.Context(), b, "a", 10)
		is(t, err, nil)
		requests.Expect(t, "get a", "get a")
		if took := time.Since(begun); took < 15*time.Second || took > 16*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestNoCallOutlastsItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			call    func(ctx context.Context, b bucket.Bucket) error
			timeout time.Duration // of the caller; 0: none
			most    time.Duration
		}{
			"stat without a deadline": {func(ctx context.Context, b bucket.Bucket) error { _, err := b.Stat(ctx, "a"); return err }, 0, time.Minute},
			"stat with a long one":    {func(ctx context.Context, b bucket.Bucket) error { _, err := b.Stat(ctx, "a"); return err }, time.Hour, 70 * time.Second},
			"stat with a short one":   {func(ctx context.Context, b bucket.Bucket) error { _, err := b.Stat(ctx, "a"); return err }, 3 * time.Second, 3 * time.Second},
			"get":                     {func(ctx context.Context, b bucket.Bucket) error { _, err := b.Get(ctx, "a"); return err }, 0, 70 * time.Second},
			"put of 8 MiB": {func(ctx context.Context, b bucket.Bucket) error {
				return b.Put(ctx, "a", bucket.Bytes(make([]byte, 8<<20)), bucket.IfAbsent())
			}, 0, 68 * time.Second},
			"put of a stream, deadline": {func(ctx context.Context, b bucket.Bucket) error {
				return b.Put(ctx, "a", stream("x"), bucket.IfAbsent())
			}, 5 * time.Second, 5 * time.Second},
		} {
			b, _ := retried(mem.New(nil), bucket.RetryOptions{}, hanging)
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if c.timeout > 0 {
				ctx, cancel = context.WithTimeout(ctx, c.timeout)
			}
			begun := time.Now()
			err := c.call(ctx, b)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, bucket.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(begun); took > c.most {
				t.Errorf("%s took %v, more than %v", name, took, c.most)
			}
		}
	})
}

// stream is a body whose size is not known.
type stream string

func (s stream) Size() int64 { return -1 }

func (s stream) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(s))), nil }

func TestRetryDoesNotStartAWaitThatOutlastsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backoff := op.Backoff{Base: time.Hour, Cap: time.Hour, Clock: op.SystemClock(), Entropy: strings.NewReader(strings.Repeat("\xff", 100))}
		b, requests := retried(mem.New(nil), bucket.RetryOptions{Backoff: backoff}, bad(bucket.ErrThrottled))
		begun := time.Now()
		_, err := b.Stat(t.Context(), "a")
		is(t, err, bucket.ErrThrottled)
		requests.Expect(t, "stat a")
		if took := time.Since(begun); took != 0 {
			t.Errorf("waited %v for nothing", took)
		}
	})
}

func TestRetriesShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := op.NewBudget(5)
		b, requests := retried(mem.New(nil), bucket.RetryOptions{Budget: budget}, bad(bucket.ErrUnavailable))
		sent := []int{}
		for range 4 {
			_, err := b.Stat(t.Context(), "a")
			is(t, err, bucket.ErrUnavailable)
			sent = append(sent, len(requests.Take()))
		}
		if sent[0] != 4 || sent[1] != 3 || sent[2] != 1 || sent[3] != 1 {
			t.Errorf("with 5 repetitions in all, 4 calls sent %d requests", sent)
		}
		well, _ := retried(filled(t, "a"), bucket.RetryOptions{Budget: budget})
		for range 10 {
			_, err := well.Stat(t.Context(), "a")
			is(t, err, nil)
		}
		_, err := b.Stat(t.Context(), "a")
		is(t, err, bucket.ErrUnavailable)
		if got := len(requests.Take()); got != 2 {
			t.Errorf("10 successes earn one repetition, but there were %d requests", got)
		}
	})
}

func TestACanceledCallIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b, requests := retried(mem.New(nil), bucket.RetryOptions{}, hanging)
		time.AfterFunc(time.Second, cancel)
		_, err := b.Stat(ctx, "a")
		is(t, err, context.Canceled)
		requests.Expect(t, "stat a")
	})
}

func TestABodyLivesAsLongAsItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempt context.Context
		b, _ := retried(filled(t, "a"), bucket.RetryOptions{}, around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			attempt = ctx
			return next(ctx, r)
		}))
		object, err := b.Get(t.Context(), "a")
		is(t, err, nil)
		pause(t, time.Hour)
		if content, err := io.ReadAll(object.Body); err != nil || string(content) != "a" {
			t.Errorf("an hour later the body is %q, %v", content, err)
		}
		is(t, attempt.Err(), nil)
		is(t, object.Body.Close(), nil)
		is(t, attempt.Err(), context.Canceled)
	})
}

// The answer came in the instant in which the attempt was given up: its body would fail, so the attempt is repeated.
func TestABodyOfAnAttemptThatWasGivenUpIsNotHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := true
		b, requests := retried(filled(t, "a"), bucket.RetryOptions{}, around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if late {
				late = false
				answer, err := next(ctx, r)
				<-ctx.Done()
				return answer, err
			}
			return next(ctx, r)
		}))
		content, _, err := bucket.ReadAll(t.Context(), b, "a", 10)
		if err != nil || string(content) != "a" {
			t.Errorf("%q, %v", content, err)
		}
		requests.Expect(t, "get a", "get a")
	})
}

func TestAnErrorWithoutAKindIsOneOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("something odd")
		b, requests := retried(mem.New(nil), bucket.RetryOptions{Attempts: 2}, around(func(context.Context, *bucket.Request, bucket.Handler) (bucket.Answer, error) {
			return bucket.Answer{}, cause
		}))
		err := b.Delete(t.Context(), "a")
		is(t, err, bucket.ErrUnavailable)
		is(t, err, cause)
		requests.Expect(t, "delete a", "delete a")
	})
}

// slow answers after a time, or when the request is given up.
func slow(d time.Duration) bucket.Middleware {
	return around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		select {
		case <-time.After(d):
			return next(ctx, r)
		case <-ctx.Done():
			return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: bucket.ErrUnavailable, Err: context.Cause(ctx)}
		}
	})
}

func TestAnAnswerThatComesAsItsAttemptEndsIsAnObjectOrAnError(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			const attempt = time.Second
			b, _ := retried(filled(t, "a"), bucket.RetryOptions{Attempts: 1, Attempt: attempt}, slow(attempt))
			object, err := b.Get(t.Context(), "a")
			if (object == nil) == (err == nil) {
				t.Fatalf("%v, %v", object, err)
			}
			if object != nil {
				is(t, object.Body.Close(), nil)
			}
		})
	}
}

func TestAGetWithoutADeadlineIsGivenUpWhenACallsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		b, _ := retried(filled(t, "a"), bucket.RetryOptions{Attempts: 10, Attempt: 15 * time.Second}, slow(time.Hour))
		_, err := b.Get(t.Context(), "a")
		is(t, err, bucket.ErrUnavailable)
		if took := time.Since(begun); took > 63*time.Second || took < 57*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
