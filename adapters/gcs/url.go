package gcs

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// Scheme is the scheme of the URLs of GCS buckets.
const Scheme = "gs"

// OpenURL opens the bucket that a URL names: gs://bucket/prefix. The prefix is optional. Parameters are those of gocloud.dev/blob/gcsblob that make sense here
// (anonymous, access_id=-, universe_domain), and
//
//	user_project=PROJECT            the project that pays for the requests, where the bucket is requester pays
//	kms_key=projects/P/locations/…  the key of Cloud KMS for what is written
//	conditional_delete=true|false   whether the server keeps to the condition of a DELETE; default true, with an emulator false
//
// Credentials come from the SDK's chain: GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, the machine's role. Where STORAGE_EMULATOR_HOST is set, requests go there without
// any. Fails with bucket.ErrInvalid where the URL says anything else, and with bucket.ErrRefused where there are no credentials.
func OpenURL(ctx context.Context, u *url.URL) (bucket.Bucket, error) {
	parameters, err := adapters.ParseURL(u)
	if err != nil {
		return nil, err
	}
	emulated := os.Getenv("STORAGE_EMULATOR_HOST") != ""
	anonymous := parameters.Bool("anonymous", false)
	accessID := parameters.Take("access_id")
	a := access{
		anonymous: anonymous || accessID == "-" || emulated, project: parameters.Take("user_project"), universe: parameters.Take("universe_domain"),
	}
	o := Options{KMSKeyName: parameters.Take("kms_key"), ConditionalDelete: parameters.Bool("conditional_delete", !emulated)}
	overGRPC := parameters.Bool("grpc", false)
	overGRPC = parameters.Bool("zonal", false) || overGRPC
	switch {
	case parameters.Err() != nil:
		return nil, parameters.Err()
	case overGRPC:
		return nil, fmt.Errorf("%w: %s asks for gRPC, over which the store's time cannot be had; leave out grpc and zonal", bucket.ErrInvalid, u)
	case accessID != "" && accessID != "-", parameters.Values.Has("private_key_path"):
		return nil, fmt.Errorf("%w: access_id and private_key_path in %s are for signed URLs, which Quiver does not make; credentials come from the environment", bucket.ErrInvalid, u)
	case len(parameters.Values) > 0:
		return nil, fmt.Errorf("%w: %s has parameters that are not known: %s", bucket.ErrInvalid, u, strings.Join(slices.Sorted(maps.Keys(parameters.Values)), ", "))
	case a.project != "" && a.anonymous && !emulated:
		return nil, fmt.Errorf("%w: in %s nobody's requests shall be paid by a project; leave out user_project, or anonymous", bucket.ErrInvalid, u)
	}
	client, closing, err := newClient(ctx, adapters.Client(), a)
	if err != nil {
		return nil, err
	}
	b, err := open(ctx, client, u.Host, &o, closing)
	if err != nil {
		return nil, err
	}
	return parameters.Under(b)
}
