package segment

import (
	"slices"

	"github.com/quivercache/quiver/digest"
)

// Predicate says which rows are wanted. Each member that is set narrows it, and all must hold. Its zero value wants all rows.
type Predicate struct {
	Name      string
	Module    string
	Version   Version
	Code      digest.Digest
	Result    *digest.Digest  // of a zero digest: rows without a result
	Arguments []Argument      // an argument of the name and digest; of the name alone where the digest is zero
	Keys      []digest.Digest // one of these; nil: any. They are not changed while a scan runs
	First     digest.Digest   // the key is this or above
	Last      digest.Digest   // the key is this or below; zero: any
	After     *Position       // the row comes after it
	Since     *int64          // saved then or later, in nanoseconds since 1970
	Until     *int64          // saved before then
}

// Numbers are what the filter of a row group must have where the row group has a row that is wanted. Of Keys, it must have one: ask [Filter.Keys].
func (p *Predicate) Numbers() []uint64 {
	var numbers []uint64
	if p.Result != nil && !p.Result.IsZero() {
		numbers = append(numbers, NumberOfResult(*p.Result))
	}
	for _, a := range p.Arguments {
		if !a.Digest.IsZero() {
			numbers = append(numbers, NumberOfArgument(a.Name, a.Digest))
		}
	}
	return numbers
}

// Filters says whether a filter can tell what matches.
func (p *Predicate) Filters() bool { return p.Keys != nil || len(p.Numbers()) > 0 }

// mayMatch is false where the head says that none of a row group's rows is wanted.
func (p *Predicate) mayMatch(g *group) bool {
	oneName := g.low.Name == g.high.Name
	oneModule := oneName && g.low.Module == g.high.Module // then keys ascend
	above := func(key digest.Digest) bool { return oneModule && key.Compare(g.high.Key) > 0 }
	below := func(key digest.Digest) bool { return oneModule && key.Compare(g.low.Key) < 0 }
	switch {
	case p.Name != "" && (p.Name < g.low.Name || p.Name > g.high.Name),
		p.Module != "" && oneName && (p.Module < g.low.Module || p.Module > g.high.Module),
		above(p.First), !p.Last.IsZero() && below(p.Last),
		p.Keys != nil && !slices.ContainsFunc(p.Keys, func(k digest.Digest) bool { return !above(k) && !below(k) }),
		p.After != nil && g.high.Compare(*p.After) <= 0,
		p.Since != nil && g.saved.Last < *p.Since,
		p.Until != nil && g.saved.First >= *p.Until:
		return false
	}
	return true
}
