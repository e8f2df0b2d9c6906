package callindex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// TransformOptions say how a transformation goes about; nil, or a zero field, means the default.
type TransformOptions struct {
	Query    Query           // of which calls; default all. Its order and limit do not count
	DryRun   bool            // change nothing, and say what would be changed
	Parallel int             // records at once; default 16
	Progress func(Transform) // is told after each record, one call at a time
}

// Transform sums up what a transformation did, or would do in a dry run.
type Transform struct {
	Seen     int // records that were looked at
	Same     int // of them, those that stayed as they are
	Changed  int // of them, those that were replaced under their key
	Moved    int // of them, those that got another key
	Gone     int // of them, those that somebody else evicted meanwhile
	Conflict int // of them, those that stayed because another call has their new key
	Kept     int // of those that moved, those whose old record stays, since the store cannot delete it conditionally
}

// Transform applies a function to every record, and files it under its new key where that changes: the new record is saved, then the old one evicted. The function
// gets a record of its own, which it may change and return; nil leaves the record out of it. A nil function is the identity.
//
// A record that somebody else changes meanwhile is read again and transformed as it is then; one that somebody evicts is passed over. A call that has the new
// key already is not overwritten: the old record stays, and is counted. The first error of the function or of the store ends it; doing it again goes
// on, so the function should make nothing of what it has made.
//
// Contract: CallStorage.transform.
func (s *Store) Transform(ctx context.Context, function func(*Record) (*Record, error), options *TransformOptions) (Transform, error) {
	o := TransformOptions{}
	if options != nil {
		o = *options
	}
	if o.Parallel <= 0 {
		o.Parallel = 16
	}
	if function == nil {
		function = func(r *Record) (*Record, error) { return r, nil }
	}
	template, err := o.Query.Template(s.scheme)
	if err != nil {
		return Transform{}, err
	}
	t := &transformation{store: s, function: function, options: o, template: template, made: map[digest.Digest]string{}}
	group, scanning := errgroup.WithContext(ctx) // which ends with the group
	group.SetLimit(o.Parallel)
	var failed error
	for r, err := range s.toTransform(scanning, template) {
		if err != nil {
			failed = err
			break
		}
		group.Go(func() error { return t.apply(scanning, r) })
	}
	// The failure of a record ends the scan too, with less to say.
	if err := group.Wait(); err != nil {
		failed = err
	}
	for _, r := range t.later {
		if failed == nil {
			failed = t.applyLater(ctx, r)
		}
	}
	return t.sum, failed
}

// toTransform yields the records to transform. They are read one by one: a row does not tell which version of its record to replace.
func (s *Store) toTransform(ctx context.Context, t *Template) iter.Seq2[*Record, error] {
	if t.wantsAll() {
		return s.believed(t, s.Scan(ctx, digest.Digest{}))
	}
	return s.confirmed(ctx, t, s.matching(ctx, t))
}

// transformation is a Transform under way.
type transformation struct {
	store    *Store
	function func(*Record) (*Record, error)
	options  TransformOptions
	template *Template

	mu    sync.Mutex
	sum   Transform
	made  map[digest.Digest]string // keys that records are moved to, with the write ids of what was made there; empty: nothing yet
	later []*Record                // what the scan met under such a key: ours, or a stranger's that was there before
}

// apply transforms a record that the scan met.
func (t *transformation) apply(ctx context.Context, r *Record) error {
	key, err := r.Key()
	if err != nil {
		return err
	}
	if t.putOff(key, r) {
		return nil
	}
	return t.applyNow(ctx, key, r)
}

// applyLater transforms a record that was put off, unless it was made by this transformation.
func (t *transformation) applyLater(ctx context.Context, r *Record) error {
	key, err := r.Key()
	if err != nil || t.made[key] == r.write {
		return err
	}
	return t.applyNow(ctx, key, r)
}

// applyNow transforms one record, again where somebody else changes it meanwhile.
func (t *transformation) applyNow(ctx context.Context, key digest.Digest, r *Record) error {
	var moved *Record // what an earlier round saved under the new key
	for range attempts {
		err := t.once(ctx, key, r, &moved)
		if !errors.Is(err, bucket.ErrChanged) {
			return err
		}
		r, err = t.store.Load(ctx, key)
		if errors.Is(err, digest.ErrNotFound) || err == nil && !t.template.Match(r) {
			t.count(func(sum *Transform) { sum.Gone++ })
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("transforming %s: other writers changed the record %d times meanwhile: %w", key, attempts, bucket.ErrChanged)
}

// once transforms a record as it was read. Fails with bucket.ErrChanged where it is not that any more.
func (t *transformation) once(ctx context.Context, key digest.Digest, r *Record, moved **Record) error {
	own, err := r.clone(key)
	if err != nil {
		return err
	}
	changed, err := t.function(own)
	if err != nil {
		return fmt.Errorf("transforming %s: %w", key, err)
	}
	same := changed == nil
	if !same {
		same, err = sameContent(changed, r)
	}
	if err != nil {
		return fmt.Errorf("transforming %s: %w", key, err)
	}
	if same {
		t.count(func(sum *Transform) { sum.Same++ })
		return nil
	}
	to, err := changed.Key()
	switch {
	case err != nil:
		return fmt.Errorf("transforming %s: %w", key, err)
	case t.options.DryRun:
		return t.foretell(ctx, key, to)
	case to == key:
		return t.replace(ctx, key, r, changed)
	}
	return t.move(ctx, key, to, r, changed, moved)
}

// foretell counts what would be done.
func (t *transformation) foretell(ctx context.Context, key, to digest.Digest) error {
	taken, err := false, error(nil)
	if to != key {
		taken, err = t.store.Contains(ctx, to)
	}
	if err != nil {
		return err
	}
	t.count(func(sum *Transform) {
		switch {
		case taken:
			sum.Conflict++
		case to == key:
			sum.Changed++
		default:
			t.moved(sum)
		}
	})
	return nil
}

// moved counts a record that has got another key.
func (t *transformation) moved(sum *Transform) {
	sum.Moved++
	if _, conditional := bucket.As[bucket.ConditionalDeleter](t.store.bucket); !conditional {
		sum.Kept++
	}
}

// replace writes the record over the one that was read.
func (t *transformation) replace(ctx context.Context, key digest.Digest, r, changed *Record) error {
	err := t.store.Do(ctx, key, op.Write, func(ctx context.Context) error { return t.store.overwrite(ctx, key, r, changed) })
	if err == nil {
		t.count(func(sum *Transform) { sum.Changed++ })
	}
	return err
}

// move saves the record under its new key, then evicts the old one.
func (t *transformation) move(ctx context.Context, key, to digest.Digest, r, changed *Record, moved **Record) error {
	t.note(to, "")
	winner, err := t.store.Save(ctx, changed, &SaveOptions{Saved: r.Saved, Over: *moved, moved: r})
	if err != nil {
		return err
	}
	*moved = winner
	if ours, err := sameContent(winner, changed); err != nil || !ours {
		t.count(func(sum *Transform) { sum.Conflict++ })
		return err
	}
	t.note(to, winner.write)
	_, conditional := bucket.As[bucket.ConditionalDeleter](t.store.bucket)
	if conditional {
		err = t.store.Do(ctx, key, op.Write, func(ctx context.Context) error { return t.store.evictVersion(ctx, key, r) })
	}
	if err != nil {
		return err
	}
	t.count(t.moved)
	return nil
}

// putOff keeps a record for later whose key is one that a record is moved to: it may be that one.
func (t *transformation) putOff(key digest.Digest, r *Record) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, made := t.made[key]
	if made {
		t.later = append(t.later, r)
	}
	return made
}

func (t *transformation) note(key digest.Digest, write string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made[key] = write
}

// count counts a record, and tells of the progress.
func (t *transformation) count(add func(*Transform)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Seen++
	add(&t.sum)
	if t.options.Progress != nil {
		t.options.Progress(t.sum)
	}
}

// clone copies a record, with nothing shared.
func (r *Record) clone(key digest.Digest) (*Record, error) {
	text, err := r.encode(key)
	if err != nil {
		return nil, err
	}
	return decode(bucket.Info{Version: r.version}, key, text)
}

// sameContent says whether two records say the same; when they were written, under which mark, and who signed them does not count.
func sameContent(a, b *Record) (bool, error) {
	one, err := a.content()
	if err != nil {
		return false, err
	}
	other, err := b.content()
	return bytes.Equal(one, other), err
}

func (r *Record) content() ([]byte, error) {
	c := *r
	c.Saved, c.write = time.Time{}, ""
	return c.encode(digest.Digest{})
}
