package gc_test

import (
	"context"
	"errors"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/layout"
)

// TestARoleThatMayNotListUploadsCollectsTheRest and says so: on S3 it is a right of its own.
func TestARoleThatMayNotListUploadsCollectsTheRest(t *testing.T) {
	w := newWorld(t)
	nobodys := w.value("nobody's")
	w.bucket.BeginUpload(layout.ValueSpace.Name(nobodys))
	w.clock.pass(2 * day)
	role := newClient(bucket.Wrap(w.bucket, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb == bucket.ListUploads {
				return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Kind: bucket.ErrRefused}
			}
			return next(ctx, r)
		}
	}), w.clock, nil)
	garbage := w.find(role, nil)
	defer garbage.Close()
	if !errors.Is(garbage.Unlisted, bucket.ErrRefused) || garbage.Uploads != 0 {
		t.Errorf("%+v", garbage.Summary)
	}
	removed, err := garbage.Remove(t.Context())
	is(t, "removed", removed, gc.Removed{Values: 1, ValueBytes: garbage.ValueBytes})
	if err != nil || w.hasValue(nobodys) {
		t.Error(err)
	}
	all := w.find(w.client, nil)
	defer all.Close()
	if all.Uploads != 1 || all.Unlisted != nil {
		t.Errorf("who may lists %+v", all.Summary)
	}
}
