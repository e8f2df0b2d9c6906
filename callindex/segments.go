package callindex

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

const (
	// wholeFilter is how large a filter may be to be read by one request, rather than its head and those of its blocks that are needed.
	wholeFilter = 4 << 20
	// smallFilter is how large a filter may be to be read whole by who needs its head alone: it takes no longer, and who comes next may need the rest.
	smallFilter = 256 << 10
	// inManifest is how large deletions may be to stand in the manifest.
	inManifest = 4 << 10
)

// errVanished says that an object of a segment has gone since the manifest was read.
var errVanished = errors.New("a segment is gone")

var errSum = errors.New("its SHA-256 is not the one that the manifest has")

// opened is a segment whose head was read.
type opened struct {
	store  *Store
	object layout.Segment
	head   *segment.Head
	filter []byte // all of it, or its head
	whole  bool
}

// open reads the head of a segment, or its whole filter where that is small, or of use and not too large: one request, or none if it is in the cache.
func (s *Store) open(ctx context.Context, shard layout.Shard, listed manifest.Segment, filtering bool) (*opened, error) {
	o := &opened{store: s, object: layout.Segment{Shard: shard, ID: listed.ID}}
	length := listed.Filter.Head
	if o.whole = listed.Filter.Size <= smallFilter || filtering && listed.Filter.Size <= wholeFilter; o.whole {
		length = listed.Filter.Size
	}
	var err error
	if o.filter, err = s.rangeOf(ctx, o.object.Filter(), 0, length); err != nil {
		return nil, err
	}
	if o.head, err = segment.ParseHead(o.filter); err != nil {
		return nil, segmentError(o.object.Filter(), err)
	}
	if o.head.Rows() != listed.Rows || o.head.TableSize() != listed.Table.Size || o.head.FilterSize() != listed.Filter.Size {
		return nil, segmentError(o.object.Filter(), errors.New("it is not the filter that the manifest lists"))
	}
	return o, nil
}

// segmentError is an error about an object of a segment.
func segmentError(name string, err error) error {
	if newer, ok := errors.AsType[*segment.NewerError](err); ok {
		return &keyspace.NewerFormatError{Object: name, Found: int(newer.Found), Known: segment.Format}
	}
	if errors.Is(err, segment.ErrDamaged) {
		return &IndexError{name, err}
	}
	return err
}

// probe returns those of some row groups whose filters may have what matches.
func (o *opened) probe(ctx context.Context, groups []int, p *segment.Predicate) ([]int, error) {
	if !p.Filters() || len(groups) == 0 {
		return groups, nil
	}
	numbers := p.Numbers()
	first, last := o.head.Block(groups[0]), o.head.Block(groups[len(groups)-1])
	blocks, err := o.inFilter(ctx, segment.Range{Offset: first.Offset, Length: last.End() - first.Offset})
	if err != nil {
		return nil, err
	}
	var may []int
	for _, group := range groups {
		at := o.head.Block(group)
		block, err := segment.ParseBlock(blocks[at.Offset-first.Offset : at.End()-first.Offset])
		if err != nil {
			return nil, segmentError(o.object.Filter(), err)
		}
		if block.MayHaveAll(numbers) && (p.Keys == nil || len(block.Keys(p.Keys)) > 0) {
			may = append(may, group)
		}
	}
	return may, nil
}

// inFilter returns a part of the filter.
func (o *opened) inFilter(ctx context.Context, r segment.Range) ([]byte, error) {
	if o.whole {
		return o.filter[r.Offset:r.End()], nil
	}
	return o.store.rangeOf(ctx, o.object.Filter(), r.Offset, r.Length)
}

// rangeOf returns bytes of an object of a segment, which nobody may change, from the cache or by a request.
func (s *Store) rangeOf(ctx context.Context, name string, offset, length int64) ([]byte, error) {
	return s.cache.Range(ctx, name, offset, length, func(ctx context.Context) ([]byte, error) { return s.readRange(ctx, name, offset, length) })
}

// readRange reads bytes of an object of a segment by a request.
func (s *Store) readRange(ctx context.Context, name string, offset, length int64) ([]byte, error) {
	object, err := s.getRange(ctx, name, offset, length)
	var content []byte
	if err == nil {
		defer object.Body.Close()
		content = make([]byte, length)
		_, err = io.ReadFull(object.Body, content)
	}
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", errVanished, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, bucket.ErrInvalid):
		return nil, &IndexError{name, fmt.Errorf("it is shorter than the manifest says: %w", err)}
	}
	return content, err
}

// getRange is GetRange, also of a bucket that has none.
func (s *Store) getRange(ctx context.Context, name string, offset, length int64) (*bucket.Object, error) {
	if ranges, ok := bucket.As[bucket.RangeGetter](s.bucket); ok {
		return ranges.GetRange(ctx, name, offset, length)
	}
	object, err := s.bucket.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, object.Body, offset); err != nil {
		object.Body.Close()
		return nil, err
	}
	return object, nil
}

// deletions returns which rows of a segment are deleted.
func (s *Store) deletions(ctx context.Context, shard layout.Shard, listed manifest.Segment) (*segment.Deletions, error) {
	d := listed.Deletions
	if d == nil {
		return nil, nil
	}
	name, data := layout.Manifest(shard), d.Data
	if d.ID != "" {
		name = layout.Segment{Shard: shard, ID: d.ID}.Deletions()
		var err error
		if data, err = s.rangeOf(ctx, name, 0, d.Size); err != nil {
			return nil, err
		}
		if sha256.Sum256(data) != d.SHA256 {
			return nil, &IndexError{name, errSum}
		}
	}
	deletions, err := segment.DecodeDeletions(data, listed.Rows)
	if err == nil && deletions.Len() != listed.Deleted {
		err = fmt.Errorf("%w: %d rows are deleted, not %d", segment.ErrDamaged, deletions.Len(), listed.Deleted)
	}
	if err != nil {
		return nil, &IndexError{name, err}
	}
	return deletions, nil
}

// writeDeletions writes the deletions of a segment, unless they are small or all of its rows, and says what the manifest has to say of them.
func (s *Store) writeDeletions(ctx context.Context, shard layout.Shard, listed manifest.Segment, d *segment.Deletions) (manifest.Deleting, error) {
	deleting := manifest.Deleting{Rows: d.Len()}
	if deleting.Rows == listed.Rows {
		return deleting, nil
	}
	data, err := d.Encode()
	if err != nil {
		return deleting, err
	}
	if len(data) <= inManifest {
		deleting.Deletions.Data = data
		return deleting, nil
	}
	id, err := op.NewID(s.entropy)
	if err != nil {
		return deleting, err
	}
	deleting.Deletions = manifest.Deletions{ID: id, Object: manifest.Object{Size: int64(len(data)), SHA256: sha256.Sum256(data)}}
	return deleting, s.putUnique(ctx, layout.Segment{Shard: shard, ID: id}.Deletions(), bucket.Bytes(data))
}

// putUnique writes an object whose name nobody else uses: that it is there already means that an answer was lost.
func (s *Store) putUnique(ctx context.Context, name string, body bucket.Source) error {
	err := s.bucket.Put(ctx, name, body, bucket.IfAbsent())
	if errors.Is(err, bucket.ErrExists) {
		return nil
	}
	return err
}

// writeSegment writes rows, which come in their order and are so many at the most, as a segment, and says what the manifest has to say of it. A table that is large is spooled to a temporary file.
func (s *Store) writeSegment(ctx context.Context, shard layout.Shard, atMost int, rows iter.Seq2[*segment.Row, error]) (listed manifest.Segment, err error) {
	id, err := op.NewID(s.entropy)
	if err != nil {
		return listed, err
	}
	var filter bytes.Buffer
	table, err := newSpool(atMost)
	if err != nil {
		return listed, err
	}
	defer func() { err = errors.Join(err, table.close()) }()
	summary, err := segment.Write(table, &filter, atMost, rows)
	if err != nil {
		return listed, err
	}
	object := layout.Segment{Shard: shard, ID: id}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.putUnique(ctx, object.Table(), table.source()) })
	group.Go(func() error { return s.putUnique(ctx, object.Filter(), bucket.Bytes(filter.Bytes())) })
	return manifest.Segment{
		ID: id, Rows: summary.Rows,
		Table:  manifest.Object(summary.Table),
		Filter: manifest.Filter{Object: manifest.Object(summary.Filter), Head: summary.Head},
		First:  manifest.Position(summary.First), Last: manifest.Position(summary.Last), Names: summary.Names,
		Saved: manifest.Span{First: time.Unix(0, summary.Saved.First).UTC(), Last: time.Unix(0, summary.Saved.Last).UTC()},
	}, group.Wait()
}

// spoolRows is how many rows a table may have to be made in memory.
const spoolRows = 64 << 10

// spool is a table in the making: in memory, or in a temporary file.
type spool struct {
	bytes.Buffer
	file *os.File // nil: in memory
}

func newSpool(rows int) (*spool, error) {
	if rows <= spoolRows {
		return &spool{}, nil
	}
	file, err := os.CreateTemp("", "quiver-segment-*")
	if err != nil {
		return nil, fmt.Errorf("a temporary file for a segment of %d rows: %w", rows, err)
	}
	return &spool{file: file}, nil
}

func (t *spool) Write(p []byte) (int, error) {
	if t.file != nil {
		return t.file.Write(p)
	}
	return t.Buffer.Write(p)
}

func (t *spool) source() bucket.Source {
	if t.file == nil {
		return bucket.Bytes(t.Bytes())
	}
	size, err := t.file.Seek(0, io.SeekCurrent)
	if err != nil {
		size = -1 // it fails again where it is read
	}
	return bucket.Section(t.file, size)
}

func (t *spool) close() error {
	if t.file == nil {
		return nil
	}
	return errors.Join(t.file.Close(), os.Remove(t.file.Name()))
}

// locate finds the current rows of some keys in a segment. Most segments have none of them, which their filters tell.
func (s *Store) locate(ctx context.Context, shard layout.Shard, listed manifest.Segment, keys map[digest.Digest]*segment.Row) ([]numbered, error) {
	o, err := s.open(ctx, shard, listed, true)
	if err != nil {
		return nil, err
	}
	b, err := o.inFilter(ctx, o.head.Keys())
	if err != nil {
		return nil, err
	}
	all, err := segment.ParseKeys(b)
	if err != nil {
		return nil, segmentError(o.object.Filter(), err)
	}
	p := &segment.Predicate{Keys: all.Keys(slices.Collect(maps.Keys(keys)))}
	if len(p.Keys) == 0 {
		return nil, nil
	}
	r := &reading{store: s, shard: shard, listed: listed, predicate: p, spanBytes: spanBytes}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	var found []numbered
	for row, err := range r.rows(ctx) {
		if err != nil {
			return nil, err
		}
		kept := *row.Row
		found = append(found, numbered{&kept, row.number})
	}
	return found, nil
}

// verify reads an object of a segment whole, and compares it with what the manifest says of it.
func (s *Store) verify(ctx context.Context, name string, listed manifest.Object) error {
	object, err := bucket.ReadAhead(ctx, s.bucket, name)
	if errors.Is(err, bucket.ErrNotFound) {
		return fmt.Errorf("%w: %w", errVanished, err)
	}
	if err != nil {
		return err
	}
	defer object.Body.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, object.Body)
	if err != nil {
		return err
	}
	if n != listed.Size || digest.Digest(sum.Sum(nil)) != listed.SHA256 {
		return &IndexError{name, errSum}
	}
	return nil
}
