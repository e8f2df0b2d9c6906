package op_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/op"
)

func TestElapsedIsTheLongerOfTwoClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		since := time.Now()
		if err := op.SystemClock().Sleep(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		wall := func(t time.Time) time.Time { return t.Round(0) }
		for name, c := range map[string]struct {
			since, now time.Time
			want       time.Duration
		}{
			"both":              {since, now, time.Minute},
			"wall alone":        {wall(since), wall(now), time.Minute},
			"wall was set back": {wall(since), wall(now).Add(-time.Hour), time.Minute - time.Hour},
			"frozen: read anew": {since, wall(now).Add(time.Hour), time.Hour + time.Minute},
		} {
			if got := op.Elapsed(c.since, c.now); got != c.want {
				t.Errorf("%s: %v, not %v", name, got, c.want)
			}
		}
	})
}

func TestTheSystemClockSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := op.SystemClock()
		begun := clock.Now()
		if err := clock.Sleep(t.Context(), time.Minute); err != nil || clock.Now().Sub(begun) != time.Minute {
			t.Errorf("%v, %v", clock.Now().Sub(begun), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := clock.Sleep(ctx, 30*time.Second); err != nil {
			t.Error(err)
		}
		if err := clock.Sleep(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestIDsAreHexAndComeFromTheEntropy(t *testing.T) {
	id, err := op.NewID(strings.NewReader("0123456789abcdef"))
	if want := "30313233343536373839616263646566"; id != want || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	one, err1 := op.NewID(op.SystemEntropy())
	two, err2 := op.NewID(op.SystemEntropy())
	if one == two || len(one) != 32 || err1 != nil || err2 != nil {
		t.Errorf("%q, %v, %q, %v", one, err1, two, err2)
	}
	if _, err := op.NewID(strings.NewReader("short")); err == nil {
		t.Error("an id of too little entropy")
	}
}

func TestASingleAttemptIsMarked(t *testing.T) {
	if op.IsSingleAttempt(t.Context()) || !op.IsSingleAttempt(op.SingleAttempt(t.Context())) {
		t.Error("the mark is wrong")
	}
}
