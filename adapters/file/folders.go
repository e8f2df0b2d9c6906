package file

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// makeDir makes the directory of the bucket, and those above it that are missing, and flushes them to the disk.
func (b *Bucket) makeDir() error {
	made := []string{}
	for dir := b.dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			break
		}
		made = append(made, dir)
	}
	if err := os.MkdirAll(b.dir, 0o777); err != nil {
		return err
	}
	for _, dir := range made {
		parent, err := os.OpenRoot(filepath.Dir(dir))
		if err != nil {
			return err
		}
		err = b.flush(parent, ".")
		if err := errors.Join(err, parent.Close()); err != nil {
			return err
		}
	}
	return nil
}

// makeFolders makes the folders that a key needs.
func (b *Bucket) makeFolders(root *os.Root, folder string) error {
	err := root.MkdirAll(folder, 0o777)
	if isNotFolder(err) || errors.Is(err, fs.ErrExist) {
		return underObject(folder + "/")
	}
	return err
}

// settle flushes a folder to the disk after an entry in it has changed; and once in the life of the bucket the folders above it, since
// whoever made them may not have come to it yet.
func (b *Bucket) settle(root *os.Root, folder string) error {
	if err := b.flush(root, folder); err != nil {
		return err
	}
	for ; folder != "." && !b.isSettled(folder); folder = path.Dir(folder) {
		if err := b.flush(root, path.Dir(folder)); err != nil {
			return err
		}
		b.setSettled(folder)
	}
	return nil
}

func (b *Bucket) isSettled(folder string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settled[folder]
}

func (b *Bucket) setSettled(folder string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled[folder] = true
}

// flush sees that the names in a folder are on the disk.
func (b *Bucket) flush(root *os.Root, folder string) error {
	if !b.sync {
		return nil
	}
	if err := flushFolder(root, folder); err != nil {
		return &problem{bucket.ErrUnavailable, err, "the change was made, but may not survive a power failure"}
	}
	return nil
}

const (
	leftover = 24 * time.Hour // how old a temporary file is when its writer must be gone
	sweeps   = 1000           // temporary files that are looked at
)

// sweep removes what writers that died have left behind. What cannot be removed now is left to a later process: nobody needs it gone.
func (b *Bucket) sweep(root *os.Root) {
	folder, err := root.Open(tempFolder)
	if err != nil {
		return
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(sweeps)
	for _, name := range names {
		name = tempFolder + "/" + name
		if info, err := root.Lstat(name); err == nil && b.clock.Now().Sub(info.ModTime()) > leftover {
			_ = root.Remove(name)
		}
	}
}
