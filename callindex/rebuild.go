package callindex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// repair makes the shards anew whose index is damaged, and tells of each whether it is healed by that.
func (c *check) repair(ctx context.Context) error {
	failed := c.store.rebuild(ctx, c.rebuild)
	for _, f := range c.broken {
		f.Healed = failed == nil
		if err := c.find(f); err != nil {
			return err
		}
	}
	return failed
}

// rebuildRows is how many rows go into a segment of a shard that is made anew: they are sorted in memory, and merged later.
const rebuildRows = 64 << 10

// rebuild makes the index of some shards anew from all records, whatever is there. It takes no marks, and what is saved or evicted meanwhile has one; where a manifest changes meanwhile it fails, and must be run again.
func (s *Store) rebuild(ctx context.Context, shards []layout.Shard) error {
	if len(shards) == 0 {
		return nil
	}
	making := map[layout.Shard]*shardAnew{}
	for _, shard := range shards {
		info, err := s.bucket.Stat(ctx, layout.Manifest(shard)) // before the records are read
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
		making[shard] = &shardAnew{store: s, shard: shard, version: info.Version, most: rebuildRows}
		if making[shard].unreadable, err = s.unreadableMarks(ctx, shard); err != nil {
			return err
		}
	}
	for r, err := range s.Scan(ctx, digest.Digest{}) {
		if isOdd(err) {
			continue
		}
		if err != nil {
			return err
		}
		if a := making[r.function().Shard()]; a != nil {
			if err := a.add(ctx, r); err != nil {
				return err
			}
		}
	}
	for _, shard := range shards {
		if err := making[shard].finish(ctx); err != nil {
			return fmt.Errorf("making the index of shard %s anew: %w", shard, err)
		}
	}
	return nil
}

// shardAnew is a shard's index in the making.
type shardAnew struct {
	store   *Store
	shard   layout.Shard
	version bucket.Version // of the manifest that it replaces
	most    int            // rows of a segment

	unreadable []string // batch marks that nothing may be written under any more: their calls are among the records that are read
	rows       []*segment.Row
	change     manifest.Change
}

func (a *shardAnew) add(ctx context.Context, r *Record) error {
	row, err := rowOf(r.key, r)
	if err != nil { // it cannot be a row: a mark stands for it, as long as it is there
		return a.store.markAgain(ctx, r.function(), r.key, r)
	}
	row.Seq = 2
	a.rows = append(a.rows, row)
	a.change.Count = append(a.change.Count, functionOf(row, 1))
	if len(a.rows) < a.most {
		return nil
	}
	return a.flush(ctx)
}

func (a *shardAnew) flush(ctx context.Context) error {
	if len(a.rows) == 0 {
		return nil
	}
	slices.SortFunc(a.rows, func(x, y *segment.Row) int { return x.Position().Compare(y.Position()) })
	added, err := a.store.writeSegment(ctx, a.shard, len(a.rows), rowsOf(a.rows))
	if err != nil {
		return err
	}
	a.change.Add = append(a.change.Add, added)
	a.rows = nil
	return nil
}

func (a *shardAnew) finish(ctx context.Context) error {
	if err := a.flush(ctx); err != nil {
		return err
	}
	write, err := op.NewID(a.store.entropy)
	if err != nil {
		return err
	}
	next, err := manifest.First(a.shard, write).Apply(write, a.change)
	if err != nil {
		return err
	}
	condition := bucket.IfAbsent()
	if a.version != "" {
		condition = bucket.IfMatch(a.version)
	}
	landed, err := a.store.putManifest(ctx, next, condition)
	if !landed {
		return cmp.Or(err, fmt.Errorf("another writer changed it meanwhile; check it again: %w", bucket.ErrChanged))
	}
	return bucket.RemoveAll(ctx, a.store.bucket, a.unreadable, foldParallel)
}

// unreadableMarks returns the batch marks of a shard whose bodies cannot be believed and that are older than the grace. A younger one is an error: calls may yet be written under it.
func (s *Store) unreadableMarks(ctx context.Context, shard layout.Shard) ([]string, error) {
	var names []string
	options := bucket.ListOptions{Prefix: layout.MarksFolder(shard)}
	for {
		page, err := s.bucket.List(ctx, options)
		if err != nil {
			return nil, err
		}
		for _, info := range page.Objects {
			_, b := layout.ParseMark(info.Key)
			if b == nil {
				continue
			}
			found := []foundMark{{name: info.Key}}
			err := s.readBatches(ctx, found)
			damaged, isDamaged := errors.AsType[*IndexError](err)
			switch {
			case err == nil:
				continue
			case !isDamaged:
				return nil, err
			case page.Date.Sub(info.ModTime) <= Grace:
				return nil, fmt.Errorf("%s is not healed yet, since it is too young to be removed: run quiver check --repair again in %v (%w)", info.Key, Grace, damaged.Err)
			}
			names = append(names, info.Key)
		}
		if page.Next == "" {
			return names, nil
		}
		options.Token = page.Next
	}
}
