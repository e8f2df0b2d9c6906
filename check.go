package quiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// What a check is made of.
type (
	Finding     = callindex.Finding
	FindingKind = callindex.FindingKind
	Checked     = callindex.Checked
)

// What a check finds beside what callindex names.
const (
	LostFormat     FindingKind = "lost format"     // the object that says what the bucket is: the next who writes makes another, under whose id nothing that is signed is believed, and gc removes nothing
	DanglingResult FindingKind = "dangling result" // a record whose result, or a part of it, is not there: the call is a miss, and computed again
	DamagedValue   FindingKind = "damaged value"   // a value that is not what its key says: likewise
)

// CheckOptions say how to check a store; nil, or a zero field, means the default.
type CheckOptions struct {
	Repair   bool // heal the index: see callindex.Store.Check
	ReadData bool // read every value and segment whole, and compare digests
	Progress func(Checked)
}

// Check compares records, index and values, and yields what is wrong. It reads every record by a request, all rows of the index, and lists the values. What changes meanwhile is not taken for wrong: a value that a record names is looked for
// again before it counts as missing.
//
// A missing or damaged value heals when its call is computed again; Check changes neither values nor records, but for records that cannot be believed.
func (s *Store) Check(ctx context.Context, options *CheckOptions) iter.Seq2[Finding, error] {
	o := CheckOptions{}
	if options != nil {
		o = *options
	}
	return func(yield func(Finding, error) bool) {
		var named []reference
		records := 0
		index := s.Calls.Check(ctx, &callindex.CheckOptions{Repair: o.Repair, ReadData: o.ReadData, Progress: o.Progress, Record: func(r *Record) error {
			named = append(named, references(r)...)
			records++
			return nil
		}})
		for f, err := range index {
			if !yield(f, err) || err != nil {
				return
			}
		}
		id, err := s.id(ctx, false)
		if err != nil {
			yield(Finding{}, err)
			return
		}
		if id == "" && records > 0 && !yield(Finding{Kind: LostFormat, Object: layout.Format, Err: errors.New("it is gone; bring it back from a copy, or save something, which makes a new one: unless the store signs, that is as good")}, nil) {
			return
		}
		for f, err := range s.checkValues(ctx, named, o.ReadData) {
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// reference is a record's mention of a value.
type reference struct{ value, record digest.Digest }

func references(r *Record) []reference {
	key, err := r.Key()
	if err != nil {
		return nil // it was read by its key
	}
	var all []reference
	for _, value := range append(slices.Clone(r.Parts), r.Result) {
		if !value.IsZero() {
			all = append(all, reference{value, key})
		}
	}
	return all
}

// checkValues yields the references to values that are not there, and, if the values are to be read, those that are damaged.
func (s *Store) checkValues(ctx context.Context, named []reference, read bool) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		slices.SortFunc(named, func(a, b reference) int { return a.value.Compare(b.value) })
		missing := func(upTo func(digest.Digest) bool) bool {
			for len(named) > 0 && upTo(named[0].value) {
				r := named[0]
				named = named[1:]
				there, err := s.Values.Contains(ctx, r.value)
				if err != nil {
					yield(Finding{}, err)
					return false
				}
				if !there && !yield(Finding{
					Kind: DanglingResult, Object: layout.RecordSpace.Name(r.record), Key: r.record, Err: fmt.Errorf("it names the value %s, which is not there", r.value),
				}, nil) {
					return false
				}
			}
			return true
		}
		for value, err := range s.Values.List(ctx, digest.Digest{}) {
			if err != nil {
				yield(Finding{}, err)
				return
			}
			if !missing(func(d digest.Digest) bool { return d.Compare(value) < 0 }) {
				return
			}
			for len(named) > 0 && named[0].value == value {
				named = named[1:]
			}
			if !read {
				continue
			}
			damage, err := s.readThrough(ctx, value)
			if err != nil {
				yield(Finding{}, err)
				return
			}
			if damage != nil && !yield(Finding{Kind: DamagedValue, Object: layout.ValueSpace.Name(value), Key: value, Err: damage}, nil) {
				return
			}
		}
		missing(func(digest.Digest) bool { return true })
	}
}

// readThrough reads a value to its end, and returns what is damaged in it.
func (s *Store) readThrough(ctx context.Context, value digest.Digest) (damage, err error) {
	r, err := s.Values.Open(ctx, value)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		r.Close()
	}
	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		return damaged, nil
	}
	if errors.Is(err, ErrNotFound) { // it was evicted since it was listed
		return nil, nil
	}
	return nil, err
}
