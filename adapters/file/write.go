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
	// What is refused is best refused before a body is written.
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
	defer root.Remove(temp) // gone already where it was renamed; what stays behind is swept some day
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
func (b *Bucket) stage(ctx context.Context, root *os.Root, key string, source bucket.Source, replaces bucket.Info) (name string, err error) {
	id, err := op.NewID(b.entropy)
	if err != nil {
		return "", err
	}
	name = tempFolder + "/" + id
	file, err := b.create(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", b.vanished()
	}
	if err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			root.Remove(name)
		}
	}()
	if err := fill(ctx, file, source); err != nil {
		return "", err
	}
	// Only now, with an inode of its own, may the file ask for the latest time given up: whoever had this inode before has noted his.
	follows, err := retired(root, key)
	if err != nil {
		return "", err
	}
	t := b.stamp(max(follows, tickOf(replaces.ModTime)))
	if err := b.chtimes(root, name, t); err != nil {
		return "", err
	}
	if b.sync {
		if err := file.Sync(); err != nil {
			return "", err
		}
	}
	return name, kept(file, t)
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
	n, err := io.Copy(file, reader)
	switch {
	case reader.err != nil && reader.err == ctx.Err():
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

// place gives a new object its name, which the filesystem refuses where it is taken.
func (b *Bucket) place(root *os.Root, temp, key string) error {
	err := b.link(root, temp, key)
	if errors.Is(err, fs.ErrNotExist) {
		if err := b.makeFolders(root, path.Dir(key)); err != nil {
			return err
		}
		err = b.link(root, temp, key)
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

// Delete implements bucket.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return b.answer(bucket.Delete, key, b.remove(ctx, key, ""))
}

// DeleteIf implements bucket.ConditionalDeleter.
func (b *Bucket) DeleteIf(ctx context.Context, key string, version bucket.Version) error {
	err := bucket.IfMatch(version).Check()
	if err == nil {
		err = b.remove(ctx, key, version)
	}
	return b.answer(bucket.DeleteIf, key, err)
}

// remove removes an object, in whatever version where none is given.
func (b *Bucket) remove(ctx context.Context, key string, version bucket.Version) error {
	if _, err := b.stat(ctx, key); err != nil {
		return err
	}
	root, err := b.writable()
	if err != nil {
		return err
	}
	err = b.locked(ctx, key, func() error {
		info, t, err := look(root, key)
		switch {
		case err != nil:
			return err
		case version != "" && info.Version != version:
			return bucket.ErrChanged
		}
		if err := retire(root, key, t); err != nil {
			return err
		}
		return root.Remove(key)
	})
	if err != nil {
		return err
	}
	return b.settle(root, path.Dir(key))
}
