package lineartest

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// register is what a key holds: the name of a value, or nothing.
type register string

const empty register = ""

func (r register) String() string {
	if r == empty {
		return "nothing"
	}
	return string(r)
}

// The steps of a register.
type (
	saved    struct{ value, winner register } // the first one wins
	replaced struct{ value register }
	seen     struct{ value register }  // empty: there was none
	existed  struct{ there bool }      // what it held was not told
	emptied  struct{ unanswered bool } // by an evict
	written  struct {                  // by a request without an answer: it may be so, then or later
		value  register
		absent bool // if there was nothing
	}
)

func (s saved) String() string {
	return fmt.Sprintf("saves %v, and %v has won", s.value, s.winner)
}
func (s replaced) String() string { return fmt.Sprintf("saves %v in place of what is there", s.value) }
func (s seen) String() string     { return fmt.Sprintf("sees %v", s.value) }
func (s existed) String() string {
	if s.there {
		return "sees something"
	}
	return "sees nothing"
}
func (s emptied) String() string {
	if s.unanswered {
		return "evicts it, perhaps"
	}
	return "evicts it"
}
func (s written) String() string {
	if s.absent {
		return fmt.Sprintf("saves %v, perhaps", s.value)
	}
	return fmt.Sprintf("saves %v in place of what is there, perhaps", s.value)
}

// registers is the model of one register.
var registers = porcupine.Model{
	Init: func() any { return empty },
	Step: func(state, step, _ any) (bool, any) {
		now := state.(register) //nolint:forcetypeassert // Init and Step make no other
		switch s := step.(type) {
		case saved:
			if now == empty {
				now = s.value
			}
			return s.winner == now, now
		case replaced:
			return true, s.value
		case seen:
			return s.value == now, now
		case existed:
			return s.there == (now != empty), now
		case emptied:
			return true, empty
		case written:
			if s.absent && now != empty {
				return true, now
			}
			return true, s.value
		}
		return false, now
	},
	DescribeOperation: func(step, _ any) string { return fmt.Sprint(step) },
	DescribeState:     func(state any) string { return fmt.Sprint(state) },
}
