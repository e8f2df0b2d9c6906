package lineartest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/internal/lineartest"
	"github.com/quivercache/quiver/layout"
)

// isObject says whether a request is about a record, a value or a lease.
func isObject(r *bucket.Request) bool {
	return strings.HasPrefix(r.Key, layout.Calls) || strings.HasPrefix(r.Key, layout.Values) || strings.HasPrefix(r.Key, layout.Leases)
}

// overwriting writes whatever the condition says.
func overwriting(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		for r.Verb == bucket.Put && isObject(r) && (errors.Is(err, bucket.ErrExists) || errors.Is(err, bucket.ErrChanged)) {
			forced := *r
			forced.Condition = bucket.IfAbsent()
			if there, missing := next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key}); missing == nil {
				forced.Condition = bucket.IfMatch(there.Info.Version)
			}
			answer, err = next(ctx, &forced)
		}
		return answer, err
	}
}

// forgetful loses one in three of the writes that it acknowledges.
func forgetful() bucket.Middleware {
	var n atomic.Int64
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb == bucket.Put && isObject(r) && n.Add(1)%3 == 0 {
				return bucket.Answer{}, nil
			}
			return next(ctx, r)
		}
	}
}

// keeping acknowledges removals and does not remove.
func keeping(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		if r.Verb.Writes() && r.Verb != bucket.Put && isObject(r) {
			return bucket.Answer{}, nil
		}
		return next(ctx, r)
	}
}

// outdated answers every other one of the requests for an object with what the last one was answered with.
func outdated() bucket.Middleware {
	var n atomic.Int64
	var last sync.Map // bodies by key
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb != bucket.Get || !isObject(r) {
				return next(ctx, r)
			}
			if old, ok := last.Load(r.Key); ok && n.Add(1)%2 == 0 {
				answer := old.(remembered) //nolint:forcetypeassert // it has no other
				return answer.again(), nil
			}
			answer, err := next(ctx, r)
			if err == nil {
				whole := remember(answer)
				last.Store(r.Key, whole)
				answer = whole.again()
			}
			return answer, err
		}
	}
}

// hasty is a store whose clock shows ten seconds more than passed since an object was written.
func hasty(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		if answer.Object != nil {
			answer.Object.Date = answer.Object.Date.Add(10 * time.Second)
		}
		return answer, err
	}
}

func TestTheCheckRefusesWhatIsBroken(t *testing.T) {
	records, values, leases := subject(lineartest.Records).inBubble, subject(lineartest.Values).inTime, subject(lineartest.Leases).inBubble
	for what, c := range map[string]struct {
		have   func(t *testing.T, open func(t *testing.T) bucket.Bucket, seed uint64) *lineartest.History
		broken func() bucket.Middleware
	}{
		"records on a store that overwrites":                {records, func() bucket.Middleware { return overwriting }},
		"records on a store that loses acknowledged writes": {records, forgetful},
		"records on a store that removes nothing":           {records, func() bucket.Middleware { return keeping }},
		"records on a store that answers what was":          {records, outdated},
		"values on a store that loses acknowledged writes":  {values, forgetful},
		"values on a store that removes nothing":            {values, func() bucket.Middleware { return keeping }},
		"values on a store that answers what was":           {values, outdated},
		"leases on a store that overwrites":                 {leases, func() bucket.Middleware { return overwriting }},
		"leases on a store that loses acknowledged writes":  {leases, forgetful},
		"leases on a store whose clock goes wrong":          {leases, func() bucket.Middleware { return hasty }},
	} {
		t.Run(what, func(t *testing.T) {
			const most = 100
			for seed := range uint64(most) {
				h := c.have(t, func(*testing.T) bucket.Bucket { return bucket.Wrap(mem.New(nil), c.broken()) }, seed)
				if err := h.Check(t.TempDir); err != nil {
					if !strings.Contains(err.Error(), "cannot be explained") || !strings.Contains(err.Error(), "a picture of it is in ") {
						t.Errorf("it is refused for another reason: %v", err)
					}
					t.Logf("refused by history %d", seed)
					return
				}
			}
			t.Errorf("%d histories are explained", most)
		})
	}
}
