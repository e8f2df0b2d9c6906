package execution

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// fetch reads the contents of a remembered outcome, in their order. A store that makes no progress is not waited for.
type fetch struct {
	*Outcome
	values  *blobstore.Store
	ctx     context.Context // ends where the dog barks
	dog     *watchdog
	release func()        // of both
	pack    io.ReadCloser // nil: not opened yet
	behind  int64         // bytes of the pack before the next content
	packed  int           // contents of the pack that are still to come
}

// newFetch returns what reads an outcome's contents from a store that must make progress within the limit. Its user closes it.
func newFetch(ctx context.Context, clock op.Clock, limit time.Duration, o *Outcome, values *blobstore.Store) *fetch {
	f := &fetch{Outcome: o, values: values}
	f.ctx, f.dog, f.release = watchProgress(ctx, clock, limit)
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

// copy copies a content from where it is, and fails if it is not what it was.
func (f *fetch) copy(w io.Writer, c *Content) error {
	err := f.copyFrom(w, c)
	if err != nil && f.ctx.Err() != nil {
		return errors.Join(context.Cause(f.ctx), err)
	}
	return err
}

func (f *fetch) copyFrom(w io.Writer, c *Content) error {
	switch {
	case c.here():
		_, err := w.Write(c.Bytes)
		return err
	case c.Packed:
		return f.copyPacked(w, c)
	}
	r, err := f.open(c.Digest)
	if err != nil {
		return err
	}
	return errors.Join(copyVerified(w, r, c), r.Close())
}

// open opens a value under the watchdog.
func (f *fetch) open(key digest.Digest) (io.ReadCloser, error) {
	var r *blobstore.Reader
	var err error
	f.dog.progressed()
	f.dog.wait(func() int {
		r, err = f.values.Open(f.ctx, key)
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

func (f *fetch) copyPacked(w io.Writer, c *Content) error {
	if f.pack == nil {
		var err error
		if f.pack, err = f.open(f.Pack); err != nil {
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
	defer f.release()
	if f.pack == nil {
		return nil
	}
	return f.pack.Close()
}
