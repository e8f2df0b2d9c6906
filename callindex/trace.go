package callindex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

// Traced is a call as Trace meets it.
type Traced struct {
	Name  string
	Key   digest.Digest
	Saved time.Time
	// Damaged says that the record cannot be believed, and that the other fields are what it seems to say.
	Damaged bool
	// Values are what the record names: its parts, its result and its arguments, of which some may be no values of the store. They are the trace's own: whoever keeps them copies them.
	Values []digest.Digest
}

// traceParallel is how many shards are traced at once. Each holds some megabytes of its segments.
const traceParallel = 4

// Trace tells visit of every call, from several goroutines at once, and of what its record names. It reads all rows of the index as they are, which is as many requests as a query of all calls takes, and the records that are
// marked. It errs on the side of those who name values: a row is believed without its record, and a record that cannot be believed is read for what it names. A call that is saved while the trace goes on may be left out, and one that is evicted may be
// there.
//
// A record of a later format is a *keyspace.NewerFormatError, and a damaged index an *IndexError.
func (s *Store) Trace(ctx context.Context, visit func(*Traced) error) error {
	shards, err := s.shards(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(traceParallel)
	for _, shard := range shards {
		group.Go(func() error { return s.traceShard(ctx, shard, visit) })
	}
	return group.Wait()
}

// traceShard visits the calls of a shard: the marks are listed before the manifest is read, as by a query.
func (s *Store) traceShard(ctx context.Context, shard layout.Shard, visit func(*Traced) error) error {
	marked, err := s.dirtyUnder(ctx, layout.MarksFolder(shard), math.MaxInt)
	if err != nil {
		return err
	}
	l, err := s.manifest(ctx, shard)
	if err != nil {
		return err
	}
	if l.Manifest != nil {
		for _, listed := range l.Segments {
			r := &reading{store: s, shard: shard, listed: listed, predicate: &segment.Predicate{}, spanBytes: spanBytes / traceParallel}
			err := r.begin(ctx)
			if err == nil {
				err = r.trace(ctx, marked, visit)
			}
			if errors.Is(err, errVanished) {
				err = s.vanished(ctx, shard, listed, err)
			}
			if err != nil {
				return err
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(scanParallel)
	for key := range marked {
		group.Go(func() error { return s.TraceCall(ctx, key, visit) })
	}
	return group.Wait()
}

// vanished explains why an object of a segment is not there: a segment that was merged into others stays for a day.
func (s *Store) vanished(ctx context.Context, shard layout.Shard, listed manifest.Segment, cause error) error {
	l, err := s.manifest(ctx, shard)
	switch {
	case err != nil:
		return err
	case l.Manifest != nil && slices.ContainsFunc(l.Segments, func(other manifest.Segment) bool { return other.ID == listed.ID }):
		return &IndexError{layout.Manifest(shard), fmt.Errorf("it lists what is not there: %w", cause)}
	}
	return fmt.Errorf("%s was changed while what it lists was read, for more than a day: begin anew: %w", layout.Manifest(shard), cause)
}

// trace visits the rows of a segment, but for those whose keys are marked.
func (r *reading) trace(ctx context.Context, marked dirty, visit func(*Traced) error) error {
	var t Traced
	for row, err := range r.rows(ctx) {
		if err != nil {
			return err
		}
		if _, is := marked[row.Key]; is {
			continue
		}
		t.Name, t.Key, t.Saved = row.Name, row.Key, time.Unix(0, row.Saved)
		t.Values = append(t.Values[:0], row.Parts...)
		if !row.Result.IsZero() {
			t.Values = append(t.Values, row.Result)
		}
		for _, a := range row.Arguments {
			t.Values = append(t.Values, a.Digest)
		}
		if err := visit(&t); err != nil {
			return err
		}
	}
	return nil
}

// TraceCall tells visit of one call by its record, by a GET, if it is there.
func (s *Store) TraceCall(ctx context.Context, key digest.Digest, visit func(*Traced) error) error {
	r, err := s.get(ctx, key)
	if damaged, ok := errors.AsType[*keyspace.DamagedError](err); ok {
		return s.traceDamaged(ctx, key, damaged, visit)
	}
	if errors.Is(err, digest.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t := Traced{Name: r.Name, Key: key, Saved: r.Saved, Values: r.results()}
	for _, a := range r.Arguments {
		t.Values = append(t.Values, a.Digest)
	}
	return visit(&t)
}

// traceDamaged visits a record that cannot be believed for what it seems to name: the keys to verify it with may be missing here alone.
func (s *Store) traceDamaged(ctx context.Context, key digest.Digest, damaged *keyspace.DamagedError, visit func(*Traced) error) error {
	text, _, err := bucket.ReadAll(ctx, s.bucket, damaged.Object, RecordLimit)
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a damaged record again: %w", err)
	}
	var names struct {
		Name      string          `json:"name"`
		Saved     time.Time       `json:"saved"`
		Result    digest.Digest   `json:"result"`
		Parts     []digest.Digest `json:"parts"`
		Arguments []Argument      `json:"arguments"`
	}
	if json.Unmarshal(text, &names) != nil {
		return nil
	}
	t := Traced{Name: names.Name, Key: key, Saved: names.Saved, Damaged: true, Values: append(names.Parts, names.Result)}
	for _, a := range names.Arguments {
		t.Values = append(t.Values, a.Digest)
	}
	return visit(&t)
}
