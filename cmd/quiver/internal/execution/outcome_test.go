package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// keepIn describes a tree as an out of a run, and saves its contents.
func keepIn(t fatal, values *blobstore.Store, path string) *Outcome {
	o := &outs{names: []string{"out"}, paths: map[string]string{"out": path}}
	k, err := keep(context.Background(), 0, &spool{}, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.save(context.Background(), values); err != nil {
		t.Fatal(err)
	}
	return &k.Outcome
}

// restoreTo brings the only out of an outcome to a path.
func restoreTo(values *blobstore.Store, o *Outcome, path string) error {
	ctx := context.Background()
	from := newFetch(ctx, op.SystemClock(), lookUpTime, o, values)
	r := &restoration{}
	err := r.stage(ctx, &o.Outs[0], path, from.copy, from.skip)
	if err == nil {
		err = r.commit()
	}
	return errors.Join(err, r.Close(), from.Close())
}

func TestWhatIsRestoredIsWhatWasKept(t *testing.T) {
	base := t.TempDir()
	values := blobstore.New(mem.New(nil), nil)
	rapid.Check(t, func(t *rapid.T) {
		directory, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(directory)
		nodes(3).Draw(t, "out").create(t, directory+"/kept")
		o := keepIn(t, values, directory+"/kept")
		if err := o.check(); err != nil {
			t.Fatal(err)
		}
		// The outcome goes through the store, as in a record.
		key, err := values.Save(context.Background(), *o, nil)
		if err != nil {
			t.Fatal(err)
		}
		var loaded Outcome
		if err := values.Load(context.Background(), key, &loaded); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "something is there") {
			nodes(2).Draw(t, "old").create(t, directory+"/restored")
		}
		if err := restoreTo(values, &loaded, directory+"/restored"); err != nil {
			t.Fatal(err)
		}
		if describe(t, directory+"/restored") != describe(t, directory+"/kept") || describe(t, directory+"/kept") != o.Outs[0].Tree {
			t.Fatal("the trees differ")
		}
		left, err := os.ReadDir(directory)
		if err != nil || len(left) != 2 {
			t.Fatal("something was left behind", left, err)
		}
	})
}

func TestAFailureLeavesWhatWasThere(t *testing.T) {
	directory := t.TempDir()
	values := blobstore.New(mem.New(nil), nil)
	(&node{kind: Directory, children: map[string]*node{"a": {kind: File, content: strings.Repeat("x", 5000)}}}).create(t, directory+"/kept")
	o := keepIn(t, values, directory+"/kept")
	old := &node{kind: Directory, children: map[string]*node{"old": {kind: File, content: "old"}}}
	old.create(t, directory+"/restored")
	before := describe(t, directory+"/restored")

	nothing := blobstore.New(mem.New(nil), nil)
	if err := restoreTo(nothing, o, directory+"/restored"); !errors.Is(err, digest.ErrNotFound) {
		t.Fatalf("without its contents: %v", err)
	}
	// The renaming fails where the built tree has gone; the old one, which was moved aside, comes back.
	r := &restoration{staged: []*stagedOut{{target: directory + "/restored", folder: directory + "/folder"}}}
	if err := os.Mkdir(directory+"/folder", 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.staged[0].root, err = os.OpenRoot(directory + "/folder"); err != nil {
		t.Fatal(err)
	}
	if err := r.commit(); err == nil {
		t.Fatal("nothing was renamed, and no error")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if describe(t, directory+"/restored") != before {
		t.Fatal("what was there is not there any more")
	}
	left, err := os.ReadDir(directory)
	if err != nil || len(left) != 2 {
		t.Fatalf("left behind: %v %v", left, err)
	}
}

func TestWhereContentsGo(t *testing.T) {
	directory := t.TempDir()
	children := map[string]*node{}
	for i, size := range []int{0, 1, hereLimit, hereLimit, hereLimit, hereLimit + 1, packLimit - 1, packLimit} {
		children[fmt.Sprint(i)] = &node{kind: File, content: strings.Repeat(fmt.Sprint(i), size)}
	}
	(&node{kind: Directory, children: children}).create(t, directory+"/kept")
	o := keepIn(t, blobstore.New(mem.New(nil), nil), directory+"/kept")
	var got []string
	for c := range o.contents {
		switch {
		case c.here():
			got = append(got, "here")
		case c.Packed:
			got = append(got, "packed")
		default:
			got = append(got, "alone")
		}
	}
	// The streams, then the files; the third of hereLimit bytes finds 1 byte too little room.
	want := []string{"here", "here", "here", "here", "here", "here", "packed", "packed", "packed", "alone"}
	if !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if parts := o.parts(); len(parts) != 2 || !slices.Contains(parts, o.Pack) {
		t.Fatalf("parts %v", parts)
	}
	encoded, err := blobstore.CBOR.Encode(*o)
	if err != nil || len(encoded) > 8<<10 {
		t.Fatalf("%d bytes encoded, %v", len(encoded), err)
	}
}

func TestAnOutputThatChangesWhileItIsKeptIsNotRemembered(t *testing.T) {
	directory := t.TempDir()
	for _, size := range []int{5000, packLimit} {
		name := filepath.Join(directory, "kept")
		if err := os.WriteFile(name, []byte(strings.Repeat("a", size)), 0o644); err != nil {
			t.Fatal(err)
		}
		k, err := keep(t.Context(), 0, &spool{}, &spool{}, &outs{names: []string{"out"}, paths: map[string]string{"out": name}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.Repeat("b", size)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := k.save(t.Context(), blobstore.New(mem.New(nil), nil)); !errors.Is(err, errOther) {
			t.Fatalf("%d: %v", size, err)
		}
	}
}

// content is a content that is here.
func content(text string) Content {
	return Content{Size: int64(len(text)), Digest: digest.OfBytes([]byte(text)), Bytes: []byte(text)}
}

func TestOutcomesThatNoRunHasAreRefused(t *testing.T) {
	root := Entry{Path: []byte{}, Kind: Directory}
	file := func(path string) Entry { return Entry{Path: []byte(path), Kind: File, Content: content("x")} }
	for name, entries := range map[string][]Entry{
		"no root":          {},
		"root missing":     {file("a")},
		"above":            {root, file("../a")},
		"absolute":         {root, file("/a")},
		"dot":              {root, file(".")},
		"empty part":       {root, file("a//b")},
		"zero byte":        {root, file("a\x00")},
		"twice":            {root, file("a"), file("a")},
		"no parent":        {root, file("a/b")},
		"file as parent":   {root, file("a"), file("a/b")},
		"link as parent":   {root, {Path: []byte("a"), Kind: Link, Target: []byte("/etc")}, file("a/b")},
		"child of a file":  {{Path: []byte{}, Kind: File, Content: content("x")}, file("a")},
		"unknown kind":     {root, {Path: []byte("a"), Kind: "device"}},
		"link to nothing":  {root, {Path: []byte("a"), Kind: Link}},
		"negative size":    {root, {Path: []byte("a"), Kind: File, Content: Content{Size: -1}}},
		"wrong size":       {root, {Path: []byte("a"), Kind: File, Content: Content{Size: 3, Bytes: []byte("x")}}},
		"another's digest": {root, {Path: []byte("a"), Kind: File, Content: Content{Size: 1, Bytes: []byte("x"), Digest: digest.OfBytes([]byte("y"))}}},
	} {
		o := &Outcome{Stdout: content(""), Stderr: content(""), Outs: []Out{{Name: []byte("out"), Entries: entries}}}
		if err := o.check(); !errors.Is(err, errOutcome) {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := &Outcome{Stdout: content(""), Stderr: content(""), Outs: []Out{{Name: []byte("o"), Entries: []Entry{root}}, {Name: []byte("o"), Entries: []Entry{root}}}}
	if err := twice.check(); !errors.Is(err, errOutcome) {
		t.Errorf("an out twice: %v", err)
	}
}

// FuzzOutcome restores whatever passes the check, and looks whether anything was written outside.
func FuzzOutcome(f *testing.F) {
	for _, entries := range [][]Entry{
		{{Path: []byte{}, Kind: File, Content: content("x")}},
		{{Path: []byte{}, Kind: Directory}, {Path: []byte("a"), Kind: Link, Target: []byte("..")}, {Path: []byte("a/b"), Kind: File, Content: content("x")}},
		{{Path: []byte{}, Kind: Directory}, {Path: []byte("../a"), Kind: File, Content: content("x")}},
	} {
		seed, err := json.Marshal(entries)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var entries []Entry
		if json.Unmarshal(text, &entries) != nil || len(entries) > 100 {
			return
		}
		o := &Outcome{Stdout: content(""), Stderr: content(""), Outs: []Out{{Name: []byte("out"), Entries: entries}}}
		if o.check() != nil {
			return
		}
		directory := t.TempDir()
		err := restoreTo(blobstore.New(mem.New(nil), nil), o, filepath.Join(directory, "out"))
		left, readErr := os.ReadDir(directory)
		if readErr != nil || err == nil && len(left) != 1 || err != nil && len(left) != 0 {
			t.Fatalf("%v: %v %v", err, left, readErr)
		}
	})
}
