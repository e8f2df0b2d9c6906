package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// Manifest is what a shard's index consists of. It is not changed once it is made.
type Manifest struct {
	Shard     layout.Shard
	Seq       int64  // 1 for the first
	Write     string // drawn anew for each
	Folded    time.Time
	Segments  []Segment
	Functions []Function // by name
	Retired   []Retired
}

// Segment is a segment that is listed. Its rows that are not deleted are current.
type Segment struct {
	ID          string
	Rows        int64
	Table       Object
	Filter      Filter
	First, Last Position
	Names       []string // of its functions; nil: too many to say
	Saved       Span
	Deleted     int64
	Deletions   *Deletions // nil: none
}

// Object says how an object must be.
type Object struct {
	Size   int64         `json:"size"`
	SHA256 digest.Digest `json:"sha256"`
}

// Filter is the object of a filter.
type Filter struct {
	Object
	Head int64 `json:"head"` // bytes of its head
}

// Position is the place of a row in the order of rows.
type Position struct {
	Name   string        `json:"name"`
	Module string        `json:"module,omitempty"`
	Key    digest.Digest `json:"key"`
}

// Compare orders positions as rows are ordered.
func (p Position) Compare(other Position) int {
	return cmp.Or(cmp.Compare(p.Name, other.Name), cmp.Compare(p.Module, other.Module), p.Key.Compare(other.Key))
}

// Span is from the earliest to the latest time.
type Span struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Deletions says which rows of a segment are deleted: a RoaringBitmap in its portable format.
type Deletions struct {
	Data []byte // nil: an object has it
	ID   string // of that object
	Object
}

// Function is what the current rows of a function add up to.
type Function struct {
	Name  string        `json:"name"`
	Calls int64         `json:"calls"`
	Saved time.Time     `json:"saved"` // the latest of a save that was folded
	Spent time.Duration `json:"spent"` // run times
}

// Retired is a segment, or an object of deletions, that is not listed any more, but that who has read an earlier manifest may still read.
type Retired struct {
	ID        string    `json:"id"`
	Deletions bool      `json:"deletions,omitempty"`
	At        time.Time `json:"at"` // the store's clock
}

// Retention is how long what is retired stays.
const Retention = 24 * time.Hour

// Change is what the next manifest has and its predecessor has not.
type Change struct {
	Folded  time.Time           // zero: no fold
	Now     time.Time           // the store's clock: of what is retired by this change
	Add     []Segment           // new segments
	Delete  map[string]Deleting // by segment: all its deleted rows from now on
	Replace []string            // segments that are listed no more, since those in Add have their current rows
	Count   []Function          // differences: calls and spent are added, saved is kept if it is later
}

// Deleting is the deleted rows of a segment.
type Deleting struct {
	Rows      int64 // how many they are now
	Deletions Deletions
}

// First is the manifest of a shard that has none: nothing, under a write id.
func First(shard layout.Shard, write string) *Manifest {
	return &Manifest{Shard: shard, Seq: 1, Write: write}
}

// Apply returns the manifest after a change, under its own write id. It fails where the change was made for another manifest, which is a mistake of the caller.
func (m *Manifest) Apply(write string, c Change) (*Manifest, error) {
	next := &Manifest{Shard: m.Shard, Seq: m.Seq + 1, Write: write, Folded: m.Folded}
	if c.Folded.After(next.Folded) {
		next.Folded = c.Folded
	}
	for _, r := range m.Retired {
		if c.Now.Sub(r.At) < Retention {
			next.Retired = append(next.Retired, r)
		}
	}
	retire := func(id string, deletions bool) {
		next.Retired = append(next.Retired, Retired{id, deletions, c.Now})
	}
	left := maps.Clone(c.Delete)
	replaced := map[string]bool{}
	for _, id := range c.Replace {
		replaced[id] = true
	}
	for _, s := range m.Segments {
		deleting, changes := left[s.ID]
		delete(left, s.ID)
		old := s.Deletions
		switch {
		case replaced[s.ID]:
			retire(s.ID, false)
			delete(replaced, s.ID)
		case changes && deleting.Rows == s.Rows: // nothing of it is current any more
			retire(s.ID, false)
		case changes:
			s.Deleted, s.Deletions = deleting.Rows, &deleting.Deletions
			next.Segments = append(next.Segments, s)
		default:
			next.Segments = append(next.Segments, s)
			continue
		}
		if old != nil && old.ID != "" {
			retire(old.ID, true)
		}
	}
	if len(left) > 0 || len(replaced) > 0 {
		return nil, errors.New("the change is to segments that the manifest does not list")
	}
	next.Segments = append(next.Segments, c.Add...)
	next.Functions = count(m.Functions, c.Count)
	return next, next.check()
}

// count adds differences to functions. A function without calls is left out.
func count(functions, differences []Function) []Function {
	sums := map[string]Function{}
	for _, f := range functions {
		sums[f.Name] = f
	}
	for _, d := range differences {
		f := sums[d.Name]
		f.Name, f.Calls, f.Spent = d.Name, f.Calls+d.Calls, f.Spent+d.Spent
		if d.Saved.After(f.Saved) {
			f.Saved = d.Saved
		}
		sums[d.Name] = f
	}
	maps.DeleteFunc(sums, func(_ string, f Function) bool { return f.Calls == 0 })
	return slices.SortedFunc(maps.Values(sums), func(a, b Function) int { return cmp.Compare(a.Name, b.Name) })
}

// Lists says whether a segment's table and filter, or an object of deletions, is listed, or retired and still to be kept.
func (m *Manifest) Lists(id string) bool {
	for _, s := range m.Segments {
		if s.ID == id || s.Deletions != nil && s.Deletions.ID == id {
			return true
		}
	}
	return slices.ContainsFunc(m.Retired, func(r Retired) bool { return r.ID == id })
}

// Current is how many rows are current.
func (m *Manifest) Current() int64 {
	var n int64
	for _, s := range m.Segments {
		n += s.Rows - s.Deleted
	}
	return n
}

// check says what is wrong with a manifest, whoever made it.
func (m *Manifest) check() error {
	if m.Seq < 1 || !layout.IsID(m.Write) {
		return fmt.Errorf("seq %d and write id %q are none of a manifest", m.Seq, m.Write)
	}
	ids := map[string]bool{}
	unique := func(id string) error {
		if !layout.IsID(id) || ids[id] {
			return fmt.Errorf("the id %q is none, or stands twice", id)
		}
		ids[id] = true
		return nil
	}
	for _, s := range m.Segments {
		if err := unique(s.ID); err != nil {
			return err
		}
		if err := s.check(unique); err != nil {
			return fmt.Errorf("segment %s: %w", s.ID, err)
		}
	}
	for _, r := range m.Retired {
		if err := unique(r.ID); err != nil {
			return err
		}
	}
	var calls int64
	for i, f := range m.Functions {
		if f.Calls < 1 || i > 0 && m.Functions[i-1].Name >= f.Name {
			return fmt.Errorf("the function %q has %d calls, or does not come after the one before", f.Name, f.Calls)
		}
		calls += f.Calls
	}
	if calls != m.Current() {
		return fmt.Errorf("the functions have %d calls, the segments %d rows", calls, m.Current())
	}
	return nil
}

func (s *Segment) check(unique func(id string) error) error {
	d := s.Deletions
	switch {
	case s.Rows < 1 || s.Deleted < 0 || s.Deleted >= s.Rows || (s.Deleted > 0) != (d != nil):
		return fmt.Errorf("%d rows, %d of them deleted", s.Rows, s.Deleted)
	case s.Table.Size < 1 || s.Filter.Head < 1 || s.Filter.Size < s.Filter.Head:
		return fmt.Errorf("a table of %d bytes, a filter of %d with a head of %d", s.Table.Size, s.Filter.Size, s.Filter.Head)
	case s.First.Compare(s.Last) > 0 || s.Saved.First.After(s.Saved.Last):
		return errors.New("its first row is not before its last")
	case d == nil:
		return nil
	case (len(d.Data) == 0) == (d.ID == "") || d.ID != "" && d.Size < 1:
		return errors.New("its deletions are neither here nor in an object")
	case d.ID != "":
		return unique(d.ID)
	}
	return nil
}
