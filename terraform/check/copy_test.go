package check_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const modules = "../modules"

// roots returns the directories that Terraform can be run in: modules, as "aws/housekeeping", and examples, as "aws/examples/minimal".
func roots(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(modules, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if isLeft(entry.Name()) && entry.IsDir() {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".tf" {
			return nil
		}
		root, err := filepath.Rel(modules, filepath.Dir(path))
		if root = filepath.ToSlash(root); !slices.Contains(found, root) {
			found = append(found, root)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func isExample(root string) bool { return strings.Contains(root, "/examples/") }

// testFiles returns the tests that Terraform finds in a root, as it names them.
func testFiles(t *testing.T, root string) []string {
	t.Helper()
	found, err := fs.Glob(os.DirFS(filepath.Join(modules, root)), "tests/*.tftest.hcl")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isLeft tells whether a file or directory is what Terraform left in a checkout.
func isLeft(name string) bool {
	return strings.HasPrefix(name, ".terraform") || strings.Contains(name, ".tfstate")
}

var copies struct {
	sync.Mutex // one init at a time: the cache of providers takes no more
	initial    map[string]string
}

// copied returns a copy of a root's cloud in which the root was initialised. It is made once, and nothing may change it.
func copied(t *testing.T, root string) string {
	t.Helper()
	copies.Lock()
	defer copies.Unlock()
	if at, ok := copies.initial[root]; ok {
		return at
	}
	at, err := os.MkdirTemp(terraform.scratch, "modules-")
	if err != nil {
		t.Fatal(err)
	}
	cloud, _, _ := strings.Cut(root, "/")
	if err := copyTree(filepath.Join(at, cloud), filepath.Join(modules, cloud)); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"init", "-backend=false", "-input=false", "-no-color"}
	if terraform.plugins != "" {
		arguments = append(arguments, "-plugin-dir="+terraform.plugins)
	}
	if _, err := run(t, filepath.Join(at, root), arguments...); err != nil {
		t.Fatal(err)
	}
	if copies.initial == nil {
		copies.initial = map[string]string{}
	}
	copies.initial[root] = at
	return at
}

// copyTree copies a directory without what Terraform left there.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rest)
		switch {
		case isLeft(entry.Name()) && entry.IsDir():
			return fs.SkipDir
		case isLeft(entry.Name()):
			return nil
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}
