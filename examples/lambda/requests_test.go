package main

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

// TestRequestsOfAnInvocation counts what the README says that an invocation costs.
func TestRequestsOfAnInvocation(t *testing.T) {
	var mu sync.Mutex
	sent := map[bucket.Verb]int{}
	b := bucket.Wrap(mem.New(nil), func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			mu.Lock()
			sent[r.Verb]++
			mu.Unlock()
			return next(ctx, r)
		}
	})
	store, err := quiver.New(t.Context(), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	h := &handler{store: store, clock: op.SystemClock()}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		what, text string
		want       map[bucket.Verb]int
	}{
		{"the first of all", "a first text, in a new store", nil},
		{"a miss", "another text, which nobody has asked for", map[bucket.Verb]int{bucket.Get: 1, bucket.Put: 5}},
		{"a hit", "another text, which nobody has asked for", map[bucket.Verb]int{bucket.Get: 1}},
	} {
		clear(sent)
		if _, err := h.handle(ctx, request{Text: c.text}); err != nil {
			t.Fatal(err)
		}
		if c.want != nil && !maps.Equal(sent, c.want) {
			t.Errorf("%s: %v, want %v", c.what, sent, c.want)
		}
	}
}
