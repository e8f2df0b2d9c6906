package quiver

import (
	"context"
	"errors"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
)

// What the index is kept by.
type (
	FoldOptions  = callindex.FoldOptions
	Folded       = callindex.Folded
	Swept        = callindex.Swept
	IndexError   = callindex.IndexError
	PendingError = callindex.PendingError
)

// Fold brings the index of the calls up to date, so that queries take few requests: see callindex.Store.Fold. Nothing else does, but for Options.FoldOnClose.
func (s *Store) Fold(ctx context.Context, options *FoldOptions) (Folded, error) {
	return s.Calls.Fold(ctx, options)
}

// Sweep deletes what folds have left behind and what was merged more than a day ago: see callindex.Store.Sweep.
func (s *Store) Sweep(ctx context.Context) (Swept, error) { return s.Calls.Sweep(ctx) }

// foldTime is how long Close may fold.
const foldTime = time.Minute

// foldOnClose folds the functions whose calls this store has saved. A store that may not write, or that has no time, leaves it to others, and says so.
func (s *Store) foldOnClose() error {
	ctx, cancel := context.WithTimeout(context.Background(), foldTime)
	defer cancel()
	for _, name := range s.Calls.Written() {
		_, err := s.Calls.Fold(ctx, &FoldOptions{Function: name})
		switch {
		case err == nil:
		case errors.Is(err, bucket.ErrRefused) || ctx.Err() != nil:
			s.notices.once(context.Background(), "fold", "the index was not folded: queries go on, and read the records that are not folded one by one", "error", err)
			return nil
		default:
			return err
		}
	}
	return nil
}
