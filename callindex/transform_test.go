package callindex_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// rename moves the calls of f to g.
func rename(r *callindex.Record) (*callindex.Record, error) {
	if r.Name == "f" {
		r.Name = "g"
	}
	return r, nil
}

// tag replaces a record under its key.
func tag(r *callindex.Record) (*callindex.Record, error) {
	r.Metadata = callindex.Metadata{"tags": {"seen": true}}
	return r, nil
}

func namesOf(t *testing.T, s *callindex.Store) map[string]int {
	t.Helper()
	names := map[string]int{}
	for r, err := range s.Query(context.Background(), callindex.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		names[r.Name]++
	}
	return names
}

func TestTransformFilesEachRecordUnderItsNewKey(t *testing.T) {
	w := newWorld(t)
	long := w.clock.Now()
	for i := range 100 {
		mustSave(t, w.Store, record(call("f", i), i), nil)
	}
	mustSave(t, w.Store, record(call("other", 1), 1), nil)
	if err := w.clock.Sleep(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	dry, err := w.Transform(t.Context(), rename, &callindex.TransformOptions{DryRun: true})
	if want := (callindex.Transform{Seen: 101, Same: 1, Moved: 100}); err != nil || dry != want {
		t.Errorf("dry run: %+v, %v, want %+v", dry, err, want)
	}
	if names := namesOf(t, w.Store); names["f"] != 100 || names["g"] != 0 {
		t.Errorf("a dry run changed the names to %v", names)
	}
	var last callindex.Transform
	done, err := w.Transform(t.Context(), rename, &callindex.TransformOptions{Progress: func(p callindex.Transform) { last = p }})
	if err != nil || done != dry || last != done {
		t.Errorf("%+v, %v; the progress ends with %+v", done, err, last)
	}
	if names := namesOf(t, w.Store); names["f"] != 0 || names["g"] != 100 || names["other"] != 1 {
		t.Errorf("the names are %v", names)
	}
	for r, err := range w.Query(t.Context(), callindex.Query{Name: "g"}) {
		if err != nil || !r.Saved.Equal(long) {
			t.Errorf("a moved record counts as saved at %v, %v", r.Saved, err)
		}
	}
	marked := marks(t, w.bucket)
	for i := range 100 {
		for _, name := range []string{"f", "g"} {
			c := call(name, i)
			if marked[keyOf(t, &c)] == 0 {
				t.Errorf("%s(%d) was written or removed without a mark", name, i)
			}
		}
	}
	again, err := w.Transform(t.Context(), rename, nil)
	if want := (callindex.Transform{Seen: 101, Same: 101}); err != nil || again != want {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestTransformWithoutAFunctionChangesNothing(t *testing.T) {
	w := newWorld(t)
	mustSave(t, w.Store, record(call("f", 1), 1), nil)
	done, err := w.Transform(t.Context(), nil, nil)
	if err != nil || done != (callindex.Transform{Seen: 1, Same: 1}) {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestTransformReplacesARecordUnderItsKey(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		mustSave(t, w.Store, record(call("f", i), i), nil)
	}
	mustSave(t, w.Store, record(call("g", 1), 1), nil)
	done, err := w.Transform(t.Context(), tag, &callindex.TransformOptions{Query: callindex.Query{Name: "f"}})
	if err != nil || done != (callindex.Transform{Seen: 10, Changed: 10}) {
		t.Errorf("%+v, %v", done, err)
	}
	n := 0
	for r, err := range w.Query(t.Context(), callindex.Query{Metadata: callindex.Metadata{"tags": {"seen": true}}}) {
		if err != nil || r.Name != "f" {
			t.Errorf("%+v, %v", r, err)
		}
		n++
	}
	if n != 10 {
		t.Errorf("%d records have the tag", n)
	}
}

// TestTransformNeverTransformsWhatItMade moves every record to a key that the scan may yet meet.
func TestTransformNeverTransformsWhatItMade(t *testing.T) {
	w := newWorld(t)
	const n = 200
	for i := range n {
		mustSave(t, w.Store, record(call("f", i), i), nil)
	}
	done, err := w.Transform(t.Context(), func(r *callindex.Record) (*callindex.Record, error) {
		r.Module += "x"
		return r, nil
	}, &callindex.TransformOptions{Parallel: 1})
	if err != nil || done.Moved != n {
		t.Errorf("%+v, %v", done, err)
	}
	for r, err := range w.Query(t.Context(), callindex.Query{}) {
		if err != nil || r.Module != "x" {
			t.Fatalf("transformed to %q, %v", r.Module, err)
		}
	}
}

func TestTransformNeverOverwritesAStrangersChange(t *testing.T) {
	theirs := record(call("f", 1), "theirs")
	key := keyOf(t, &theirs.Call)
	for name, c := range map[string]struct {
		function func(*callindex.Record) (*callindex.Record, error)
		stranger func(w *world) error
		want     callindex.Transform
		left     digest.Digest // the result under the new key, zero where there is none
		to       string        // the name under which the record is then
	}{
		"replaced while it is replaced": {tag, func(w *world) error {
			_, err := w.client(buckettest.NewFaults()).Save(context.Background(), theirs, &callindex.SaveOptions{Replace: true})
			return err
		}, callindex.Transform{Seen: 1, Changed: 1}, theirs.Result, "f"},
		"evicted while it is replaced": {tag, func(w *world) error {
			return w.client(buckettest.NewFaults()).Evict(context.Background(), key)
		}, callindex.Transform{Seen: 1, Gone: 1}, digest.Digest{}, "f"},
		"replaced while it is moved": {rename, func(w *world) error {
			_, err := w.client(buckettest.NewFaults()).Save(context.Background(), theirs, &callindex.SaveOptions{Replace: true})
			return err
		}, callindex.Transform{Seen: 1, Moved: 1}, theirs.Result, "g"},
	} {
		w := newWorld(t)
		mustSave(t, w.Store, record(call("f", 1), "ours"), nil)
		var once atomic.Bool
		function := func(r *callindex.Record) (*callindex.Record, error) {
			if once.CompareAndSwap(false, true) { // after the record was read
				if err := c.stranger(w); err != nil {
					t.Error(err)
				}
			}
			return c.function(r)
		}
		done, err := w.Transform(t.Context(), function, nil)
		if err != nil || done != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, done, err, c.want)
		}
		to := call(c.to, 1)
		r, err := w.Load(t.Context(), keyOf(t, &to))
		if c.left.IsZero() != errors.Is(err, digest.ErrNotFound) || r != nil && r.Result != c.left {
			t.Errorf("%s: the record is %+v, %v", name, r, err)
		}
		if n := len(namesOf(t, w.Store)); n > 1 {
			t.Errorf("%s: %d records are left", name, n)
		}
	}
}

func TestTransformKeepsBothWhereAnotherCallHasTheNewKey(t *testing.T) {
	w := newWorld(t)
	mustSave(t, w.Store, record(call("f", 1), "ours"), nil)
	there := mustSave(t, w.Store, record(call("g", 1), "theirs"), nil)
	for _, dryRun := range []bool{true, false} {
		done, err := w.Transform(t.Context(), rename, &callindex.TransformOptions{DryRun: dryRun})
		if err != nil || done != (callindex.Transform{Seen: 2, Same: 1, Conflict: 1}) {
			t.Errorf("%+v, %v", done, err)
		}
	}
	got, err := w.Load(t.Context(), keyOf(t, &there.Call))
	if err != nil || got.Result != there.Result || len(namesOf(t, w.Store)) != 2 {
		t.Errorf("the record is %+v, %v, of %v", got, err, namesOf(t, w.Store))
	}
}

// TestTransformReachesStrangersUnderKeysThatRecordsWereToGet has pairs of calls of which the scan meets now the one and now the other first.
func TestTransformReachesStrangersUnderKeysThatRecordsWereToGet(t *testing.T) {
	for _, parallel := range []int{1, 16} {
		w := newWorld(t)
		const pairs = 20
		for i := range pairs {
			mustSave(t, w.Store, record(call("f", i), "ours"), nil)
			mustSave(t, w.Store, record(call("g", i), "theirs"), nil)
		}
		done, err := w.Transform(t.Context(), func(r *callindex.Record) (*callindex.Record, error) {
			if r.Name == "g" {
				return tag(r)
			}
			return rename(r)
		}, &callindex.TransformOptions{Parallel: parallel})
		if want := (callindex.Transform{Seen: 2 * pairs, Changed: pairs, Conflict: pairs}); err != nil || done != want {
			t.Errorf("%+v, %v, want %+v", done, err, want)
		}
	}
}

// TestTransformKeepsTheOldRecordWhereItCannotBeDeletedConditionally runs on a store without conditional deletes.
func TestTransformKeepsTheOldRecordWhereItCannotBeDeletedConditionally(t *testing.T) {
	s := callindex.New(plain{mem.New(nil)}, nil)
	mustSave(t, s, record(call("f", 1), 1), nil)
	done, err := s.Transform(t.Context(), rename, nil)
	if err != nil || done != (callindex.Transform{Seen: 1, Moved: 1, Kept: 1}) {
		t.Errorf("%+v, %v", done, err)
	}
	if names := namesOf(t, s); names["f"] != 1 || names["g"] != 1 {
		t.Errorf("the names are %v", names)
	}
	c := call("f", 1)
	if err := s.Evict(t.Context(), keyOf(t, &c)); err != nil { // an eviction is asked for, and is done
		t.Error(err)
	}
}

// plain is a bucket without extras.
type plain struct{ bucket.Bucket }

func TestTheFirstFailureEndsATransformation(t *testing.T) {
	failed := errors.New("no good")
	for _, parallel := range []int{1, 16} {
		w := newWorld(t)
		for i := range 100 {
			mustSave(t, w.Store, record(call("f", i), i), nil)
		}
		_, err := w.Transform(t.Context(), func(r *callindex.Record) (*callindex.Record, error) { return nil, failed }, &callindex.TransformOptions{Parallel: parallel})
		if !errors.Is(err, failed) {
			t.Errorf("%v", err)
		}
	}
	w := newWorld(t)
	mustSave(t, w.Store, record(call("f", 1), 1), nil)
	refusing := w.client(buckettest.NewFaults(putFault(1, buckettest.Fail(bucket.ErrRefused))))
	if _, err := refusing.Transform(t.Context(), rename, nil); !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("%v", err)
	}
	_, err := w.Transform(t.Context(), func(r *callindex.Record) (*callindex.Record, error) {
		r.Name = ""
		return r, nil
	}, nil)
	if err == nil || len(namesOf(t, w.Store)) != 1 {
		t.Errorf("a record without a name: %v", err)
	}
}

func ExampleStore_Transform() {
	s := callindex.New(mem.New(nil), nil)
	if _, err := s.Save(ctx, &callindex.Record{Call: callindex.Call{Name: "old.name"}}, nil); err != nil {
		fmt.Println(err)
		return
	}
	done, err := s.Transform(ctx, func(r *callindex.Record) (*callindex.Record, error) {
		r.Name = "new.name"
		return r, nil
	}, nil)
	fmt.Println(done.Moved, err)
	// Output: 1 <nil>
}
