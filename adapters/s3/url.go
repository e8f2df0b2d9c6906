package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
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
	endpoint, told := parameters.Values.Get("endpoint"), parameters.Values.Has("conditional_delete")
	o := Options{RequesterPays: parameters.Bool("requester_pays", false), ConditionalDelete: parameters.Bool("conditional_delete", false)}
	if err := errors.Join(parameters.Err(), checkEndpoint(endpoint), checkEncryption(parameters.Values)); err != nil {
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
	o.endpoint = endpoint
	o.CustomEndpoint = endpoint != "" || client.Options().BaseEndpoint != nil // by AWS_ENDPOINT_URL, or by a profile
	if !told {
		o.ConditionalDelete = !o.CustomEndpoint
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if configured, ok := client.Options().HTTPClient.(*awshttp.BuildableClient); ok { // which knows AWS_CA_BUNDLE
		transport = configured.GetTransport()
	}
	web := adapters.ClientOver(transport)
	own := s3.New(client.Options(), func(s *s3.Options) { s.HTTPClient = web })
	b, err := open(ctx, own, u.Host, o, func() error {
		web.CloseIdleConnections()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return parameters.Under(b)
}

// checkEncryption refuses what gocloud would refuse without saying what there is.
func checkEncryption(parameters url.Values) error {
	given := parameters.Get("ssetype")
	known := slices.ContainsFunc([]types.ServerSideEncryption{types.ServerSideEncryptionAes256, types.ServerSideEncryptionAwsKms, types.ServerSideEncryptionAwsKmsDsse},
		func(kind types.ServerSideEncryption) bool { return strings.EqualFold(string(kind), given) })
	if parameters.Has("ssetype") && !known {
		return fmt.Errorf("%w: the parameter ssetype is AES256, aws:kms or aws:kms:dsse, not %q", bucket.ErrInvalid, given)
	}
	return nil
}

// checkEndpoint refuses what the SDK would refuse at the first request only, and credentials.
func checkEndpoint(endpoint string) error {
	if u, err := url.Parse(endpoint); endpoint != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
		return fmt.Errorf("%w: the parameter endpoint is a URL as https://host:9000, without a user name or a password", bucket.ErrInvalid)
	}
	return nil
}
