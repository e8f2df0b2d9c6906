package execution

import (
	"context"
	"errors"
	"io"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
)

// fetch reads the contents of a remembered outcome, in their order.
type fetch struct {
	*Outcome
	values *blobstore.Store
	dog    *watchdog
	pack   io.ReadCloser // nil: not opened yet
	behind int64         // bytes of the pack before the next content
	packed int           // contents of the pack that are still to come
}

func newFetch(o *Outcome, values *blobstore.Store, dog *watchdog) *fetch {
	f := &fetch{Outcome: o, values: values, dog: dog}
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
	r, err := f.open(ctx, c.Digest)
	if err != nil {
		return err
	}
	return errors.Join(copyVerified(w, r, c), r.Close())
}

// open opens a value under the watchdog.
func (f *fetch) open(ctx context.Context, key digest.Digest) (io.ReadCloser, error) {
	var r *blobstore.Reader
	var err error
	f.dog.progressed()
	f.dog.wait(func() int {
		r, err = f.values.Open(ctx, key)
		return 0
	})
	if err != nil {
		return nil, err
	}
	return watchedReader{r, f.dog}, nil
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
		var err error
		if f.pack, err = f.open(ctx, f.Pack); err != nil {
			return err
		}
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
