package callindex

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/layout"
)

// shards returns the shards of which there is anything, in their order: one LIST.
func (s *Store) shards(ctx context.Context) ([]layout.Shard, error) {
	folders, err := bucket.Folders(ctx, s.bucket, layout.Index)
	if err != nil {
		return nil, err
	}
	var shards []layout.Shard
	for _, folder := range folders {
		if shard, ok := layout.ParseShard(strings.TrimSuffix(strings.TrimPrefix(folder, layout.Index), "/")); ok {
			shards = append(shards, shard)
		}
	}
	return shards, nil
}

// shardsParallel is how many shards are read at once, of which little is read.
const shardsParallel = 16

// ofShards returns what is read of each shard, in the order of the shards.
func ofShards[T any](ctx context.Context, s *Store, read func(ctx context.Context, shard layout.Shard) ([]T, error)) ([]T, error) {
	shards, err := s.shards(ctx)
	if err != nil {
		return nil, err
	}
	of := make([][]T, len(shards))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(shardsParallel)
	for i, shard := range shards {
		group.Go(func() (err error) {
			of[i], err = read(ctx, shard)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(of...), nil
}
