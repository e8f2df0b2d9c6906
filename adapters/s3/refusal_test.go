package s3_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

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
		"no such key":                 {refused(404, "NoSuchKey"), bucket.ErrNotFound, map[string]error{"swap": bucket.ErrChanged, "create": bucket.ErrNoBucket, "list": bucket.ErrNoBucket, "list folders": bucket.ErrNoBucket, "remove all": bucket.ErrNoBucket, "list uploads": bucket.ErrNoBucket, "remove": nil, "abort upload": nil}, ""},
		"no such bucket":              {refused(404, "NoSuchBucket"), bucket.ErrNoBucket, map[string]error{"stat": bucket.ErrNotFound, "delete": bucket.ErrNotFound}, "make the bucket"},
		"a name that cannot be":       {refused(400, "InvalidBucketName"), bucket.ErrNoBucket, map[string]error{"stat": bucket.ErrRefused, "delete": bucket.ErrRefused}, "name and region"},
		"denied":                      {refused(403, "AccessDenied"), bucket.ErrRefused, nil, "the role needs s3:"},
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
	want := "get k: the store refused the request (AccessDenied, request REQUEST1): The fake says AccessDenied; " +
		"the role needs s3:GetObject, and s3:ListBucket, without which S3 refuses a missing key too"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestADeniedRequestNamesTheRightThatItNeeds(t *testing.T) {
	for verb, want := range map[string]string{
		"get": "s3:GetObject, and s3:ListBucket", "get range": "s3:GetObject, and s3:ListBucket", "list": "s3:ListBucket", "list folders": "s3:ListBucket",
		"create": "s3:PutObject", "swap": "s3:PutObject", "create 17 MiB": "s3:PutObject", "remove": "s3:DeleteObject", "delete if": "s3:DeleteObject", "remove all": "s3:DeleteObject",
		"list uploads": "s3:ListBucketMultipartUploads", "abort upload": "s3:AbortMultipartUpload",
		"stat":   "s3:GetObject, and s3:ListBucket, without which S3 refuses a missing key too; or the credentials are wrong",
		"delete": "s3:DeleteObject, and to look first s3:GetObject",
	} {
		f := newFake()
		b, _ := open(t, f, &s3.Options{ConditionalDelete: true})
		f.strikes(t, "*", 1, refused(403, "AccessDenied"))
		if err := requests(`"stale"`)[verb].call(t.Context(), b); err == nil || !strings.Contains(err.Error(), "; the role needs "+want) {
			t.Errorf("a %s does not say that it needs %s: %v", verb, want, err)
		}
	}
	f := newFake()
	b, _ := open(t, f, nil)
	describer, _ := bucket.As[bucket.Describer](b)
	f.strikes(t, "HEAD ", 1, refused(403, ""))
	if _, err := describer.Describe(t.Context()); err == nil || !strings.Contains(err.Error(), "; the role needs s3:ListBucket") {
		t.Errorf("describing the bucket: %v", err)
	}
	f.strikes(t, "HEAD ", 1, wordless)
	f.strikes(t, "GET ", 1, refused(403, "AccessDenied"))
	told, err := describer.Describe(t.Context())
	if err != nil || told.Untold == nil || !strings.HasSuffix(told.Untold.Error(), "; the role needs s3:GetBucketVersioning") {
		t.Errorf("the versions: %v, %v", told.Untold, err)
	}
}

func TestAHostThatIsNotThereIsExplained(t *testing.T) {
	const styled = "a server without a host for each bucket wants use_path_style=true"
	for name, c := range map[string]struct {
		endpoint string // empty: AWS
		host     string
		kind     error
		says     string
	}{
		"AWS":                       {"", "b.s3.moon-1.amazonaws.com", bucket.ErrNoBucket, "look at the region's name"},
		"a server, by its bucket":   {"http://minio.example:9000", "b.minio.example", bucket.ErrUnavailable, styled},
		"a server, by itself":       {"http://minio.example:9000", "minio.example", bucket.ErrUnavailable, "there is no host minio.example: look at the endpoint"},
		"something else beside AWS": {"", "proxy.example", bucket.ErrUnavailable, "there is no host proxy.example"},
	} {
		t.Run(name, func(t *testing.T) {
			web := &http.Client{Transport: nowhere{&net.DNSError{Err: "no such host", Name: c.host, IsNotFound: true}}}
			o := awss3.Options{Region: "moon-1", Credentials: credentials.NewStaticCredentialsProvider("me", "hush", ""), HTTPClient: web}
			if c.endpoint != "" {
				o.BaseEndpoint = &c.endpoint
			}
			b, err := s3.New(t.Context(), awss3.New(o), "b", &s3.Options{CustomEndpoint: c.endpoint != ""})
			if err != nil {
				t.Fatal(err)
			}
			for name, request := range requests("") {
				if slices.Contains([]string{"get", "stat", "list", "create", "remove"}, name) {
					err := request.call(t.Context(), b)
					is(t, err, c.kind)
					if !strings.Contains(err.Error(), "no host "+c.host) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "http") {
						t.Errorf("a %s says %q", name, err)
					}
				}
			}
		})
	}
}

// nowhere is a transport to a host that is not there.
type nowhere struct{ err error }

func (n nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: n.err}
}

func TestAMissingBucketOfAServerRemindsOfThePathStyle(t *testing.T) {
	for _, styled := range []bool{false, true} {
		f := newFake()
		c, _ := client(t, f, func(o *awss3.Options) { o.UsePathStyle = styled })
		b, err := s3.New(t.Context(), c, "127.0.0.1", compatible) // no name for a host, so that requests reach the fake in either style
		if err != nil {
			t.Fatal(err)
		}
		f.strikes(t, "*", 1, refused(404, "NoSuchBucket"))
		_, err = b.List(t.Context(), bucket.ListOptions{})
		is(t, err, bucket.ErrNoBucket)
		if strings.Contains(err.Error(), "use_path_style=true") == styled {
			t.Errorf("in path style %t: %v", styled, err)
		}
	}
}

func TestOnlyTheFirstLineOfAMessageIsTold(t *testing.T) {
	f := newFake()
	b, _ := open(t, f, nil)
	f.strikes(t, "GET k", 1, func(w http.ResponseWriter, _ *http.Request, _ *fake) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "<Error><Code>InvalidHeaderValue</Code><Message>The value is wrong.\nRequestId:7B1C\nTime:2026-11-22T10:00:00Z</Message></Error>")
	})
	_, err := b.Get(t.Context(), "k")
	is(t, err, bucket.ErrRefused)
	if !strings.HasSuffix(err.Error(), ": The value is wrong") {
		t.Error(err)
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
		"uploads of a website":          {"GET ?uploads", 1, nonsense(200), "list uploads"},
		"uploads of nobody":             {"GET ?uploads", 1, wordless, "list uploads"},
		"uploads that are cut":          {"GET ?uploads", 1, cut(100), "list uploads"},
		"folders of a website":          {"GET ?folders", 1, nonsense(200), "list folders"},
		"a bulk delete of a website":    {"POST ?delete", 1, nonsense(200), "remove all"},
		"a bulk delete of nobody":       {"POST ?delete", 1, wordless, "remove all"},
		"a failure of a bulk delete":    {"POST ?delete", 1, failsWell, "remove all"},
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
			err = request.call(t.Context(), b)
			is(t, err, bucket.ErrUnavailable)
			if strings.Contains(name, "website") && !strings.Contains(err.Error(), "look at the endpoint") || strings.Contains(err.Error(), "operation error") {
				t.Errorf("a %s says %q", c.call, err)
			}
		})
	}
}

func TestABulkDeleteNamesAKeyThatFailedAndSaysHowManyOthersHave(t *testing.T) {
	f := newFake()
	b, sent := open(t, f, compatible)
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		create(t, b, key, "x")
	}
	sent.take()
	for _, c := range []struct {
		keeps map[string]string
		kind  error
		says  string
	}{
		{map[string]string{"e": "NoSuchKey"}, nil, ""},
		{map[string]string{"b": "InternalError"}, bucket.ErrUnavailable, "delete all b: the store did not answer well (InternalError, request REQUEST"},
		{map[string]string{"b": "SlowDown", "c": "NoSuchKey"}, bucket.ErrThrottled, "The fake says SlowDown"},
		{map[string]string{"b": "SomethingNew"}, bucket.ErrUnavailable, "(SomethingNew, request REQUEST"},
		{map[string]string{"b": "AccessDenied"}, bucket.ErrRefused, "The fake says AccessDenied; the role needs s3:DeleteObject"},
		{map[string]string{"b": "AccessDenied", "d": "AccessDenied", "e": "InternalError"}, bucket.ErrRefused, "The fake says AccessDenied (and 2 other keys failed); the role needs s3:DeleteObject"},
	} {
		f.keeps = c.keeps
		err := bucket.RemoveAll(t.Context(), b, []string{"a", "b", "c", "d", "e"}, 1)
		is(t, err, c.kind)
		if err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), " b: ")) {
			t.Errorf("%v: %v", c.keeps, err)
		}
		sent.expect(t, "POST ?delete")
	}
}

// failsWell is how S3 tells of the failure of an upload whose answer it had begun.
func failsWell(w http.ResponseWriter, r *http.Request, _ *fake) {
	refuse(w, r, http.StatusOK, "InternalError")
}
