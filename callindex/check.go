package callindex

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// FindingKind says what is wrong with a store.
type FindingKind string

// What a check finds.
const (
	DamagedRecord FindingKind = "damaged record" // a record that cannot be believed: a miss, until it is saved again
	UnlistedCall  FindingKind = "unlisted call"  // a record that no query finds
	StaleRow      FindingKind = "stale row"      // a row that is not as its record is, or stands twice
	LostRecord    FindingKind = "lost record"    // a row without a record
	DamagedIndex  FindingKind = "damaged index"  // a manifest, segment, filter or mark that cannot be believed: queries fail
	Orphan        FindingKind = "orphan segment" // an object of a segment that no manifest lists: it costs its storage
	OldMark       FindingKind = "old mark"       // a mark that nobody has folded for a day: it makes queries dearer
)

// Finding is one thing that is wrong.
type Finding struct {
	Kind   FindingKind
	Object string // its name
	Key    digest.Digest
	Err    error // what is wrong; may be nil
	Healed bool  // by the check
}

// CheckOptions say how to check; nil, or a zero field, means the default.
type CheckOptions struct {
	Repair   bool // heal what is found
	ReadData bool // read all segments whole, and compare their SHA-256
	Record   func(*Record) error
	Progress func(Checked)
}

// Checked is how far a check has come.
type Checked struct{ Records, Rows, Marks, Shards int }

const (
	// orphanAge is how old an object must be before it counts as an orphan: a folder may be about to list it.
	orphanAge = time.Hour
	// oldMark is how old a mark must be before it is worth a word.
	oldMark = 24 * time.Hour
)

// Check compares the records with the index, and yields what is wrong. It reads every record by a request, and all rows. What changes meanwhile is not taken for wrong.
//
// With Repair, a call whose row is missing or wrong gets a mark, so that queries look at its record again; a shard with a damaged index is made anew from the records; a damaged record that can be removed safely is; and a Fold
// and a Sweep follow.
func (s *Store) Check(ctx context.Context, options *CheckOptions) iter.Seq2[Finding, error] {
	c := &check{store: s}
	if options != nil {
		c.options = *options
	}
	if c.options.Progress == nil {
		c.options.Progress = func(Checked) {}
	}
	return func(yield func(Finding, error) bool) {
		c.yield = yield
		if err := c.run(ctx); err != nil && !errors.Is(err, errStopped) {
			yield(Finding{}, err)
		}
	}
}

// errStopped says that the caller wants no more.
var errStopped = errors.New("stopped")

// check is one call of Check.
type check struct {
	store   *Store
	options CheckOptions
	yield   func(Finding, error) bool
	done    Checked
	truth   []known // by key
	odd     map[digest.Digest]*keyspace.DamagedError
	rebuild []layout.Shard
	broken  []Finding // what is healed by that
}

// known is what a check keeps of a record.
type known struct {
	key      digest.Digest
	write    [16]byte
	function layout.Function
	listed   bool // a row, or a mark, has it
}

func (c *check) find(f Finding) error {
	if !c.yield(f, nil) {
		return errStopped
	}
	return nil
}

func (c *check) run(ctx context.Context) error {
	if err := c.readTruth(ctx); err != nil {
		return err
	}
	c.options.Progress(c.done)
	shards, err := c.store.shards(ctx)
	if err != nil {
		return err
	}
	for _, shard := range shards {
		err := c.shard(ctx, shard)
		if errors.Is(err, errVanished) { // it may have been merged away just now
			err = c.shard(ctx, shard)
		}
		if errors.Is(err, errVanished) {
			err = &IndexError{layout.Manifest(shard), err}
		}
		if damaged, ok := errors.AsType[*IndexError](err); ok {
			c.rebuild = append(c.rebuild, shard)
			for i := range c.truth {
				c.truth[i].listed = c.truth[i].listed || c.truth[i].function.Shard() == shard
			}
			f := Finding{Kind: DamagedIndex, Object: damaged.Object, Err: damaged.Err}
			if err = nil; c.options.Repair {
				c.broken = append(c.broken, f)
			} else {
				err = c.find(f)
			}
		}
		if err != nil {
			return err
		}
		c.done.Shards++
		c.options.Progress(c.done)
	}
	for i := range c.truth {
		if k := &c.truth[i]; !k.listed {
			if err := c.suspect(ctx, k.key, k.function); err != nil {
				return err
			}
		}
	}
	for key, damaged := range c.odd {
		if err := c.damagedRecord(ctx, key, damaged); err != nil {
			return err
		}
	}
	if !c.options.Repair {
		return nil
	}
	if err := c.repair(ctx); err != nil {
		return err
	}
	if _, err := c.store.Fold(ctx, nil); err != nil {
		return err
	}
	_, err = c.store.Sweep(ctx)
	return err
}

// readTruth reads all records.
func (c *check) readTruth(ctx context.Context) error {
	c.odd = map[digest.Digest]*keyspace.DamagedError{}
	for r, err := range c.store.Scan(ctx, digest.Digest{}) {
		if damaged, ok := errors.AsType[*keyspace.DamagedError](err); ok {
			if key, ok := layout.RecordSpace.Parse(damaged.Object); ok {
				c.odd[key] = damaged
			}
			continue
		}
		if err != nil {
			return err
		}
		k := known{key: r.key, function: r.function()}
		if _, err := hex.Decode(k.write[:], []byte(r.write)); err != nil {
			return fmt.Errorf("the record of %s has no write id: %w", r.key, err)
		}
		c.truth = append(c.truth, k)
		if c.options.Record != nil {
			if err := c.options.Record(r); err != nil {
				return err
			}
		}
		if c.done.Records++; c.done.Records%1000 == 0 {
			c.options.Progress(c.done)
		}
	}
	return nil
}

// of is what is known of a key's record, nil where there was none.
func (c *check) of(key digest.Digest) *known {
	at, there := slices.BinarySearchFunc(c.truth, key, func(k known, key digest.Digest) int { return k.key.Compare(key) })
	if !there {
		return nil
	}
	return &c.truth[at]
}

// shard compares a shard's marks and rows with the records that were read before.
func (c *check) shard(ctx context.Context, shard layout.Shard) error {
	s := c.store
	marks, now, _, err := s.marksUnder(ctx, layout.MarksFolder(shard), "", int(^uint(0)>>1))
	if err != nil {
		return err
	}
	marked := map[digest.Digest]bool{}
	for _, f := range marks {
		for _, m := range f.marks {
			marked[m.Key] = true
			if k := c.of(m.Key); k != nil {
				k.listed = true
			}
		}
		if !now.IsZero() && now.Sub(f.since) > oldMark {
			if err := c.find(Finding{Kind: OldMark, Object: f.name, Healed: c.options.Repair}); err != nil {
				return err
			}
		}
	}
	c.done.Marks += len(marks)
	l, err := s.manifest(ctx, shard)
	if err != nil {
		return err
	}
	if l.Manifest != nil {
		if err := c.rows(ctx, shard, l, marked); err != nil {
			return err
		}
	}
	return c.orphans(ctx, shard, l, now)
}

// rows compares a shard's current rows with the records.
func (c *check) rows(ctx context.Context, shard layout.Shard, l listed, marked map[digest.Digest]bool) error {
	if c.options.ReadData {
		for _, in := range l.Segments {
			object := layout.Segment{Shard: shard, ID: in.ID}
			if err := errors.Join(c.store.verify(ctx, object.Table(), in.Table), c.store.verify(ctx, object.Filter(), in.Filter.Object)); err != nil {
				return err
			}
		}
	}
	var last digest.Digest
	for row, err := range c.store.currentRows(ctx, shard, l.Segments) {
		if err != nil {
			return err
		}
		if c.done.Rows++; c.done.Rows%10_000 == 0 {
			c.options.Progress(c.done)
		}
		twice := last == row.Key
		last = row.Key
		if marked[row.Key] {
			continue
		}
		k := c.of(row.Key)
		switch {
		case c.odd[row.Key] != nil:
		case k == nil:
			err = c.suspect(ctx, row.Key, layout.FunctionOf(row.Name))
		default:
			k.listed = true
			if k.write != row.Write || twice {
				err = c.suspect(ctx, row.Key, k.function)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// suspect looks at a call again, now, and says what is wrong if its row is not as its record is, and no mark says so. The record is read before the marks and after the row: if it is the same, it has
// been that all the time.
func (c *check) suspect(ctx context.Context, key digest.Digest, function layout.Function) error {
	s := c.store
	before, err := s.get(ctx, key)
	if err != nil && !isGone(err) {
		return err
	}
	marks, _, _, err := s.marksUnder(ctx, layout.MarksFolder(function.Shard()), "", 1<<30)
	if err != nil {
		return err
	}
	for _, f := range marks {
		if slices.ContainsFunc(f.marks, func(m layout.Mark) bool { return m.Key == key }) {
			return nil
		}
	}
	rows, err := s.currentRowsOf(ctx, function.Shard(), key)
	if err != nil {
		return err
	}
	after, err := s.get(ctx, key)
	if err != nil && !isGone(err) {
		return err
	}
	var kind FindingKind
	switch {
	case (before == nil) != (after == nil) || before != nil && before.write != after.write: // it changes just now, under a mark
		return nil
	case after == nil && len(rows) > 0:
		kind = LostRecord
	case after != nil && len(rows) == 0:
		kind = UnlistedCall
	case len(rows) > 1 || after != nil && writeID(rows[0]) != after.write:
		kind = StaleRow
	default:
		return nil
	}
	if c.options.Repair {
		if err := s.markAgain(ctx, function, key, after); err != nil {
			return err
		}
	}
	return c.find(Finding{Kind: kind, Object: layout.RecordSpace.Name(key), Key: key, Healed: c.options.Repair})
}

// markAgain places a mark of a call whose row is wrong. That of a record has the record's own write id, so that the next fold takes it at once.
func (s *Store) markAgain(ctx context.Context, function layout.Function, key digest.Digest, r *Record) error {
	m := layout.Mark{Function: function, Key: key, Signature: ^layout.Signature(0)} // of any arguments
	if r != nil {
		m.Signature, m.Write = SignatureOf(r.Arguments), r.write
		err := s.bucket.Put(ctx, m.Name(), bucket.Bytes(nil), bucket.IfAbsent())
		if errors.Is(err, bucket.ErrExists) {
			return nil
		}
		return err
	}
	_, err := s.marks.put(ctx, []layout.Mark{m})
	return err
}

// currentRowsOf returns the current rows of a key: one, or none.
func (s *Store) currentRowsOf(ctx context.Context, shard layout.Shard, key digest.Digest) ([]*segment.Row, error) {
	l, err := s.manifest(ctx, shard)
	if err != nil || l.Manifest == nil {
		return nil, err
	}
	var rows []*segment.Row
	for _, in := range l.Segments {
		found, err := s.locate(ctx, shard, in, map[digest.Digest]*segment.Row{key: nil})
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			rows = append(rows, row.Row)
		}
	}
	return rows, nil
}

// damagedRecord tells of a record that cannot be believed, and removes it where that is safe: it is a miss, and so it is when it is gone. Where the store cannot delete conditionally it stays, since it
// may have been saved again meanwhile.
func (c *check) damagedRecord(ctx context.Context, key digest.Digest, damaged *keyspace.DamagedError) error {
	f := Finding{Kind: DamagedRecord, Object: damaged.Object, Key: key, Err: damaged}
	if conditional, ok := bucket.As[bucket.ConditionalDeleter](c.store.bucket); ok && c.options.Repair {
		for _, shard := range layout.AllShards() { // its function is not known: a row may tell it
			rows, err := c.store.currentRowsOf(ctx, shard, key)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if err := c.store.markAgain(ctx, layout.FunctionOf(row.Name), key, nil); err != nil {
					return err
				}
			}
		}
		err := conditional.DeleteIf(op.SingleAttempt(ctx), damaged.Object, damaged.Version)
		if err != nil && !errors.Is(err, bucket.ErrNotFound) && !errors.Is(err, bucket.ErrChanged) {
			return err
		}
		f.Healed = true
	}
	return c.find(f)
}

// orphans tells of objects of segments that the manifest does not list.
func (c *check) orphans(ctx context.Context, shard layout.Shard, l listed, now time.Time) error {
	for info, err := range bucket.All(ctx, c.store.bucket, bucket.ListOptions{Prefix: layout.SegmentFolder(shard)}) {
		if err != nil {
			return err
		}
		object, ok := layout.ParseSegment(info.Key)
		if !ok || l.Manifest != nil && l.Lists(object.ID) || now.Sub(info.ModTime) < orphanAge {
			continue
		}
		if err := c.find(Finding{Kind: Orphan, Object: info.Key, Healed: c.options.Repair}); err != nil {
			return err
		}
	}
	return nil
}
