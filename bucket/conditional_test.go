package bucket_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

// run is one run of an operation under op.Conditional, on the objects "there" and "other" of a bucket, whose requests are noted. Others change them directly.
type run struct {
	*testing.T
	ctx   context.Context
	b     bucket.Bucket // what the operation has
	store *mem.Bucket   // what strangers have
	sent  *buckettest.Recorder
}

// inRun runs an operation once, with store behind the decorators that hide makes.
func inRun(t *testing.T, hide func(*mem.Bucket) bucket.Bucket, operation func(r run)) {
	t.Helper()
	store := filled(t, "there", "other")
	var sent buckettest.Recorder
	b := bucket.Conditional(bucket.Wrap(hide(store), sent.Record))
	is(t, op.Conditional(op.Backoff{}, 1).Do(t.Context(), "key", op.Write, func(ctx context.Context) error {
		operation(run{t, ctx, b, store, &sent})
		return nil
	}), nil)
}

func all(store *mem.Bucket) bucket.Bucket { return store }

// reads reads an object in the way of a verb, which finds it or not.
func (r run) reads(verb bucket.Verb, key string, want error) bucket.Version {
	r.Helper()
	var object *bucket.Object
	var info bucket.Info
	var err error
	switch verb {
	case bucket.Get:
		object, err = r.b.Get(r.ctx, key)
	case bucket.GetRange:
		ranges, _ := bucket.As[bucket.RangeGetter](r.b)
		object, err = ranges.GetRange(r.ctx, key, 0, 1)
	case bucket.Stat:
		info, err = r.b.Stat(r.ctx, key)
	}
	is(r.T, err, want)
	if object != nil {
		info = object.Info
		is(r.T, object.Body.Close(), nil)
	}
	return info.Version
}

// stranger changes an object, makes it or removes it.
func (r run) stranger(key, content string) {
	r.Helper()
	info, err := r.store.Stat(r.Context(), key)
	switch {
	case err == nil && content == "":
		err = r.store.Delete(r.Context(), key)
	case err == nil:
		err = r.store.Put(r.Context(), key, bucket.Bytes([]byte(content)), bucket.IfMatch(info.Version))
	case errors.Is(err, bucket.ErrNotFound):
		err = r.store.Put(r.Context(), key, bucket.Bytes([]byte(content)), bucket.IfAbsent())
	}
	is(r.T, err, nil)
}

func (r run) put(key string, condition bucket.Condition) error {
	return r.b.Put(r.ctx, key, bucket.Bytes([]byte("mine")), condition)
}

func (r run) deleteIf(key string, version bucket.Version) error {
	conditional, _ := bucket.As[bucket.ConditionalDeleter](r.b)
	return conditional.DeleteIf(r.ctx, key, version)
}

// holds demands the content of an object; empty: that it is not there.
func (r run) holds(key, want string) {
	r.Helper()
	content, _, err := bucket.ReadAll(r.Context(), r.store, key, 100)
	if string(content) != want || (want == "") != errors.Is(err, bucket.ErrNotFound) {
		r.Errorf("%s holds %q, %v, not %q", key, content, err, want)
	}
}

// loses demands a lost race, told as the failure of the request that was made.
func (r run) loses(err error, verb bucket.Verb, key string) {
	r.Helper()
	failure, ok := errors.AsType[*bucket.Error](err)
	if !ok || !errors.Is(err, op.ErrLostRace) || !errors.Is(bucket.Kind(err), bucket.ErrChanged) || !errors.Is(failure.Kind, bucket.ErrChanged) || failure.Verb != verb || failure.Key != key ||
		!strings.HasPrefix(err.Error(), string(verb)+" "+key+": the object has changed: another writer was faster") {
		r.Errorf("%s of %s does not lose a race: %v", verb, key, err)
	}
}

// sends demands what has reached the store since, as "put there", and the condition of the last write.
func (r run) sends(condition bucket.Condition, budget ...string) {
	r.Helper()
	requests := r.sent.Take()
	var got []string
	var last bucket.Condition
	for _, request := range requests {
		got = append(got, request.String())
		last = request.Condition
		if request.Verb == bucket.DeleteIf {
			last = bucket.IfMatch(request.Version)
		}
	}
	if !slices.Equal(got, budget) || last != condition {
		r.Errorf("sent %q %v, not %q %v", got, last, budget, condition)
	}
}

var reading = []bucket.Verb{bucket.Get, bucket.GetRange, bucket.Stat}

func TestAPutGoesUnderTheConditionOfWhatWasReadFirst(t *testing.T) {
	for _, verb := range reading {
		inRun(t, all, func(r run) {
			first := r.reads(verb, "there", nil)
			r.reads(verb, "new", bucket.ErrNotFound)
			r.sent.Take()
			is(t, r.put("there", bucket.IfAbsent()), nil)
			r.sends(bucket.IfMatch(first), "put there")
			is(t, r.put("new", bucket.IfAbsent()), nil)
			r.sends(bucket.IfAbsent(), "put new")
			r.holds("there", "mine")
			r.holds("new", "mine")
			r.holds("other", "other")
		})
		inRun(t, all, func(r run) {
			first := r.reads(verb, "there", nil)
			r.reads(verb, "new", bucket.ErrNotFound)
			r.stranger("there", "theirs")
			r.stranger("new", "theirs")
			second := r.reads(verb, "there", nil)
			r.reads(verb, "new", nil)
			r.sent.Take()
			r.loses(r.put("there", bucket.IfAbsent()), bucket.Put, "there")
			r.sends(bucket.IfMatch(first), "put there")
			r.loses(r.put("new", bucket.IfAbsent()), bucket.Put, "new")
			r.sends(bucket.IfAbsent(), "put new")
			r.loses(r.put("there", bucket.IfMatch(first)), bucket.Put, "there")
			r.sends(bucket.IfMatch(first), "put there")
			r.loses(r.put("there", bucket.IfMatch(second)), bucket.Put, "there") // which would not be what was read first
			r.loses(r.put("new", bucket.IfMatch(second)), bucket.Put, "new")
			r.sends(bucket.Condition{})
			r.stranger("there", "")
			r.loses(r.put("there", bucket.IfMatch(first)), bucket.Put, "there")
			r.holds("new", "theirs")
		})
	}
}

func TestWhatWasNotReadIsWrittenAsItsCallerSays(t *testing.T) {
	inRun(t, all, func(r run) {
		_, err := r.b.List(r.ctx, bucket.ListOptions{})
		is(t, err, nil)
		err = r.put("there", bucket.IfAbsent())
		if is(t, err, bucket.ErrExists); errors.Is(err, op.ErrLostRace) {
			t.Error(err)
		}
		err = r.put("there", bucket.IfMatch("stale"))
		if is(t, err, bucket.ErrChanged); errors.Is(err, op.ErrLostRace) {
			t.Error(err)
		}
		is(t, r.put("new", bucket.IfAbsent()), nil)
		is(t, r.b.Delete(r.ctx, "new"), nil)
		is(t, r.b.Delete(r.ctx, "new"), bucket.ErrNotFound)
		is(t, bucket.RemoveAll(r.ctx, r.b, []string{"there", "none"}, 1), nil)
		r.sends(bucket.Condition{}, "list ", "put there", "put there", "put new", "delete new", "delete new", "delete all there none")
	})
}

func TestAWriteWithoutAConditionIsRefusedAlsoOfWhatWasRead(t *testing.T) {
	inRun(t, all, func(r run) {
		r.reads(bucket.Get, "there", nil)
		is(t, r.put("there", bucket.Condition{}), bucket.ErrInvalid)
		is(t, r.deleteIf("there", ""), bucket.ErrInvalid)
		r.holds("there", "there")
	})
}

func TestOutsideOfARunAndUnnotedNothingIsHeldToAnything(t *testing.T) {
	inRun(t, all, func(r run) {
		first := r.reads(bucket.Get, "there", nil)
		for _, apart := range []context.Context{t.Context(), op.Unnoted(r.ctx)} {
			r.stranger("there", "theirs")
			info, err := r.b.Stat(apart, "there")
			is(t, err, nil)
			is(t, r.b.Put(apart, "there", bucket.Bytes(nil), bucket.IfMatch(info.Version)), nil)
			_, err = r.b.Stat(apart, "none")
			is(t, err, bucket.ErrNotFound)
			is(t, r.b.Put(apart, "none", bucket.Bytes(nil), bucket.IfAbsent()), nil)
			is(t, r.b.Delete(apart, "none"), nil)
		}
		r.sent.Take()
		r.loses(r.put("there", bucket.IfAbsent()), bucket.Put, "there")
		r.sends(bucket.IfMatch(first), "put there")
	})
}

func TestAfterAWriteAnObjectIsNotedWhenItIsReadAgain(t *testing.T) {
	inRun(t, all, func(r run) {
		r.reads(bucket.Get, "there", nil)
		is(t, r.put("there", bucket.IfAbsent()), nil)
		is(t, r.put("there", bucket.IfAbsent()), bucket.ErrExists) // the version of what was written is not known
		second := r.reads(bucket.Get, "there", nil)
		r.sent.Take()
		is(t, r.put("there", bucket.IfAbsent()), nil)
		r.sends(bucket.IfMatch(second), "put there")
		r.reads(bucket.Stat, "there", nil)
		is(t, r.b.Delete(r.ctx, "there"), nil)
		is(t, r.put("there", bucket.IfAbsent()), nil)
		r.reads(bucket.Stat, "there", nil)
		r.stranger("there", "theirs")
		r.loses(r.put("there", bucket.IfAbsent()), bucket.Put, "there")
	})
}

func TestACopyOverWhatWasReadIsLeftToTheCaller(t *testing.T) {
	inRun(t, all, func(r run) {
		copier, _ := bucket.As[bucket.Copier](r.b)
		r.reads(bucket.Stat, "none", bucket.ErrNotFound)
		err := copier.Copy(r.ctx, r.store.Locate("there"), 5, "none")
		if is(t, err, bucket.ErrRefused); !strings.HasPrefix(err.Error(), "copy none: ") {
			t.Error(err)
		}
		is(t, copier.Copy(r.ctx, r.store.Locate("there"), 5, "new"), nil)
		r.holds("none", "")
		r.holds("new", "there")
	})
}

func TestTheNotesOfOneStoreAreNotThoseOfAnother(t *testing.T) {
	inRun(t, all, func(r run) {
		another := bucket.Conditional(mem.New(nil))
		r.reads(bucket.Get, "there", nil)
		is(t, another.Put(r.ctx, "there", bucket.Bytes(nil), bucket.IfAbsent()), nil)
		is(t, r.put("there", bucket.IfAbsent()), nil)

		// Of one store they are, whatever the way to it.
		again := prefixed(t, bucket.Conditional(prefixed(t, r.store, "team/")), "project/")
		deep := bucket.Conditional(prefixed(t, r.store, "team/project/"))
		_, err := again.Stat(r.ctx, "x")
		is(t, err, bucket.ErrNotFound)
		r.stranger("team/project/x", "theirs")
		r.loses(deep.Put(r.ctx, "x", bucket.Bytes(nil), bucket.IfMatch("1")), bucket.Put, "x")
		bucket.Landed(r.ctx, prefixed(t, prefixed(t, r.store, "team/"), "project/"), "x")
		is(t, deep.Put(r.ctx, "x", bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrExists)
	})
	inRun(t, func(store *mem.Bucket) bucket.Bucket { return plain{store} }, func(r run) { // which does not say where it is
		r.reads(bucket.Get, "there", nil)
		r.stranger("there", "theirs")
		r.loses(r.put("there", bucket.IfAbsent()), bucket.Put, "there")
	})
}

// A refusal of a repetition may be by its own first success: the middleware does not know.
func TestARefusalOfARepetitionIsNotCalledALostRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for key, kind := range map[string]error{"there": bucket.ErrChanged, "new": bucket.ErrExists} {
			found := map[string]error{"new": bucket.ErrNotFound}[key]
			faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Key: key, Do: buckettest.LoseAnswer()})
			inRun(t, func(store *mem.Bucket) bucket.Bucket {
				return bucket.Wrap(bucket.Wrap(store, faults.Inject), bucket.Retry(bucket.RetryOptions{}))
			}, func(r run) {
				r.reads(bucket.Stat, key, found)
				err := r.put(key, bucket.IfAbsent())
				if is(t, bucket.Kind(err), kind); errors.Is(err, op.ErrLostRace) || !strings.Contains(err.Error(), "2 attempts") {
					t.Error(err)
				}
				r.holds(key, "mine")
			})
			faults.Done(t)
		}
	})
}

func TestAFailureOfTheStoreIsNoLostRaceAndNotesNothing(t *testing.T) {
	faults := buckettest.NewFaults(
		buckettest.Fault{Verb: bucket.Get, Key: "there", Do: buckettest.Fail(bucket.ErrUnavailable)},
		buckettest.Fault{Verb: bucket.Stat, Key: "other", Nth: 2, Do: buckettest.Fail(bucket.ErrRefused)},
		buckettest.Fault{Verb: bucket.Put, Key: "other", Do: buckettest.Fail(bucket.ErrThrottled)},
		buckettest.Fault{Verb: bucket.DeleteIf, Key: "other", Do: buckettest.Fail(bucket.ErrRefused)},
	)
	inRun(t, func(store *mem.Bucket) bucket.Bucket { return bucket.Wrap(store, faults.Inject) }, func(r run) {
		r.reads(bucket.Get, "there", bucket.ErrUnavailable)
		r.reads(bucket.Stat, "other", nil)
		r.reads(bucket.Stat, "other", bucket.ErrRefused)
		r.reads(bucket.GetRange, "there", nil)
		r.stranger("there", "theirs")
		r.loses(r.put("there", bucket.IfAbsent()), bucket.Put, "there")
		is(t, r.put("other", bucket.IfAbsent()), bucket.ErrThrottled)
		err := r.b.Delete(r.ctx, "other")
		if is(t, err, bucket.ErrRefused); errors.Is(err, op.ErrLostRace) || !strings.HasPrefix(err.Error(), "delete other: ") {
			t.Error(err)
		}
		is(t, r.put("other", bucket.IfAbsent()), nil) // still what was read first
	})
	faults.Done(t)
}
