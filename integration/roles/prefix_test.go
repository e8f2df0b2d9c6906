package roles_test

import (
	"context"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/layout"
)

// theirs is the prefix of another domain in the bucket, and own that of the domain that is tried.
const (
	theirs = "team-b/deep/"
	own    = "team-a/"
	alike  = "team-ab/values/there" // of a third one, whose name begins as one's own
)

// abroad are errands outside the prefix of one's own domain. Their keys are those of the whole bucket.
func abroad() []errand {
	none := func(name, right string, do func(ctx context.Context, v *visit) error) errand {
		return errand{name: name, denied: nobody(right), do: do}
	}
	put := func(key string) func(ctx context.Context, v *visit) error {
		return func(ctx context.Context, v *visit) error {
			return v.bucket.Put(ctx, key, bucket.Bytes([]byte("planted")), bucket.IfAbsent())
		}
	}
	get := func(key string) func(ctx context.Context, v *visit) error {
		return func(ctx context.Context, v *visit) error { return only(bucket.ReadAhead(ctx, v.bucket, key)) }
	}
	list := func(prefix string) func(ctx context.Context, v *visit) error {
		return func(ctx context.Context, v *visit) error {
			return only(v.bucket.List(ctx, bucket.ListOptions{Prefix: prefix}))
		}
	}
	folders := func(prefix string) func(ctx context.Context, v *visit) error {
		return func(ctx context.Context, v *visit) error { return only(bucket.Folders(ctx, v.bucket, prefix)) }
	}
	const readsObject, lists, puts, removes = "s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject"
	format := theirs + layout.Format
	return []errand{
		none("get theirs", readsObject, get(format)),
		none("miss theirs", readsObject, get(theirs+"values/none")),
		none("get a range of theirs", readsObject, func(ctx context.Context, v *visit) error {
			ranges, _ := bucket.As[bucket.RangeGetter](v.bucket)
			return only(ranges.GetRange(ctx, format, 0, 1))
		}),
		none("look at theirs", readsObject, func(ctx context.Context, v *visit) error { return only(v.bucket.Stat(ctx, format)) }),
		none("get what begins like one's own", readsObject, get(alike)),
		none("list theirs", lists, list(theirs)),
		none("list all", lists, list("")),
		none("miss what is not in the bucket", readsObject, get("none")),
		none("list what begins like one's own", lists, list("team-a")),
		none("list all folders", lists, folders("")),
		none("list their folders", lists, folders(theirs)),
		none("list all uploads", listsUploads, func(ctx context.Context, v *visit) error {
			uploads, _ := bucket.As[bucket.Uploads](v.bucket)
			return only(uploads.ListUploads(ctx, bucket.ListOptions{}))
		}),
		none("create theirs", puts, put(theirs+"values/planted")),
		none("upload theirs in parts", puts, func(ctx context.Context, v *visit) error {
			return v.bucket.Put(ctx, theirs+"values/planted", bucket.Bytes(v.value(large)), bucket.IfAbsent())
		}),
		none("replace theirs", puts, func(ctx context.Context, v *visit) error {
			info, err := v.near.Stat(ctx, format)
			if err != nil {
				return err
			}
			return v.bucket.Put(ctx, format, bucket.Bytes([]byte("{}")), bucket.IfMatch(info.Version))
		}),
		none("copy theirs to oneself", puts, func(ctx context.Context, v *visit) error {
			locator, _ := bucket.As[bucket.Locator](v.bucket)
			copier, _ := bucket.As[bucket.Copier](v.bucket)
			return copier.Copy(ctx, locator.Locate(format), 1, own+"values/copied")
		}),
		none("delete theirs", removes, func(ctx context.Context, v *visit) error { return v.bucket.Delete(ctx, format) }),
		none("remove theirs", removes, func(ctx context.Context, v *visit) error { return bucket.Remove(ctx, v.bucket, format) }),
		none("remove many of theirs", removes, func(ctx context.Context, v *visit) error {
			return bucket.RemoveAll(ctx, v.bucket, []string{format, theirs + "values/none"}, 1)
		}),
		none("remove what the doctor wrote for them", removes, func(ctx context.Context, v *visit) error {
			return bucket.Remove(ctx, v.bucket, theirs+"quiver-doctor/none")
		}),
		none("write beside one's own", puts, put("team-ab/values/planted")),
		none("write at the root of the bucket", puts, put(layout.Format)),
		none("write beside the store's folders", puts, put(own+"other")),
		none("write in a folder that the store has not", puts, put(own+"other/planted")),
		none("write what is called like a folder", puts, put(own+"values")),
		none("write what begins like the format", puts, put(own+layout.Format+".old")),
		none("load a call of theirs", readsObject, func(ctx context.Context, v *visit) error { return only(foreign(ctx, v).Calls.Load(ctx, v.key(0))) }),
		none("query theirs", readsObject, func(ctx context.Context, v *visit) error { return v.finds(ctx, foreign(ctx, v), 0) }),
		none("save a call to theirs", readsObject, func(ctx context.Context, v *visit) error { return v.save(ctx, foreign(ctx, v), 0) }),
	}
}

// foreign is the other domain's store, as the visit's user has it.
func foreign(ctx context.Context, v *visit) *quiver.Store {
	under, err := bucket.Under(v.bucket, theirs)
	if err != nil {
		panic(err) // it ends with a slash
	}
	s, err := quiver.New(ctx, under, nil)
	if err != nil {
		panic(err) // no request is sent
	}
	return s
}

// neighbours makes a bucket that has something of each domain.
func neighbours(t testing.TB) *domain {
	t.Helper()
	d := found(t)
	for _, prefix := range []string{"team-a", "team-b/deep"} {
		must(t, only(storeIn(t, d.users[root].open(t, d.bucket, prefix), nil).Values.SaveBytes(t.Context(), []byte("there"))))
	}
	must(t, d.users[root].open(t, d.bucket, "").Put(t.Context(), alike, bucket.Bytes([]byte("there")), bucket.IfAbsent()))
	return d
}

func TestAPrefixIsNobodysElse(t *testing.T) {
	t.Parallel()
	d := neighbours(t).of(t, "team-a")
	for _, who := range roles {
		t.Run(string(who), func(t *testing.T) {
			v := d.visit(t, who, place{})
			for _, e := range abroad() {
				t.Run(e.name, func(t *testing.T) {
					if err := v.try(t, e); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

func TestAnEmptyStoreIsAMissUntilAWriterMakesIt(t *testing.T) {
	t.Parallel()
	for _, at := range []place{bare, prefixed} {
		d := found(t).of(t, at.domain...)
		for _, who := range roles {
			v := d.visit(t, who, at)
			for _, e := range reads {
				if e.begin == nil {
					if err := v.try(t, e); err != nil {
						t.Errorf("%s, %s, in a store that is not there: %v", who, e.name, err)
					}
				}
			}
		}
		for _, who := range []role{reader, writer} { // a reader makes no store, a writer does
			v := d.visit(t, who, at)
			if err := v.try(t, firstSave); err != nil {
				t.Errorf("the first save, %s: %v", who, err)
			}
		}
	}
}

// firstSave makes the bucket a store.
var firstSave = errand{name: "save first", denied: writers, do: func(ctx context.Context, v *visit) error {
	if err := v.save(ctx, v.store, 0); err != nil {
		return err
	}
	return only(v.near.Stat(ctx, layout.Format))
}}
