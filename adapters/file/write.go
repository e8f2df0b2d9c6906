package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Put implements bucket.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body bucket.Source, condition bucket.Condition) error {
	return b.answer(bucket.Put, key, b.put(ctx, key, body, condition))
}

func (b *Bucket) put(ctx context.Context, key string, body bucket.Source, condition bucket.Condition) error {
	if err := condition.Check(); err != nil {
		return err
	}
	if condition.Absent() {
		return b.write(ctx, key, body, condition)
	}
	// Of many that would replace one version all but one lose: those of this process shall find out before they have written their bodies.
	return b.replacing.Do(ctx, key, op.Write, func(ctx context.Context) error { return b.write(ctx, key, body, condition) })
}

func (b *Bucket) write(ctx context.Context, key string, body bucket.Source, condition bucket.Condition) error {
	info, err := b.stat(ctx, key)
	if err := holds(condition, info, err); err != nil {
		return err
	}
	root, err := b.writable()
	if err != nil {
		return err
	}
	temp, err := b.stage(ctx, root, key, body, info)
	if err != nil {
		return err
	}
	defer func() { _ = root.Remove(temp) }() // gone already where it was renamed; what stays behind is swept some day
	if condition.Absent() {
		err = b.place(root, temp, key)
	} else {
		err = b.replace(ctx, root, temp, key, condition)
	}
	if err != nil {
		return err
	}
	return b.settle(root, path.Dir(key))
}

// holds says whether a condition is met by what Stat said of an object.
func holds(condition bucket.Condition, info bucket.Info, err error) error {
	switch {
	case errors.Is(err, bucket.ErrNotFound) && condition.Absent():
		return nil
	case errors.Is(err, bucket.ErrNotFound):
		return bucket.ErrChanged
	case err != nil:
		return err
	case condition.Absent():
		return bucket.ErrExists
	case info.Version != condition.Version():
		return bucket.ErrChanged
	}
	return nil
}

// stage writes a body to a temporary file, complete with its time and on the disk, and returns its name.
func (b *Bucket) stage(ctx context.Context, root *os.Root, key string, source bucket.Source, replaces bucket.Info) (string, error) {
	id, err := op.NewID(b.entropy)
	if err != nil {
		return "", err
	}
	name := tempFolder + "/" + id
	file, err := b.calls.create(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", b.vanished()
	}
	if err != nil {
		return "", err
	}
	err = b.finish(ctx, root, name, file, key, source, replaces)
	if err = errors.Join(err, file.Close()); err != nil {
		_ = root.Remove(name) // or it is swept some day
	}
	return name, err
}

// finish gives a temporary file its content and its time, and flushes it to the disk.
func (b *Bucket) finish(ctx context.Context, root *os.Root, name string, file *os.File, key string, source bucket.Source, replaces bucket.Info) error {
	if err := fill(ctx, file, source); err != nil {
		return err
	}
	// Only now, with an inode of its own, may the file ask for the latest time given up: whoever had this inode before has noted his.
	follows, err := retired(root, key)
	if err != nil {
		return err
	}
	t := b.stamp(max(follows, tickOf(replaces.ModTime)))
	if err := b.calls.chtimes(root, name, t.time()); err != nil {
		return err
	}
	if b.sync {
		if err := file.Sync(); err != nil {
			return err
		}
	}
	return kept(file, t)
}

// fill copies a body, whose size must be what its source said.
func fill(ctx context.Context, file *os.File, source bucket.Source) error {
	body, err := source.Open()
	if err != nil {
		return fmt.Errorf("%w: opening the body: %w", bucket.ErrInvalid, err)
	}
	defer body.Close()
	size := source.Size()
	reader := &contextReader{ctx: ctx, r: body}
	if size >= 0 {
		reader.r = io.LimitReader(body, size+1)
	}
	buffer := int64(128 << 10)
	if size >= 0 {
		buffer = min(buffer-1, size) + 1
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{file}, reader, make([]byte, buffer))
	switch {
	case reader.err != nil && errors.Is(reader.err, ctx.Err()):
		return reader.err
	case reader.err != nil:
		return fmt.Errorf("%w: reading the body: %w", bucket.ErrInvalid, reader.err)
	case err != nil:
		return err
	case size >= 0 && n < size:
		return fmt.Errorf("%w: the body has %d bytes, not the %d that were announced", bucket.ErrInvalid, n, size)
	case size >= 0 && n > size:
		return fmt.Errorf("%w: the body has more than the %d bytes that were announced", bucket.ErrInvalid, size)
	}
	return nil
}

// contextReader ends with its context and remembers its own failure, so that it can be told from that of a writer.
type contextReader struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (r *contextReader) Read(p []byte) (int, error) {
	if r.err = r.ctx.Err(); r.err != nil {
		return 0, r.err
	}
	n, err := r.r.Read(p)
	if err != io.EOF {
		r.err = err
	}
	return n, err
}

// place gives a new object its name, which the filesystem refuses where it is taken.
func (b *Bucket) place(root *os.Root, temp, key string) error {
	err := b.calls.link(root, temp, key)
	if errors.Is(err, fs.ErrNotExist) {
		if err := b.makeFolders(root, path.Dir(key)); err != nil {
			return err
		}
		err = b.calls.link(root, temp, key)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return taken(root, key)
	case isNotFolder(err):
		return underObject(key)
	case isUnsupported(err):
		return &problem{bucket.ErrRefused, fmt.Errorf("the filesystem refuses hard links: %w", err),
			"objects are made by them: put the directory on another filesystem, as ext4, xfs, btrfs, zfs, tmpfs, APFS or NTFS"}
	}
	return err
}

// taken is why a name cannot be given to a new object.
func taken(root *os.Root, key string) error {
	info, err := root.Lstat(key)
	if err == nil && info.IsDir() {
		return &problem{bucket.ErrRefused, fmt.Errorf("%s is a folder of other objects", key), "choose keys of which none is a folder of another"}
	}
	return bucket.ErrExists
}

func underObject(key string) error {
	return &problem{bucket.ErrRefused, fmt.Errorf("a folder of %s is an object itself", key), "choose keys of which none is a folder of another"}
}

// replace puts a new file in the place of the one that the condition names.
func (b *Bucket) replace(ctx context.Context, root *os.Root, temp, key string, condition bucket.Condition) error {
	return b.locked(ctx, key, func() error {
		info, t, err := look(root, key)
		if err := holds(condition, info, err); err != nil {
			return err
		}
		if err := retire(root, key, t); err != nil {
			return err
		}
		return root.Rename(temp, key)
	})
}
