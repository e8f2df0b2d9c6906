package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quivercache/quiver/bucket"
)

// content is so many random bytes.
func (x *examination) content(size int) ([]byte, error) {
	content := make([]byte, size)
	if _, err := io.ReadFull(x.Entropy, content); err != nil {
		return nil, fmt.Errorf("drawing random bytes: %w", err)
	}
	return content, nil
}

// create makes an object. That it is refused by the success of an attempt whose answer was lost is no failure.
func create(ctx context.Context, b bucket.Bucket, key string, content []byte) error {
	err := b.Put(ctx, key, bucket.Bytes(content), bucket.IfAbsent())
	return recognised(ctx, b, key, content, err, bucket.ErrExists)
}

// replace replaces a version of an object, as create makes one.
func replace(ctx context.Context, b bucket.Bucket, key string, version bucket.Version, content []byte) error {
	err := b.Put(ctx, key, bucket.Bytes(content), bucket.IfMatch(version))
	return recognised(ctx, b, key, content, err, bucket.ErrChanged)
}

func recognised(ctx context.Context, b bucket.Bucket, key string, content []byte, err, refusal error) error {
	if !errors.Is(err, refusal) {
		return err
	}
	if _, reading := holds(ctx, b, key, content); reading != nil {
		return err
	}
	return nil
}

// holds demands that an object has just this content.
func holds(ctx context.Context, b bucket.Bucket, key string, content []byte) (bucket.Info, error) {
	got, info, err := bucket.ReadAll(ctx, b, key, int64(len(content))+1<<20)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return info, unmetf("%s is not there though it was written", key)
	case err != nil:
		return info, err
	case !bytes.Equal(got, content):
		return info, unmetf("%s does not hold the %d bytes that were last written to it", key, len(content))
	}
	return info, nil
}

// gone demands that there is no object, as far as the store says so in its own way.
func (x *examination) gone(ctx context.Context, b bucket.Bucket, key string) error {
	_, err := b.Stat(ctx, key)
	switch {
	case err == nil:
		return unmetf("%s is still there", key)
	case errors.Is(err, bucket.ErrNotFound), errors.Is(err, x.missing):
		return nil
	}
	return err
}

// refused demands that a write was refused in this way.
func refused(err, kind error, what string) error {
	switch {
	case err == nil:
		return unmetf("%s was written", what)
	case outage(err):
		return err
	case !errors.Is(err, kind):
		return unmetf("%s was not refused because %s: %s", what, kind, err)
	}
	return nil
}
