package lineartest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/quivercache/quiver/op"
)

// Options say what happens in a history. A zero field means the default.
type Options struct {
	Seed       uint64        // of what the clients do, and of what befalls them; what they do at the same time is the machine's choice
	Clients    int           // default 6
	Keys       int           // default 2
	Operations int           // of each client; default 15
	Faults     int           // how many writes of the objects in question may go unanswered; default 8
	Delay      time.Duration // of a request on its way there, and of its answer, at the most; default 50 ms
	Clock      op.Clock      // default the machine's
}

func (o Options) withDefaults() Options {
	o.Clients, o.Keys, o.Operations = cmp.Or(o.Clients, 6), cmp.Or(o.Keys, 2), cmp.Or(o.Operations, 15)
	o.Faults, o.Delay = cmp.Or(o.Faults, 8), cmp.Or(o.Delay, 50*time.Millisecond)
	if o.Clock == nil {
		o.Clock = op.SystemClock()
	}
	return o
}

// History is what clients have done, and what came of it.
type History struct {
	options Options
	model   porcupine.Model

	mu      sync.Mutex
	now     int64                            // a counter of what has begun or ended, which tells what came after what
	steps   map[string][]porcupine.Operation // by key
	failure error                            // that no client should have met
}

func newHistory(o Options, model porcupine.Model) *History {
	return &History{options: o.withDefaults(), model: model, steps: map[string][]porcupine.Operation{}}
}

// tick returns a moment that is after all others so far.
func (h *History) tick() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	return h.now
}

// fail notes a failure that no client should have met.
func (h *History) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failure = cmp.Or(h.failure, err)
}

// open is the end of a step that may happen at any later time, or never.
const open = math.MaxInt64

// add notes steps that a client took for a key at some time between two moments.
func (h *History) add(client int, key string, begun, ended int64, steps ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, step := range steps {
		h.steps[key] = append(h.steps[key], porcupine.Operation{ClientId: client, Input: step, Call: begun, Return: ended})
	}
}

// patience is how long an explanation is looked for. Where none is found until then, that is a failure: the history was too hard for its check.
const patience = time.Minute

// Check says whether the history can be explained. Where it cannot, the error has the steps of one key and the seed, and a picture of them is put into a folder, which is asked for then.
func (h *History) Check(folder func() string) error {
	if h.failure != nil {
		return fmt.Errorf("seed %d: %w", h.options.Seed, h.failure)
	}
	for _, key := range slices.Sorted(maps.Keys(h.steps)) {
		result, info := porcupine.CheckOperationsVerbose(h.model, h.steps[key], patience)
		if result == porcupine.Ok {
			continue
		}
		what := "cannot be explained"
		if result == porcupine.Unknown {
			what = fmt.Sprintf("were not explained within %v", patience)
		}
		path := filepath.Join(folder(), fmt.Sprintf("history-%d-%.8s.html", h.options.Seed, key))
		picture := "a picture of it is in " + path
		if err := porcupine.VisualizePath(h.model, info, path); err != nil {
			picture = fmt.Sprintf("there is no picture of it: %v", err)
		}
		return fmt.Errorf("seed %d: the steps of %.8s %s (%s):\n%s", h.options.Seed, key, what, picture, h.text(key))
	}
	return nil
}

// Len is how many steps there are.
func (h *History) Len() (n int) {
	for _, steps := range h.steps {
		n += len(steps)
	}
	return n
}

// text is the steps of a key, one a line: from when to when, who, what.
func (h *History) text(key string) string {
	steps := slices.Clone(h.steps[key])
	slices.SortStableFunc(steps, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var text strings.Builder
	for _, s := range steps {
		ended := fmt.Sprint(s.Return)
		if s.Return == open {
			ended = "…"
		}
		fmt.Fprintf(&text, "%5d–%-5s client %d: %v\n", s.Call, ended, s.ClientId, s.Input)
	}
	return text.String()
}
