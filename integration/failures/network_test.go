package failures_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/op"
)

// network is what lies between a client and a server, and what its calls come to.
type network struct {
	toxics   []string
	retry    bucket.RetryOptions
	deadline time.Duration // of each call
	large    int           // bytes of large bodies
	rounds   int           // of all errands
	outcome  outcome
	slow     time.Duration // at least so long takes the call that takes longest: else the network was not as it should be
}

// outcome is what calls may come to.
type outcome int

const (
	allRight  outcome = iota // all succeed
	mostRight                // some may fail, with a clear error
	noneRight                // all fail so
)

// hasty gives up a connection that does not answer, and takes another.
var hasty = bucket.RetryOptions{Attempts: 8, Attempt: time.Second, Backoff: op.Backoff{Base: 10 * time.Millisecond, Cap: 200 * time.Millisecond}}

// networks are those that take seconds.
var networks = map[string]network{
	"100 ms, more or less": {
		toxics: []string{
			`{"type": "latency", "stream": "upstream", "attributes": {"latency": 50, "jitter": 25}}`,
			`{"type": "latency", "stream": "downstream", "attributes": {"latency": 50, "jitter": 25}}`,
		},
		deadline: 20 * time.Second, large: 20 * mebibyte, rounds: 2, outcome: allRight, slow: 100 * time.Millisecond,
	},
	"256 KiB a second": {
		toxics: []string{
			`{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 256}}`,
			`{"type": "bandwidth", "stream": "downstream", "attributes": {"rate": 256}}`,
		},
		deadline: 20 * time.Second, large: mebibyte, rounds: 1, outcome: allRight, slow: 4 * time.Second,
	},
	"connections that are reset before they are answered": {
		toxics: []string{
			`{"type": "cut", "stream": "upstream", "attributes": {"every": 4, "bytes": 300}}`,
			`{"type": "cut", "stream": "downstream", "attributes": {"every": 3, "bytes": 0}}`,
		},
		retry: hasty, deadline: 20 * time.Second, large: 20 * mebibyte, rounds: 2, outcome: mostRight,
	},
	"connections that are reset in the middle of a body": {
		toxics: []string{
			`{"type": "cut", "stream": "upstream", "attributes": {"every": 3, "bytes": 300000}}`,
			`{"type": "cut", "stream": "downstream", "attributes": {"every": 2, "bytes": 3000000}}`,
		},
		retry: hasty, deadline: 20 * time.Second, large: 20 * mebibyte, rounds: 2, outcome: mostRight,
	},
	"connections that fall silent": {
		toxics: []string{
			`{"type": "cut", "stream": "upstream", "attributes": {"every": 4, "bytes": 300, "silent": true}}`,
			`{"type": "cut", "stream": "downstream", "attributes": {"every": 3, "bytes": 0, "silent": true}}`,
		},
		retry: hasty, deadline: 15 * time.Second, large: mebibyte, rounds: 2, outcome: mostRight, slow: time.Second,
	},
	"silence": {
		toxics:   []string{`{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`},
		retry:    hasty,
		deadline: 1500 * time.Millisecond, large: mebibyte, rounds: 1, outcome: noneRight, slow: 1500 * time.Millisecond,
	},
}

func TestABadNetworkGivesTheRightAnswerOrAClearErrorInTime(t *testing.T) { testNetworks(t, networks) }

func testNetworks(t *testing.T, networks map[string]network) {
	for name, n := range networks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := shared(t, servers.MinIO)
			proxy := poison(t, at.server.Address, n.toxics...)
			near := newCaller(t, at, bucket.RetryOptions{}, n.large, n.deadline)
			n.run(t, near, newCaller(t, at.through(proxy.address), n.retry, n.large, n.deadline/2))
			near.nothingIsDoubled(t)
			for _, c := range proxy.cuts {
				if c.struck.Load() == 0 {
					t.Errorf("no connection has brought the %d bytes after which it was to be cut", c.Bytes)
				}
			}
		})
	}
}

const slack = time.Second // between a deadline and the end of a call

// ended is an errand, and how it ended.
type ended struct {
	errand
	name string
	err  error
	took time.Duration
}

// judge says what is wrong with how an errand ended.
func (n *network) judge(t *testing.T, e ended) {
	t.Helper()
	_, isWrong := errors.AsType[wrong](e.err)
	switch {
	case e.took > n.deadline+slack:
		t.Errorf("%s takes %s, its deadline is %s: %v", e.name, e.took, n.deadline, e.err)
	case isWrong:
		t.Errorf("%s: %v", e.name, e.err)
	case e.err == nil && n.outcome == noneRight:
		t.Errorf("%s has succeeded", e.name)
	case e.err != nil && n.outcome == allRight:
		t.Errorf("%s: %v", e.name, e.err)
	case e.err != nil:
		isUnavailable(t, e.name, e.err, e.about)
	}
}

// run makes the calls of all rounds from far, eight at once, and looks from near at what has come of them.
func (n *network) run(t *testing.T, near, far *caller) {
	var errands []ended
	for round := range n.rounds {
		phase := fmt.Sprint("round-", round)
		near.prepare(t, phase)
		for name, e := range far.calls(phase) {
			errands = append(errands, ended{errand: e, name: name})
		}
	}
	var group errgroup.Group
	group.SetLimit(8)
	for i := range errands {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(t.Context(), n.deadline)
			defer cancel()
			begun := time.Now()
			errands[i].err = errands[i].do(ctx)
			errands[i].took = time.Since(begun)
			return nil
		})
	}
	must(t, group.Wait())
	succeeded, longest := 0, ended{}
	for _, e := range errands {
		n.judge(t, e)
		if e.err == nil {
			succeeded++
		}
		if e.took > longest.took {
			longest = e
		}
		if e.after == nil {
			continue
		}
		if err := e.after(t.Context(), near, e.err == nil); err != nil {
			t.Errorf("afterwards, %s (which came to %v): %v", e.name, e.err, err)
		}
	}
	t.Logf("%d of %d succeeded; the longest, %s, took %s", succeeded, len(errands), longest.name, longest.took.Round(time.Millisecond))
	if n.outcome == mostRight && succeeded < len(errands)/2 {
		t.Errorf("%d of %d calls succeeded: most should, by repetition", succeeded, len(errands))
	}
	if longest.took < n.slow {
		t.Errorf("all were done after %s: the network is better than it should be", longest.took)
	}
}

// isUnavailable demands that an error says that the store did not answer, to which request, and about what.
func isUnavailable(t *testing.T, name string, err error, about string) {
	t.Helper()
	failure, explained := errors.AsType[*bucket.Error](err)
	text := fmt.Sprint(err)
	switch {
	case !explained || !errors.Is(bucket.Kind(err), bucket.ErrUnavailable):
		t.Errorf("%s fails with an error that is not %q: %v", name, bucket.ErrUnavailable, err)
	case !strings.Contains(text, string(failure.Verb)+" "+failure.Key):
		t.Errorf("%s fails with an error that does not show %s %s: %v", name, failure.Verb, failure.Key, err)
	case !strings.Contains(text, about):
		t.Errorf("%s fails with an error that does not name %s: %v", name, about, err)
	}
}

// nothingIsDoubled looks at all calls: each is found once.
func (c *caller) nothingIsDoubled(t *testing.T) {
	t.Helper()
	seen := map[digest.Digest]bool{}
	for r, err := range c.store.Query(quiver.Query{}).All(t.Context()) {
		must(t, err)
		key, err := r.Key()
		must(t, err)
		if seen[key] {
			t.Errorf("call %s of %s is found twice", key, r.Name)
		}
		seen[key] = true
	}
}
