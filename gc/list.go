package gc

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/layout"
)

// listParallel is how many folders are listed at once.
const listParallel = 8

// list lists a keyspace into keys, in order, and returns the store's time when it began. What fits a page takes one request, more at least one for each of its 256 folders.
func list(ctx context.Context, b bucket.Bucket, space layout.Keyspace, into *keys, listed func(n int)) (time.Time, error) {
	first, err := b.List(ctx, bucket.ListOptions{Prefix: space.Folder()})
	if err != nil {
		return time.Time{}, err
	}
	if first.Next == "" {
		var all []entry
		for _, info := range first.Objects {
			all = appendEntry(all, space, info)
		}
		return first.Date, addAll(into, all, listed)
	}
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	folders := make(chan chan []entry, listParallel)
	group.Go(func() error {
		defer close(folders)
		for i := range 256 {
			folder := make(chan []entry, 1)
			select {
			case folders <- folder:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			group.Go(func() error {
				defer close(folder)
				var all []entry
				for info, err := range bucket.All(ctx, b, bucket.ListOptions{Prefix: space.Prefix(fmt.Sprintf("%02x", i))}) {
					if err != nil {
						return err
					}
					all = appendEntry(all, space, info)
				}
				folder <- all
				return nil
			})
		}
		return nil
	})
	var failed error
	for folder := range folders {
		if all, ok := <-folder; ok && failed == nil {
			if failed = addAll(into, all, listed); failed != nil {
				cancel()
			}
		}
	}
	err = group.Wait()
	cancel()
	if failed != nil {
		err = failed
	}
	return first.Date, err
}

// appendEntry appends an object that is one of the keyspace; others are passed over.
func appendEntry(all []entry, space layout.Keyspace, info bucket.Info) []entry {
	if key, ok := space.Parse(info.Key); ok {
		all = append(all, entry{key, info.Size, info.ModTime})
	}
	return all
}

func addAll(into *keys, all []entry, listed func(n int)) error {
	for _, e := range all {
		if err := into.add(e); err != nil {
			return fmt.Errorf("keeping keys in a temporary file: %w", err)
		}
	}
	listed(into.n)
	return nil
}
