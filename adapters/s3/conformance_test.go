package s3_test

import (
	"context"
	"slices"
	"testing"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func TestS3MeetsTheContract(t *testing.T) {
	t.Parallel()
	conforms(t, many[:1], func(t *testing.T) bucket.Bucket {
		b, _ := open(t, newFake(), &s3.Options{ConditionalDelete: true})
		return b
	}, bucket.GetRange, bucket.Removal, bucket.DeleteIf, bucket.DeleteAll, bucket.ListFolders, bucket.ListUploads)
}

func TestS3ByItsURLUnderAPrefixMeetsTheContract(t *testing.T) {
	t.Parallel()
	conforms(t, many, func(t *testing.T) bucket.Bucket {
		return openURL(t, newFake(), "s3://b/team/project?use_path_style=true")
	}, bucket.GetRange, bucket.Removal, bucket.DeleteAll, bucket.ListFolders, bucket.ListUploads)
}

func TestUploadsOnS3MeetTheContract(t *testing.T) {
	t.Parallel()
	buckettest.RunUploads(t, func(t *testing.T) (bucket.Bucket, buckettest.Begin) {
		f := newFake()
		f.begin("of-somebody-else")
		return openURL(t, f, "s3://b/team/project?use_path_style=true"), func(_ context.Context, key string) error {
			f.begin("team/project/" + key)
			return nil
		}
	})
}

// many are cases of a thousand requests and more. The first, of ten thousand, has its turn among the soak tests and on the real servers. The others are left
// out under a prefix, with which they have nothing to do.
var many = []string{
	"of many that replace one version one wins",
	"of many that create one object one wins",
	"readers beside writers see whole objects",
	"a page without Limit has at most MaxPage keys",
}

// conforms is buckettest.Run but for some cases.
func conforms(t *testing.T, without []string, open func(t *testing.T) bucket.Bucket, extras ...bucket.Verb) {
	t.Helper()
	for _, c := range buckettest.Cases() {
		if slices.Contains(without, c.Name) || c.Extra != "" && !slices.Contains(extras, c.Extra) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(t.Context(), open(t), c.Folder()); err != nil {
				t.Error(err)
			}
		})
	}
	got := buckettest.Extras(open(t))
	slices.Sort(got)
	if slices.Sort(extras); !slices.Equal(got, extras) {
		t.Errorf("the bucket has the extras %q, not %q", got, extras)
	}
}

// The suite must fail on servers that cannot hold a store: else it shows nothing.
func TestTheContractFailsOnAServerThatIgnoresConditions(t *testing.T) {
	t.Parallel()
	broken := func(breaks func(f *fake)) *fake {
		f := newFake()
		breaks(f)
		return f
	}
	for ignored, c := range map[string]struct {
		server  *fake
		noticed []string
	}{
		"of writes": {broken(func(f *fake) { f.ignoresConditions = true }), []string{
			"IfAbsent fails with ErrExists where there is an object",
			"IfAbsent fails with ErrExists where there is an object without bytes",
			"IfMatch fails with ErrChanged where there is another version",
			"IfMatch fails with ErrChanged where there is no object",
			"IfMatch fails with ErrChanged where the object was made anew",
			"of many that create one object one wins",
		}},
		"of deletes": {broken(func(f *fake) { f.ignoresDeleteConditions = true }), []string{
			"DeleteIf fails with ErrChanged where there is another version",
			"DeleteIf of a missing object fails with ErrNotFound",
			"of a DeleteIf and an IfMatch of one version one wins",
		}},
	} {
		b, _ := open(t, c.server, &s3.Options{ConditionalDelete: true})
		for _, name := range c.noticed {
			at := slices.IndexFunc(buckettest.Cases(), func(c buckettest.Case) bool { return c.Name == name })
			if at < 0 {
				t.Fatalf("there is no case %q", name)
			}
			sentence := buckettest.Cases()[at]
			if err := sentence.Run(t.Context(), b, sentence.Folder()); err == nil {
				t.Errorf("a server that ignores the conditions %s passes %q", ignored, name)
			}
		}
	}
}
