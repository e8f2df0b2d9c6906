package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

// shards are keys in so many folders under index/, some in each, and some beside them.
func shards(folders int) (keys, want []string) {
	for folder := range folders {
		for i := range 20 {
			keys = append(keys, fmt.Sprintf("index/%04d/marks/%02d", folder, i))
		}
		want = append(want, fmt.Sprintf("index/%04d/", folder))
	}
	return append(keys, "index/manifest.json", "index-/x", "index0/x"), want
}

func TestFoldersTakeOneRequestAPage(t *testing.T) {
	keys, want := shards(64)
	store := filled(t, keys...)
	var requests buckettest.Recorder
	b := prefixed(t, bucket.Wrap(prefixed(t, store, "index/"), requests.Record), "0007/")
	got, err := bucket.Folders(t.Context(), b, "")
	is(t, err, nil)
	if !slices.Equal(got, []string{"marks/"}) {
		t.Errorf("in a folder: %q", got)
	}
	requests.Expect(t, "list folders 0007/")
	b = bucket.Wrap(store, requests.Record)
	got, err = bucket.Folders(t.Context(), b, "index/")
	is(t, err, nil)
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	requests.Expect(t, "list folders index/")
}

func TestFoldersFollowEveryPage(t *testing.T) {
	keys, want := shards(25)
	for n := 1; n < 30; n++ {
		pages := 0
		b := bucket.Wrap(filled(t, keys...), around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			pages++
			fewer := *r
			fewer.List.Limit = n
			return next(ctx, &fewer)
		}))
		got, err := bucket.Folders(t.Context(), b, "index/")
		if is(t, err, nil); !slices.Equal(got, want) || pages != (len(want)+n-1)/n {
			t.Errorf("%d a page: %q in %d pages", n, got, pages)
		}
	}
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.ListFolders, Key: "index/", Nth: 2, Do: buckettest.Fail(bucket.ErrThrottled)})
	b := bucket.Wrap(bucket.Wrap(filled(t, keys...), faults.Inject), around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		fewer := *r
		fewer.List.Limit = 20
		return next(ctx, &fewer)
	}))
	got, err := bucket.Folders(t.Context(), b, "index/")
	if is(t, err, bucket.ErrThrottled); got != nil {
		t.Errorf("after a page that failed: %q", got)
	}
	faults.Done(t)
}

func TestFoldersOfABucketThatListsNoneTakeASmallRequestForEach(t *testing.T) {
	keys, want := shards(64)
	var requests buckettest.Recorder
	b := bucket.Wrap(plain{filled(t, keys...)}, requests.Record)
	got, err := bucket.Folders(t.Context(), b, "index/")
	if is(t, err, nil); !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	taken := requests.Take()
	for _, request := range taken {
		if request.Verb != bucket.List || request.List.Limit > 10 || request.List.Prefix != "index/" {
			t.Errorf("%+v", request.List)
		}
	}
	if len(taken) != len(want)+1 { // and one for what is beside them
		t.Errorf("%d requests for %d folders", len(taken), len(want))
	}
}

// foreign is a store with keys that Quiver does not write.
type foreign struct {
	bucket.Bucket
	keys []string
}

func (f foreign) List(_ context.Context, options bucket.ListOptions) (bucket.Page, error) {
	var page bucket.Page
	for _, key := range f.keys {
		if key > max(options.After, options.Token) && strings.HasPrefix(key, options.Prefix) {
			page.Objects = append(page.Objects, bucket.Info{Key: key})
		}
	}
	if len(page.Objects) > 2 {
		page.Objects, page.Next = page.Objects[:2], page.Objects[1].Key
	}
	return page, nil
}

func TestAForeignKeyDoesNotHoldUpFolders(t *testing.T) {
	b := foreign{mem.New(nil), []string{"a/x", "a/é/1", "a/é/2", "a/é/3", "a/é/4", "b/x", "é", "é/x"}}
	got, err := bucket.Folders(t.Context(), b, "")
	if is(t, err, nil); !slices.Equal(got, []string{"a/", "b/", "é/"}) {
		t.Errorf("%q", got)
	}
}

func TestFoldersAreTheSameWithTheExtraAndWithout(t *testing.T) {
	name := rapid.StringMatching(`[a.0-]{1,3}`)
	rapid.Check(t, func(r *rapid.T) {
		b := mem.New(nil)
		for _, names := range rapid.SliceOfN(rapid.SliceOfN(name, 1, 4), 0, 40).Draw(r, "keys") {
			key := strings.Join(names, "/")
			if err := b.Put(r.Context(), key, bucket.Bytes(nil), bucket.IfAbsent()); err != nil && bucket.CheckKey(key) == nil && !errors.Is(err, bucket.ErrExists) {
				r.Fatal(err)
			}
		}
		prefix := ""
		if rapid.Bool().Draw(r, "in a folder") {
			prefix = name.Draw(r, "folder") + "/"
		}
		with, err := bucket.Folders(r.Context(), b, prefix)
		without, other := bucket.Folders(r.Context(), plain{b}, prefix)
		if !slices.Equal(with, without) || errors.Is(err, bucket.ErrInvalid) != errors.Is(other, bucket.ErrInvalid) {
			r.Fatalf("under %q: %q, %v and %q, %v", prefix, with, err, without, other)
		}
	})
}

func TestFoldersAreCountedLimitedAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meter := bucket.NewMeter(op.SystemClock())
		faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.ListFolders, Key: "team/index/", Do: buckettest.LoseAnswer()})
		store := filled(t, "team/index/00/x", "teams/index/25/x")
		b := decorated(t, bucket.Wrap(store, faults.Inject), bucket.Decorators{ReadOnly: true, Prefix: "team/", Limit: 1, Meter: meter})
		got, err := bucket.Folders(t.Context(), b, "index/")
		if is(t, err, nil); !slices.Equal(got, []string{"index/00/"}) {
			t.Errorf("%q", got)
		}
		faults.Done(t)
		if u := meter.Usage()[bucket.ListFolders]; u.Requests != 2 || u.Failures != 1 {
			t.Errorf("%+v", u)
		}
		if dollars := meter.Dollars(bucket.Prices{Write: 5, Read: 1}); dollars != 10 {
			t.Errorf("they cost %v, and not as listings do", dollars)
		}
		object, err := b.Get(t.Context(), "index/00/x") // takes the one slot
		is(t, err, nil)
		waiting := make(chan error)
		go func() {
			_, err := bucket.Folders(t.Context(), b, "index/")
			waiting <- err
		}()
		synctest.Wait()
		select {
		case err := <-waiting:
			t.Errorf("two requests at once: %v", err)
		default:
		}
		is(t, object.Body.Close(), nil)
		is(t, <-waiting, nil)
	})
}
