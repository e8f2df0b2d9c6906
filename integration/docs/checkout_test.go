package docs_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the checkout, as seen from this package.
const root = "../.."

// files lists what the checkout has, and what is new in it, by its path with slashes: what a clone will have. Files that were deleted and not yet committed are left out.
var files = sync.OnceValues(func() ([]string, error) {
	listed, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return nil, err
	}
	var found []string
	for name := range strings.SplitSeq(strings.TrimRight(string(listed), "\x00"), "\x00") {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			found = append(found, name)
		}
	}
	return found, nil
})

// tree is every file and folder of the checkout.
var tree = sync.OnceValues(func() (map[string]bool, error) {
	names, err := files()
	found := map[string]bool{".": true}
	for _, name := range names {
		for ; !found[name]; name = path.Dir(name) {
			found[name] = true
		}
	}
	return found, err
})

// documents are the paths of all Markdown files.
func documents(t *testing.T) []string {
	t.Helper()
	names, err := files()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range names {
		if path.Ext(name) == ".md" {
			found = append(found, name)
		}
	}
	if len(found) < 10 {
		t.Fatalf("only %d documents were found in %s: %q", len(found), root, found)
	}
	return found
}

// checkOut makes a copy of the checkout: what a clone has, and nothing that was built here.
func checkOut(t *testing.T, to string) {
	t.Helper()
	names, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := copyFile(filepath.Join(to, name), filepath.Join(root, name)); err != nil && !errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
			t.Fatal(err)
		}
	}
}

func copyFile(to, from string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}
