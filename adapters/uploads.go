package adapters

import (
	"cmp"
	"context"
	"errors"

	"github.com/quivercache/quiver/bucket"
)

// uploads is of a Bridge to a service that keeps uploads that were begun and never ended.
type uploads struct {
	bridge  *Bridge
	service bucket.Uploads
}

// ListUploads implements bucket.Uploads, in one request.
func (u uploads) ListUploads(ctx context.Context, options bucket.ListOptions) (bucket.UploadPage, error) {
	r := asked{verb: bucket.ListUploads, key: options.Prefix + "*"}
	if err := u.bridge.check(ctx, r, bucket.CheckUploads(options)); err != nil || beginsNoKey(options.Prefix) {
		return bucket.UploadPage{}, err
	}
	options.Limit = min(cmp.Or(options.Limit, u.bridge.o.PageSize), u.bridge.o.PageSize)
	ctx, seen := u.bridge.request(ctx)
	page, err := u.service.ListUploads(ctx, options)
	if err != nil {
		return bucket.UploadPage{}, u.bridge.explain(ctx, r, seen, err)
	}
	page.Date = seen.date()
	return page, nil
}

// AbortUpload implements bucket.Uploads, in one request.
func (u uploads) AbortUpload(ctx context.Context, upload bucket.Upload) error {
	r := asked{verb: bucket.AbortUpload, key: upload.Key}
	if err := u.bridge.check(ctx, r, bucket.CheckUpload(upload)); err != nil {
		return err
	}
	ctx, seen := u.bridge.request(ctx)
	err := u.bridge.explain(ctx, r, seen, u.service.AbortUpload(ctx, upload))
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	return err
}
