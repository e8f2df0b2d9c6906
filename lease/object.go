package lease

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

// State is what a lease is.
type State string

// The states.
const (
	Held     State = "held"     // somebody is at it
	Prepared State = "prepared" // the result comes later, perhaps from another process
	Released State = "released"
)

// Info is what a lease says.
type Info struct {
	Key      digest.Digest
	State    State
	ID       string          // of the lease, as long as one holder has it: 32 hex characters
	Owner    string          // who has it, for people
	Host     string          // where, for people
	Function string          // of the call, for people
	Since    time.Time       // when it was taken, by the holder's clock
	Until    time.Time       // when it expires unless it is renewed, by the holder's clock
	Term     time.Duration   // how long it holds after each write
	Values   []digest.Digest // that gc must keep

	object bucket.Info // as it was read
	write  string      // the write id
}

// Limits of a lease.
const (
	MinTerm   = time.Second
	MaxTerm   = 30 * 24 * time.Hour
	sizeLimit = 1 << 20 // bytes of the object
	format    = 1
)

// slack is how much longer than its term a lease must have stood unchanged by the store's clock, which may tell whole seconds only.
const slack = 5 * time.Second

// Expired says whether the lease was not renewed for longer than its term, by the store's clock when it was read.
func (i Info) Expired() bool { return i.age() > i.Term+slack }

// age is how long ago it was written, by the store's clock; 0 where that does not tell.
func (i Info) age() time.Duration {
	if i.object.Date.IsZero() || i.object.ModTime.IsZero() {
		return 0
	}
	return i.object.Date.Sub(i.object.ModTime)
}

// free says whether anybody may take it.
func (i Info) free() bool { return i.State == Released || i.Expired() }

// wire is a lease as it stands in its object.
type wire struct {
	Format   int             `json:"format"`
	Key      digest.Digest   `json:"key"`
	State    State           `json:"state"`
	ID       string          `json:"id"`
	Write    string          `json:"write"`
	Owner    string          `json:"owner"`
	Host     string          `json:"host"`
	Function string          `json:"function,omitempty"`
	Since    time.Time       `json:"since"`
	Until    time.Time       `json:"until"`
	Term     int64           `json:"term"` // milliseconds
	Values   []digest.Digest `json:"values,omitempty"`
}

func (i Info) encode() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(wire{format, i.Key, i.State, i.ID, i.write, i.Owner, i.Host, i.Function, i.Since.UTC(), i.Until.UTC(), i.Term.Milliseconds(), i.Values})
	if err == nil && text.Len() > sizeLimit {
		err = fmt.Errorf("the lease of %s has %d bytes, more than the %d that it may have: it names too many values", i.Key, text.Len(), sizeLimit)
	}
	return text.Bytes(), err
}

// An UnreadableError says that the object of a lease is not one. Nobody takes such a lease, and nobody waits for it.
type UnreadableError struct {
	Object string // its name in the bucket
	Reason string
	Err    error // the cause, may be nil
}

func (e *UnreadableError) Error() string {
	text := e.Object + " cannot be read as a lease: " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; quiver leases break makes it a released one"
}

func (e *UnreadableError) Unwrap() error { return e.Err }

// decode reads the object of a lease. It fails with an *UnreadableError or a *keyspace.NewerFormatError.
func decode(key digest.Digest, object bucket.Info, text []byte) (Info, error) {
	unreadable := func(cause error, reason string) (Info, error) {
		return Info{}, &UnreadableError{object.Key, reason, cause}
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return unreadable(err, "it is not the JSON of a lease")
	}
	if version.Format > format {
		return Info{}, &keyspace.NewerFormatError{Object: layout.LeaseSpace.Name(key), Found: version.Format, Known: format}
	}
	var w wire
	if err := json.Unmarshal(text, &w); err != nil {
		return unreadable(err, "it is not the JSON of a lease")
	}
	i := Info{w.Key, w.State, w.ID, w.Owner, w.Host, w.Function, w.Since, w.Until, time.Duration(w.Term) * time.Millisecond, w.Values, object, w.Write}
	switch {
	case w.Format != format:
		return unreadable(nil, "it has no format")
	case i.Key != key:
		return unreadable(nil, "it is the lease of another key")
	case i.State != Held && i.State != Prepared && i.State != Released:
		return unreadable(nil, fmt.Sprintf("it has the unknown state %q", i.State))
	case !layout.IsID(i.ID) || !layout.IsID(i.write):
		return unreadable(nil, "it has no ids")
	case w.Term < MinTerm.Milliseconds() || w.Term > MaxTerm.Milliseconds():
		return unreadable(nil, fmt.Sprintf("it has a term of %d ms", w.Term))
	case !writable(i.Since) || !writable(i.Until):
		return unreadable(nil, "it has a time that cannot be written again")
	}
	return i, nil
}

// writable says whether a time has a year of four digits in UTC, as RFC 3339 wants.
func writable(t time.Time) bool { return t.UTC().Year() >= 0 && t.UTC().Year() <= 9999 }

// A HeldError says who has the lease, or had it just now.
type HeldError struct{ Info }

func (e *HeldError) Error() string {
	since, until := e.Since.Format(time.RFC3339), e.Until.Format(time.RFC3339)
	switch {
	case e.ID == "":
		return "somebody else was faster"
	case e.State == Released:
		return fmt.Sprintf("%q on %q had it, from %s on", e.Owner, e.Host, since)
	case e.State == Prepared:
		return fmt.Sprintf("%q on %q has prepared it, since %s, until %s unless it renews the lease", e.Owner, e.Host, since, until)
	}
	return fmt.Sprintf("%q on %q computes it, since %s, until %s unless it renews the lease", e.Owner, e.Host, since, until)
}

// ErrLost says that a lease was taken by somebody else, after its holder had not renewed it in time, or was broken.
var ErrLost = errors.New("the lease was lost")
