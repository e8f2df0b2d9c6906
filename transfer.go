package quiver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// TransferOptions say how calls are transferred; nil, or a zero field, means the default.
type TransferOptions struct {
	Overwrite bool           // a call that is there is replaced; otherwise it stays
	Move      bool           // a call that was transferred, or is there already with the same result, is evicted here
	DryRun    bool           // change nothing, and say what would be done
	ByServer  bool           // values of 1 MiB and more are copied by the server, where one has both stores, and not read: a damaged one stays damaged
	Verify    bool           // the other store's values of all calls are read, and brought there where they are missing or damaged
	Parallel  int            // calls at once; default 8
	Progress  func(Transfer) // is told after each call, one call at a time
	// Missing is told of each call that is not copied because its record is damaged, or a value of it missing or damaged, which the error says, one at a time; nil: nobody is.
	Missing func(r *Record, err error)
}

// Transfer sums up what a transfer did, or would do in a dry run.
type Transfer struct {
	Seen     int // calls
	Copied   int // of them, those that were not there, or were replaced
	Present  int // of them, those that were there with the same result
	Conflict int // of them, those that were there with another result, and stay
	Missing  int // of them, those that were not copied because their record is damaged, or a value of them missing or damaged
	Gone     int // of them, those that have no record: somebody has evicted them meanwhile, or it was lost
	Moved    int // of them, those that were evicted here
}

// Transfer copies calls to another store: first the values that they name (arguments that are there, results, parts), then the record, which keeps its time.
// It can be done again where it broke off. A call whose result is missing or damaged here is counted, and stays.
func (c Selection) Transfer(ctx context.Context, to *Store, options *TransferOptions) (Transfer, error) {
	t := &transfer{from: c.store, to: to}
	if options != nil {
		t.TransferOptions = *options
	}
	if t.Parallel <= 0 {
		t.Parallel = 8
	}
	if err := t.tellApart(ctx); err != nil {
		return Transfer{}, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(t.Parallel)
	var failed error
	for r, err := range c.read(ctx) {
		if err != nil {
			failed = err
			break
		}
		group.Go(func() error {
			if err := t.call(ctx, r); err != nil {
				return fmt.Errorf("transferring a call of %s: %w", r.Name, err)
			}
			return nil
		})
	}
	// The failure of a call ends the reading too, with less to say.
	if err := group.Wait(); err != nil {
		failed = err
	}
	return t.sum, failed
}

// transfer is a Transfer under way.
type transfer struct {
	TransferOptions
	from, to *Store

	mu  sync.Mutex
	sum Transfer
}

// tellApart refuses to move calls to where they are: under another name of the store, each would be found there, and evicted.
func (t *transfer) tellApart(ctx context.Context) error {
	if !t.Move {
		return nil
	}
	from, err := t.from.id(ctx, false)
	if err != nil {
		return err
	}
	to, err := t.to.id(ctx, false)
	if err != nil {
		return err
	}
	if from == to && from != "" {
		return fmt.Errorf("both stores have the id %s: they are one store under two names, of which a move would lose the calls, or one was made of the other's objects; copy, then evict", from)
	}
	return nil
}

// count adds up what became of a call, and tells of the progress.
func (t *transfer) count(add func(sum *Transfer)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Seen++
	add(&t.sum)
	if t.Progress != nil {
		t.Progress(t.sum)
	}
}

// call transfers a call.
func (t *transfer) call(ctx context.Context, r *Record) error {
	key, err := r.Key()
	if err != nil {
		return err
	}
	there, err := t.to.Calls.Load(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	copied := err != nil || t.Overwrite
	outcome := (*Transfer).present
	switch {
	case copied:
		outcome = (*Transfer).copied
	case there.Result != r.Result:
		t.count((*Transfer).conflict)
		return nil
	}
	if t.DryRun || !copied && !t.Move && !t.Verify {
		return t.done(ctx, key, outcome)
	}
	full, err := t.from.Calls.Load(ctx, key) // the record, which has what a query leaves out
	if _, damaged := errors.AsType[*DamagedError](err); damaged {
		full = r
	} else if errors.Is(err, ErrNotFound) {
		t.count((*Transfer).gone)
		return nil
	}
	if err == nil {
		err = t.values(ctx, full) // also of a call that is there: before it goes here
	}
	if errors.Is(err, ErrNotFound) {
		t.count(func(sum *Transfer) {
			sum.Missing++
			if t.Missing != nil {
				t.Missing(full, err)
			}
		})
		return nil
	}
	if err == nil && copied {
		there, err = t.to.Calls.Save(ctx, full, &callindex.SaveOptions{
			Replace: t.Overwrite, Saved: full.Saved, Beside: func(ctx context.Context) error {
				if full.Result.IsZero() || t.to.Values.Known(full.Result) {
					return nil
				}
				return t.values(ctx, full) // after hours
			},
		})
	}
	if err != nil {
		return err
	}
	if there.Result != full.Result { // somebody else was quicker
		t.count((*Transfer).conflict)
		return nil
	}
	return t.done(ctx, key, outcome)
}

func (t *Transfer) copied()   { t.Copied++ }
func (t *Transfer) present()  { t.Present++ }
func (t *Transfer) conflict() { t.Conflict++ }
func (t *Transfer) gone()     { t.Gone++ }

// done evicts a call that is in the other store, where it moves, and counts it.
func (t *transfer) done(ctx context.Context, key digest.Digest, add func(sum *Transfer)) error {
	if t.Move && !t.DryRun {
		if err := t.from.Calls.Evict(ctx, key); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	t.count(func(sum *Transfer) {
		add(sum)
		if t.Move {
			sum.Moved++
		}
	})
	return nil
}

// values copies the values that a record names.
func (t *transfer) values(ctx context.Context, r *Record) error {
	for _, a := range r.Arguments {
		// An argument may have been given as a digest, and never have been a value here.
		if err := t.value(ctx, a.Digest); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	if !r.Result.IsZero() {
		if err := t.result(ctx, r); err != nil {
			return fmt.Errorf("its result: %w", err)
		}
	}
	for _, part := range r.Parts {
		if err := t.value(ctx, part); err != nil {
			return fmt.Errorf("a part of its result: %w", err)
		}
	}
	return nil
}

// result copies the result of a call: where it is missing or damaged, out of the record, which has a small one too. Whoever only calls finds it there, so that nobody heals it.
func (t *transfer) result(ctx context.Context, r *Record) error {
	err := t.value(ctx, r.Result)
	if errors.Is(err, ErrNotFound) && r.Inline != nil {
		return t.to.Values.SaveEncoded(ctx, &blobstore.Encoded{Key: r.Result, Codec: r.Inline.Codec, Data: r.Inline.Data})
	}
	return err
}

func (t *transfer) value(ctx context.Context, d digest.Digest) error {
	return t.from.Values.CopyTo(ctx, t.to.Values, d, &blobstore.CopyOptions{ByServer: t.ByServer, Verify: t.Verify})
}
