package callindex

import (
	"context"
	"fmt"

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

func (s *Store) sweep(ctx context.Context, shard layout.Shard) (int, error) {
	var objects []string
	for info, err := range bucket.All(ctx, s.bucket, bucket.ListOptions{Prefix: layout.SegmentFolder(shard)}) {
		if err != nil {
			return 0, err
		}
		if _, ok := layout.ParseSegment(info.Key); ok {
			objects = append(objects, info.Key)
		}
	}
	unlisted := func(l listed) []string {
		var names []string
		for _, name := range objects {
			if object, _ := layout.ParseSegment(name); !l.Lists(object.ID) {
				names = append(names, name)
			}
		}
		return names
	}
	// The swap is a fence: a folder that has written a segment and is slow to list it finds the manifest changed, and begins anew with another segment.
	l, err := s.swap(ctx, shard, func(_ context.Context, l listed) (manifest.Change, error) {
		c := manifest.Change{Now: l.now}
		next, err := l.Apply(l.Write, c)
		if err != nil {
			return c, err
		}
		if len(unlisted(listed{Manifest: next})) == 0 {
			return c, errNothing
		}
		return c, nil
	})
	if err != nil {
		return 0, err
	}
	names := unlisted(l)
	return len(names), bucket.RemoveAll(ctx, s.bucket, names, foldParallel)
}
