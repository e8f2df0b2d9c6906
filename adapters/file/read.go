package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/quivercache/quiver/bucket"
)

// Get implements bucket.Bucket.
func (b *Bucket) Get(ctx context.Context, key string) (*bucket.Object, error) {
	o, err := b.get(ctx, bucket.Get, key, func(size int64) (int64, int64, error) { return 0, size, nil })
	return o, b.answer(bucket.Get, key, err)
}

// GetRange implements bucket.RangeGetter.
func (b *Bucket) GetRange(ctx context.Context, key string, offset, length int64) (*bucket.Object, error) {
	o, err := b.get(ctx, bucket.GetRange, key, func(size int64) (int64, int64, error) {
		if offset < 0 || length < 0 || offset > size {
			return 0, 0, fmt.Errorf("%w: no range of %d bytes from %d in an object of %d", bucket.ErrInvalid, length, offset, size)
		}
		return offset, min(length, size-offset), nil
	})
	return o, b.answer(bucket.GetRange, key, err)
}

// get opens an object. part says which bytes of so many are wanted: from where, how many.
func (b *Bucket) get(ctx context.Context, verb bucket.Verb, key string, part func(size int64) (int64, int64, error)) (*bucket.Object, error) {
	file, info, err := b.openObject(ctx, key)
	if err != nil {
		return nil, err
	}
	offset, length, err := part(info.Size)
	if err != nil {
		file.Close()
		return nil, err
	}
	info.Date = b.clock.Now()
	return &bucket.Object{Info: info, Body: &body{
		b: b, ctx: ctx, verb: verb, key: key, file: file, section: io.NewSectionReader(file, offset, length), left: length,
	}}, nil
}

// openObject opens the file of an object; what it says of it belongs to the bytes in it.
func (b *Bucket) openObject(ctx context.Context, key string) (*os.File, bucket.Info, error) {
	if err := b.check(ctx, key); err != nil {
		return nil, bucket.Info{}, err
	}
	root, err := b.readable()
	if err != nil {
		return nil, bucket.Info{}, err
	}
	if root == nil {
		return nil, bucket.Info{}, bucket.ErrNotFound
	}
	// A link would be followed and a pipe waited for, if it were opened before one has looked.
	if _, _, err := look(root, key); err != nil {
		return nil, bucket.Info{}, err
	}
	file, err := root.OpenFile(key, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, bucket.Info{}, missing(err)
	}
	info, err := describe(key, file)
	if err != nil {
		file.Close()
		return nil, bucket.Info{}, err
	}
	return file, info, nil
}

// describe describes the object in an open file.
func describe(key string, file *os.File) (bucket.Info, error) {
	info, err := file.Stat()
	if err != nil {
		return bucket.Info{}, err
	}
	if err := object(key, info); err != nil {
		return bucket.Info{}, err
	}
	inode, err := inodeOf(file, info)
	if err != nil {
		return bucket.Info{}, err
	}
	return infoOf(key, info, inode), nil
}

// body is what is read of an object. It fails where the file ends before the object does, as after a power failure.
type body struct {
	b       *Bucket
	ctx     context.Context
	verb    bucket.Verb
	key     string
	file    *os.File
	section *io.SectionReader
	left    int64
}

func (r *body) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.b.answer(r.verb, r.key, err)
	}
	n, err := r.section.Read(p)
	r.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && r.left > 0:
		err = r.b.answer(r.verb, r.key, &problem{bucket.ErrUnavailable, fmt.Errorf("the file was cut, %d bytes are missing", r.left), ""})
	case err != nil && !errors.Is(err, io.EOF):
		err = r.b.answer(r.verb, r.key, err)
	}
	return n, err
}

func (r *body) Close() error { return r.file.Close() }

// Stat implements bucket.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Info, error) {
	info, err := b.stat(ctx, key)
	return info, b.answer(bucket.Stat, key, err)
}

func (b *Bucket) stat(ctx context.Context, key string) (bucket.Info, error) {
	if err := b.check(ctx, key); err != nil {
		return bucket.Info{}, err
	}
	root, err := b.readable()
	if err != nil {
		return bucket.Info{}, err
	}
	if root == nil {
		return bucket.Info{}, bucket.ErrNotFound
	}
	info, _, err := look(root, key)
	info.Date = b.clock.Now()
	return info, err
}
