package callindex

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// plan is how one shard answers a query: what its segments have, and what its marks say beside.
type plan struct {
	*querying
	from    progress
	asOf    time.Time       // what was saved before is in the segments, or marked
	dirty   dirty           // keys whose rows say nothing
	pending []digest.Digest // of them, those that may match, in order
	early   []*Record       // the first records of them that match
	parts   []*reading
}

// progress is how far a query had come in a shard when it had to begin anew.
type progress struct {
	last *segment.Position // of the rows that it has yielded; nil: none
	owed dirty             // keys that were marked when it began, and whose records it has not yielded
}

// has says whether the query has yielded a call, or need not: it was not there when it began.
func (p progress) has(r *Record) bool {
	if _, owed := p.owed[r.key]; owed || p.last == nil {
		return false
	}
	return r.position().Compare(*p.last) <= 0
}

// plan asks a shard what there is to read for a query. The marks are listed before the manifest is read: what a folder takes from the one is then in the other.
func (q *querying) plan(ctx context.Context, shard layout.Shard, from progress) (*plan, error) {
	s, t := q.store, q.template
	p := &plan{querying: q, from: from, dirty: dirty{}}
	var err error
	if !t.query.Settled {
		if p.dirty, err = s.dirtyUnder(ctx, t.marks(shard), cmp.Or(t.query.MaxPending, maxPending)); err != nil {
			return nil, err
		}
		maps.Copy(p.dirty, from.owed)
	}
	l, err := s.manifest(ctx, shard)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	p.pending = t.maybe(p.dirty)
	group.Go(func() (err error) {
		err = p.readEarly(ctx)
		return err
	})
	if l.Manifest != nil {
		p.asOf = l.Folded
		for _, listed := range l.Segments {
			if t.mayBeIn(listed) {
				p.parts = append(p.parts, &reading{store: s, shard: shard, listed: listed, predicate: t.predicate(from.last), keep: t.selective()})
			}
		}
	}
	for _, part := range p.parts {
		part.spanBytes = t.spanBytes(len(p.parts))
		group.Go(func() error { return part.begin(ctx) })
	}
	return p, group.Wait()
}

// maybe returns the marked keys whose arguments may be those that the template wants, in order.
func (t *Template) maybe(d dirty) []digest.Digest {
	wanted := t.signature()
	var keys []digest.Digest
	for key, m := range d {
		if m.Signature&wanted == wanted {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, digest.Digest.Compare)
	return keys
}

// readEarly reads the records of the first pending keys, as many as are read at once.
func (p *plan) readEarly(ctx context.Context) error {
	n := min(len(p.pending), scanParallel)
	for r, err := range p.read(ctx, p.pending[:n]) {
		if err != nil {
			return err
		}
		p.early = append(p.early, r)
	}
	p.pending = p.pending[n:]
	return nil
}

// read yields the records of marked keys, as far as they match and were not yielded before.
func (p *plan) read(ctx context.Context, keys []digest.Digest) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for r, err := range p.store.believed(p.template, p.store.loadEach(ctx, sequence(keys))) {
			if err == nil && p.from.has(r) {
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// sequence yields keys.
func sequence(keys []digest.Digest) iter.Seq2[digest.Digest, error] {
	return func(yield func(digest.Digest, error) bool) {
		for _, key := range keys {
			if !yield(key, nil) {
				return
			}
		}
	}
}

// signature is the bits that a mark of a call has that matches.
func (t *Template) signature() layout.Signature {
	var arguments []Argument
	for name, wanted := range t.args {
		if !wanted.IsZero() {
			arguments = append(arguments, Argument{name, wanted})
		}
	}
	return SignatureOf(arguments)
}

// marks is what the names of the marks in a shard begin with that may concern the template.
func (t *Template) marks(shard layout.Shard) string {
	if t.query.Name != "" {
		return layout.MarkFolder(layout.FunctionOf(t.query.Name))
	}
	return layout.MarksFolder(shard)
}

// selective says whether filters tell most row groups from those that have what the template wants.
func (t *Template) selective() bool { return len(t.predicate(nil).Numbers()) > 0 }

// spanBytes is how much is read at once of each of so many segments: a query without a name reads several shards.
func (t *Template) spanBytes(parts int) int64 {
	if t.query.Name == "" {
		return spanBytes / shardsAhead
	}
	return spanBytes / int64(parts)
}

// predicate is what the template asks of rows after a position.
func (t *Template) predicate(after *segment.Position) *segment.Predicate {
	q := &t.query
	p := &segment.Predicate{Name: q.Name, Module: q.Module, Code: q.Code, After: after, Since: nanoseconds(q.Since), Until: nanoseconds(q.Until)}
	if !q.Version.IsZero() {
		p.Version = versionOf(q.Version)
	}
	if q.Result != nil {
		p.Result = &t.result
	}
	for name, wanted := range t.args {
		p.Arguments = append(p.Arguments, segment.Argument{Name: name, Digest: wanted})
	}
	return p
}

// beyondPredicate says whether the template wants more of a row than its predicate tests.
func (t *Template) beyondPredicate() bool {
	q := &t.query
	return len(t.metadata) > 0 || !q.Since.IsZero() && nanoseconds(q.Since) == nil || !q.Until.IsZero() && nanoseconds(q.Until) == nil
}

// nanoseconds is a time as rows have it; nil where there is none, or where rows can have none so far away, which Match tests.
func nanoseconds(t time.Time) *int64 {
	n := t.UnixNano()
	if !time.Unix(0, n).Equal(t) {
		return nil
	}
	return &n
}

// mayBeIn says whether a segment may have rows that match, by what its manifest says of it.
func (t *Template) mayBeIn(s manifest.Segment) bool {
	q := &t.query
	return (q.Name == "" || s.First.Name <= q.Name && q.Name <= s.Last.Name && (s.Names == nil || slices.Contains(s.Names, q.Name))) &&
		(q.Since.IsZero() || !s.Saved.Last.Before(q.Since)) &&
		(q.Until.IsZero() || s.Saved.First.Before(q.Until))
}

// records yields the records that match: those whose rows count, in the order of rows, then those that are marked.
func (p *plan) records(ctx context.Context) iter.Seq2[*Record, error] {
	return func(out func(*Record, error) bool) {
		yield := func(r *Record, err error) bool {
			if err == nil {
				r.Inline = nil // which rows do not have
			}
			return out(r, err)
		}
		for r, err := range p.settled(ctx) {
			if !yield(r, err) || err != nil {
				return
			}
		}
		for _, r := range p.early {
			if !yield(r, nil) {
				return
			}
		}
		for r, err := range p.read(ctx, p.pending) {
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// settled yields the records that match by their rows.
func (p *plan) settled(ctx context.Context) iter.Seq2[*Record, error] {
	sources := make([]iter.Seq2[*Record, error], len(p.parts))
	for i, part := range p.parts {
		sources[i] = part.records(ctx, p.dirty, p.template)
	}
	merged := mergeSorted(sources, compareRecords)
	if p.store.signer != nil {
		return p.store.confirmed(ctx, p.template, merged) // their signatures tell what rows cannot
	}
	return merged
}
