package execution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/quivercache/quiver/digest"
)

// Kind says what an Entry is.
type Kind string

// The kinds of entries. Anything else in a tree (a socket, a pipe, a device) is an error.
const (
	File      Kind = "file"
	Link      Kind = "link"
	Directory Kind = "directory"
)

// Entry is a file, a link or a directory of a tree: what is remembered of it. Owner, times and the permissions that are not the executable bit are
// not. Names are raw bytes, which need not be UTF-8.
type Entry struct {
	Path       []byte // below the root, with slashes; empty: the root itself
	Kind       Kind
	Executable bool
	Target     []byte  // the text of a link
	Content    Content // of a file
}

// repository is what is never part of a tree, at any depth below its root.
const repository = ".git"

// tree describes what a path names, for its digest.
type tree struct {
	exclude []string               // patterns of path.Match, for base names and for whole paths below the root
	matched func(pattern string)   // sees the patterns that match something; nil sees nothing
	skip    func(name string) bool // for absolute paths; nil skips nothing
	visit   func(Entry)            // sees parents before children, in the order of names; nil sees nothing

	hasRepository bool // set by describe: something was left out because it is called .git
}

// What a digest of a tree is made of: a Merkle tree of plain values, whose fields tell the kinds apart.
type (
	fileValue struct {
		File       digest.Digest
		Executable bool
	}
	linkValue      struct{ Link string }
	directoryValue struct{ Directory map[string]digest.Digest }
)

// describe returns the digest of what a path names. The path itself is not followed where it is a link: resolve it first. What vanishes, appears or changes its
// size while it is read is an error that names it.
func (t *tree) describe(ctx context.Context, root string) (digest.Digest, error) {
	return t.node(ctx, root, "")
}

func (t *tree) node(ctx context.Context, name, below string) (digest.Digest, error) {
	if err := context.Cause(ctx); err != nil {
		return digest.Digest{}, err
	}
	info, err := os.Lstat(name)
	if err != nil {
		return digest.Digest{}, err
	}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return t.file(ctx, name, below)
	case mode.IsDir():
		return t.directory(ctx, name, below)
	case mode&fs.ModeSymlink != 0:
		return t.link(name, below)
	default:
		return digest.Digest{}, fmt.Errorf("%s is %s: %w", name, special(mode), errSpecial)
	}
}

// errSpecial: something in a tree has no content that could be compared or kept.
var errSpecial = errors.New("a tree has only files, directories and links")

func special(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "a special file"
	}
}

func (t *tree) see(e Entry, below string) {
	if t.visit != nil {
		e.Path = []byte(below)
		t.visit(e)
	}
}

func (t *tree) file(ctx context.Context, name, below string) (digest.Digest, error) {
	f, err := openRegular(name)
	if err != nil {
		return digest.Digest{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return digest.Digest{}, err
	}
	content, err := digestOf(ctx, f, info.Size())
	if err != nil {
		return digest.Digest{}, fmt.Errorf("reading %s: %w", name, err)
	}
	executable := info.Mode()&0o111 != 0
	t.see(Entry{Kind: File, Executable: executable, Content: Content{Size: info.Size(), Digest: content}}, below)
	return digest.Of(fileValue{content, executable})
}

// digestOf digests a content of so many bytes in bounded memory.
func digestOf(ctx context.Context, r io.Reader, size int64) (digest.Digest, error) {
	w := digest.NewBytes(size)
	_, err := io.Copy(w, &boundReader{ctx, r})
	if err != nil {
		return digest.Digest{}, changedMeanwhile(err)
	}
	d, err := w.Sum()
	return d, changedMeanwhile(err)
}

func changedMeanwhile(err error) error {
	if errors.Is(err, digest.ErrSize) {
		return errors.New("it changed while it was read")
	}
	return err
}

// boundReader ends with its context.
type boundReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *boundReader) Read(b []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

func (t *tree) link(name, below string) (digest.Digest, error) {
	target, err := os.Readlink(name)
	if err != nil {
		return digest.Digest{}, err
	}
	t.see(Entry{Kind: Link, Target: []byte(target)}, below)
	return digest.Of(linkValue{target})
}

func (t *tree) directory(ctx context.Context, name, below string) (digest.Digest, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return digest.Digest{}, err
	}
	t.see(Entry{Kind: Directory}, below)
	children := make(map[string]digest.Digest, len(entries))
	for _, entry := range entries {
		child, childBelow := filepath.Join(name, entry.Name()), path.Join(below, entry.Name())
		if t.leavesOut(child, childBelow) {
			continue
		}
		if children[entry.Name()], err = t.node(ctx, child, childBelow); err != nil {
			return digest.Digest{}, err
		}
	}
	return digest.Of(directoryValue{children})
}

// leavesOut says whether an entry, and what is below it, is not part of the tree.
func (t *tree) leavesOut(name, below string) bool {
	base := path.Base(below)
	excluded := t.excludes(base, below)
	if base == repository {
		t.hasRepository = true
		return true
	}
	return excluded || t.skip != nil && t.skip(name)
}

// excludes says whether a pattern matches an entry by its base name or by its path below the root.
func (t *tree) excludes(base, below string) bool {
	excluded := false
	for _, pattern := range t.exclude {
		for _, candidate := range [...]string{base, below} {
			if matched, err := path.Match(pattern, candidate); err == nil && matched {
				excluded = true
				if t.matched != nil {
					t.matched(pattern)
				}
			}
		}
	}
	return excluded
}

// checkPath refuses the path of an entry that does not lie below its root, or that is not written as describe writes it.
func checkPath(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	for segment := range bytes.SplitSeq(p, []byte("/")) {
		switch name := string(segment); {
		case name == "", name == ".", name == "..", bytes.IndexByte(segment, 0) >= 0, !filepath.IsLocal(name), filepath.Base(name) != name:
			return fmt.Errorf("%q has a part that names no file in a directory", p)
		}
	}
	return nil
}
