package file_test

import (
	"path/filepath"
	"testing"

	"github.com/quivercache/quiver/bucket"
)

func TestADirectoryTellsTheFilesOfItsObjectsAndCopiesNone(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(filepath.Dir(dir))
	for name, given := range map[string]string{"absolute": dir, "relative": filepath.Base(dir)} {
		b := open(t, given, nil)
		create(t, b, "team/a/k.json", "0123456789")
		inner, err := bucket.Under(b, "team/")
		if err != nil {
			t.Fatal(err)
		}
		locator, ok := bucket.As[bucket.Locator](inner)
		if !ok {
			t.Fatal("the bucket does not say where it is")
		}
		at := locator.Locate("a/k.json")
		want := filepath.Join(dir, "team", "a", "k.json")
		if at.String() != want || at != (bucket.Location{Service: "file", Key: want}) {
			t.Errorf("%s: %+v, %s", name, at, at)
		}
		if _, near := bucket.Near(inner, at); near {
			t.Errorf("%s: a directory says that it copies by itself", name)
		}
		if err := b.Delete(t.Context(), "team/a/k.json"); err != nil {
			t.Fatal(err)
		}
	}
}
