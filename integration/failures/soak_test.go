//go:build soak

package failures_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/op"
)

// slowNetworks are those that take minutes, with default settings.
var slowNetworks = map[string]network{
	"connections that stall for 10 s and are closed then": {
		toxics: []string{
			`{"type": "timeout", "stream": "upstream", "toxicity": 0.2, "attributes": {"timeout": 10000}}`,
			`{"type": "timeout", "stream": "downstream", "toxicity": 0.2, "attributes": {"timeout": 10000}}`,
		},
		deadline: 3 * time.Minute, large: 20 * mebibyte, rounds: 3, outcome: mostRight,
	},
	"silence": {
		toxics:   []string{`{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`},
		deadline: 3 * time.Minute, large: 9 * mebibyte, rounds: 1, outcome: noneRight, slow: 40 * time.Second,
	},
	"512 KiB a second for 20 MiB": {
		toxics: []string{
			`{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 512}}`,
			`{"type": "bandwidth", "stream": "downstream", "attributes": {"rate": 512}}`,
		},
		deadline: 3 * time.Minute, large: 20 * mebibyte, rounds: 1, outcome: allRight, slow: 30 * time.Second,
	},
}

func TestASlowNetworkGivesTheRightAnswerOrAClearErrorInTime(t *testing.T) {
	testNetworks(t, slowNetworks)
}

// stopped is how long a server is silent, at the least.
const stopped = time.Minute

func TestAServerThatIsSilentForAMinuteEndsEveryCallAtTheDefaultDeadline(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			t.Parallel()
			at := own(t, which)
			const large = 9 * mebibyte
			c := newCaller(t, at, bucket.RetryOptions{}, large, 0)
			c.prepare(t, "silent")
			c.prepare(t, "after")
			built.Path(t)
			silence(t, at.server)
			const deadline = time.Minute + large/mebibyte*time.Second // a second more for each MiB that is sent
			var calls sync.WaitGroup
			calls.Go(func() { _ = op.SystemClock().Sleep(t.Context(), stopped) })
			for name, e := range c.calls("silent") {
				calls.Go(func() {
					begun := time.Now()
					err := e.do(t.Context())
					failsBy(t, deadline, ended{e, name, err, time.Since(begun)})
				})
			}
			calls.Go(func() {
				r := quiverAt(t.Context(), t, at, "query")
				if r.exit != 5 || r.took > time.Minute+late || !strings.Contains(r.err, bucket.ErrUnavailable.Error()) {
					t.Errorf("query: %+v", r)
				}
			})
			calls.Wait()
			must(t, at.server.Continue(t.Context()))
			c.callAll(t, "after", patient, succeeds)
		})
	}
}

func TestABodyWhoseServerIsSilentForAMinuteIsReadToItsEnd(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			t.Parallel()
			at := own(t, which)
			reading := newReading(t, at)
			var waking sync.WaitGroup
			begun := time.Now()
			got, err := reading.interrupted(t.Context(), t, func() {
				waking.Go(func() {
					if err := op.SystemClock().Sleep(t.Context(), stopped); err != nil {
						t.Error(err)
					}
					if err := at.server.Continue(t.Context()); err != nil {
						t.Error(err)
					}
				})
			})
			waking.Wait()
			must(t, unless(err, func() error { return same(got, reading.body) }))
			if took := time.Since(begun); took > 2*stopped {
				t.Errorf("it takes %s", took)
			}
		})
	}
}
