package callindex_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

// keeper notes what it is to keep.
type keeper struct {
	mu    sync.Mutex
	asked [][]digest.Digest
	known map[digest.Digest]bool
	do    func() error // by each Keep; may be nil
}

func (k *keeper) Keep(_ context.Context, keys ...digest.Digest) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, slices.Clone(keys))
	if k.do != nil {
		return k.do()
	}
	return nil
}

func (k *keeper) Known(key digest.Digest) bool { return k.known[key] }

// expect wants that just these were to be kept, one call after another.
func (k *keeper) expect(t *testing.T, want ...[]digest.Digest) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.EqualFunc(k.asked, want, slices.Equal[[]digest.Digest]) {
		t.Errorf("it was to keep\n%v, not\n%v", k.asked, want)
	}
	k.asked = nil
}

func digestOf(value any) digest.Digest {
	d, err := digest.Of(value)
	if err != nil {
		panic(err)
	}
	return d
}

// kept is a world whose store asks a keeper.
func kept(t *testing.T, k *keeper, script ...buckettest.Fault) *world {
	w := newWorld(t, script...)
	w.Store = w.keeping(k, w.faults)
	return w
}

func (w *world) keeping(k *keeper, faults *buckettest.Faults) *callindex.Store {
	b := bucket.Wrap(bucket.Wrap(w.bucket, w.recorder.Record), faults.Inject)
	return callindex.New(b, &callindex.Options{Clock: w.clock, Entropy: entropy, Values: k})
}

func TestWhatARecordNamesIsKeptBeforeItIsSent(t *testing.T) {
	result, part, argument := digestOf("result"), digestOf("part"), digestOf(1)
	k := &keeper{}
	w := kept(t, k)
	r := record(call("f", 1), "result")
	r.Parts = []digest.Digest{part}
	k.do = func() error {
		if _, err := w.Load(t.Context(), keyOf(t, &r.Call)); !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("the record is there before its values were kept: %v", err)
		}
		return nil
	}
	mustSave(t, w.Store, r, nil)
	k.expect(t, []digest.Digest{part, result})
	k.do, k.known = nil, map[digest.Digest]bool{argument: true}
	mustSave(t, w.Store, r, &callindex.SaveOptions{Replace: true})
	k.expect(t, []digest.Digest{part, result, argument}) // the argument was saved here
	mustSave(t, w.Store, &callindex.Record{Call: call("g", 2)}, nil)
	k.expect(t, nil)
	if _, err := w.SaveAll(t.Context(), []*callindex.Record{r, record(call("f", 1), "other")}, &callindex.SaveOptions{Replace: true}); err != nil {
		t.Fatal(err)
	}
	if len(k.asked) != 2 || len(k.asked[0])+len(k.asked[1]) != 3+2 {
		t.Errorf("of two records it was to keep %v", k.asked)
	}
}

func TestARecordWhoseValuesCannotBeKeptIsNotSent(t *testing.T) {
	failure := &bucket.Error{Verb: bucket.Stat, Key: "values", Kind: bucket.ErrRefused}
	w := kept(t, &keeper{do: func() error { return failure }})
	r := record(call("f", 1), "result")
	_, err := w.Save(t.Context(), r, nil)
	if _, ok := errors.AsType[*keyspace.SaveError](err); !ok || !errors.Is(err, bucket.ErrRefused) {
		t.Error(err)
	}
	if _, err := w.SaveAll(t.Context(), []*callindex.Record{r}, nil); !errors.Is(err, bucket.ErrRefused) {
		t.Error(err)
	}
	if there, err := w.Contains(t.Context(), keyOf(t, &r.Call)); there || err != nil {
		t.Errorf("the record is there: %t, %v", there, err)
	}
}

// TestHoursLaterEverythingIsDoneAgain: a process that stood still between the keeping of the values and the sending of the record stores and keeps them once more, in time for the record.
func TestHoursLaterEverythingIsDoneAgain(t *testing.T) {
	const long = 40 * time.Hour
	r := record(call("f", 1), "result")
	names := []digest.Digest{r.Result}
	for what, c := range map[string]struct {
		freezeIn string
		stored   int    // times
		kept     [2]int // times: by Save, and by SaveAll, which has stored everything before it keeps anything
	}{
		"while the values are stored": {"store", 2, [2]int{2, 1}}, "while they are kept": {"keep", 2, [2]int{2, 2}}, "as the record leaves": {"request", 2, [2]int{2, 2}}, "never": {"", 1, [2]int{1, 1}},
	} {
		for i, many := range []bool{false, true} {
			k := &keeper{}
			w := kept(t, k)
			frozen := false
			freeze := func(in string) {
				if c.freezeIn == in && !frozen {
					frozen = true
					w.clock.passed.Add(int64(long))
				}
			}
			k.do = func() error { freeze("keep"); return nil }
			late := func(next bucket.Handler) bucket.Handler {
				return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
					if r.Verb == bucket.Put && buckettest.Match("calls/*", r.Key) {
						freeze("request")
					}
					return next(ctx, r)
				}
			}
			s := callindex.New(bucket.Wrap(w.bucket, late), &callindex.Options{Clock: w.clock, Entropy: entropy, Values: k})
			stored := 0
			options := &callindex.SaveOptions{Beside: func(context.Context) error { stored++; freeze("store"); return nil }}
			var err error
			if many {
				_, err = s.SaveAll(t.Context(), []*callindex.Record{r}, options)
			} else {
				_, err = s.Save(t.Context(), r, options)
			}
			if err != nil || stored != c.stored {
				t.Errorf("%s, many: %t: stored %d times, %v", what, many, stored, err)
			}
			k.expect(t, slices.Repeat([][]digest.Digest{names}, c.kept[i])...)
			if there, err := s.Contains(t.Context(), keyOf(t, &r.Call)); !there || err != nil {
				t.Errorf("%s: the record is there: %t, %v", what, there, err)
			}
		}
	}
}

func TestAMovedRecordHasAllItsValuesKeptAndAReplacedOneWhatIsNew(t *testing.T) {
	k := &keeper{}
	w := kept(t, k)
	r := record(call("f", 1), "result")
	mustSave(t, w.Store, r, nil)
	k.expect(t, []digest.Digest{r.Result})
	transform := func(change func(r *callindex.Record)) callindex.Transform {
		t.Helper()
		done, err := w.Transform(t.Context(), func(r *callindex.Record) (*callindex.Record, error) { change(r); return r, nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	transform(func(r *callindex.Record) { r.Metadata = callindex.Metadata{"tags": {"a": 1}} })
	k.expect(t, nil)
	transform(func(r *callindex.Record) { r.Parts = []digest.Digest{digestOf("new")} })
	k.expect(t, []digest.Digest{digestOf("new")})
	transform(func(r *callindex.Record) { r.Name = "g" })
	k.expect(t, []digest.Digest{digestOf("new"), r.Result, digestOf(1)})
}

// TestARecordThatGoesWhileItsValuesAreLookedAfterIsNotMoved: gc may have taken them with it.
func TestARecordThatGoesWhileItsValuesAreLookedAfterIsNotMoved(t *testing.T) {
	for what, strike := range map[string]func(w *world, key digest.Digest) error{
		"evicted": func(w *world, key digest.Digest) error {
			return w.client(buckettest.NewFaults()).Evict(context.Background(), key)
		},
		"replaced": func(w *world, key digest.Digest) error {
			_, err := w.client(buckettest.NewFaults()).Save(context.Background(), record(call("f", 1), "other"), &callindex.SaveOptions{Replace: true})
			return err
		},
	} {
		k := &keeper{}
		w := kept(t, k)
		r := record(call("f", 1), "result")
		mustSave(t, w.Store, r, nil)
		key := keyOf(t, &r.Call)
		k.do = func() error { k.do = nil; return strike(w, key) }
		done, err := w.Transform(t.Context(), func(r *callindex.Record) (*callindex.Record, error) { r.Name = "g"; return r, nil }, nil)
		moved := call("g", 1)
		found, loadErr := w.Load(t.Context(), keyOf(t, &moved))
		switch {
		case err != nil:
			t.Errorf("%s: %v", what, err)
		case what == "evicted" && (done.Gone != 1 || loadErr == nil):
			t.Errorf("%s: %+v, %v", what, done, loadErr)
		case what == "replaced" && (done.Moved != 1 || found.Result != digestOf("other")):
			t.Errorf("%s: %+v, %+v", what, done, found)
		}
		if w.has(layout.RecordSpace.Name(key)) {
			t.Errorf("%s: the old record is there", what)
		}
	}
}

func (w *world) has(name string) bool {
	_, err := w.bucket.Stat(context.Background(), name)
	return err == nil
}
