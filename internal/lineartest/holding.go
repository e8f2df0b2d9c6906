package lineartest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// holding is who has a lease.
type holding struct {
	id     string        // of the lease; empty: there is none
	free   bool          // it was released or broken
	since  time.Time     // when the last write of it was sent: it landed then, or later
	term   time.Duration // for which it holds after that
	broken string        // ids of leases that were broken
}

func (h holding) String() string {
	switch {
	case h.id == "":
		return "nobody's"
	case h.free:
		return "given back by " + h.id
	}
	return "held by " + h.id
}

// held says whether it is held under an id.
func (h holding) held(id string) bool { return h.id == id && !h.free }

// available says whether somebody may take it at some time.
func (h holding) available(at time.Time) bool {
	return h.id == "" || h.free || at.Sub(h.since) >= h.term
}

func (h holding) by(id string, sent time.Time, term time.Duration) holding {
	return holding{id: id, since: sent, term: term, broken: h.broken}
}

func (h holding) release() holding {
	h.free = true
	return h
}

// breakIt releases it in its holder's stead, who does not know yet.
func (h holding) breakIt() holding {
	h.broken += " " + h.id
	return h.release()
}

// The steps of a lease. Sent is when the first request was, done is when the answer had come.
type (
	took struct {
		id         string
		term       time.Duration
		sent, done time.Time
	}
	renewed struct {
		id   string
		sent time.Time
	}
	released struct{ id string }
	lost     struct{ id string } // a renewal or a release was refused
	believed struct{ id string } // Lost says nothing
	broke    struct{ id string }
	wrote    struct { // by a request without an answer: it may be so, then or later
		id     string
		free   bool
		breaks bool // somebody else's
		term   time.Duration
		sent   time.Time
	}
)

func (s took) String() string     { return s.id + " is taken" }
func (s renewed) String() string  { return s.id + " is renewed" }
func (s released) String() string { return s.id + " is released" }
func (s lost) String() string     { return s.id + " is lost" }
func (s believed) String() string { return s.id + " is believed in" }
func (s broke) String() string    { return s.id + " is broken" }
func (s wrote) String() string {
	switch {
	case s.breaks:
		return s.id + " is broken, perhaps"
	case s.free:
		return s.id + " is released, perhaps"
	}
	return s.id + " is taken or renewed, perhaps"
}

// leases is the model of one lease: one client has it at a time, until it gives it back, it is broken, or its term has passed since its last write. A renewal or release that succeeds proves that nobody has had it since.
var leases = porcupine.Model{
	Init: func() any { return holding{} },
	Step: func(state, step, _ any) (bool, any) {
		now := state.(holding) //nolint:forcetypeassert // Init and Step make no other
		switch s := step.(type) {
		case took: // it had landed before its answer was lost, or was free
			return now.held(s.id) || now.available(s.done), now.by(s.id, s.sent, s.term)
		case renewed:
			return now.held(s.id), now.by(s.id, s.sent, now.term)
		case released: // or an earlier release has landed, or somebody has broken it meanwhile
			return now.id == s.id, now.release()
		case lost:
			return !now.held(s.id), now
		case believed:
			return now.held(s.id) || slices.Contains(strings.Fields(now.broken), s.id), now
		case broke:
			return now.id == s.id, now.breakIt()
		case wrote:
			switch {
			case now.held(s.id) && s.breaks:
				return true, now.breakIt()
			case now.held(s.id) && s.free:
				return true, now.release()
			case now.held(s.id):
				return true, now.by(s.id, s.sent, s.term)
			case now.id != s.id && !s.free && now.available(s.sent):
				return true, now.by(s.id, s.sent, s.term)
			}
			return true, now // it was refused
		}
		return false, now
	},
	DescribeOperation: func(step, _ any) string { return fmt.Sprint(step) },
	DescribeState:     func(state any) string { return fmt.Sprint(state) },
}
