package callindex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// foundMark is a mark's object as it was listed, and the keys that it names.
type foundMark struct {
	name  string
	since time.Time // the store's
	write string
	marks []layout.Mark // one, or those of a batch
}

// batchParallel is how many batch marks are read at once.
const batchParallel = 32

// PendingError says that a query would have to read too many records that are not folded yet.
type PendingError struct {
	Pending int // at least
	Limit   int
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("%d calls or more are not folded into the index yet, and a query has to read each of them: fold them (quiver fold), or allow more than %d (--max-pending)",
		e.Pending, e.Limit)
}

// marksUnder lists the marks under a prefix, in the order of their names, after a name, until so many keys are marked, and reads the bodies of batch marks. A batch mark that has gone meanwhile had been folded. It returns the store's
// clock as the listing began, zero where it does not tell, and whether there are more.
func (s *Store) marksUnder(ctx context.Context, prefix, after string, limit int) (marks []foundMark, now time.Time, more bool, err error) {
	keys := 0
	options := bucket.ListOptions{Prefix: prefix, After: after, Limit: min(limit, bucket.MaxPage)}
	for !more {
		page, err := s.bucket.List(ctx, options)
		if err != nil {
			return nil, time.Time{}, false, err
		}
		if now.IsZero() {
			now = page.Date
		}
		found := make([]foundMark, 0, len(page.Objects))
		for _, info := range page.Objects {
			m, b := layout.ParseMark(info.Key)
			switch {
			case m != nil:
				found = append(found, foundMark{info.Key, info.ModTime, m.Write, []layout.Mark{*m}})
			case b != nil:
				found = append(found, foundMark{info.Key, info.ModTime, b.Write, nil})
			}
		}
		if err := s.readBatches(ctx, found); err != nil {
			return nil, time.Time{}, false, err
		}
		for i, f := range found {
			if keys > 0 && keys+len(f.marks) > limit {
				more = true
				found = found[:i]
				break
			}
			keys += len(f.marks)
		}
		marks = append(marks, found...)
		if page.Next == "" {
			break
		}
		options.Token = page.Next
	}
	return marks, now, more, nil
}

// readBatches reads the bodies of the batch marks among what was listed.
func (s *Store) readBatches(ctx context.Context, found []foundMark) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(batchParallel)
	for i := range found {
		f := &found[i]
		_, b := layout.ParseMark(f.name)
		if b == nil {
			continue
		}
		group.Go(func() error {
			body, _, err := bucket.ReadAll(ctx, s.bucket, f.name, batchBytes)
			if errors.Is(err, bucket.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			if f.marks, err = DecodeBatch(*b, body); err != nil {
				return &IndexError{f.name, err}
			}
			return nil
		})
	}
	return group.Wait()
}

// batchBytes is how many bytes the body of a batch mark has at the most.
const batchBytes = (BatchLimit + 1) * (64 + 1 + 16 + 1)

// dirty are the marked keys of some functions, whose rows say nothing.
type dirty map[digest.Digest]layout.Mark

// dirtyUnder returns the keys that are marked under a prefix.
func (s *Store) dirtyUnder(ctx context.Context, prefix string, limit int) (dirty, error) {
	marks, _, more, err := s.marksUnder(ctx, prefix, "", limit)
	if err != nil {
		return nil, err
	}
	keys := make(dirty, len(marks))
	for _, f := range marks {
		for _, m := range f.marks {
			keys[m.Key] = m
		}
	}
	if more || len(keys) > limit {
		return nil, &PendingError{Pending: len(keys), Limit: limit}
	}
	return keys, nil
}

// marksToFold lists marks as marksUnder does, up to FoldLimit keys. Where there are more it begins at a random one, so that folders at once do not all take the same.
func (s *Store) marksToFold(ctx context.Context, prefix string) ([]foundMark, time.Time, bool, error) {
	marks, now, more, err := s.marksUnder(ctx, prefix, "", FoldLimit)
	if err != nil || !more {
		return marks, now, more, err
	}
	var chance digest.Digest
	if _, err := io.ReadFull(s.entropy, chance[:]); err != nil {
		return nil, time.Time{}, false, err
	}
	some := marks[int(chance[0])*len(marks)/256]
	folder := some.name[:strings.LastIndexByte(some.name, '/')+1] // of its function
	others, _, _, err := s.marksUnder(ctx, prefix, folder+chance.String(), FoldLimit)
	if err != nil || len(others) < len(marks)/2 { // near the end
		return marks, now, true, err
	}
	return others, now, true, nil
}
