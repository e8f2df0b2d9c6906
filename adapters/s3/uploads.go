package s3

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/quivercache/quiver/bucket"
)

// noSuchUpload is the code of an upload that has ended, or was aborted.
const noSuchUpload = "NoSuchUpload"

// ListUploads implements bucket.Uploads for the Bridge. A token is the id and the key of an upload, after which the next page begins.
func (p *provider) ListUploads(ctx context.Context, options bucket.ListOptions) (bucket.UploadPage, error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &p.name, Prefix: &options.Prefix, MaxUploads: aws.Int32(int32(options.Limit))}
	if id, key, ok := strings.Cut(options.Token, " "); ok {
		in.UploadIdMarker, in.KeyMarker = &id, &key
	}
	out, err := p.client.ListMultipartUploads(ctx, in)
	if err != nil {
		return bucket.UploadPage{}, err
	}
	if out.Bucket == nil { // the SDK takes any answer for an empty page
		return bucket.UploadPage{}, errNotS3
	}
	page := bucket.UploadPage{Uploads: make([]bucket.Upload, len(out.Uploads))}
	for i, u := range out.Uploads {
		page.Uploads[i] = bucket.Upload{Key: aws.ToString(u.Key), ID: aws.ToString(u.UploadId), Begun: aws.ToTime(u.Initiated)}
	}
	if aws.ToBool(out.IsTruncated) {
		page.Next = aws.ToString(out.NextUploadIdMarker) + " " + aws.ToString(out.NextKeyMarker)
	}
	return page, nil
}

// AbortUpload implements bucket.Uploads for the Bridge.
func (p *provider) AbortUpload(ctx context.Context, upload bucket.Upload) error {
	_, err := p.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &p.name, Key: &upload.Key, UploadId: &upload.ID})
	if said, ok := errors.AsType[smithy.APIError](err); ok && said.ErrorCode() == noSuchUpload {
		return nil
	}
	return err
}
