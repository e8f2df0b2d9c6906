package callindex

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// File is a table of the index: a Parquet file with the schema of docs/format.md, that never changes.
type File struct {
	Name     string          // of the object
	Location bucket.Location // of the object, where the bucket tells; else zero
	Size     int64           // bytes
	SHA256   digest.Digest
	Rows     int64
	Deleted  []uint32  // the numbers of the rows that count no more, from 0 on, ascending
	Folded   time.Time // what was saved before is in the files of its shard, or marked
}

// Snapshot returns the files that have the rows of all calls that are folded, for readers other than this package: no call has two rows, of those that are not deleted. It takes
// a LIST, a GET for each shard, and one for each file with thousands of deleted rows. The files stay for a day at least after they were replaced.
func (s *Store) Snapshot(ctx context.Context) ([]File, error) {
	return ofShards(ctx, s, s.filesOf)
}

// filesOf returns the files of a shard, of one manifest: where a file of deletions has gone meanwhile, of a newer one.
func (s *Store) filesOf(ctx context.Context, shard layout.Shard) ([]File, error) {
	for n := 1; ; n++ {
		files, err := s.filesNow(ctx, shard)
		switch {
		case !errors.Is(err, errVanished):
			return files, err
		case n == attempts:
			return nil, &IndexError{layout.Manifest(shard), fmt.Errorf("it lists what is not there: %w", err)}
		}
	}
}

func (s *Store) filesNow(ctx context.Context, shard layout.Shard) ([]File, error) {
	l, err := s.manifest(ctx, shard)
	if err != nil || l.Manifest == nil {
		return nil, err
	}
	locator, located := bucket.As[bucket.Locator](s.bucket)
	files := make([]File, len(l.Segments))
	group, ctx := errgroup.WithContext(ctx)
	for i, listed := range l.Segments {
		name := layout.Segment{Shard: shard, ID: listed.ID}.Table()
		files[i] = File{Name: name, Size: listed.Table.Size, SHA256: listed.Table.SHA256, Rows: listed.Rows, Folded: l.Folded}
		if located {
			files[i].Location = locator.Locate(name)
		}
		group.Go(func() error {
			deletions, err := s.deletions(ctx, shard, listed)
			files[i].Deleted = deletions.Rows()
			return err
		})
	}
	return files, group.Wait()
}
