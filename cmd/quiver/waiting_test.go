package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/op"
)

// slow is a middleware whose store takes its time, and then fails where it has a failure.
func slow(takes time.Duration, failure error) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if err := op.SystemClock().Sleep(ctx, takes); err != nil || failure != nil {
				return bucket.Answer{}, errors.Join(err, failure)
			}
			return next(ctx, r)
		}
	}
}

func TestASilentStoreIsToldOfOnce(t *testing.T) {
	for takes, want := range map[time.Duration]string{silence - 1: "", silence + 1: "quiver: waiting for the store …\n"} {
		synctest.Test(t, func(t *testing.T) {
			var talk bytes.Buffer
			a := &app{streams: streams{err: &talk}, clock: op.SystemClock(), verbose: true}
			b := bucket.Wrap(mem.New(nil), a.waiting(), slow(takes, nil))
			for range 2 {
				if _, err := b.List(t.Context(), bucket.ListOptions{}); err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
			if talk.String() != want {
				t.Errorf("after %s: %q", takes, &talk)
			}
			a = &app{streams: streams{err: &talk}, clock: op.SystemClock()} // no terminal
			talk.Reset()
			if _, err := bucket.Wrap(mem.New(nil), a.waiting(), slow(takes, nil)).List(t.Context(), bucket.ListOptions{}); err != nil || talk.Len() > 0 {
				t.Errorf("%q, %v", &talk, err)
			}
		})
	}
}

func TestAFailureSaysHowLongItWasWaitedFor(t *testing.T) {
	failure := &bucket.Error{Verb: bucket.Get, Key: "k", Kind: bucket.ErrUnavailable, Err: errors.New("5 attempts, the last one: silence"), Hint: "look"}
	for takes, want := range map[time.Duration]string{
		time.Second:      "the store did not answer well: 5 attempts, the last one: silence; look",
		50 * time.Second: "the store did not answer well: after 50s: 5 attempts, the last one: silence; look",
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &app{streams: streams{err: new(bytes.Buffer)}, clock: op.SystemClock()}
			_, err := bucket.Wrap(mem.New(nil), a.waiting(), slow(takes, failure)).Stat(t.Context(), "k")
			if got := execution.Brief(err); got != want || !errors.Is(err, failure.Err) || !strings.HasPrefix(err.Error(), "get k: ") {
				t.Errorf("%v: %s", err, got)
			}
		})
	}
	unknown := errors.New("of no kind")
	if err := waited(unknown, time.Hour); !errors.Is(err, unknown) || err.Error() != unknown.Error() {
		t.Error(err)
	}
}
