package segment

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"slices"

	"github.com/FastFilter/xorfilter"

	"github.com/quivercache/quiver/digest"
)

const (
	smallTable     = 1 << 16 // rows of a table whose row groups are smaller
	smallGroupRows = 4096
	// groupSize is how many bytes rows have, before they are compressed, that end a row group: more are kept in memory only for the row that goes beyond.
	groupSize = 64 << 20

	// MaxNames is how many names a Summary has at the most.
	MaxNames = 64
)

// Summary is what a manifest says of a segment.
type Summary struct {
	Rows          int64
	Table, Filter Object
	Head          int64 // bytes of the filter's head
	First, Last   Position
	Names         []string // of the functions that have rows, ascending; nil where they are more than MaxNames
	Saved         Span
}

// Object says how an object must be.
type Object struct {
	Size   int64
	SHA256 digest.Digest
}

// Span is from the earliest to the latest time, in nanoseconds since 1970.
type Span struct{ First, Last int64 }

// Write writes a table and its filter. Rows come in ascending order of their positions, at least one and at most as many as atMost says, which decides how large row groups are. The next row
// may take the place of the one before; what that refers to (its texts, arguments, parts and metadata) must not change. An error of the sequence ends it; after an error, what was written is
// of no use.
//
// In memory are a row group, of some 64 MiB at the most, twice, and some 40 bytes a row for the filter. The table is written as its row groups are complete, the filter at the end.
func Write(table, filter io.Writer, atMost int, rows iter.Seq2[*Row, error]) (Summary, error) {
	groupRows := maxGroupRows
	if atMost <= smallTable {
		groupRows = smallGroupRows
	}
	return write(table, filter, atMost, rows, groupRows, metadataRows)
}

// write is Write with row groups, and pages of metadata, of so many rows.
func write(table, filter io.Writer, atMost int, rows iter.Seq2[*Row, error], groupRows, pageRows int) (Summary, error) {
	if atMost < 1 || atMost > MaxRows {
		return Summary{}, fmt.Errorf("writing a segment of up to %d rows: it has 1 to %d", atMost, MaxRows)
	}
	w := &writer{atMost: atMost, groupRows: groupRows, table: newSum(table), filter: newSum(filter), constants: map[string]uint64{}}
	w.encoder = newEncoder(w.table, pageRows)
	if err := w.write(rows); err != nil {
		return Summary{}, fmt.Errorf("writing a segment: %w", err)
	}
	w.summary.Table, w.summary.Filter = w.table.object(), w.filter.object()
	return w.summary, nil
}

// sum counts and hashes what is written.
type sum struct {
	to   io.Writer
	size int64
	hash hash.Hash
}

func newSum(to io.Writer) *sum { return &sum{to: to, hash: sha256.New()} }

func (s *sum) Write(b []byte) (int, error) {
	n, err := s.to.Write(b)
	s.size += int64(n)
	s.hash.Write(b[:n])
	return n, err
}

func (s *sum) object() Object { return Object{s.size, digest.Digest(s.hash.Sum(nil))} }

// writer is a segment being written.
type writer struct {
	atMost    int
	groupRows int
	table     *sum
	filter    *sum
	encoder   *encoder
	summary   Summary

	rows []Row // of the row group
	size int   // of them, in bytes

	keys      []uint64          // the numbers of all keys
	numbers   []uint64          // of the row group
	constants map[string]uint64 // of arguments, by name
	blocks    []byte
	groups    []group
	builder   xorfilter.BinaryFuseBuilder
}

func (w *writer) write(rows iter.Seq2[*Row, error]) error {
	for r, err := range rows {
		if err != nil {
			return err
		}
		if err := w.add(r); err != nil {
			return err
		}
	}
	if w.summary.Rows == 0 {
		return errors.New("there are no rows")
	}
	if err := w.flush(); err != nil {
		return err
	}
	return w.finish()
}

func (w *writer) add(r *Row) error {
	if err := r.Check(); err != nil {
		return err
	}
	s := &w.summary
	at := r.Position()
	switch {
	case s.Rows == int64(w.atMost):
		return fmt.Errorf("there are more rows than the %d that were announced", w.atMost)
	case s.Rows == 0:
		s.First, s.Saved = at, Span{r.Saved, r.Saved}
		s.Names = []string{r.Name}
	case at.Compare(s.Last) <= 0:
		return fmt.Errorf("the row of %q, module %q, key %s does not come after the one before: of %q, module %q, key %s", at.Name, at.Module, at.Key, s.Last.Name, s.Last.Module, s.Last.Key)
	case at.Name != s.Last.Name && s.Names != nil:
		if s.Names = append(s.Names, r.Name); len(s.Names) > MaxNames {
			s.Names = nil
		}
	}
	s.Rows++
	s.Last = at
	s.Saved = Span{min(s.Saved.First, r.Saved), max(s.Saved.Last, r.Saved)}
	w.keys = append(w.keys, NumberOfKey(r.Key))
	w.rows = append(w.rows, *r)
	if w.size += r.size(); len(w.rows) == w.groupRows || w.size >= groupSize {
		return w.flush()
	}
	return nil
}

// flush writes the row group that was collected.
func (w *writer) flush() error {
	if len(w.rows) == 0 {
		return nil
	}
	if len(w.groups) == MaxGroups {
		return fmt.Errorf("%d rows are too large for one segment: write fewer rows", w.summary.Rows)
	}
	last := len(w.rows) - 1
	g := group{rows: int64(len(w.rows)), low: w.rows[0].Position(), high: w.rows[last].Position(), saved: Span{w.rows[0].Saved, w.rows[0].Saved}}
	for i := range w.rows {
		g.saved = Span{min(g.saved.First, w.rows[i].Saved), max(g.saved.Last, w.rows[i].Saved)}
	}
	var err error
	if g.table.Length, g.sum, err = w.encoder.group(w.rows); err != nil {
		return err
	}
	if g.table.Length > maxGroupSize {
		return fmt.Errorf("a row group has %d bytes, more than the %d that it may have", g.table.Length, maxGroupSize)
	}
	before := len(w.blocks)
	if w.blocks, err = appendFuse[uint8](w.blocks, &w.builder, w.distinct()); err != nil {
		return err
	}
	g.block.Length = int64(len(w.blocks) - before)
	w.groups = append(w.groups, g)
	clear(w.rows)
	w.rows, w.size = w.rows[:0], 0
	return nil
}

// distinct are the numbers of the row group's filter, each once.
func (w *writer) distinct() []uint64 {
	numbers := w.numbers[:0]
	clear(w.constants)
	for i := range w.rows {
		r := &w.rows[i]
		numbers = append(numbers, NumberOfKey(r.Key))
		if !r.Result.IsZero() {
			numbers = append(numbers, NumberOfResult(r.Result))
		}
		for j := range r.Arguments {
			a := &r.Arguments[j]
			constant, known := w.constants[a.Name]
			if !known {
				constant = argumentConstant(a.Name)
				w.constants[a.Name] = constant
			}
			numbers = append(numbers, firstOf(a.Digest)^constant)
		}
	}
	w.numbers = numbers
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// finish writes the end of the table, and the filter.
func (w *writer) finish() error {
	excerpts, err := w.encoder.finish()
	if err != nil {
		return err
	}
	for i := range w.groups {
		w.groups[i].excerpt = excerpts[i]
	}
	keys, err := appendFuse[uint16](nil, &w.builder, w.keys)
	if err != nil {
		return err
	}
	head := appendHead(nil, w.table.size, w.summary.Rows, len(keys), w.groups)
	w.summary.Head = int64(len(head))
	for _, part := range [][]byte{head, keys, w.blocks} {
		if _, err := w.filter.Write(part); err != nil {
			return err
		}
	}
	return nil
}
