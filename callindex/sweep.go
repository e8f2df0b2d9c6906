package callindex

import (
	"context"
	"fmt"
	"slices"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/layout"
)

// Swept is what a sweep has done.
type Swept struct {
	Shards  int
	Deleted int // objects
}

// Sweep deletes the objects of segments that no manifest lists: what folders and mergers left behind that crashed or were not quick enough, and what was merged into others more than a day ago. A LIST, a swap of the manifest where there is something to
// delete, and the deletes, for each shard.
func (s *Store) Sweep(ctx context.Context) (Swept, error) {
	var done Swept
	shards, err := s.shards(ctx)
	if err != nil {
		return done, err
	}
	for _, shard := range shards {
		done.Shards++
		n, err := s.sweep(ctx, shard)
		done.Deleted += n
		if err != nil {
			return done, fmt.Errorf("sweeping shard %s: %w", shard, err)
		}
	}
	return done, nil
}

// Sweepable returns how many objects a Sweep would delete now, and how many bytes they have: a LIST and a GET for each shard.
func (s *Store) Sweepable(ctx context.Context) (objects int, bytes int64, err error) {
	found, err := ofShards(ctx, s, func(ctx context.Context, shard layout.Shard) ([]bucket.Info, error) {
		all, err := s.segmentObjects(ctx, shard)
		if err != nil {
			return nil, err
		}
		l, err := s.manifest(ctx, shard)
		if err != nil || l.Manifest == nil {
			return nil, err
		}
		next, err := l.Apply(l.Write, manifest.Change{Now: l.now})
		if err != nil {
			return nil, err
		}
		return unlisted(all, next), nil
	})
	for _, info := range found {
		bytes += info.Size
	}
	return len(found), bytes, err
}

// segmentObjects lists the objects of a shard's segments.
func (s *Store) segmentObjects(ctx context.Context, shard layout.Shard) ([]bucket.Info, error) {
	var objects []bucket.Info
	for info, err := range bucket.All(ctx, s.bucket, bucket.ListOptions{Prefix: layout.SegmentFolder(shard)}) {
		if err != nil {
			return nil, err
		}
		if _, ok := layout.ParseSegment(info.Key); ok {
			objects = append(objects, info)
		}
	}
	return objects, nil
}

// unlisted returns those of a shard's objects that its manifest does not list.
func unlisted(objects []bucket.Info, m *manifest.Manifest) []bucket.Info {
	return slices.DeleteFunc(slices.Clone(objects), func(info bucket.Info) bool {
		object, _ := layout.ParseSegment(info.Key)
		return m.Lists(object.ID)
	})
}

func (s *Store) sweep(ctx context.Context, shard layout.Shard) (int, error) {
	objects, err := s.segmentObjects(ctx, shard)
	if err != nil || len(objects) == 0 {
		return 0, err
	}
	// The swap is a fence: a folder that has written a segment and is slow to list it finds the manifest changed, and begins anew with another segment.
	l, err := s.swap(ctx, shard, func(_ context.Context, l listed) (manifest.Change, error) {
		c := manifest.Change{Now: l.now}
		next, err := l.Apply(l.Write, c)
		if err != nil {
			return c, err
		}
		if len(unlisted(objects, next)) == 0 {
			return c, errNothing
		}
		return c, nil
	})
	if err != nil {
		return 0, err
	}
	var names []string
	for _, info := range unlisted(objects, l.Manifest) {
		names = append(names, info.Key)
	}
	return len(names), bucket.RemoveAll(ctx, s.bucket, names, foldParallel)
}
