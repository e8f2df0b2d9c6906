package file

import (
	"context"
	"path"

	"github.com/quivercache/quiver/bucket"
)

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
