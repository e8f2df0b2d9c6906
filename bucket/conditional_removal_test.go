package bucket_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
)

// removals remove the object "there" in each way that there is. As what a failure is told.
var removals = map[string]struct {
	call    func(r run, version bucket.Version) error
	verb    bucket.Verb
	missing error // of an object that is not there
}{
	"delete":     {func(r run, _ bucket.Version) error { return r.b.Delete(r.ctx, "there") }, bucket.Delete, bucket.ErrNotFound},
	"delete if":  {func(r run, version bucket.Version) error { return r.deleteIf("there", version) }, bucket.DeleteIf, bucket.ErrNotFound},
	"remove":     {func(r run, _ bucket.Version) error { return bucket.Remove(r.ctx, r.b, "there") }, bucket.Removal, nil},
	"delete all": {func(r run, _ bucket.Version) error { return bucket.RemoveAll(r.ctx, r.b, []string{"there"}, 1) }, bucket.DeleteAll, nil},
}

func TestARemovalIsOfTheVersionThatWasReadFirst(t *testing.T) {
	for name, removal := range removals {
		t.Run(name, func(t *testing.T) {
			inRun(t, all, func(r run) {
				first := r.reads(bucket.Get, "there", nil)
				r.sent.Take()
				is(t, removal.call(r, first), nil)
				r.sends(bucket.IfMatch(first), "delete if there")
				r.holds("there", "")
				is(t, r.put("there", bucket.IfAbsent()), nil) // it is noted no more
			})
			inRun(t, all, func(r run) {
				first := r.reads(bucket.Get, "there", nil)
				r.stranger("there", "theirs")
				r.sent.Take()
				r.loses(removal.call(r, first), removal.verb, "there")
				r.sends(bucket.IfMatch(first), "delete if there")
				r.holds("there", "theirs")
			})
			inRun(t, all, func(r run) {
				first := r.reads(bucket.Get, "there", nil)
				r.stranger("there", "")
				err := removal.call(r, first)
				if is(t, err, removal.missing); err != nil && !strings.HasPrefix(err.Error(), name+" there: ") {
					t.Error(err)
				}
				r.loses(r.put("there", bucket.IfAbsent()), bucket.Put, "there") // it has gone without the operation's doing
			})
		})
	}
}

func TestADeleteIfOfAnotherVersionThanWasReadFirstIsNotSent(t *testing.T) {
	inRun(t, all, func(r run) {
		r.reads(bucket.Get, "there", nil)
		r.reads(bucket.Get, "none", bucket.ErrNotFound)
		r.stranger("there", "theirs")
		second := r.reads(bucket.Get, "there", nil)
		r.sent.Take()
		r.loses(r.deleteIf("there", second), bucket.DeleteIf, "there")
		r.loses(r.deleteIf("none", second), bucket.DeleteIf, "none")
		r.sends(bucket.Condition{})
		r.holds("there", "theirs")
	})
}

func TestWhatWasNotThereIsNotRemovedWhenSomebodyHasMadeItMeanwhile(t *testing.T) {
	for name, removal := range removals {
		if name == "delete if" {
			continue // it has no version to name
		}
		t.Run(name, func(t *testing.T) {
			inRun(t, all, func(r run) {
				r.stranger("there", "")
				r.reads(bucket.Get, "there", bucket.ErrNotFound)
				err := removal.call(r, "")
				if is(t, err, removal.missing); err != nil && !strings.HasPrefix(err.Error(), name+" there: ") {
					t.Error(err)
				}
				r.stranger("there", "theirs")
				r.sent.Take()
				r.loses(removal.call(r, ""), removal.verb, "there")
				r.sends(bucket.Condition{}, "stat there")
				r.holds("there", "theirs")
			})
		})
	}
}

func TestABulkDeleteRemovesOneByOneWhatWasRead(t *testing.T) {
	inRun(t, all, func(r run) {
		first := r.reads(bucket.Get, "there", nil)
		r.reads(bucket.Get, "none", bucket.ErrNotFound)
		r.sent.Take()
		bulk, _ := bucket.As[bucket.BulkDeleter](r.b)
		is(t, bulk.DeleteAll(r.ctx, []string{"other", "there", "none", "nor"}), nil)
		requests := r.sent.Take()
		var got []string
		for _, request := range requests {
			got = append(got, request.String())
		}
		if want := []string{"delete if there", "stat none", "delete all other nor"}; !slices.Equal(got, want) || requests[0].Version != first {
			t.Errorf("sent %q, of version %q", got, requests[0].Version)
		}
		r.holds("there", "")
		r.holds("other", "")
		is(t, bulk.DeleteAll(r.ctx, []string{"Upper"}), bucket.ErrInvalid)
		is(t, bulk.DeleteAll(r.ctx, nil), nil)
	})
}

// unconditional is a store that deletes whatever there is, as MinIO.
type unconditional struct {
	bucket.Bucket
	bucket.Remover
	bucket.BulkDeleter
}

func TestAStoreThatCannotDeleteConditionallyDeletesWhatThereIs(t *testing.T) {
	for name, removal := range removals {
		if name == "delete if" {
			continue
		}
		inRun(t, func(store *mem.Bucket) bucket.Bucket { return unconditional{store, store, store} }, func(r run) {
			r.reads(bucket.Get, "there", nil)
			r.reads(bucket.Get, "none", bucket.ErrNotFound)
			r.sent.Take()
			is(t, removal.call(r, ""), nil)
			r.sends(bucket.Condition{}, name+" there")
			r.stranger("none", "theirs")
			r.loses(r.b.Delete(r.ctx, "none"), bucket.Delete, "none")
			is(t, r.put("there", bucket.IfAbsent()), nil)
		})
	}
}
