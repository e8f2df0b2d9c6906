package s3

import (
	"cmp"
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver/bucket"
)

// mostCopied is how large an object may be that S3 copies by one request.
const mostCopied = 5 << 30

func (p *provider) Location() bucket.Location {
	return bucket.Location{Service: Scheme, Endpoint: cmp.Or(p.o.endpoint, aws.ToString(p.client.Options().BaseEndpoint)), Bucket: p.name}
}

func (p *provider) Copy(ctx context.Context, from bucket.Location, size int64, key string) error {
	if size > mostCopied {
		return fmt.Errorf("%w: S3 copies objects up to 5 GiB by one request", bucket.ErrRefused)
	}
	in := &s3.CopyObjectInput{
		Bucket: &p.name, Key: &key, CopySource: aws.String(url.PathEscape(from.Bucket) + "/" + from.Key), // whose characters need no escape
		IfNoneMatch: aws.String("*"), ServerSideEncryption: p.o.Encryption,
	}
	if p.o.KMSKeyID != "" {
		in.SSEKMSKeyId = &p.o.KMSKeyID
	}
	out, err := p.client.CopyObject(ctx, in)
	if err == nil && (out.CopyObjectResult == nil || out.CopyObjectResult.ETag == nil) {
		return errNotS3
	}
	return err
}
