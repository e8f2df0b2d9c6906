package bucket_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

func TestAReadOnlyBucketSendsNoWrite(t *testing.T) {
	var requests buckettest.Recorder
	store := filled(t, "a")
	info, err := store.Stat(t.Context(), "a")
	is(t, err, nil)
	b := decorated(t, bucket.Wrap(store, requests.Record), bucket.Decorators{ReadOnly: true})
	is(t, create(t, b, "b"), bucket.ErrRefused)
	is(t, b.Put(t.Context(), "a", bucket.Bytes(nil), bucket.IfMatch(info.Version)), bucket.ErrRefused)
	is(t, b.Delete(t.Context(), "a"), bucket.ErrRefused)
	is(t, b.Delete(t.Context(), "missing"), bucket.ErrRefused)
	conditional, _ := bucket.As[bucket.ConditionalDeleter](b)
	is(t, conditional.DeleteIf(t.Context(), "a", info.Version), bucket.ErrRefused)
	bulk, _ := bucket.As[bucket.BulkDeleter](b)
	err = bulk.DeleteAll(t.Context(), []string{"a", "b"})
	is(t, err, bucket.ErrRefused)
	uploads, _ := bucket.As[bucket.Uploads](b)
	is(t, uploads.AbortUpload(t.Context(), store.BeginUpload("u")), bucket.ErrRefused)
	if !strings.Contains(err.Error(), "read-only") || !strings.Contains(err.Error(), "a and others") {
		t.Errorf("the error does not explain: %v", err)
	}
	requests.Expect(t)
	_, err = b.Stat(t.Context(), "a")
	is(t, err, nil)
	_, err = uploads.ListUploads(t.Context(), bucket.ListOptions{Prefix: "u"})
	is(t, err, nil)
	requests.Expect(t, "stat a", "list uploads u")
}

func TestAPrefixKeepsEveryRequestUnderIt(t *testing.T) {
	var requests buckettest.Recorder
	store := filled(t, "team/a", "teamwork", "other/a", "a")
	b := prefixed(t, bucket.Wrap(store, requests.Record), "team/")
	listed, err := b.List(t.Context(), bucket.ListOptions{})
	is(t, err, nil)
	if len(listed.Objects) != 1 || listed.Objects[0].Key != "a" {
		t.Errorf("listed %v", listed.Objects)
	}
	object, err := b.Get(t.Context(), "a")
	is(t, err, nil)
	if content, err := io.ReadAll(object.Body); string(content) != "team/a" || err != nil || object.Key != "a" {
		t.Errorf("%s holds %q, %v", object.Key, content, err)
	}
	is(t, object.Body.Close(), nil)
	info, err := b.Stat(t.Context(), "a")
	is(t, err, nil)
	ranges, _ := bucket.As[bucket.RangeGetter](b)
	part, err := ranges.GetRange(t.Context(), "a", 0, 4)
	is(t, err, nil)
	is(t, part.Body.Close(), nil)
	if info.Key != "a" || part.Key != "a" {
		t.Errorf("the keys are %s and %s", info.Key, part.Key)
	}
	conditional, _ := bucket.As[bucket.ConditionalDeleter](b)
	is(t, conditional.DeleteIf(t.Context(), "a", info.Version), nil)
	bulk, _ := bucket.As[bucket.BulkDeleter](b)
	is(t, bulk.DeleteAll(t.Context(), []string{"a", "work"}), nil)
	uploads, _ := bucket.As[bucket.Uploads](b)
	begun := store.BeginUpload("team/u")
	store.BeginUpload("teamwork")
	unfinished, err := uploads.ListUploads(t.Context(), bucket.ListOptions{})
	if is(t, err, nil); len(unfinished.Uploads) != 1 || unfinished.Uploads[0] != (bucket.Upload{Key: "u", ID: begun.ID, Begun: begun.Begun}) {
		t.Errorf("unfinished: %+v", unfinished)
	}
	is(t, uploads.AbortUpload(t.Context(), unfinished.Uploads[0]), nil)
	_, err = b.List(t.Context(), bucket.ListOptions{Prefix: "x", After: "xa"})
	is(t, err, nil)
	taken := requests.Take()
	for _, request := range taken {
		for key := range strings.FieldsSeq(strings.TrimPrefix(request.String(), string(request.Verb))) {
			if !strings.HasPrefix(key, "team/") {
				t.Errorf("left the prefix: %v", request)
			}
		}
	}
	if last := taken[len(taken)-1]; last.List.Prefix != "team/x" || last.List.After != "team/xa" {
		t.Errorf("listed %+v", last.List)
	}
	for _, key := range []string{"teamwork", "other/a", "a"} {
		if _, err := store.Stat(t.Context(), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestNothingEscapesAPrefix(t *testing.T) {
	b := prefixed(t, filled(t, "team/a", "other/a", "secret"), "team/")
	for _, key := range []string{"../secret", "../other/a", "./../secret", "/secret", "a/../../secret", "..", ".", ""} {
		_, err := b.Get(t.Context(), key)
		is(t, err, bucket.ErrInvalid)
		is(t, b.Delete(t.Context(), key), bucket.ErrInvalid)
		is(t, b.Put(t.Context(), key, bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrInvalid)
		bulk, _ := bucket.As[bucket.BulkDeleter](b)
		is(t, bulk.DeleteAll(t.Context(), []string{"a", key}), bucket.ErrInvalid)
	}
	for _, prefix := range []string{"../", "/", "../other/", "x"} {
		page, err := b.List(t.Context(), bucket.ListOptions{Prefix: prefix})
		if err != nil || len(page.Objects) > 0 {
			t.Errorf("listed %v, %v under %q", page.Objects, err, prefix)
		}
	}
}

func TestErrorsUnderAPrefixNameTheKeyThatWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := decorated(t, bucket.Wrap(mem.New(nil), bad(bucket.ErrThrottled)), bucket.Decorators{Prefix: "team/"})
		_, err := b.Stat(t.Context(), "a")
		failure, ok := errors.AsType[*bucket.Error](err)
		if !ok || failure.Key != "a" || failure.Verb != bucket.Stat || !errors.Is(failure.Kind, bucket.ErrThrottled) {
			t.Errorf("%+v", failure)
		}
		if !strings.Contains(err.Error(), "4 attempts") {
			t.Errorf("the error has lost what Retry said: %v", err)
		}
		_, err = b.List(t.Context(), bucket.ListOptions{Prefix: "a"})
		if failure, _ := errors.AsType[*bucket.Error](err); failure.Key != "a*" {
			t.Errorf("%+v", failure)
		}
	})
}

func TestAPrefixThatCannotBeIsRefused(t *testing.T) {
	for _, prefix := range []string{"team", "/", "Team/", "a//", "../", "/team/"} {
		_, err := bucket.Under(mem.New(nil), prefix)
		is(t, err, bucket.ErrInvalid)
		if prefix != "" {
			_, err = bucket.Decorate(mem.New(nil), bucket.Decorators{Prefix: prefix})
			is(t, err, bucket.ErrInvalid)
		}
	}
}

// plain is a bucket without extras.
type plain struct{ bucket.Bucket }

// ranged is a bucket with one.
type ranged struct {
	bucket.Bucket
	bucket.RangeGetter
}

func TestAsFindsTheExtrasOfTheStoreThroughAnyStack(t *testing.T) {
	store := mem.New(nil)
	for _, c := range []struct {
		b    bucket.Bucket
		want []bucket.Verb
	}{{store, allExtras}, {plain{store}, nil}, {ranged{store, store}, []bucket.Verb{bucket.GetRange}}} {
		var meter = bucket.NewMeter(op.SystemClock())
		for _, b := range []bucket.Bucket{
			c.b, bucket.Wrap(c.b, bucket.ReadOnly()), prefixed(t, bucket.Wrap(c.b, bucket.Limit(1)), "a/"),
			decorated(t, c.b, bucket.Decorators{ReadOnly: true, Prefix: "a/", Limit: 2, Meter: meter}),
		} {
			if got := buckettest.Extras(b); len(got) != len(c.want) {
				t.Errorf("%T has %q, not %q", b, got, c.want)
			}
		}
	}
}

func TestClosingADecoratedBucketClosesTheStore(t *testing.T) {
	store := filled(t, "a")
	b := decorated(t, store, bucket.Decorators{Prefix: "team/", ReadOnly: true})
	is(t, b.Close(), nil)
	_, err := store.Stat(t.Context(), "a")
	is(t, err, bucket.ErrInvalid)
}
