package historytest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// Crashes does each operation once for each point at which its client can crash (buckettest.EachCrash), in an empty bucket that open makes, with this clock. Whatever became of it:
//
//   - each call is as it was or as it was to become, no result is lost that was to stay, and what was acknowledged has happened;
//   - a query finds just what a scan of all records finds;
//   - a check finds nothing wrong, but for objects of segments that nobody lists; nor does it after a fold, which leaves no mark;
//   - another client that does it again comes to the end that an undisturbed one comes to, and a sweep leaves nothing over.
func Crashes(t *testing.T, open func(t *testing.T, clock *Clock) bucket.Bucket) {
	t.Helper()
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			want := o.undisturbed(t, open)
			judged := map[string]bool{} // what was left behind: most requests only read
			requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
				s := newScene(t, open)
				err := o.do(t.Context(), s.client(crash.Inject))
				if crash.Crashed() != (err != nil) {
					t.Errorf("the client was told %v", err)
				}
				left := s.print(t)
				if !judged[left] || err == nil {
					judged[left] = true
					s.judge(t, &o, want, err == nil)
				}
			})
			if requests < 2 {
				t.Errorf("only %d requests", requests)
			}
		})
	}
}

// WorstCrashes is Crashes at one request of each operation, that at which a crash hurts most: before it, after it landed and the client was not told, and after the client was told.
func WorstCrashes(t *testing.T, open func(t *testing.T, clock *Clock) bucket.Bucket) {
	t.Helper()
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			want := o.undisturbed(t, open)
			var told atomic.Bool
			for when, do := range map[string]buckettest.Action{
				"before":               buckettest.CrashBefore(),
				"after it landed":      buckettest.CrashAfter(),
				"after it was told so": buckettest.After(func(context.Context) error { told.Store(true); return nil }),
			} {
				t.Run(when, func(t *testing.T) {
					told.Store(false)
					fault := o.worst
					fault.Do = do
					crash := buckettest.NewFaults(fault)
					s := newScene(t, open)
					err := o.do(t.Context(), s.client(deadWhen(&told), crash.Inject))
					if crash.Crashed() && err == nil {
						t.Error("the client crashed, and was told that all is well")
					}
					crash.Done(t)
					s.judge(t, &o, want, err == nil)
				})
			}
		})
	}
}

// deadWhen lets no request through any more.
func deadWhen(gone *atomic.Bool) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if gone.Load() {
				return bucket.Answer{}, refusal(r, bucket.ErrRefused, buckettest.ErrCrashed)
			}
			return next(ctx, r)
		}
	}
}

// outcome is what calls there are before and after an operation that nothing disturbs. A store that cannot delete conditionally keeps the record that a transformation has moved.
type outcome struct{ before, after calls }

func (o *operation) undisturbed(t *testing.T, open func(t *testing.T, clock *Clock) bucket.Bucket) outcome {
	t.Helper()
	s := newScene(t, open)
	before := s.look(t)
	if err := o.do(t.Context(), s.client()); err != nil {
		t.Fatal(err)
	}
	after := s.look(t)
	if before.equal(after) != o.keeps {
		t.Fatalf("there is\n%v\nand after it\n%v", before, after)
	}
	return outcome{before, after}
}

// scene is a bucket that was prepared for an operation.
type scene struct {
	bucket  bucket.Bucket
	clock   *Clock
	entropy entropy
}

// newScene copies what was prepared, object by object, each at its time.
func newScene(t *testing.T, open func(t *testing.T, clock *Clock) bucket.Bucket) *scene {
	t.Helper()
	all, err := prepared()
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{clock: &Clock{}, entropy: entropy{new(atomic.Uint64)}}
	s.entropy.n.Store(1 << 16) // beyond the ids that are there
	s.bucket = open(t, s.clock)
	for _, object := range all {
		s.clock.set(object.at)
		if err := s.bucket.Put(t.Context(), object.name, bucket.Bytes(object.content), bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// client is another client, which knows nothing yet.
func (s *scene) client(chain ...bucket.Middleware) *callindex.Store {
	return callindex.New(bucket.Wrap(s.bucket, chain...), &callindex.Options{Clock: s.clock, Entropy: s.entropy})
}

// print is the same for buckets that have the same objects, written at the same times.
func (s *scene) print(t *testing.T) string {
	t.Helper()
	all, err := objects(s.bucket)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(all)
}

// judge looks at what a crash has left behind, and at what others make of it.
func (s *scene) judge(t *testing.T, o *operation, want outcome, acknowledged bool) {
	t.Helper()
	now := s.look(t)
	now.between(t, want)
	if acknowledged && !now.equal(want.after) {
		t.Errorf("it was acknowledged, and there is\n%v\nnot\n%v", now, want.after)
	}
	s.check(t, nil, callindex.Orphan)
	s.settle(t)
	if folded := s.look(t); !folded.equal(now) {
		t.Errorf("after a fold there is\n%v\nnot\n%v", folded, now)
	}
	s.check(t, nil, callindex.Orphan)
	if err := o.do(t.Context(), s.client()); err != nil && !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("another client does it again: %v", err)
	}
	s.clock.pass(48 * time.Hour)
	s.settle(t)
	if _, err := s.client().Sweep(t.Context()); err != nil {
		t.Errorf("sweep: %v", err)
	}
	if end := s.look(t); !end.equal(want.after) {
		t.Errorf("in the end there is\n%v\nnot\n%v", end, want.after)
	}
	s.check(t, &callindex.CheckOptions{ReadData: true})
}

// settle folds when nothing can land any more, and wants that no mark is left.
func (s *scene) settle(t *testing.T) {
	t.Helper()
	s.clock.pass(callindex.Grace + time.Second)
	if _, err := s.client().Fold(t.Context(), nil); err != nil {
		t.Errorf("fold: %v", err)
	}
	for info, err := range bucket.All(t.Context(), s.bucket, bucket.ListOptions{Prefix: layout.Index}) {
		if m, b := layout.ParseMark(info.Key); err != nil || m != nil || b != nil {
			t.Errorf("after a fold there is %s, %v", info.Key, err)
		}
	}
}

// check wants that nothing is wrong but what may be.
func (s *scene) check(t *testing.T, options *callindex.CheckOptions, may ...callindex.FindingKind) {
	t.Helper()
	for f, err := range s.client().Check(t.Context(), options) {
		if err != nil || len(may) == 0 || f.Kind != may[0] {
			t.Errorf("a check finds %+v, %v", f, err)
		}
	}
}

// look returns what calls there are, and wants that a query finds just these.
func (s *scene) look(t *testing.T) calls {
	t.Helper()
	there := collect(t, s.client().Scan(t.Context(), digest.Digest{}))
	found := collect(t, s.client().Query(t.Context(), callindex.Query{}))
	if !maps.EqualFunc(there, found, func(a, b *callindex.Record) bool { return text(a) == text(b) }) {
		t.Errorf("there is\n%v\nand a query yields\n%v", there, found)
	}
	return there
}

// calls are the records of calls.
type calls map[digest.Digest]*callindex.Record

func collect(t *testing.T, records iter.Seq2[*callindex.Record, error]) calls {
	t.Helper()
	all := calls{}
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		key := must(r.Key())
		if all[key] != nil {
			t.Errorf("%s is yielded twice", key)
		}
		all[key] = r
	}
	return all
}

// String is what there is, for people.
func (c calls) String() string {
	var lines []string
	for _, r := range c {
		lines = append(lines, content(r))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// content is all that a record says of its call, but not when it was saved.
func content(r *callindex.Record) string {
	if r == nil {
		return "nothing"
	}
	timeless := *r
	timeless.Saved = time.Time{}
	return text(&timeless)
}

func (c calls) equal(other calls) bool {
	return maps.EqualFunc(c, other, func(a, b *callindex.Record) bool { return content(a) == content(b) })
}

func (c calls) results() map[digest.Digest]bool {
	results := map[digest.Digest]bool{}
	for _, r := range c {
		results[r.Result] = true
	}
	return results
}

// between wants of each call that it is as it was or as it was to become, and that no result is lost which was to stay.
func (c calls) between(t *testing.T, want outcome) {
	t.Helper()
	for _, all := range []calls{want.before, c, want.after} {
		for key := range all {
			if now := content(c[key]); now != content(want.before[key]) && now != content(want.after[key]) {
				t.Errorf("a call was\n%s\nwas to become\n%s\nand is\n%s", content(want.before[key]), content(want.after[key]), now)
			}
		}
	}
	now, after := c.results(), want.after.results()
	for result := range want.before.results() {
		if after[result] && !now[result] {
			t.Errorf("the result %s is lost", result)
		}
	}
}
