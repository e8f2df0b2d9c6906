package callindex

import (
	"context"
	"strings"

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
