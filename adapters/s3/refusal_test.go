package s3_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

// The answer to a HEAD has no body: of a Stat, and of a Delete, which begins with one, S3 tells the status alone.
func TestEachCodeOfS3HasItsKindAndItsHint(t *testing.T) {
	const region = "X-Amz-Bucket-Region"
	for name, c := range map[string]struct {
		answer action
		kind   error
		but    map[string]error // what it is to others
		hint   string
	}{
		"a concurrent write":          {refused(409, "ConditionalRequestConflict"), bucket.ErrUnavailable, nil, ""},
		"a concurrent change":         {refused(409, "OperationAborted"), bucket.ErrUnavailable, nil, ""},
		"a condition":                 {refused(412, "PreconditionFailed"), bucket.ErrChanged, map[string]error{"create": bucket.ErrExists}, ""},
		"no such key":                 {refused(404, "NoSuchKey"), bucket.ErrNotFound, map[string]error{"swap": bucket.ErrChanged, "create": bucket.ErrNoBucket, "list": bucket.ErrNoBucket, "remove": nil}, ""},
		"no such bucket":              {refused(404, "NoSuchBucket"), bucket.ErrNoBucket, map[string]error{"stat": bucket.ErrNotFound, "delete": bucket.ErrNotFound}, "make the bucket"},
		"a name that cannot be":       {refused(400, "InvalidBucketName"), bucket.ErrNoBucket, map[string]error{"stat": bucket.ErrRefused, "delete": bucket.ErrRefused}, "name and region"},
		"denied":                      {refused(403, "AccessDenied"), bucket.ErrRefused, nil, "without s3:ListBucket S3 says so of a missing key too"},
		"not signed in":               {refused(403, "InvalidAccessKeyId"), bucket.ErrRefused, nil, ""},
		"not signed in, of versitygw": {refused(404, "XAdminUserNotFound"), bucket.ErrRefused, map[string]error{"stat": bucket.ErrNotFound, "delete": bucket.ErrNotFound}, "the access key is not known there"},
		"something else is missing":   {refused(404, "NoSuchWebsite"), bucket.ErrRefused, map[string]error{"stat": bucket.ErrNotFound, "delete": bucket.ErrNotFound}, ""},
		"a wrong secret":              {refused(403, "SignatureDoesNotMatch"), bucket.ErrRefused, nil, ""},
		"a skewed clock":              {refused(403, "RequestTimeTooSkewed"), bucket.ErrRefused, nil, ""},
		"an old token":                {refused(400, "ExpiredToken"), bucket.ErrRefused, nil, ""},
		"an archived object":          {refused(403, "InvalidObjectState"), bucket.ErrRefused, nil, ""},
		"a full disk":                 {refused(507, "XMinioStorageFull"), bucket.ErrRefused, nil, ""},
		"a request it does not know":  {refused(501, "NotImplemented"), bucket.ErrRefused, nil, ""},
		"another region":              {refused(301, "PermanentRedirect", region, "eu-west-3"), bucket.ErrNoBucket, nil, "the bucket is in the region eu-west-3: say so with ?region=eu-west-3 or AWS_REGION"},
		"another region, no more":     {refused(301, "", region, "eu-west-3"), bucket.ErrNoBucket, nil, "?region=eu-west-3"},
		"another region, for a while": {refused(307, "TemporaryRedirect", "Location", "https://elsewhere.example"), bucket.ErrNoBucket, nil, ""},
		"a signature for another":     {refused(400, "AuthorizationHeaderMalformed", region, "eu-west-3"), bucket.ErrNoBucket, nil, "?region=eu-west-3"},
		"a constraint":                {refused(400, "IllegalLocationConstraintException", region, "eu-west-3"), bucket.ErrNoBucket, nil, "?region=eu-west-3"},
		"too much":                    {refused(503, "SlowDown"), bucket.ErrThrottled, map[string]error{"stat": bucket.ErrUnavailable, "delete": bucket.ErrUnavailable}, ""},
		"too much, of MinIO":          {refused(503, "SlowDownWrite"), bucket.ErrThrottled, map[string]error{"stat": bucket.ErrUnavailable, "delete": bucket.ErrUnavailable}, ""},
		"too much, by status":         {refused(429, "Busy"), bucket.ErrThrottled, nil, ""},
		"too much, by code":           {refused(400, "RequestLimitExceeded"), bucket.ErrThrottled, map[string]error{"stat": bucket.ErrRefused, "delete": bucket.ErrRefused}, ""},
		"its own fault":               {refused(500, "InternalError"), bucket.ErrUnavailable, nil, ""},
		"its own fault for a while":   {refused(503, "ServiceUnavailable"), bucket.ErrUnavailable, nil, ""},
		"a slow body":                 {refused(400, "RequestTimeout"), bucket.ErrUnavailable, map[string]error{"stat": bucket.ErrRefused, "delete": bucket.ErrRefused}, ""},
		"a damaged body":              {refused(400, "BadDigest"), bucket.ErrUnavailable, map[string]error{"stat": bucket.ErrRefused, "delete": bucket.ErrRefused}, ""},
		"a gateway in need":           {nonsense(502), bucket.ErrUnavailable, nil, ""},
		"a gateway that refuses":      {nonsense(403), bucket.ErrRefused, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			b, _ := open(t, f, &s3.Options{ConditionalDelete: true})
			for verb, request := range requests(`"stale"`) {
				if strings.Contains(verb, ",") || strings.Contains(verb, "MiB") {
					continue
				}
				f.strikes(t, "*", 1, c.answer)
				err := request.call(t.Context(), b)
				want, other := c.but[verb]
				if !other {
					want = c.kind
				}
				is(t, err, want)
				if err == nil {
					continue
				}
				if explained, _ := errors.AsType[*bucket.Error](err); !strings.Contains(explained.Code, "request REQUEST") || strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "operation error") {
					t.Errorf("a %s says %q, of the code %q", verb, err, explained.Code)
				}
				if bodied := verb != "stat" && verb != "delete"; (bodied || strings.Contains(c.hint, "region=")) && !other && !strings.Contains(err.Error(), c.hint) {
					t.Errorf("a %s does not say %q: %v", verb, c.hint, err)
				}
			}
		})
	}
}

func TestWhatS3SaysIsToldInFull(t *testing.T) {
	f := newFake()
	b, _ := open(t, f, nil)
	f.strikes(t, "GET k", 1, refused(403, "AccessDenied"))
	_, err := b.Get(t.Context(), "k")
	want := "get k: the store refused the request (AccessDenied, request REQUEST1): The fake says AccessDenied; the role may not do this; " +
		"without s3:ListBucket S3 says so of a missing key too: grant s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestARefusalIsNeverAMiss(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusMovedPermanently, http.StatusTooManyRequests, http.StatusInternalServerError} {
		f := newFake()
		b, _ := open(t, f, nil)
		f.strikes(t, "*", 3, refused(status, "Whatever"))
		for name, request := range requests("") {
			if name != "get" && name != "stat" && name != "delete" {
				continue
			}
			if err := request.call(t.Context(), b); err == nil || errors.Is(err, bucket.ErrNotFound) {
				t.Errorf("to %d a %s fails with %v", status, name, err)
			}
		}
	}
}

func TestASuccessThatMakesNoSenseIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		times   int
		answer  action
		call    string
	}{
		"a page that is cut":            {"GET ?list", 1, cut(100), "list"},
		"a page of a website":           {"GET ?list", 1, nonsense(200), "list"},
		"a description of a website":    {"HEAD k", 1, nonsense(200), "stat"},
		"an object of a website":        {"GET k", 1, nonsense(200), "get"},
		"a part of a website":           {"GET k", 1, nonsense(200), "get range"},
		"a website that took an object": {"PUT new", 1, nonsense(200), "create"},
		"an object of no known length":  {"GET k", 1, unsized, "get"},
		"a failure in a success":        {"POST new?uploadId", 5, failsWell, "create 17 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			c3, _ := client(t, f, persistent)
			b, err := s3.New(t.Context(), c3, "b", nil)
			if err != nil {
				t.Fatal(err)
			}
			request := requests(create(t, b, "k", "0123456789"))[c.call]
			f.strikes(t, c.request, c.times, c.answer)
			is(t, request.call(t.Context(), b), bucket.ErrUnavailable)
		})
	}
}

// failsWell is how S3 tells of the failure of an upload whose answer it had begun.
func failsWell(w http.ResponseWriter, r *http.Request, _ *fake) {
	refuse(w, r, http.StatusOK, "InternalError")
}
