package execution

import (
	"bytes"
	"errors"
	"fmt"
	"path"

	"github.com/quivercache/quiver/digest"
)

// Outcome is what is remembered of a run: the value that its record names as the call's result. Contents that are not in it are values of their own,
// under their digests.
type Outcome struct {
	Exit   int
	Stdout Content
	Stderr Content
	Outs   []Out         // sorted by name
	Pack   digest.Digest // of the packed contents, one after the other; zero: there are none
}

// Out is what a run left under the path of an --out.
type Out struct {
	Name    []byte        // as it was written on the command line
	Tree    digest.Digest // of the entries
	Entries []Entry       // the root first, parents before children
}

// Content is some bytes: here, or with others in the pack, or a value of its own.
type Content struct {
	Size   int64
	Digest digest.Digest
	Bytes  []byte // the content itself, where it is here
	Packed bool   // it is in the pack; its place follows from the order of the contents
}

const (
	// hereLimit is how large a content inside an Outcome is at the most.
	hereLimit = 2 << 10
	// hereBudget is how many bytes of contents an Outcome has at the most, so that it still fits into its record.
	hereBudget = 6 << 10
	// packLimit is from what size on a content is a value of its own. Smaller ones are packed into one value, so that a thousand files cost one request and
	// not a thousand.
	packLimit = 1 << 20
)

// here says whether the content is complete without the store.
func (c *Content) here() bool { return int64(len(c.Bytes)) == c.Size }

// contents yields every content of the outcome, in the order of the pack.
func (o *Outcome) contents(yield func(*Content) bool) {
	for _, stream := range []*Content{&o.Stdout, &o.Stderr} {
		if !yield(stream) {
			return
		}
	}
	for i := range o.Outs {
		for j := range o.Outs[i].Entries {
			if e := &o.Outs[i].Entries[j]; e.Kind == File && !yield(&e.Content) {
				return
			}
		}
	}
}

// parts returns the digests of the values that the outcome names, each once.
func (o *Outcome) parts() []digest.Digest {
	var parts []digest.Digest
	seen := map[digest.Digest]bool{}
	add := func(d digest.Digest) {
		if !seen[d] {
			seen[d] = true
			parts = append(parts, d)
		}
	}
	for c := range o.contents {
		switch {
		case c.here():
		case c.Packed:
			add(o.Pack)
		default:
			add(c.Digest)
		}
	}
	return parts
}

var errOutcome = errors.New("the remembered outcome cannot be believed")

// check refuses an outcome that no run has: it is damaged, or was made to write where it may not.
func (o *Outcome) check() error {
	for c := range o.contents {
		switch {
		case c.Size < 0, !c.here() && len(c.Bytes) > 0:
			return fmt.Errorf("%w: a content of %d bytes is said to have %d", errOutcome, len(c.Bytes), c.Size)
		case !c.here():
		case digest.OfBytes(append([]byte{}, c.Bytes...)) != c.Digest:
			return fmt.Errorf("%w: a content does not have the digest %s", errOutcome, c.Digest)
		}
	}
	names := map[string]bool{}
	for _, out := range o.Outs {
		if names[string(out.Name)] {
			return fmt.Errorf("%w: it has %q twice", errOutcome, out.Name)
		}
		names[string(out.Name)] = true
		if err := checkEntries(out.Entries); err != nil {
			return fmt.Errorf("%w: %q: %w", errOutcome, out.Name, err)
		}
	}
	return nil
}

// checkEntries refuses entries that are no tree.
func checkEntries(entries []Entry) error {
	if len(entries) == 0 || len(entries[0].Path) > 0 {
		return errors.New("there is no root")
	}
	kinds := map[string]Kind{}
	for _, e := range entries {
		if err := checkPath(e.Path); err != nil {
			return err
		}
		if _, twice := kinds[string(e.Path)]; twice {
			return fmt.Errorf("%q is there twice", e.Path)
		}
		if len(e.Path) > 0 && kinds[parent(e.Path)] != Directory {
			return fmt.Errorf("%q is in no directory", e.Path)
		}
		switch e.Kind {
		case File, Directory:
		case Link:
			if len(e.Target) == 0 || bytes.IndexByte(e.Target, 0) >= 0 {
				return fmt.Errorf("%q links to %q", e.Path, e.Target)
			}
		default:
			return fmt.Errorf("%q is of the unknown kind %q", e.Path, e.Kind)
		}
		kinds[string(e.Path)] = e.Kind
	}
	return nil
}

// parent is the path of the directory of an entry; empty for what is in the root.
func parent(p []byte) string {
	if dir := path.Dir(string(p)); dir != "." {
		return dir
	}
	return ""
}
