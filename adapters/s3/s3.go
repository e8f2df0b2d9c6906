package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"gocloud.dev/blob/s3blob"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Options are the settings of a bucket on S3; nil, or a zero field, means the default.
type Options struct {
	Encryption     types.ServerSideEncryption // of what is written: AES256, aws:kms, aws:kms:dsse; default the bucket's own
	KMSKeyID       string                     // for the encryptions of KMS; default the account's key
	RequesterPays  bool                       // the caller pays for the requests
	CustomEndpoint bool                       // the server is not AWS: checksums that AWS alone understands are left out
	// ConditionalDelete says that the server keeps to If-Match on a DELETE, as AWS does; quiver doctor tells. Others delete whatever there is.
	ConditionalDelete bool

	endpoint string // of a URL, which gocloud hides from the client's options
}

// New returns the S3 bucket of a name. The client stays the caller's: a copy of it is used, whose requests are sent once (bucket.Decorate
// repeats them) and whose answers are watched.
func New(ctx context.Context, client *s3.Client, name string, options *Options) (bucket.Bucket, error) {
	var o Options
	if options != nil {
		o = *options
	}
	return open(ctx, client, name, o, nil)
}

// open is New with what else to close with the bucket.
func open(ctx context.Context, client *s3.Client, name string, o Options, closing func() error) (bucket.Bucket, error) {
	if client.Options().Region == "" && !o.CustomEndpoint {
		return nil, fmt.Errorf("%w: the region of the S3 bucket %s is not known; give it in the URL (?region=…) or in AWS_REGION", bucket.ErrInvalid, name)
	}
	once := tuned(client, o, func(s *s3.Options) { s.Retryer = aws.NopRetryer{} })
	parts := tuned(client, o, func(s *s3.Options) { s.APIOptions = append(s.APIOptions, tidy) })
	settings := &s3blob.Options{
		EncryptionType: o.Encryption, KMSEncryptionID: o.KMSKeyID, RequestChecksumCalculation: once.Options().RequestChecksumCalculation,
	}
	single, err := s3blob.OpenBucket(ctx, once, name, settings)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bucket.ErrInvalid, err)
	}
	uploads, err := s3blob.OpenBucket(ctx, parts, name, settings)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bucket.ErrInvalid, err)
	}
	return adapters.New(single, &provider{client: once, name: name, o: o}, &adapters.Options{
		Uploads:           uploads,
		ConditionalDelete: o.ConditionalDelete,
		Close:             closing,
		Retry:             bucket.RetryOptions{Attempts: 5, Attempt: 10 * time.Second, Backoff: op.Backoff{Base: 50 * time.Millisecond, Cap: 5 * time.Second}},
	}), nil
}

// tuned is a copy of the client for a Bridge.
func tuned(client *s3.Client, o Options, more ...func(*s3.Options)) *s3.Client {
	return s3.New(client.Options(), append(more, func(s *s3.Options) {
		s.HTTPClient = adapters.WatchedClient{Base: s.HTTPClient}
		if o.RequesterPays {
			s.APIOptions = append(s.APIOptions, smithyhttp.AddHeaderValue("x-amz-request-payer", "requester"))
		}
		// What is read is checked by its digest; and other servers know no checksums of AWS.
		s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		s.DisableLogOutputChecksumValidationSkipped = true
		if o.CustomEndpoint {
			s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			if s.Region == "" {
				s.Region = "us-east-1"
			}
		}
	})...)
}

// tidy lets an upload that was canceled clean up after itself: the parts that it sent would stay, and be paid for.
func tidy(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("QuiverTidy",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			if _, aborts := in.Parameters.(*s3.AbortMultipartUploadInput); aborts {
				alive, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
				defer cancel()
				if deadline, bounded := ctx.Deadline(); bounded {
					alive, cancel = context.WithDeadline(alive, deadline)
					defer cancel()
				}
				ctx = alive
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
}
