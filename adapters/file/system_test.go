//go:build unix

package file_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
)

// devFull opens the device on which every write finds the disk full.
func devFull(*os.Root, string) (*os.File, error) { return os.OpenFile("/dev/full", os.O_WRONLY, 0) }

// breaks makes a bucket with an object, a system call of which then fails.
func breaks(t *testing.T, breaks func(b *file.Bucket)) (*file.Bucket, string) {
	t.Helper()
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "there", "v")
	breaks(b)
	return b, dir
}

func TestWhatTheSystemRefusesIsExplained(t *testing.T) {
	create := func(err error) func(b *file.Bucket) {
		return func(b *file.Bucket) {
			b.OnCreate(func(_ *os.Root, name string) (*os.File, error) {
				return nil, &fs.PathError{Op: "openat", Path: name, Err: err}
			})
		}
	}
	link := func(err error) func(b *file.Bucket) {
		return func(b *file.Bucket) {
			b.OnLink(func(_ *os.Root, from, to string) error {
				return &os.LinkError{Op: "linkat", Old: from, New: to, Err: err}
			})
		}
	}
	chtimes := func(change func(time.Time) time.Time) func(b *file.Bucket) {
		return func(b *file.Bucket) {
			b.OnChtimes(func(root *os.Root, name string, t time.Time) error { return root.Chtimes(name, change(t), change(t)) })
		}
	}
	for name, c := range map[string]struct {
		breaks func(b *file.Bucket)
		kind   error
		hint   string
	}{
		"no space":                 {func(b *file.Bucket) { b.OnCreate(devFull) }, bucket.ErrRefused, "make room"},
		"no inode":                 {create(syscall.ENOSPC), bucket.ErrRefused, "make room"},
		"no quota":                 {create(syscall.EDQUOT), bucket.ErrRefused, "make room"},
		"no right":                 {create(syscall.EACCES), bucket.ErrRefused, "rights"},
		"mounted read-only":        {create(syscall.EROFS), bucket.ErrRefused, "read-only"},
		"too many files":           {create(syscall.EMFILE), bucket.ErrUnavailable, "limit"},
		"a failing disk":           {create(syscall.EIO), bucket.ErrUnavailable, ""},
		"no hard links":            {link(syscall.EPERM), bucket.ErrRefused, "another filesystem"},
		"no hard links, otherwise": {link(syscall.ENOTSUP), bucket.ErrRefused, "another filesystem"},
		"times of whole seconds":   {chtimes(func(t time.Time) time.Time { return t.Truncate(time.Second) }), bucket.ErrRefused, "100 ns"},
		"times of whole µs":        {chtimes(func(t time.Time) time.Time { return t.Truncate(time.Second).Add(900) }), bucket.ErrRefused, "100 ns"},
	} {
		t.Run(name, func(t *testing.T) {
			b, dir := breaks(t, c.breaks)
			explained(t, b.Put(t.Context(), "new", bucket.Bytes([]byte("some content")), bucket.IfAbsent()), c.kind, c.hint)
			if !strings.HasPrefix(name, "no hard links") { // to replace needs no link
				explained(t, b.Put(t.Context(), "there", bucket.Bytes([]byte("some content")), bucket.IfMatch(version(t, b, "there"))), c.kind, c.hint)
				if content, _, err := bucket.ReadAll(t.Context(), b, "there", 10); err != nil || string(content) != "v" {
					t.Errorf("%q, %v", content, err)
				}
			}
			if got := keys(t, b, bucket.ListOptions{}); !slices.Equal(got, []string{"there"}) {
				t.Errorf("there are %q", got)
			}
			if left := temps(t, dir); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

func TestForeignThingsAreNeitherListedNorOpened(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "folder/object", "v")
	create(t, b, "z", "v")
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o666),
		os.Symlink("z", at("link")), os.Symlink("nowhere", at("dangling")), os.Symlink(filepath.Join(outside, "secret"), at("secret")),
		os.Symlink(outside, at("outside")), os.Symlink("folder", at("inside")),
		syscall.Mkfifo(at("pipe"), 0o666), os.Mkdir(at("empty"), 0o777), os.Mkdir(at("Upper"), 0o777),
		os.WriteFile(at("Upper/below"), nil, 0o666), os.WriteFile(at("with space"), nil, 0o666), os.WriteFile(at("bytes\xff"), nil, 0o666),
	); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{0, 1, 2} {
		if got := keys(t, b, bucket.ListOptions{Limit: limit}); !slices.Equal(got, []string{"folder/object", "z"}) {
			t.Errorf("listed %q", got)
		}
	}
	for _, prefix := range []string{"outside/", "inside/", "pipe/", "link/", "empty/"} {
		if got := keys(t, b, bucket.ListOptions{Prefix: prefix}); len(got) > 0 {
			t.Errorf("listed %q under %s", got, prefix)
		}
	}
	for _, key := range []string{"link", "dangling", "secret", "pipe", "outside", "inside"} {
		_, err := b.Get(t.Context(), key)
		explained(t, err, bucket.ErrRefused, "remove it")
		_, err = b.Stat(t.Context(), key)
		explained(t, err, bucket.ErrRefused, "remove it")
		explained(t, b.Delete(t.Context(), key), bucket.ErrRefused, "remove it")
		explained(t, b.Put(t.Context(), key, bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrRefused, "remove it")
		explained(t, b.Put(t.Context(), key, bucket.Bytes(nil), bucket.IfMatch("1-1")), bucket.ErrRefused, "remove it")
	}
	_, err := b.Get(t.Context(), "empty")
	explained(t, err, bucket.ErrNotFound, "")
	_, err = b.Get(t.Context(), "outside/secret")
	explained(t, err, bucket.ErrRefused, "lead out")
	explained(t, b.Put(t.Context(), "outside/new", bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrRefused, "lead out")
	explained(t, b.Delete(t.Context(), "outside/secret"), bucket.ErrRefused, "lead out")
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside there are %v, %v", left, err)
	}
}

// Not parallel: the mask is the process's.
func TestFilesHaveTheRightsThatTheMaskLeaves(t *testing.T) {
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "new")
	b := open(t, dir, nil)
	create(t, b, "folder/k", "v")
	if err := b.Put(t.Context(), "folder/k", bucket.Bytes([]byte("w")), bucket.IfMatch(version(t, b, "folder/k"))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o750, "folder": 0o750, "folder/k": 0o640, ".quiver/tmp": 0o750, file.LockName("folder/k"): 0o640} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, not %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestADeletedObjectCanBeReadToItsEnd(t *testing.T) {
	b := open(t, t.TempDir(), nil)
	content := strings.Repeat("0123456789", 100_000)
	create(t, b, "k", content)
	object, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	if err := errors.Join(b.Delete(t.Context(), "k"), b.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(object.Body); err != nil || string(got) != content {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
