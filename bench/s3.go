package main

import (
	"bytes"
	"context"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/integration/servers"
)

type s3Peer struct {
	client *s3.Client
	bucket string
}

func dialS3(ctx context.Context, server *servers.Server, bucketName string) (peer, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion("us-east-1"))
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(settings, func(o *s3.Options) {
		o.BaseEndpoint, o.UsePathStyle = aws.String("http://"+server.Address), true
		o.HTTPClient = adapters.Client()
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return s3Peer{client, bucketName}, nil
}

func (p s3Peer) put(ctx context.Context, key string, content []byte) error {
	_, err := p.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &p.bucket, Key: &key, Body: bytes.NewReader(content), IfNoneMatch: aws.String("*")})
	return err
}

func (p s3Peer) get(ctx context.Context, key string) ([]byte, error) {
	out, err := p.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return readFull(out.Body, aws.ToInt64(out.ContentLength))
}

// readFull reads a body of a known size.
func readFull(body io.Reader, size int64) ([]byte, error) {
	content := make([]byte, size)
	_, err := io.ReadFull(body, content)
	return content, err
}

func (p s3Peer) remove(ctx context.Context, key string) error {
	_, err := p.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.bucket, Key: &key})
	return err
}

func (p s3Peer) list(ctx context.Context, prefix string) (n int, err error) {
	pages := s3.NewListObjectsV2Paginator(p.client, &s3.ListObjectsV2Input{Bucket: &p.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return n, err
		}
		n += len(page.Contents)
	}
	return n, nil
}

func (p s3Peer) upload(ctx context.Context, key string, file *os.File, _ int64) error {
	_, err := transfermanager.New(p.client).UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &p.bucket, Key: &key, Body: file, IfNoneMatch: aws.String("*")})
	return err
}

func (p s3Peer) download(ctx context.Context, key string, file *os.File) error {
	_, err := transfermanager.New(p.client).DownloadObject(ctx, &transfermanager.DownloadObjectInput{Bucket: &p.bucket, Key: &key, WriterAt: file})
	return err
}
