package execution

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/digest"
)

// node is a model of what a path names.
type node struct {
	kind       Kind
	executable bool
	content    string // or the text of a link
	children   map[string]*node
}

// nodes draws trees, with names that are no text.
func nodes(depth int) *rapid.Generator[*node] {
	return rapid.Custom(func(t *rapid.T) *node {
		kinds := []Kind{File, File, Link, Directory}
		if depth == 0 {
			kinds = kinds[:3]
		}
		n := &node{kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
		switch n.kind {
		case File:
			n.executable = rapid.Bool().Draw(t, "executable")
			n.content = strings.Repeat(rapid.StringN(0, 20, -1).Draw(t, "content"), rapid.SampledFrom([]int{0, 1, 200}).Draw(t, "times"))
		case Link:
			n.content = rapid.SampledFrom([]string{"a", "../x", "/nowhere", "\xfe"}).Draw(t, "target")
		case Directory:
			n.children = rapid.MapOfN(fileNames, nodes(depth-1), 0, 4).Draw(t, "children")
		}
		return n
	})
}

var fileNames = rapid.SampledFrom([]string{"a", "b", "ab", "A b", "-x", "...", "a\nb", "\xff\xfe", "ü", "é", "é", strings.Repeat("n", 255)})

// create makes what a node says.
func (n *node) create(t fatal, name string) {
	var err error
	switch n.kind {
	case File:
		permissions := fs.FileMode(0o644)
		if n.executable {
			permissions = 0o755
		}
		err = os.WriteFile(name, []byte(n.content), permissions)
	case Link:
		err = os.Symlink(n.content, name)
	case Directory:
		err = os.Mkdir(name, 0o755)
		for child, n := range n.children {
			n.create(t, filepath.Join(name, child))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

type fatal interface{ Fatal(...any) }

// same says whether two nodes are the same to a tree digest.
func (n *node) same(o *node) bool {
	if n.kind != o.kind || n.executable != o.executable || n.content != o.content || len(n.children) != len(o.children) {
		return false
	}
	for name, child := range n.children {
		if other := o.children[name]; other == nil || !child.same(other) {
			return false
		}
	}
	return true
}

func describe(t fatal, name string) digest.Digest {
	tr := tree{}
	d, err := tr.describe(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTreeDigestsAreEqualExactlyWhenTheTreesAre(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		directory, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(directory)
		a, b := nodes(3).Draw(t, "a"), nodes(3).Draw(t, "b")
		a.create(t, directory+"/a")
		b.create(t, directory+"/b")
		a.create(t, directory+"/again")
		if describe(t, directory+"/a") != describe(t, directory+"/again") {
			t.Fatal("the same tree has two digests")
		}
		if (describe(t, directory+"/a") == describe(t, directory+"/b")) != a.same(b) {
			t.Fatal("equality of digests is not equality of trees")
		}
	})
}

func TestAnyChangeOfATreeChangesItsDigestAndNothingElseDoes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	(&node{kind: Directory, children: map[string]*node{
		"file": {kind: File, content: "content"},
		"link": {kind: Link, content: "file"},
		"sub":  {kind: Directory, children: map[string]*node{"empty": {kind: Directory}}},
	}}).create(t, root)
	seen := []digest.Digest{describe(t, root)}
	for name, change := range map[string]func() error{
		"content":    func() error { return os.WriteFile(root+"/file", []byte("contenT"), 0o644) },
		"executable": func() error { return os.Chmod(root+"/file", 0o744) },
		"name":       func() error { return os.Rename(root+"/file", root+"/file2") },
		"link":       func() error { return errors.Join(os.Remove(root+"/link"), os.Symlink("elsewhere", root+"/link")) },
		"moved":      func() error { return os.Rename(root+"/sub/empty", root+"/empty") },
		"added":      func() error { return os.WriteFile(root+"/sub/new", nil, 0o644) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		d := describe(t, root)
		if slices.Contains(seen, d) {
			t.Errorf("%s: the digest is one that was seen before", name)
		}
		seen = append(seen, d)
	}
	before := describe(t, root)
	for name, change := range map[string]func() error{
		"times":       func() error { return os.Chtimes(root+"/sub", time.Unix(1, 0), time.Unix(1, 0)) },
		"permissions": func() error { return os.Chmod(root+"/sub/new", 0o600) },
		"repository":  func() error { return os.Mkdir(root+"/sub/.git", 0o755) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if describe(t, root) != before {
			t.Errorf("%s changed the digest", name)
		}
	}
}

func TestWhatIsExcludedDoesNotCount(t *testing.T) {
	root := t.TempDir()
	(&node{kind: Directory, children: map[string]*node{
		"a.o": {kind: File}, "b.c": {kind: File},
		"sub": {kind: Directory, children: map[string]*node{"a.o": {kind: File}, "b.c": {kind: File}, ".git": {kind: File}}},
	}}).create(t, root+"/in")
	for _, c := range []struct {
		patterns []string
		want     string
	}{
		{nil, " a.o b.c sub sub/a.o sub/b.c"},
		{[]string{"*.o"}, " b.c sub sub/b.c"},
		{[]string{"sub/*.o"}, " a.o b.c sub sub/b.c"},
		{[]string{"sub"}, " a.o b.c"},
		{[]string{"in", "", "/", "sub/"}, " a.o b.c sub sub/a.o sub/b.c"},
		{[]string{"*"}, ""},
	} {
		var paths []string
		tr := tree{exclude: c.patterns, visit: func(e Entry) { paths = append(paths, string(e.Path)) }}
		if _, err := tr.describe(t.Context(), root+"/in"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(paths, " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.patterns, got, c.want)
		}
	}
}

func TestSpecialAndUnreadableFilesAreErrorsThatNameThem(t *testing.T) {
	root := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(root, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for name, want := range map[string]string{"": "socket is a socket", "socket": "a socket", "missing": "no such file"} {
		tr := tree{}
		if _, err := tr.describe(t.Context(), filepath.Join(root, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAFileThatChangesItsSizeWhileItIsReadIsAnError(t *testing.T) {
	for _, size := range []int64{3, 5} {
		if _, err := digestOf(t.Context(), strings.NewReader("four"), size); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
			t.Errorf("%d: %v", size, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := digestOf(ctx, strings.NewReader("four"), 4); !errors.Is(err, context.Canceled) {
		t.Errorf("it went on: %v", err)
	}
}

// zeros is a content of a size without the memory for it.
type zeros int64

func (z *zeros) Read(p []byte) (int, error) {
	n := min(int(*z), len(p))
	if n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	*z -= zeros(n)
	return n, nil
}

func TestMemoryDoesNotGrowWithTheSizeOfAFile(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	size := zeros(64 << 20)
	d, err := digestOf(t.Context(), &size, 64<<20)
	if err != nil || d.IsZero() {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Fatalf("%d bytes were allocated for 64 MiB", grown)
	}
}

func FuzzEntryPath(f *testing.F) {
	for _, seed := range []string{"", "a", "a/b", "..", "a/../b", "/a", "a//b", "a/", ".", "a\x00b", "C:\\x", "...", "a/..b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if checkPath(p) != nil || len(p) == 0 {
			return
		}
		if !filepath.IsLocal(string(p)) || filepath.ToSlash(filepath.Clean(filepath.FromSlash(string(p)))) != string(p) || bytes.HasSuffix(p, []byte("/")) {
			t.Fatalf("%q was let through", p)
		}
	})
}
