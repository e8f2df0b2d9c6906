package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// provider answers the Bridge's questions for S3. A version is an ETag, with its quotes.
type provider struct {
	client *s3.Client
	name   string
	o      Options
}

var errAs = errors.New("gocloud.dev/blob shows another request than the one of this version of S3's SDK")

func (p *provider) Condition(as func(any) bool, condition bucket.Condition) error {
	var in *transfermanager.UploadObjectInput
	if !as(&in) {
		return errAs
	}
	in.IfNoneMatch, in.IfMatch = conditions(condition)
	return nil
}

func conditions(condition bucket.Condition) (ifNoneMatch, ifMatch *string) {
	if condition.Absent() {
		return aws.String("*"), nil
	}
	return nil, aws.String(string(condition.Version()))
}

func (p *provider) Info(as func(any) bool) bucket.Info {
	var head s3.HeadObjectOutput
	as(&head)
	return bucket.Info{Size: aws.ToInt64(head.ContentLength), Version: bucket.Version(aws.ToString(head.ETag)), ModTime: aws.ToTime(head.LastModified)}
}

func (p *provider) List(ctx context.Context, listing adapters.Listing) (bucket.Page, error) {
	out, err := p.list(ctx, listing, nil)
	if err != nil {
		return bucket.Page{}, err
	}
	page := bucket.Page{Objects: make([]bucket.Info, len(out.Contents)), Next: aws.ToString(out.NextContinuationToken)}
	for i, item := range out.Contents {
		page.Objects[i] = bucket.Info{
			Key: aws.ToString(item.Key), Size: aws.ToInt64(item.Size), Version: bucket.Version(aws.ToString(item.ETag)), ModTime: aws.ToTime(item.LastModified),
		}
	}
	return page, nil
}

func (p *provider) Folders(ctx context.Context, listing adapters.Listing) (bucket.FolderPage, error) {
	out, err := p.list(ctx, listing, aws.String("/"))
	if err != nil {
		return bucket.FolderPage{}, err
	}
	page := bucket.FolderPage{Folders: make([]string, len(out.CommonPrefixes)), Next: aws.ToString(out.NextContinuationToken)}
	for i, folder := range out.CommonPrefixes {
		page.Folders[i] = aws.ToString(folder.Prefix)
	}
	return page, nil
}

func (p *provider) list(ctx context.Context, listing adapters.Listing, delimiter *string) (*s3.ListObjectsV2Output, error) {
	in := &s3.ListObjectsV2Input{Bucket: &p.name, Prefix: &listing.Prefix, Delimiter: delimiter, MaxKeys: aws.Int32(int32(listing.Size))}
	if listing.After != "" {
		in.StartAfter = &listing.After
	}
	if listing.Token != "" {
		in.ContinuationToken = &listing.Token
	}
	out, err := p.client.ListObjectsV2(ctx, in)
	if err == nil && out.Name == nil { // the SDK takes any answer for an empty page, which would make a miss of what is there
		return nil, errNotS3
	}
	return out, err
}

func (p *provider) Get(ctx context.Context, key string, part adapters.Part) (*bucket.Object, error) {
	in := &s3.GetObjectInput{Bucket: &p.name, Key: &key}
	if part != adapters.Whole {
		in.Range = aws.String(span(part))
	}
	if part.Version != "" {
		in.IfMatch = aws.String(string(part.Version))
	}
	out, err := p.client.GetObject(ctx, in)
	if err != nil {
		return nil, err
	}
	length := int64(-1)
	if out.ContentLength != nil {
		length = *out.ContentLength
	}
	return &bucket.Object{
		Info: bucket.Info{
			Key: key, Size: adapters.WholeSize(length, aws.ToString(out.ContentRange)),
			Version: bucket.Version(aws.ToString(out.ETag)), ModTime: aws.ToTime(out.LastModified),
		},
		Body: out.Body,
	}, nil
}

// span is a part as HTTP writes it.
func span(part adapters.Part) string {
	if part.Length < 0 {
		return fmt.Sprintf("bytes=%d-", part.Offset)
	}
	return fmt.Sprintf("bytes=%d-%d", part.Offset, part.Offset+part.Length-1)
}

func (p *provider) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, condition bucket.Condition) (bucket.Version, error) {
	in := &s3.PutObjectInput{
		Bucket: &p.name, Key: &key, Body: body, ContentLength: &size, ContentType: aws.String("application/octet-stream"),
		ServerSideEncryption: p.o.Encryption,
	}
	if p.o.KMSKeyID != "" {
		in.SSEKMSKeyId = &p.o.KMSKeyID
	}
	in.IfNoneMatch, in.IfMatch = conditions(condition)
	out, err := p.client.PutObject(ctx, in)
	switch {
	case err != nil:
		return "", err
	case out.ETag == nil:
		return "", errNotS3
	}
	return bucket.Version(*out.ETag), nil
}

func (p *provider) Delete(ctx context.Context, key string, version bucket.Version) error {
	in := &s3.DeleteObjectInput{Bucket: &p.name, Key: &key}
	if version != "" {
		in.IfMatch = aws.String(string(version))
	}
	_, err := p.client.DeleteObject(ctx, in)
	return err
}

func (p *provider) Describe(ctx context.Context) (bucket.Description, error) {
	head, err := p.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &p.name})
	if err != nil {
		return bucket.Description{}, err
	}
	description := bucket.Description{Service: Scheme, Region: aws.ToString(head.BucketRegion)}
	versioning, err := p.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &p.name})
	if description.Untold = err; err == nil {
		description.Versioning = strings.ToLower(string(versioning.Status))
	}
	return description, nil
}
