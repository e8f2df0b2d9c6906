package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/layout"
)

// stocked is a bucket with the index of calls, in a directory, and all their records, each of which is made as it is read: ten million objects are too many for the memory and for a directory.
type stocked struct {
	*file.Bucket
	calls *calls
	order []keyed
}

func (s *stocked) Get(ctx context.Context, key string) (*bucket.Object, error) {
	b, err := s.holding(ctx, key)
	if err != nil {
		return nil, err
	}
	return b.Get(ctx, key)
}

func (s *stocked) Stat(ctx context.Context, key string) (bucket.Info, error) {
	b, err := s.holding(ctx, key)
	if err != nil {
		return bucket.Info{}, err
	}
	return b.Stat(ctx, key)
}

// holding is where an object is: a bucket with this record alone, or the directory.
func (s *stocked) holding(ctx context.Context, key string) (bucket.Bucket, error) {
	d, isRecord := layout.RecordSpace.Parse(key)
	if !isRecord {
		return s.Bucket, nil
	}
	b := mem.New(nil)
	at, found := slices.BinarySearchFunc(s.order, keyed{key: d}, func(a, b keyed) int { return a.key.Compare(b.key) })
	if !found {
		return b, nil
	}
	_, err := callindex.New(b, nil).Save(ctx, s.calls.record(int(s.order[at].number)), nil)
	return b, err
}

func (s *stocked) List(ctx context.Context, o bucket.ListOptions) (bucket.Page, error) {
	if !strings.HasPrefix(o.Prefix, layout.Calls) {
		return s.Bucket.List(ctx, o)
	}
	from := max(o.Prefix, o.After, o.Token)
	at, found := slices.BinarySearchFunc(s.order, from, func(k keyed, from string) int { return cmp.Compare(layout.RecordSpace.Name(k.key), from) })
	if found && from != o.Prefix {
		at++
	}
	page := bucket.Page{Date: clock.Now()}
	for _, k := range s.order[at:] {
		name := layout.RecordSpace.Name(k.key)
		if !strings.HasPrefix(name, o.Prefix) {
			break
		}
		if len(page.Objects) == cmp.Or(o.Limit, bucket.PageSize) {
			page.Next = page.Objects[len(page.Objects)-1].Key
			break
		}
		info, err := s.Stat(ctx, name)
		if err != nil {
			return page, err
		}
		page.Objects = append(page.Objects, info)
	}
	return page, nil
}
