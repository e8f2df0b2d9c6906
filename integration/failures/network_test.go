package failures_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
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
var hasty = bucket.RetryOptions{Attempts: 8, Attempt: 500 * time.Millisecond, Backoff: op.Backoff{Base: 10 * time.Millisecond, Cap: 200 * time.Millisecond}}

const mebibyte = 1 << 20

// networks are those that take seconds.
var networks = map[string]network{
	"100 ms, more or less": {
		toxics: []string{
			`{"type": "latency", "stream": "upstream", "attributes": {"latency": 50, "jitter": 25}}`,
			`{"type": "latency", "stream": "downstream", "attributes": {"latency": 50, "jitter": 25}}`,
		},
		deadline: 20 * time.Second, large: 20 * mebibyte, rounds: 3, outcome: allRight, slow: 100 * time.Millisecond,
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
			`{"type": "reset", "stream": "upstream", "toxicity": 0.2, "attributes": {"bytes": 300}}`,
			`{"type": "reset", "stream": "downstream", "toxicity": 0.2, "attributes": {"bytes": 0}}`,
		},
		retry: hasty, deadline: 20 * time.Second, large: 20 * mebibyte, rounds: 6, outcome: mostRight,
	},
	"connections that are reset in the middle of a body": {
		toxics: []string{
			`{"type": "reset", "stream": "upstream", "toxicity": 0.3, "attributes": {"bytes": 300000}}`,
			`{"type": "reset", "stream": "downstream", "toxicity": 0.5, "attributes": {"bytes": 3000000}}`,
		},
		retry: hasty, deadline: 20 * time.Second, large: 20 * mebibyte, rounds: 4, outcome: mostRight,
	},
	"connections that fall silent": {
		toxics: []string{
			`{"type": "timeout", "stream": "upstream", "toxicity": 0.2, "attributes": {"timeout": 0}}`,
			`{"type": "timeout", "stream": "downstream", "toxicity": 0.2, "attributes": {"timeout": 0}}`,
		},
		retry: hasty, deadline: 5 * time.Second, large: mebibyte, rounds: 4, outcome: mostRight,
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
			visitor := visit(t, at, proxy.address, &n)
			n.run(t, visitor.errands())
			visitor.nothingIsDoubled(t)
			if len(proxy.resets) > 0 && proxy.struck() == 0 {
				t.Errorf("none of %d connections was reset", proxy.connections.Load())
			}
		})
	}
}

// errand is one call of a client in a bad network.
type errand struct {
	about string // a part of what its error must name
	do    func(ctx context.Context) error
	// after looks, in a good network, at what has come of it; done says whether the call succeeded. Nil: it changes nothing.
	after func(ctx context.Context, done bool) error
}

// wrong is a result that is not what it should be.
type wrong struct{ error }

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
	failure, isClear := errors.AsType[*bucket.Error](e.err)
	switch {
	case e.took > n.deadline+slack:
		t.Errorf("%s takes %s, its deadline is %s: %v", e.name, e.took, n.deadline, e.err)
	case isWrong:
		t.Errorf("%s: %v", e.name, e.err)
	case e.err == nil && n.outcome == noneRight:
		t.Errorf("%s has succeeded", e.name)
	case e.err != nil && n.outcome == allRight:
		t.Errorf("%s: %v", e.name, e.err)
	case e.err != nil && (!isClear || bucket.Kind(e.err) != bucket.ErrUnavailable || failure.Verb == "" || !strings.Contains(e.err.Error(), e.about)):
		t.Errorf("%s: the error is not of the kind %q, or does not name %s: %v", e.name, bucket.ErrUnavailable, e.about, e.err)
	}
}

// run sends the errands of all rounds, eight at once, and looks at what has come of them.
func (n *network) run(t *testing.T, errands map[string]func(round int) errand) {
	all := make(chan ended, n.rounds*len(errands))
	var group errgroup.Group
	group.SetLimit(8)
	for round := range n.rounds {
		for name, make := range errands {
			e := make(round)
			group.Go(func() error {
				ctx, cancel := context.WithTimeout(t.Context(), n.deadline)
				defer cancel()
				begun := time.Now()
				err := e.do(ctx)
				all <- ended{e, name, err, time.Since(begun)}
				return nil
			})
		}
	}
	must(t, group.Wait())
	close(all)
	succeeded, longest := 0, time.Duration(0)
	for e := range all {
		n.judge(t, e)
		if e.err == nil {
			succeeded++
		}
		longest = max(longest, e.took)
		if e.after == nil {
			continue
		}
		if err := e.after(t.Context(), e.err == nil); err != nil {
			t.Errorf("afterwards, %s (which came to %v): %v", e.name, e.err, err)
		}
	}
	t.Logf("%d of %d succeeded, the longest took %s", succeeded, cap(all), longest.Round(time.Millisecond))
	if n.outcome == mostRight && succeeded < cap(all)/2 {
		t.Errorf("%d of %d calls succeeded: most should, by repetition", succeeded, cap(all))
	}
	if longest < n.slow {
		t.Errorf("all were done after %s: the network is better than it should be", longest)
	}
}
