package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// region is where S3 servers say they are.
const region = "us-east-1"

// speaksS3 is what is common to servers with the protocol of S3.
type speaksS3 struct{}

func s3Client(address string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + address),
		Region:       region,
		Credentials:  awscredentials.NewStaticCredentialsProvider(drawn().account, drawn().secret, ""),
		HTTPClient:   unpooled,
		Retryer:      aws.NopRetryer{},
		UsePathStyle: true,
	})
}

func (speaksS3) create(ctx context.Context, address, bucket string) error {
	_, err := s3Client(address).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	if _, ours := errors.AsType[*types.BucketAlreadyOwnedByYou](err); ours {
		return nil
	}
	return err
}

func (speaksS3) put(ctx context.Context, address, bucket, key, content string) error {
	_, err := s3Client(address).PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)})
	return err
}

func (speaksS3) get(ctx context.Context, address, bucket, key string) (string, error) {
	object, err := s3Client(address).GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer object.Body.Close()
	content, err := io.ReadAll(object.Body)
	return string(content), err
}

func (speaksS3) url(address, bucket string) string {
	return fmt.Sprintf("s3://%s?endpoint=http://%s&use_path_style=true&region=%s", bucket, address, region)
}

func (speaksS3) client(string) []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + drawn().account, "AWS_SECRET_ACCESS_KEY=" + drawn().secret, "AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_REGION=" + region,
		"AWS_ENDPOINT_URL=", "AWS_ENDPOINT_URL_S3=",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}
