package buckettest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quivercache/quiver/bucket"
)

// Recorder notes every request that goes through it, so that a test can hold an operation to its budget of requests. Its zero value is ready:
//
//	var recorder buckettest.Recorder
//	b := bucket.Wrap(mem.New(nil), recorder.Record)
type Recorder struct {
	mu       sync.Mutex
	requests []*Recorded
}

// Recorded is one request as it was sent, and the error it was answered with.
type Recorded struct {
	bucket.Request
	Err error
}

// String is the verb and the key, as "put calls/ab/abcd.json"; of a listing the prefix, of a bulk delete all keys.
func (r Recorded) String() string {
	return string(r.Verb) + " " + strings.Join(keysOf(&r.Request), " ")
}

// Record is the bucket.Middleware. Requests are noted in the order in which they were sent.
func (r *Recorder) Record(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, request *bucket.Request) (bucket.Answer, error) {
		noted := &Recorded{Request: *request}
		r.mu.Lock()
		r.requests = append(r.requests, noted)
		r.mu.Unlock()
		answer, err := next(ctx, request)
		r.mu.Lock()
		noted.Err = err
		r.mu.Unlock()
		return answer, err
	}
}

// Take returns the requests noted since the last Take.
func (r *Recorder) Take() []Recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := make([]Recorded, len(r.requests))
	for i, request := range r.requests {
		requests[i] = *request
	}
	r.requests = nil
	return requests
}

// Expect takes the requests and fails the test unless they are exactly these, in any order. Each is a verb and a pattern of keys (Match), as
// "put index/*/marks/*", and stands for one request. A request is held against the patterns from the first on: put narrow ones before wide ones.
func (r *Recorder) Expect(t testing.TB, budget ...string) {
	t.Helper()
	requests := r.Take()
	if difference := compare(requests, budget); difference != "" {
		t.Errorf("%d requests were sent, not the %d that are allowed\n%s", len(requests), len(budget), difference)
	}
}

// compare lists what was sent beyond the budget and what of the budget was not sent; empty where they agree.
func compare(requests []Recorded, budget []string) string {
	var text strings.Builder
	left := slices.Clone(budget)
	for _, request := range requests {
		at := slices.IndexFunc(left, func(pattern string) bool { return Match(pattern, request.String()) })
		if at < 0 {
			fmt.Fprintf(&text, "  beyond the budget: %v\n", request)
			continue
		}
		left = slices.Delete(left, at, at+1)
	}
	for _, pattern := range left {
		fmt.Fprintf(&text, "  not sent: %s\n", pattern)
	}
	return text.String()
}
