package quiver

import (
	"context"
	"fmt"

	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/layout"
)

// What gc is made of.
type (
	GCOptions = gc.Options
	Garbage   = gc.Garbage
)

// FindGarbage finds what nothing needs: see gc.Find. Where there is no store it fails.
func (s *Store) FindGarbage(ctx context.Context, options *GCOptions) (*Garbage, error) {
	id, err := s.id(ctx, false)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, fmt.Errorf("%w: it has no %s, without which nothing in it counts as Quiver's", ErrForeign, layout.Format)
	}
	return gc.Find(ctx, gc.Store{Bucket: s.bucket, Values: s.Values, Calls: s.Calls, Leases: s.Leases}, options)
}
