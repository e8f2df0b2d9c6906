package execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quivercache/quiver/digest"
)

// restoration is outs on their way to where they belong: built beside their targets, then renamed into place.
type restoration struct {
	staged []*stagedOut
}

// stagedOut is an out that is built in a folder beside its target.
type stagedOut struct {
	target string
	folder string
	root   *os.Root // of the folder
}

// The names in the folder of a stagedOut.
const (
	fresh    = "new"
	replaced = "old"
)

// stage builds an out beside its target, given what writes the content of each file. An out that is on disk already as it was remembered is left alone, and its
// contents are passed to skip.
func (r *restoration) stage(ctx context.Context, out *Out, target string, fetch func(io.Writer, *Content) error, skip func(*Content)) error {
	same, err := isThere(ctx, target, out.Tree)
	if err != nil {
		return err
	}
	if same {
		for i := range out.Entries {
			if out.Entries[i].Kind == File {
				skip(&out.Entries[i].Content)
			}
		}
		return nil
	}
	parent := filepath.Dir(target)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(parent, ".quiver-*")
	if err != nil {
		return err
	}
	s := &stagedOut{target: target, folder: folder}
	r.staged = append(r.staged, s)
	if s.root, err = os.OpenRoot(folder); err != nil {
		return err
	}
	for i := range out.Entries {
		if err := s.build(&out.Entries[i], fetch); err != nil {
			return err
		}
	}
	return nil
}

// isThere says whether a path has a tree on disk. What must not be replaced is an error.
func isThere(ctx context.Context, target string, remembered digest.Digest) (bool, error) {
	t := tree{}
	d, err := t.describe(ctx, target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("what is there cannot be replaced: %w", err)
	case d != remembered && t.hasRepository:
		return false, fmt.Errorf("%s has a %s inside, which is no part of what is remembered and would be lost", target, repository)
	}
	return d == remembered, nil
}

// build makes one entry.
func (s *stagedOut) build(e *Entry, fetch func(io.Writer, *Content) error) error {
	name := filepath.Join(fresh, filepath.FromSlash(string(e.Path)))
	switch e.Kind {
	case Directory:
		return s.root.Mkdir(name, 0o777)
	case Link:
		return s.root.Symlink(string(e.Target), name)
	}
	permissions := fs.FileMode(0o666)
	if e.Executable {
		permissions = 0o777
	}
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, permissions)
	if err != nil {
		return err
	}
	return errors.Join(fetch(f, &e.Content), f.Close())
}

// commit renames all outs into place. One that cannot be is left as it was, and the error says which.
func (r *restoration) commit() error {
	for _, s := range r.staged {
		if err := s.commit(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stagedOut) commit() error {
	made, aside := filepath.Join(s.folder, fresh), filepath.Join(s.folder, replaced)
	if err := s.root.Close(); err != nil {
		return err
	}
	there, err := os.Lstat(s.target)
	if err == nil && there.IsDir() || isDirectory(made) {
		if err := os.Rename(s.target, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(made, s.target); err != nil {
		if back := os.Rename(aside, s.target); back != nil && !errors.Is(back, fs.ErrNotExist) {
			s.folder = "" // it is all there is of what was replaced
			return errors.Join(err, fmt.Errorf("%s is now %s: %w", s.target, aside, back))
		}
		return err
	}
	return nil
}

func isDirectory(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.IsDir()
}

// Close removes what is not needed any more: what was replaced, and what was not renamed into place.
func (r *restoration) Close() error {
	var failures []error
	for _, s := range r.staged {
		if s.root != nil {
			_ = s.root.Close() // again, if it was committed
		}
		failures = append(failures, os.RemoveAll(s.folder))
	}
	r.staged = nil
	return errors.Join(failures...)
}
