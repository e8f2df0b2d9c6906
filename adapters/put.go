package adapters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"

	"github.com/quivercache/quiver/bucket"
)

// atOnce is the largest body that goes in one request. Larger ones go in parts.
const atOnce = 8 << 20

// Put implements bucket.Bucket: in one request up to 8 MiB, in parts beyond. The condition is judged when the last request is.
func (b *Bridge) Put(ctx context.Context, key string, source bucket.Source, condition bucket.Condition) error {
	_, err := b.PutVersion(ctx, key, source, condition)
	return err
}

// PutVersion implements bucket.VersionPutter: a Put, which tells the version of what goes in one request.
func (b *Bridge) PutVersion(ctx context.Context, key string, source bucket.Source, condition bucket.Condition) (bucket.Version, error) {
	r := asked{verb: bucket.Put, key: key, condition: condition}
	if err := b.check(ctx, r, errors.Join(bucket.CheckKey(key), condition.Check())); err != nil {
		return "", err
	}
	opened, err := source.Open()
	if err != nil {
		return "", r.fail(bucket.ErrInvalid, fmt.Errorf("opening the body: %w", err))
	}
	defer opened.Close()
	if source.Size() > atOnce {
		return "", b.upload(ctx, r, opened, source.Size())
	}
	whole, size, err := head(opened, source.Size())
	if err != nil {
		return "", r.fail(bucket.ErrInvalid, err)
	}
	if size > atOnce {
		return "", b.upload(ctx, r, io.MultiReader(whole, opened), source.Size())
	}
	ctx, seen := b.request(ctx)
	version, err := b.provider.Put(ctx, key, whole, size, condition)
	if err != nil {
		return "", b.explain(ctx, r, seen, err)
	}
	return version, nil
}

// head is a body that can be sent in one request, with its size, which is checked against the one that was announced. Of a longer body that announced none
// it is the first atOnce+1 bytes.
func head(opened io.Reader, announced int64) (io.ReadSeeker, int64, error) {
	if whole, ok := opened.(io.ReadSeeker); ok && announced >= 0 {
		size, err := whole.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = whole.Seek(0, io.SeekStart)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("seeking in the body: %w", err)
		}
		return whole, size, announcedSize(size, announced)
	}
	limit := announced
	if announced < 0 {
		limit = atOnce
	}
	var content bytes.Buffer
	content.Grow(int(max(announced, 0)) + bytes.MinRead)
	size, err := content.ReadFrom(io.LimitReader(opened, limit+1))
	if err != nil {
		return nil, 0, fmt.Errorf("reading the body: %w", err)
	}
	return bytes.NewReader(content.Bytes()), size, announcedSize(size, announced)
}

func announcedSize(size, announced int64) error {
	switch {
	case announced < 0 || size == announced:
		return nil
	case size > announced:
		return fmt.Errorf("the body is longer than the %d bytes that were announced", announced)
	}
	return fmt.Errorf("the body has %d bytes, not the %d that were announced", size, announced)
}

// upload sends a body in parts, through gocloud: by Upload, since its other ways to write panic on Azure when they fail.
func (b *Bridge) upload(ctx context.Context, r asked, opened io.Reader, announced int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, seen := watch(ctx)
	reading := &reader{r: opened, announced: announced, cancel: cancel}
	err := b.o.Uploads.Upload(ctx, r.key, reading, &blob.WriterOptions{
		ContentType:    "application/octet-stream",
		BufferSize:     b.partSize(announced),
		MaxConcurrency: 4,
		BeforeWrite:    func(as func(any) bool) error { return b.provider.Condition(as, r.condition) },
	})
	if reading.err != nil {
		return r.fail(bucket.ErrInvalid, reading.err)
	}
	return b.explain(ctx, r, seen, err)
}

// partSize keeps an upload under the 10,000 parts that S3 allows.
func (b *Bridge) partSize(announced int64) int {
	const parts, step = 9000, 1 << 20
	return max(b.o.PartSize, int((announced/parts+step-1)/step*step))
}

// reader is a body being uploaded. One that fails, or has another size than was announced, cancels the upload: some SDKs would take its end for that of the object.
type reader struct {
	r         io.Reader
	announced int64
	size      int64
	cancel    context.CancelCauseFunc
	err       error // of the body itself
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.size += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		r.err = announcedSize(r.size, r.announced)
	case err != nil:
		r.err = fmt.Errorf("reading the body: %w", err)
	case r.announced >= 0 && r.size > r.announced:
		r.err = announcedSize(r.size, r.announced)
	}
	if r.err != nil {
		r.cancel(r.err)
		return 0, r.err
	}
	return n, err
}
