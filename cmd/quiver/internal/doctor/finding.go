package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// Verdict says whether something holds. In JSON it is true, false, or null where it could not be told.
type Verdict string

// The verdicts.
const (
	Holds   Verdict = "true"
	Broken  Verdict = "false"
	Unknown Verdict = "null"
)

// MarshalJSON implements json.Marshaler.
func (v Verdict) MarshalJSON() ([]byte, error) { return []byte(v), nil }

// Finding is what came of a check.
type Finding struct {
	Check  string  `json:"check"`
	Holds  Verdict `json:"holds"`
	Needed bool    `json:"needed"` // Quiver cannot do without
	Detail string  `json:"detail"` // a sentence
	Cost   string  `json:"cost"`   // what it costs where it does not hold; empty where it does
}

// Report is what came of an examination.
type Report struct {
	Folder   string // that the doctor worked in, with its location and a closing slash
	Findings []Finding
	Left     []string // objects in the folder that could not be removed
	Usage    bucket.Usage
	Took     time.Duration

	failure error // what kept a check from an answer
}

// Failure is why an examination found out less than it should: a check got no answer. The finding of the check has the reason.
type Failure struct {
	Check string
	Err   error
}

func (f *Failure) Error() string { return "the examination failed: " + f.Check }
func (f *Failure) Unwrap() error { return f.Err }

// ErrUnfit says that something does not hold that Quiver needs.
var ErrUnfit = errors.New("the store does not hold what Quiver needs")

// Names lists the checks with a verdict, of those that are needed or of the others.
func (r *Report) Names(v Verdict, needed bool) []string {
	names := []string{}
	for _, f := range r.Findings {
		if f.Holds == v && f.Needed == needed {
			names = append(names, f.Check)
		}
	}
	return names
}

// Err is nil where all holds that Quiver needs, as far as the store can tell. It is ErrUnfit where something does not, and else what kept the doctor from an
// answer: *Failure, as where the store cannot be reached at all, or the cause of the end of its context.
func (r *Report) Err() error {
	if broken := r.Names(Broken, true); len(broken) > 0 && !slices.Contains(broken, reach) {
		return fmt.Errorf("%w: %s", ErrUnfit, strings.Join(broken, ", "))
	}
	return r.failure
}
