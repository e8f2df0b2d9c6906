package callindex

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

const (
	attempts    = 4                // at one record write
	attemptTime = 15 * time.Second // for one of them
)

var errFrozen = errors.New("the process stood still for minutes before it could send the request")

// writing is one writer's attempts at one record. It keeps the rule for every record write: sent once, under a fresh mark, with a deadline; and
// it remembers the write ids it has used, to recognise its own record when an answer was lost.
type writing struct {
	store  *Store
	mark   layout.Mark // without a write id
	placed placed
	spent  bool // an attempt may have landed under the mark: the next one needs another
	used   map[string]bool

	stores func(ctx context.Context) error // stores what the record names; nil: that was stored
	moved  *Record                         // the record that it is made of, under another key; may be nil
	names  func() []digest.Digest          // what is looked after before the record is written, once it is stored; nil: nothing
	kept   time.Time                       // when that was done, or earlier
}

// begin prepares to write the record of a call.
func (s *Store) begin(c *Call, key digest.Digest) *writing {
	s.written.add(c.Name)
	mark := layout.Mark{Function: c.function(), Key: key, Signature: SignatureOf(c.Arguments)}
	return &writing{store: s, mark: mark, spent: true, used: map[string]bool{}}
}

// under makes a mark the one to write under.
func (w *writing) under(p placed) {
	w.placed, w.spent = p, false
	w.used[p.write] = true
}

// keepLife is how long ago the values of a record may have been kept when it is written: as long as a value may then have been there, which blobstore.KeepFor says.
const keepLife = 6 * time.Hour

// naming has the values of a record looked after. Those of its arguments are if they were saved here, or if the record was moved: many calls have the digests of their arguments alone.
func (w *writing) naming(r, moved *Record) {
	if w.store.values == nil {
		return
	}
	w.moved = moved
	w.names = func() []digest.Digest {
		names := r.results()
		for _, a := range r.Arguments {
			if moved != nil || w.store.values.Known(a.Digest) {
				names = append(names, a.Digest)
			}
		}
		return names
	}
}

// results are the values that a record names as its result.
func (r *Record) results() []digest.Digest {
	if r.Result.IsZero() {
		return slices.Clone(r.Parts)
	}
	return append(slices.Clone(r.Parts), r.Result)
}

// keep sees to the values that the record names. They are stored again with it: since they were, gc may have come.
func (w *writing) keep(ctx context.Context) error {
	begun := w.store.clock.Now()
	if w.stores != nil {
		if err := w.stores(ctx); err != nil {
			return err
		}
	}
	if w.names == nil {
		return nil
	}
	err := w.store.values.Keep(ctx, w.names()...)
	if err != nil && !w.tooLate(begun) {
		return fmt.Errorf("looking after the values that the record names: %w", err)
	}
	if err := w.stillThere(ctx); err != nil {
		return err
	}
	w.kept = begun
	return nil
}

// stillThere wants that the record is there that this one is made of, after its values were looked after: they may have gone with it. Fails with bucket.ErrChanged.
func (w *writing) stillThere(ctx context.Context) error {
	if w.moved == nil {
		return nil
	}
	name := layout.RecordSpace.Name(w.moved.key)
	info, err := w.store.bucket.Stat(ctx, name)
	if err == nil && info.Version != w.moved.version || errors.Is(err, bucket.ErrNotFound) {
		return &bucket.Error{Verb: bucket.Stat, Key: name, Kind: bucket.ErrChanged, Err: errors.New("the record was changed since it was read")}
	}
	return err
}

func (w *writing) tooLate(since time.Time) bool {
	return op.Elapsed(since, w.store.clock.Now()) >= keepLife
}

// isKept says whether the values were seen to not too long ago.
func (w *writing) isKept() bool { return w.names == nil || !w.kept.IsZero() && !w.tooLate(w.kept) }

// prepare sees to the values and to the mark. Each may take longer than the other holds.
func (w *writing) prepare(ctx context.Context) error {
	for {
		if err := w.announce(ctx); err != nil {
			return err
		}
		if w.isKept() {
			return nil
		}
		if err := w.keep(ctx); err != nil {
			return err
		}
	}
}

// announce sees to a mark under which the record may be written now. Placing one may itself have taken too long, as when the function was frozen.
func (w *writing) announce(ctx context.Context) error {
	for w.spent || w.placed.tooOld(w.store.clock.Now()) {
		p, err := w.store.marks.place(ctx, w.mark)
		if err != nil && ctx.Err() != nil && bucket.Kind(err) == nil { // another's mark was waited for
			err = &bucket.Error{Verb: bucket.Put, Key: layout.RecordSpace.Name(w.mark.Key), Kind: bucket.ErrUnavailable, Err: err,
				Hint: "another save was waiting for the store: see that it can be reached, or allow more time"}
		}
		if err != nil {
			return fmt.Errorf("placing the mark: %w", err)
		}
		w.under(p)
	}
	return nil
}

// try sends one request, given the write id of its mark. It is sent again, under another mark, while its outcome is unknown.
// What it returns is the store's answer; own tells whether a record is this writer's.
func (w *writing) try(ctx context.Context, request func(ctx context.Context, write string) error) error {
	for n := 1; ; n++ {
		if err := w.prepare(ctx); err != nil {
			return err
		}
		once, cancel := context.WithTimeout(op.WhileFresh(op.SingleAttempt(ctx), w.fresh), attemptTime)
		err := request(once, w.placed.write)
		cancel()
		if err == nil || !bucket.Retryable(ctx, err) {
			return err
		}
		w.spent = true
		if n == attempts {
			return fmt.Errorf("%w (after %d attempts)", err, n)
		}
		if wait := w.store.retry.Wait(ctx, n); wait != nil {
			return errors.Join(err, wait)
		}
	}
}

// fresh says why the record may not be sent any more, which could be a moment ago.
func (w *writing) fresh() error {
	if w.placed.tooOld(w.store.clock.Now()) || !w.isKept() {
		return errFrozen
	}
	return nil
}

// own says whether a record was written by one of these attempts.
func (w *writing) own(r *Record) bool { return w.used[r.write] }

// put writes the record, once its condition holds.
func (w *writing) put(ctx context.Context, r *Record, condition bucket.Condition) error {
	return w.try(ctx, func(ctx context.Context, write string) error {
		r.write = write
		body, err := w.store.encode(ctx, w.mark.Key, r)
		if err != nil {
			return err
		}
		return w.store.bucket.Put(ctx, layout.RecordSpace.Name(w.mark.Key), bucket.Bytes(body), condition)
	})
}
