package execution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
)

// kept is what a run left, and where its contents are on this machine.
type kept struct {
	Outcome
	open map[*Content]func() (io.ReadCloser, error)
	size int64 // of what goes to the store apart from the outcome itself
}

// errMissing: the command did not write what it was said to write.
var errMissing = errors.New("the command did not write it")

// keep describes what a run left: its streams, and what is under the outs now. Small contents are read, large ones stay where they are.
func keep(ctx context.Context, status int, stdout, stderr *spool, o *outs) (*kept, error) {
	k := &kept{Outcome: Outcome{Exit: status}, open: map[*Content]func() (io.ReadCloser, error){}}
	for _, stream := range []struct {
		content *Content
		spool   *spool
	}{{&k.Stdout, stdout}, {&k.Stderr, stderr}} {
		if err := k.addStream(stream.content, stream.spool); err != nil {
			return nil, err
		}
	}
	for _, name := range o.names {
		out, err := keepOut(ctx, name, o.paths[name])
		if err != nil {
			return nil, fmt.Errorf("--out %s: %w", name, err)
		}
		k.Outs = append(k.Outs, *out)
	}
	for i := range k.Outs {
		entries := k.Outs[i].Entries
		for j := range entries {
			path := filepath.Join(o.paths[string(k.Outs[i].Name)], filepath.FromSlash(string(entries[j].Path)))
			k.open[&entries[j].Content] = func() (io.ReadCloser, error) { return openRegular(path) }
		}
	}
	return k, k.place()
}

// addStream adds a stream. A nil spool is one that is not kept: an empty one.
func (k *kept) addStream(content *Content, s *spool) error {
	if s == nil {
		s = &spool{}
	}
	r, err := s.reader()
	if err != nil {
		return err
	}
	*content = Content{Size: s.size}
	k.open[content] = func() (io.ReadCloser, error) {
		r, err := s.reader()
		return unclosed{r}, err
	}
	content.Digest, err = digest.OfReader(r)
	return err
}

// unclosed is a reader that its owner closes.
type unclosed struct{ io.ReadSeeker }

func (unclosed) Close() error { return nil }

// keepOut describes what is under an out.
func keepOut(ctx context.Context, name, path string) (*Out, error) {
	out := &Out{Name: []byte(name)}
	t := tree{visit: func(e Entry) { out.Entries = append(out.Entries, e) }}
	var err error
	out.Tree, err = t.describe(ctx, path)
	if errors.Is(err, fs.ErrNotExist) && len(out.Entries) == 0 {
		return nil, errMissing
	}
	return out, err
}

// place decides where each content goes: into the outcome while there is room, else into the pack, large ones alone.
func (k *kept) place() error {
	room := int64(hereBudget)
	for c := range k.contents {
		switch {
		case c.Size <= min(hereLimit, room):
			room -= c.Size
			var err error
			if c.Bytes, err = k.read(c); err != nil {
				return err
			}
		default:
			c.Packed = c.Size < packLimit
			k.size += c.Size
		}
	}
	return nil
}

// read returns a small content, nil where it is empty.
func (k *kept) read(c *Content) ([]byte, error) {
	var b bytes.Buffer
	err := k.copy(&b, c)
	return b.Bytes(), err
}

// copy copies a content that is on this machine, and fails if it is not what it was.
func (k *kept) copy(w io.Writer, c *Content) error {
	r, err := k.open[c]()
	if err != nil {
		return err
	}
	defer r.Close()
	return copyContent(w, r, c)
}

// copyContent copies just the bytes of a content, and fails if they are others.
func copyContent(w io.Writer, r io.Reader, c *Content) error {
	sum := digest.NewBytes(c.Size)
	if _, err := io.CopyN(io.MultiWriter(w, sum), r, c.Size); err != nil {
		if errors.Is(err, io.EOF) {
			return errOther
		}
		return err
	}
	if d, err := sum.Sum(); err != nil || d != c.Digest {
		return errors.Join(errOther, err)
	}
	return nil
}

// errOther: a content is not what it was when it was described.
var errOther = errors.New("the content is not what it was")

// save sends the contents that are values of their own, and the pack.
func (k *kept) save(ctx context.Context, values *blobstore.Store) error {
	done := map[digest.Digest]bool{}
	packed := false
	for c := range k.contents {
		packed = packed || c.Packed
		if c.here() || c.Packed || done[c.Digest] {
			continue
		}
		r, err := k.open[c]()
		if err != nil {
			return err
		}
		d, err := values.SaveReader(ctx, r, nil)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		if d != c.Digest {
			return errOther
		}
		done[d] = true
	}
	if !packed {
		return nil
	}
	var err error
	k.Pack, err = k.savePack(ctx, values)
	return err
}

// savePack sends the packed contents as one value.
func (k *kept) savePack(ctx context.Context, values *blobstore.Store) (digest.Digest, error) {
	r, w := io.Pipe()
	packing := make(chan struct{})
	go func() {
		defer close(packing)
		for c := range k.contents {
			if !c.Packed {
				continue
			}
			if err := k.copy(w, c); err != nil {
				w.CloseWithError(err)
				return
			}
		}
		w.Close()
	}()
	d, err := values.SaveReader(ctx, r, nil)
	r.Close()
	<-packing
	return d, err
}
