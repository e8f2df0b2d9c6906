package callindex

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/layout"
)

// SeedOptions say how a store is seeded.
type SeedOptions struct {
	Records bool // write the records too, without marks; else there is nothing behind the rows
	Rows    int  // of a segment at the most; default 1,048,576
}

// Seed fills an empty store with calls, for tests and benchmarks of large ones: it writes the segments and manifests that saving and folding them would come to, without marks. The rows of a segment are kept in memory until it is written.
func (s *Store) Seed(ctx context.Context, records iter.Seq[*Record], o SeedOptions) error {
	if o.Rows <= 0 {
		o.Rows = segment.MaxRows
	}
	shards := map[layout.Shard]*shardAnew{}
	group, putting := errgroup.WithContext(ctx)
	group.SetLimit(foldParallel)
	n := uint64(0)
	for r := range records {
		if ctx.Err() != nil {
			break
		}
		n++
		seeded := *r
		seeded.write = hex.EncodeToString(binary.BigEndian.AppendUint64(make([]byte, 8), n))
		var err error
		if seeded.key, err = r.Key(); err != nil {
			return err
		}
		if o.Records {
			group.Go(func() error {
				body, err := s.encode(putting, seeded.key, &seeded)
				if err != nil {
					return err
				}
				return s.bucket.Put(putting, layout.RecordSpace.Name(seeded.key), bucket.Bytes(body), bucket.IfAbsent())
			})
		}
		shard := r.function().Shard()
		if shards[shard] == nil {
			shards[shard] = &shardAnew{store: s, shard: shard, most: o.Rows}
		}
		if err := shards[shard].add(ctx, &seeded); err != nil {
			return err
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, a := range shards {
		if err := a.finish(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}
