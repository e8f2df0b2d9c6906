package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// meaning is what a code of S3 says beyond its status.
type meaning struct {
	kind error // nil: as the status says
	hint string
}

var (
	wrongPlace = meaning{bucket.ErrNoBucket, "look at the bucket's name and region, and at the endpoint"}
	folder     = meaning{bucket.ErrRefused, "the server keeps objects as files: a key cannot be a folder of another"}
	damaged    = meaning{bucket.ErrUnavailable, "the body was damaged on its way"}
	slow       = meaning{bucket.ErrThrottled, ""}
	unknownKey = "the access key is not known there: look at the credentials and at the endpoint"
	skew       = "this machine's clock and the store's differ by more than 15 minutes: set the clock"
)

var meanings = map[string]meaning{
	"NoSuchBucket":                       {bucket.ErrNoBucket, "make the bucket, or look at its name and at the endpoint"},
	"InvalidBucketName":                  wrongPlace,
	"PermanentRedirect":                  wrongPlace,
	"TemporaryRedirect":                  wrongPlace,
	"AuthorizationHeaderMalformed":       wrongPlace,
	"IllegalLocationConstraintException": wrongPlace,
	"SlowDown":                           slow,
	"SlowDownRead":                       slow,
	"SlowDownWrite":                      slow,
	"Throttling":                         slow,
	"ThrottlingException":                slow,
	"RequestLimitExceeded":               slow,
	"TooManyRequests":                    slow,
	"RequestTimeout":                     {bucket.ErrUnavailable, "the body came too slowly"},
	"NoSuchUpload":                       {bucket.ErrUnavailable, "the upload in parts is gone: it was ended or cleaned away"},
	"BadDigest":                          damaged,
	"InvalidDigest":                      damaged,
	"IncompleteBody":                     damaged,
	"XAmzContentSHA256Mismatch":          damaged,
	"XAmzContentChecksumMismatch":        damaged,
	"RequestTimeTooSkewed":               {bucket.ErrRefused, skew},
	"RequestExpired":                     {bucket.ErrRefused, skew},
	"ExpiredToken":                       {bucket.ErrRefused, "the credentials have expired: renew them"},
	"InvalidAccessKeyId":                 {bucket.ErrRefused, unknownKey},
	"XAdminUserNotFound":                 {bucket.ErrRefused, unknownKey},
	"SignatureDoesNotMatch":              {bucket.ErrRefused, "the secret key is wrong, or something on the way changes requests"},
	"AccessDenied":                       {bucket.ErrRefused, "the role may not do this; without s3:ListBucket S3 says so of a missing key too: grant s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject"},
	"Forbidden":                          {bucket.ErrRefused, "the role may not do this; without s3:ListBucket S3 says so of a missing key too: grant s3:ListBucket and s3:GetObject"},
	"InvalidObjectState":                 {bucket.ErrRefused, "the object is archived: keep lifecycle rules from moving Quiver's objects to Glacier"},
	"XMinioStorageFull":                  {bucket.ErrRefused, "the store is full"},
	"ExistingObjectIsDirectory":          folder,
	"ObjectParentIsFile":                 folder,
	"NotImplemented":                     {bucket.ErrRefused, "the server does not know this request: quiver doctor tells what it can do"},
	"BadRequest":                         {nil, "S3 says no more of a HEAD: look at the region and at the credentials"},
}

func (p *provider) Refusal(err error) (adapters.Refusal, bool) {
	answer, answered := errors.AsType[*awshttp.ResponseError](err)
	if !answered || answer.HTTPStatusCode() == 0 { // the SDK wraps what got no answer in an empty one
		return withoutCredentials(err)
	}
	refusal := adapters.Refusal{Status: answer.HTTPStatusCode(), RequestID: answer.ServiceRequestID()}
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		refusal.Code, refusal.Message = said.ErrorCode(), cmp.Or(said.ErrorMessage(), http.StatusText(refusal.Status)) // of a HEAD no more is said
	}
	known := meanings[refusal.Code]
	refusal.Kind, refusal.Hint = known.kind, known.hint
	if refusal.Status == http.StatusNotFound && refusal.Kind == nil && refusal.Code != "NoSuchKey" && refusal.Code != "NotFound" {
		refusal.Kind = bucket.ErrRefused // something else was not found
	}
	if region := answer.Response.Header.Get("X-Amz-Bucket-Region"); region != "" && (errors.Is(refusal.Kind, bucket.ErrNoBucket) || refusal.Status/100 == 3 || refusal.Status == 400) {
		refusal.Kind, refusal.Hint = bucket.ErrNoBucket, fmt.Sprintf("the bucket is in the region %s: say so with ?region=%s or AWS_REGION", region, region)
	}
	return refusal, true
}

// errNotS3 is a success that S3 would tell in another way, as a web server at the endpoint gives one.
var errNotS3 = errors.New("the answer is none of S3: look at the endpoint")

// withoutCredentials finds the one failure without an answer that no repetition mends. The SDK has no type for it.
func withoutCredentials(err error) (adapters.Refusal, bool) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "get credentials:") {
		return adapters.Refusal{}, false
	}
	return adapters.Refusal{
		Code: "no credentials", Kind: bucket.ErrRefused,
		Hint: "give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, by a profile, or by the machine's role",
	}, true
}
