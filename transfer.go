package quiver

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// TransferOptions say how calls are transferred; nil, or a zero field, means the default.
type TransferOptions struct {
	Overwrite bool           // a call that is there is replaced; otherwise it stays
	Move      bool           // a call that was transferred, or is there already with the same result, is evicted here
	DryRun    bool           // change nothing, and say what would be done
	Parallel  int            // calls at once; default 8
	Progress  func(Transfer) // is told after each call, one call at a time
}

// Transfer sums up what a transfer did, or would do in a dry run.
type Transfer struct {
	Seen     int // calls
	Copied   int // of them, those that were not there, or were replaced
	Present  int // of them, those that were there with the same result
	Conflict int // of them, those that were there with another result, and stay
	Moved    int // of them, those that were evicted here
}

// Transfer copies calls to another store: first the values that they name (arguments that are there, results, parts), then the record, which keeps its time.
// It can be done again where it broke off. A call whose result is missing or damaged here is an error.
func (c Selection) Transfer(ctx context.Context, to *Store, options *TransferOptions) (Transfer, error) {
	t := &transfer{from: c.store, to: to}
	if options != nil {
		t.TransferOptions = *options
	}
	if t.Parallel <= 0 {
		t.Parallel = 8
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(t.Parallel)
	counts := make(chan Transfer)
	counted := make(chan Transfer)
	go func() { counted <- t.count(counts) }()
	var failed error
	for r, err := range c.read(ctx) {
		if err != nil {
			failed = err
			break
		}
		group.Go(func() error {
			n, err := t.call(ctx, r)
			if err != nil {
				return fmt.Errorf("transferring a call of %s: %w", r.Name, err)
			}
			counts <- n
			return nil
		})
	}
	// The failure of a call ends the reading too, with less to say.
	if err := group.Wait(); err != nil {
		failed = err
	}
	close(counts)
	return <-counted, failed
}

// transfer is a Transfer under way.
type transfer struct {
	TransferOptions
	from, to *Store
}

// count adds up what became of calls, and tells of the progress.
func (t *transfer) count(counts <-chan Transfer) (sum Transfer) {
	for n := range counts {
		sum.Seen++
		sum.Copied += n.Copied
		sum.Present += n.Present
		sum.Conflict += n.Conflict
		sum.Moved += n.Moved
		if t.Progress != nil {
			t.Progress(sum)
		}
	}
	return sum
}

// call transfers a call, and returns what became of it.
func (t *transfer) call(ctx context.Context, r *Record) (n Transfer, err error) {
	key, err := r.Key()
	if err != nil {
		return n, err
	}
	there, err := t.to.Calls.Load(ctx, key)
	switch {
	case err == nil && there.Result == r.Result && !t.Overwrite:
		n.Present = 1
	case err == nil && !t.Overwrite:
		n.Conflict = 1
		return n, nil
	case err != nil && !errors.Is(err, ErrNotFound):
		return n, err
	default:
		n.Copied = 1
		if err := t.copy(ctx, key); err != nil {
			return n, err
		}
	}
	if !t.Move {
		return n, nil
	}
	n.Moved = 1
	if t.DryRun {
		return n, nil
	}
	if err := t.from.Calls.Evict(ctx, key); err != nil && !errors.Is(err, ErrNotFound) {
		return n, err
	}
	return n, nil
}

// copy copies what a call names, then the call: its record, which has what a query leaves out.
func (t *transfer) copy(ctx context.Context, key digest.Digest) error {
	if t.DryRun {
		return nil
	}
	r, err := t.from.Calls.Load(ctx, key)
	if err != nil {
		return err
	}
	for _, a := range r.Arguments {
		// An argument may have been given as a digest, and never have been a value here.
		if err := t.value(ctx, a.Digest); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	needed := r.Parts
	if !r.Result.IsZero() {
		needed = append([]digest.Digest{r.Result}, r.Parts...)
	}
	for _, d := range needed {
		if err := t.value(ctx, d); err != nil {
			return err
		}
	}
	_, err = t.to.Calls.Save(ctx, r, &callindex.SaveOptions{Replace: t.Overwrite, Saved: r.Saved})
	return err
}

func (t *transfer) value(ctx context.Context, d digest.Digest) error {
	return t.from.Values.CopyTo(ctx, t.to.Values, d)
}
