package s3_test

import (
	"slices"
	"testing"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func TestS3MeetsTheContract(t *testing.T) {
	t.Parallel()
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		b, _ := open(t, newFake(), &s3.Options{ConditionalDelete: true})
		return b
	}, bucket.GetRange, bucket.Removal, bucket.DeleteIf)
}

// long takes thousands of requests, and has nothing to do with where a bucket's keys are.
const long = "of many that replace one version one wins"

func TestS3ByItsURLUnderAPrefixMeetsTheContract(t *testing.T) {
	t.Parallel()
	for _, c := range buckettest.Cases() {
		if c.Name == long || c.Extra == bucket.DeleteIf || c.Extra == bucket.DeleteAll {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			b := openURL(t, newFake(), "s3://b/team/project?use_path_style=true")
			if err := c.Run(t.Context(), b, c.Folder()); err != nil {
				t.Error(err)
			}
		})
	}
	if got := buckettest.Extras(openURL(t, newFake(), "s3://b/team/project")); !slices.Equal(got, []bucket.Verb{bucket.GetRange, bucket.Removal}) {
		t.Errorf("the bucket has the extras %q", got)
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
			long,
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
