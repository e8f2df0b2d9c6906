package s3_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

// MinIO, with a client of one's own. For AWS the client needs no endpoint, and the options say ConditionalDelete instead of CustomEndpoint.
func ExampleNew() {
	ctx := context.Background()
	client := awss3.New(awss3.Options{
		BaseEndpoint: aws.String("http://127.0.0.1:9000"), UsePathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("user", "password", ""),
	})
	b, err := s3.New(ctx, client, "results", &s3.Options{CustomEndpoint: true}) // nothing is sent before the first request
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err = bucket.Decorate(b, bucket.Decorators{Prefix: "team/"}) // deadlines, retries, a prefix
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	_, conditional := bucket.As[bucket.ConditionalDeleter](b)
	fmt.Println("a delete has a condition:", conditional)
	// Output: a delete has a condition: false
}
