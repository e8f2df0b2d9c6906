package file_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
)

// listedAlike demands the same pages of two buckets.
func listedAlike(t *rapid.T, one, two bucket.Bucket, options bucket.ListOptions) {
	for {
		a, err := one.List(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		b, err := two.List(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		same := slices.EqualFunc(a.Objects, b.Objects, func(a, b bucket.Info) bool { return a.Key == b.Key && a.Size == b.Size })
		if !same || a.Next != b.Next {
			t.Fatalf("%+v: %v then %q, and %v then %q", options, a.Objects, a.Next, b.Objects, b.Next)
		}
		if options.Token = a.Next; a.Next == "" {
			return
		}
	}
}

func TestListingsAreThoseOfMem(t *testing.T) {
	t.Parallel()
	dir, n := t.TempDir(), 0
	segment := rapid.StringMatching(`[a.0-]{1,3}`)
	text := rapid.StringMatching(`[a.0/-]{0,6}`)
	rapid.Check(t, func(r *rapid.T) {
		n++
		here, there := open(t, filepath.Join(dir, fmt.Sprint(n)), &file.Options{NoSync: true}), mem.New(nil)
		defer here.Close()
		for range rapid.IntRange(0, 12).Draw(r, "objects") {
			key := strings.Join(rapid.SliceOfN(segment, 1, 4).Draw(r, "key"), "/")
			if bucket.CheckKey(key) != nil {
				continue
			}
			// What is a folder here and an object there, only mem can hold.
			if err := here.Put(r.Context(), key, bucket.Bytes([]byte(key)), bucket.IfAbsent()); err == nil {
				if err := there.Put(r.Context(), key, bucket.Bytes([]byte(key)), bucket.IfAbsent()); err != nil {
					r.Fatal(err)
				}
			}
		}
		for range 5 {
			listedAlike(r, here, there, bucket.ListOptions{
				Prefix: text.Draw(r, "prefix"), After: text.Draw(r, "after"), Limit: rapid.IntRange(0, 4).Draw(r, "limit"),
			})
		}
	})
}

// counted counts what a listing reads: the folders, and the files that it looks at.
func counted(b *file.Bucket) (folders, files *[]string) {
	folders, files = new([]string), new([]string)
	b.OnOpenFolder(func(root *os.Root, folder string) (*os.File, error) {
		*folders = append(*folders, folder)
		return root.Open(folder)
	})
	b.OnLstat(func(root *os.Root, name string) (fs.FileInfo, error) {
		info, err := root.Lstat(name)
		if err == nil && info.Mode().IsRegular() {
			*files = append(*files, name)
		}
		return info, err
	})
	return folders, files
}

func TestAListingReadsNoFolderAndNoFileThatItDoesNotNeed(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir(), &file.Options{NoSync: true})
	for folder := range 16 {
		for name := range 64 {
			create(t, b, fmt.Sprintf("values/%02x/%02x%04x", folder, folder, name), "")
		}
	}
	create(t, b, "calls/00/0001.json", "")
	folders, files := counted(b)
	for _, c := range []struct {
		options bucket.ListOptions
		folders []string
		files   int // on the page; the key after which it begins, which could be a folder too; one more, to know whether there is a next page
		keys    int
	}{
		{bucket.ListOptions{Prefix: "values/07/07002", Limit: 2}, []string{"values/07"}, 3, 2},
		{bucket.ListOptions{Prefix: "values/07/070021", Limit: 2}, []string{"values/07"}, 1, 1},
		{bucket.ListOptions{Prefix: "values/07/07ff", Limit: 2}, []string{"values/07"}, 0, 0},
		{bucket.ListOptions{Prefix: "values/", After: "values/07/070010", Limit: 2}, []string{"values", "values/07"}, 4, 2},
		{bucket.ListOptions{Prefix: "values/", After: "values/07/07003f", Limit: 2}, []string{"values", "values/07", "values/08"}, 4, 2},
		{bucket.ListOptions{Prefix: "values/", Limit: 64}, []string{"values", "values/00", "values/01"}, 65, 64},
		{bucket.ListOptions{Prefix: "values/", Limit: 63}, []string{"values", "values/00"}, 64, 63},
		{bucket.ListOptions{Prefix: "values/0f", After: "values/0f/0f003d"}, []string{"values", "values/0f"}, 3, 2},
		{bucket.ListOptions{Prefix: "values/07/", After: "values/08"}, nil, 0, 0},
		{bucket.ListOptions{Prefix: "nothing/here", Limit: 2}, []string{"nothing"}, 0, 0},
		{bucket.ListOptions{Limit: 1}, []string{".", "calls", "calls/00", "values", "values/00"}, 2, 1},
	} {
		*folders, *files = nil, nil
		page, err := b.List(t.Context(), c.options)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(*folders, c.folders) || len(*files) != c.files || len(page.Objects) != c.keys {
			t.Errorf("%+v reads the folders %q, looks at %d files, lists %d keys; not %q, %d, %d", c.options, *folders, len(*files), len(page.Objects), c.folders, c.files, c.keys)
		}
	}
}

func TestWhatVanishesWhileItIsListedIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, &file.Options{NoSync: true})
	for _, key := range []string{"a", "b/c", "d", "e"} {
		create(t, b, key, "")
	}
	b.OnLstat(func(root *os.Root, name string) (fs.FileInfo, error) {
		if name == "a" || name == "e" {
			os.Remove(filepath.Join(dir, name))
		}
		return root.Lstat(name)
	})
	b.OnOpenFolder(func(root *os.Root, folder string) (*os.File, error) {
		if folder == "b" {
			os.RemoveAll(filepath.Join(dir, "b"))
		}
		return root.Open(folder)
	})
	page, err := b.List(t.Context(), bucket.ListOptions{Limit: 1})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "d" || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
}
