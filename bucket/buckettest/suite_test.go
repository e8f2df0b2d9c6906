package buckettest_test

import (
	"context"
	"slices"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
)

// A suite that a broken bucket passes proves nothing.
func TestTheSuiteNoticesWhatIsBroken(t *testing.T) {
	cases := map[string]buckettest.Case{}
	for _, c := range buckettest.Cases() {
		cases[c.Name] = c
	}
	noticed := map[string]bool{"after Close every request fails": true} // below
	for _, m := range mutations() {
		t.Run(m.name, func(t *testing.T) {
			for _, name := range m.noticed {
				c, ok := cases[name]
				if !ok {
					t.Fatalf("there is no case %q", name)
				}
				if err := c.Run(t.Context(), bucket.Wrap(mem.New(nil), m.breaks), c.Folder()); err == nil {
					t.Errorf("%q does not notice", name)
				}
				noticed[name] = true
			}
		})
	}
	for name := range cases {
		if !noticed[name] {
			t.Errorf("no broken bucket fails %q", name)
		}
	}
}

func TestTheSuiteNoticesBrokenUploads(t *testing.T) {
	run := func(t *testing.T, c buckettest.Case, breaks bucket.Middleware) error {
		store := mem.New(nil)
		store.BeginUpload("of-somebody-else")
		return c.RunBeginning(t.Context(), bucket.Wrap(store, breaks), func(_ context.Context, key string) error {
			store.BeginUpload(key)
			return nil
		}, c.Folder())
	}
	noticed := map[string]bool{}
	for name, breaks := range brokenUploads() {
		t.Run(name, func(t *testing.T) {
			failed := 0
			for _, c := range buckettest.UploadCases() {
				if run(t, c, breaks) != nil {
					failed++
					noticed[c.Name] = true
				}
			}
			if failed == 0 {
				t.Error("no case notices")
			}
		})
	}
	for _, c := range buckettest.UploadCases() {
		if !noticed[c.Name] {
			t.Errorf("no broken bucket fails %q", c.Name)
		}
		if err := run(t, c, func(next bucket.Handler) bucket.Handler { return next }); err != nil {
			t.Errorf("%q: %v", c.Name, err)
		}
	}
}

// immortal stays open.
type immortal struct{ bucket.Bucket }

func (immortal) Close() error { return nil }

func TestTheSuiteNoticesABucketThatStaysOpen(t *testing.T) {
	for _, c := range buckettest.Cases() {
		if err := c.Run(t.Context(), immortal{mem.New(nil)}, c.Folder()); c.Closes == (err == nil) && c.Extra == "" {
			t.Errorf("%q: %v", c.Name, err)
		}
	}
}

func TestExtrasCannotVanish(t *testing.T) {
	all := []bucket.Verb{bucket.GetRange, bucket.DeleteIf, bucket.Removal, bucket.DeleteAll, bucket.ListFolders, bucket.ListUploads}
	if got := buckettest.Extras(mem.New(nil)); !slices.Equal(got, all) {
		t.Errorf("mem has %q", got)
	}
	if got := buckettest.Extras(immortal{mem.New(nil)}); len(got) != 0 {
		t.Errorf("a bucket that hides its extras has %q", got)
	}
	for _, c := range buckettest.Cases() {
		if c.Extra != "" {
			if err := c.Run(t.Context(), immortal{mem.New(nil)}, c.Folder()); err == nil {
				t.Errorf("%q passes without its extra", c.Name)
			}
		}
	}
}

func TestFoldersOfCasesDiffer(t *testing.T) {
	folders := map[string]string{}
	for _, c := range buckettest.Cases() {
		if other, ok := folders[c.Folder()]; ok {
			t.Errorf("%q and %q share %s", c.Name, other, c.Folder())
		}
		folders[c.Folder()] = c.Name
		if err := bucket.CheckKey(c.Folder() + "a"); err != nil {
			t.Error(err)
		}
	}
}

func TestCasesMayShareAStore(t *testing.T) {
	b := mem.New(nil)
	for _, c := range buckettest.Cases() {
		if c.Closes {
			continue
		}
		if err := c.Run(t.Context(), b, c.Folder()); err != nil {
			t.Errorf("%q: %v", c.Name, err)
		}
	}
}
