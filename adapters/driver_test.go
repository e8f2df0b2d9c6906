package adapters_test

import (
	"context"
	"io"

	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/quivercache/quiver/bucket"
)

// driven is what gocloud makes of a cloud.
type driven struct {
	driver.Bucket // what the Bridge never calls
	*cloud
}

func (d driven) Close() error {
	d.closings++
	return d.closing
}

func (driven) As(any) bool                        { return false }
func (driven) ErrorAs(error, any) bool            { return false }
func (driven) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }

func (d driven) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	if err := d.arrive(ctx); err != nil {
		return nil, err
	}
	info, err := d.store.Stat(ctx, key)
	return &driver.Attributes{AsFunc: as(info)}, say(err)
}

// Delete tells whether there was an object.
func (d driven) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	if err := d.arrive(ctx); err != nil {
		return err
	}
	return say(d.store.Delete(ctx, key))
}

// Copy is gocloud's, and not the cloud's.
func (d driven) Copy(ctx context.Context, to, from string, options *driver.CopyOptions) error {
	return d.Bucket.Copy(ctx, to, from, options)
}

// upload is a request to write as gocloud is about to send it, and its writer.
type upload struct {
	driver.Writer // Upload is all that the Bridge calls
	cloud         *cloud
	ctx           context.Context
	key           string
	condition     bucket.Condition
}

func (d driven) NewTypedWriter(ctx context.Context, key, _ string, options *driver.WriterOptions) (driver.Writer, error) {
	u := &upload{cloud: d.cloud, ctx: ctx, key: key}
	if err := options.BeforeWrite(as(u)); err != nil {
		return nil, err
	}
	d.partSize = options.BufferSize
	return u, d.arrive(ctx)
}

func (u *upload) Upload(r io.Reader) error {
	content, err := u.cloud.receive(r)
	if err != nil && !u.cloud.sloppy {
		return err
	}
	return say(u.cloud.store.Put(u.ctx, u.key, bucket.Bytes(content), u.condition))
}

func (u *upload) Close() error { return nil }

// as shows a value to who asks for one of its type.
func as[T any](value T) func(any) bool {
	return func(i any) bool {
		p, ok := i.(*T)
		if ok {
			*p = value
		}
		return ok
	}
}
