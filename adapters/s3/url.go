package s3

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob/s3blob"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// Scheme is the scheme of the URLs of S3 buckets.
const Scheme = "s3"

// OpenURL opens the bucket that a URL names: s3://bucket/prefix?region=eu-central-1. The prefix is optional. Parameters are those of
// gocloud.dev/blob/s3blob (region, endpoint, use_path_style, profile, role, ssetype, kmskeyid, accelerate, dualstack, fips, anonymous and others) and
// requester_pays and conditional_delete, both true or false. Credentials come from the SDK's chain: the environment, a profile, the machine's
// role. Fails with bucket.ErrInvalid where the URL says anything else.
func OpenURL(ctx context.Context, u *url.URL) (bucket.Bucket, error) {
	parameters, err := adapters.ParseURL(u)
	if err != nil {
		return nil, err
	}
	endpoint := parameters.Values.Get("endpoint")
	o := Options{
		RequesterPays:  parameters.Bool("requester_pays", false),
		CustomEndpoint: endpoint != "" || os.Getenv("AWS_ENDPOINT_URL") != "" || os.Getenv("AWS_ENDPOINT_URL_S3") != "",
	}
	o.ConditionalDelete = parameters.Bool("conditional_delete", !o.CustomEndpoint)
	if err := parameters.Err(); err != nil {
		return nil, err
	}
	opener := &s3blob.URLOpener{}
	opened, err := opener.OpenBucketURL(ctx, parameters.Rest())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bucket.ErrInvalid, err)
	}
	defer opened.Close()
	var client *s3.Client
	if !opened.As(&client) {
		return nil, errAs
	}
	o.Encryption, o.KMSKeyID = opener.Options.EncryptionType, opener.Options.KMSEncryptionID
	own := s3.New(client.Options(), func(s *s3.Options) { s.HTTPClient = adapters.Client() })
	b, err := New(ctx, own, u.Host, &o)
	if err != nil {
		return nil, err
	}
	return parameters.Under(b)
}
