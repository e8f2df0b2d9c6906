package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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

// The codes of a role that lacks a right.
const (
	accessDenied = "AccessDenied"
	forbidden    = "Forbidden" // of a HEAD, which has no code
)

// lacksRight says whether a code means that the role lacks one.
func lacksRight(code string) bool { return code == accessDenied || code == forbidden }

// Right implements adapters.Provider.
func (p *provider) Right(verb bucket.Verb, _ bucket.Condition) string {
	return "the role needs " + rights[verb]
}

const read = "s3:GetObject, and s3:ListBucket, without which S3 refuses a missing key too"

// rights are what a role must have by verb.
var rights = map[bucket.Verb]string{
	bucket.Get:           read,
	bucket.GetRange:      read,
	bucket.Stat:          read,
	bucket.List:          "s3:ListBucket",
	bucket.ListFolders:   "s3:ListBucket",
	bucket.Put:           "s3:PutObject",
	bucket.Copy:          "s3:PutObject, and in the bucket that it copies from " + read,
	bucket.Delete:        "s3:DeleteObject, and to look first " + read,
	bucket.DeleteIf:      "s3:DeleteObject",
	bucket.Removal:       "s3:DeleteObject",
	bucket.DeleteAll:     "s3:DeleteObject",
	bucket.ListUploads:   "s3:ListBucketMultipartUploads",
	bucket.AbortUpload:   "s3:AbortMultipartUpload",
	adapters.Description: "s3:ListBucket without a condition on the prefix, which a question about the bucket has not got",
	adapters.Versioning:  "s3:GetBucketVersioning",
}

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
	noSuchUpload:                         {bucket.ErrUnavailable, "the upload in parts is gone: it was ended or cleaned away"},
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
	accessDenied:                         {bucket.ErrRefused, ""},
	forbidden:                            {bucket.ErrRefused, "or the credentials are wrong, since S3 says no more of a HEAD"},
	"InvalidObjectState":                 {bucket.ErrRefused, "the object is archived: keep lifecycle rules from moving Quiver's objects to Glacier"},
	"XMinioStorageFull":                  {bucket.ErrRefused, "the store is full"},
	"ExistingObjectIsDirectory":          folder,
	"ObjectParentIsFile":                 folder,
	"NotImplemented":                     {bucket.ErrRefused, "the server does not know this request: quiver doctor tells what it can do"},
	"BadRequest":                         {nil, "S3 says no more of a HEAD: look at the region and at the credentials"},
}

func (p *provider) Refusal(err error) (adapters.Refusal, bool) {
	if some, ok := errors.AsType[*undeleted](err); ok {
		return some.refusal(), true
	}
	answer, answered := errors.AsType[*awshttp.ResponseError](err)
	if !answered || answer.HTTPStatusCode() == 0 { // the SDK wraps what got no answer in an empty one
		if host, unknown := adapters.Unresolved(err); unknown {
			return p.nowhere(host)
		}
		return withoutCredentials(err)
	}
	refusal := adapters.Refusal{Status: answer.HTTPStatusCode(), RequestID: answer.ServiceRequestID()}
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		message, _, _ := strings.Cut(said.ErrorMessage(), "\n")                                            // ids follow it, of servers that are not S3's
		refusal.Code, refusal.Message = said.ErrorCode(), cmp.Or(message, http.StatusText(refusal.Status)) // of a HEAD no more is said
	} else if unread, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		refusal.Message = unread.Err.Error()
		if _, broken := errors.AsType[net.Error](unread); broken || errors.Is(unread, io.ErrUnexpectedEOF) { // what it said of the refusal did not arrive
			refusal.Kind = bucket.ErrUnavailable
			return refusal, true
		}
	}
	known := meanings[refusal.Code]
	refusal.Kind, refusal.Hint, refusal.Denied = known.kind, known.hint, lacksRight(refusal.Code)
	if refusal.Status == http.StatusNotFound && refusal.Kind == nil && refusal.Code != "NoSuchKey" && refusal.Code != "NotFound" {
		refusal.Kind = bucket.ErrRefused // something else was not found
	}
	if errors.Is(refusal.Kind, bucket.ErrNoBucket) && p.o.CustomEndpoint && !p.client.Options().UsePathStyle {
		refusal.Hint += "; " + pathStyle
	}
	if region := answer.Response.Header.Get("X-Amz-Bucket-Region"); region != "" && (errors.Is(refusal.Kind, bucket.ErrNoBucket) || refusal.Status/100 == 3 || refusal.Status == 400) {
		refusal.Kind, refusal.Hint = bucket.ErrNoBucket, fmt.Sprintf("the bucket is in the region %s: say so with ?region=%s or AWS_REGION", region, region)
	}
	return refusal, true
}

// errNotS3 is a success that S3 would tell in another way, as a web server at the endpoint gives one.
var errNotS3 = errors.New("the answer is none of S3: look at the endpoint")

const pathStyle = "a server without a host for each bucket wants use_path_style=true in the URL"

// nowhere explains that the host of the requests is not known.
func (p *provider) nowhere(host string) (adapters.Refusal, bool) {
	refusal := adapters.Refusal{Message: "there is no host " + host}
	switch {
	case p.o.CustomEndpoint && strings.HasPrefix(host, p.name+"."):
		refusal.Kind, refusal.Hint = bucket.ErrUnavailable, pathStyle+"; else look at the endpoint"
	case !p.o.CustomEndpoint && strings.Contains(host, ".amazonaws.com"):
		refusal.Kind, refusal.Hint = bucket.ErrNoBucket, "look at the region's name, and whether this machine has a network"
	default:
		return adapters.Refusal{}, false
	}
	return refusal, true
}

// withoutCredentials finds the one failure without an answer that no repetition mends. The SDK has no type for it.
func withoutCredentials(err error) (adapters.Refusal, bool) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "get credentials:") {
		return adapters.Refusal{}, false
	}
	_, why, _ := strings.Cut(err.Error(), "get credentials: ")
	if strings.Contains(why, "no EC2 IMDS role found") {
		why = "neither the environment nor a profile has any, and this machine has no role"
	}
	return adapters.Refusal{
		Code: "no credentials", Message: why, Kind: bucket.ErrRefused,
		Hint: "give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, by a profile, or by the machine's role",
	}, true
}
