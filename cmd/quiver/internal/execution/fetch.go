package execution

import (
	"context"
	"errors"
	"io"

	"github.com/quivercache/quiver/blobstore"
)

// fetch reads the contents of a remembered outcome, in their order.
type fetch struct {
	*Outcome
	values *blobstore.Store
	pack   io.ReadCloser // nil: not opened yet
	behind int64         // bytes of the pack before the next content
	packed int           // contents of the pack that are still to come
}

func newFetch(o *Outcome, values *blobstore.Store) *fetch {
	f := &fetch{Outcome: o, values: values}
	for c := range o.contents {
		if c.Packed {
			f.packed++
		}
	}
	return f
}

// skip passes over a content.
func (f *fetch) skip(c *Content) {
	if c.Packed {
		f.behind += c.Size
		f.packed--
	}
}

// copy copies a content from where it is.
func (f *fetch) copy(ctx context.Context, w io.Writer, c *Content) error {
	switch {
	case c.here():
		_, err := w.Write(c.Bytes)
		return err
	case c.Packed:
		return f.copyPacked(ctx, w, c)
	}
	r, err := f.values.Open(ctx, c.Digest)
	if err != nil {
		return err
	}
	return errors.Join(copyVerified(w, r, c), r.Close())
}

// copyVerified reads to the end of the value, where the store knows whether it is damaged: it then heals when it is saved again.
func copyVerified(w io.Writer, r io.Reader, c *Content) error {
	err := copyContent(w, r, c)
	if err == nil || errors.Is(err, errOther) {
		if _, rest := io.Copy(io.Discard, r); rest != nil {
			return rest
		}
	}
	return err
}

func (f *fetch) copyPacked(ctx context.Context, w io.Writer, c *Content) error {
	if f.pack == nil {
		r, err := f.values.Open(ctx, f.Pack)
		if err != nil {
			return err
		}
		f.pack = r
	}
	if _, err := io.CopyN(io.Discard, f.pack, f.behind); err != nil {
		return err
	}
	f.behind = 0
	if f.packed--; f.packed == 0 {
		return copyVerified(w, f.pack, c)
	}
	return copyContent(w, f.pack, c)
}

// Close closes the pack.
func (f *fetch) Close() error {
	if f.pack == nil {
		return nil
	}
	return f.pack.Close()
}
