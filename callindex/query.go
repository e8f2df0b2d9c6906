package callindex

import (
	"fmt"
	"time"

	"github.com/quivercache/quiver/digest"
)

// Query describes the calls that are wanted. Its zero value wants all; each field that is set narrows it, and all must hold.
//
// Contract: QueryCall, the template of CallStorage.query.
type Query struct {
	Name    string        // of the function
	Module  string        // of the function
	Version Version       // 3 is not "3"
	Code    digest.Digest // of the function's code
	Result  any           // the result's value, or its digest; nil: any
	Args    Args
	// Metadata wants groups by their names. An empty group wants that there is one of that name; its keys must have equal JSON values, and nil
	// wants that there is such a key.
	Metadata Metadata

	Since, Until time.Time // saved then or later; saved before then

	Order Order // default: AsFound
	Limit int   // so many at the most; 0: all

	// Settled wants what is folded into the index alone, and as it was when it was folded: no marks are listed, and no records read.
	Settled bool
	// MaxPending is how many marked calls a shard may have before the query fails with a *PendingError: each of them may cost a request. Default 50,000.
	MaxPending int
	// Account is told what the query went by, as it goes; nil: nobody is.
	Account *Account
}

// maxPending is the default of Query.MaxPending.
const maxPending = 50_000

// Args wants arguments by their names: a value, its digest, or Any. A call without an argument of the name never matches.
type Args map[string]any

// Any is the argument that is there, whatever its value.
var Any = anyValue{}

type anyValue struct{}

// Order is in which order calls are wanted.
type Order int

// The orders.
const (
	AsFound  Order = iota // what is folded first, the calls of a function together, by module and key; then the others, by key
	ByKey                 // ascending
	Newest                // the last saved first
	Oldest                // the first saved first
	orderEnd              // of the orders
)

// Template is a query whose values are digests. It is made once and matched often.
type Template struct {
	query    Query
	result   digest.Digest
	args     map[string]digest.Digest // zero: any
	metadata map[string]map[string]any
}

// Template digests the values of a query. It fails with an *digest.IndigestibleError, or where the query cannot be meant. A nil scheme is the one
// without hooks.
func (q Query) Template(s *digest.Scheme) (*Template, error) {
	if s == nil {
		s = scheme
	}
	if q.Order < 0 || q.Order >= orderEnd {
		return nil, fmt.Errorf("query: there is no order %d", q.Order)
	}
	if q.MaxPending < 0 {
		return nil, fmt.Errorf("query: at most %d marked calls cannot be kept", q.MaxPending)
	}
	if q.Limit < 0 {
		return nil, fmt.Errorf("query: a limit of %d calls cannot be kept", q.Limit)
	}
	t := &Template{query: q, args: make(map[string]digest.Digest, len(q.Args))}
	var err error
	if q.Result != nil {
		if t.result, err = s.Of(q.Result); err != nil {
			return nil, fmt.Errorf("query: result: %w", err)
		}
	}
	for name, value := range q.Args {
		if value == Any {
			t.args[name] = digest.Digest{}
			continue
		}
		if t.args[name], err = s.Of(value); err != nil {
			return nil, fmt.Errorf("query: argument %s: %w", name, err)
		}
	}
	if t.metadata, err = jsonMetadata(q.Metadata); err != nil {
		return nil, err
	}
	return t, nil
}

// Match says whether a record is wanted. It depends on nothing else: the outcome of every query is defined by it.
func (t *Template) Match(r *Record) bool {
	q := &t.query
	switch {
	case q.Name != "" && q.Name != r.Name,
		q.Module != "" && q.Module != r.Module,
		!q.Version.IsZero() && q.Version != r.Version,
		!q.Code.IsZero() && q.Code != r.Code,
		q.Result != nil && t.result != r.Result,
		!q.Since.IsZero() && r.Saved.Before(q.Since),
		!q.Until.IsZero() && !r.Saved.Before(q.Until):
		return false
	}
	for name, wanted := range t.args {
		got, ok := r.argument(name)
		if !ok || !wanted.IsZero() && got != wanted {
			return false
		}
	}
	return matchMetadata(t.metadata, r.Metadata)
}

// wantsAll says whether the template wants every record.
func (t *Template) wantsAll() bool {
	q := &t.query
	return q.Name == "" && q.Module == "" && q.Version.IsZero() && q.Code.IsZero() && q.Result == nil && len(t.args) == 0 && len(t.metadata) == 0 && q.Since.IsZero() && q.Until.IsZero()
}

// argument is the digest of an argument.
func (c *Call) argument(name string) (digest.Digest, bool) {
	for _, a := range c.Arguments {
		if a.Name == name {
			return a.Digest, true
		}
	}
	return digest.Digest{}, false
}
