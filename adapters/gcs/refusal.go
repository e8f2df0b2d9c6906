package gcs

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// meaning is what a code or a status of GCS says beyond what the status says everywhere.
type meaning struct {
	kind error // nil: as the status says
	hint string
}

var (
	noBucket = meaning{bucket.ErrNoBucket, "make the bucket, or look at its name"}
	slow     = meaning{bucket.ErrThrottled, "GCS takes about one change a second of an object, and more requests in all only step by step"}
	kept     = meaning{bucket.ErrRefused, "a retention policy or a hold keeps the object: Quiver needs a bucket without them"}
	pays     = meaning{bucket.ErrRefused, "the bucket is requester pays: name the project that pays with ?user_project=PROJECT"}
)

// codes are meanings by the reasons of JSON and the codes of XML.
var codes = map[string]meaning{
	"NoSuchBucket":              noBucket,
	"rateLimitExceeded":         slow, // with 403 too
	"userRateLimitExceeded":     slow,
	"SlowDown":                  slow,
	"retentionPolicyNotMet":     kept,
	"objectUnderActiveHold":     kept,
	"UserProjectMissing":        pays,
	"UserProjectAccessDenied":   {bucket.ErrRefused, "the role may not let that project pay: grant serviceusage.services.use on it"},
	"orgPolicyConstraintFailed": {bucket.ErrRefused, "a policy of the organisation forbids it"}, // with 412
	"OrgPolicyConstraintFailed": {bucket.ErrRefused, "a policy of the organisation forbids it"},
	"accountDisabled":           {bucket.ErrRefused, "the project's account is disabled: look at its billing"},
}

// statuses are meanings by status, where the code has none.
var statuses = map[int]meaning{
	http.StatusUnauthorized:    {bucket.ErrRefused, "the credentials are missing or have expired: renew them"},
	http.StatusGone:            {bucket.ErrUnavailable, "the upload in parts is gone"},
	http.StatusTooManyRequests: slow,
}

// phrases are meanings by words of messages whose codes are as general as "invalid".
var phrases = map[string]meaning{
	"requester pays bucket":    pays,
	"doesn't match calculated": {bucket.ErrUnavailable, "the body was damaged on its way"},
	"Cloud KMS":                {bucket.ErrRefused, "grant the bucket's service agent roles/cloudkms.cryptoKeyEncrypterDecrypter on the key"},
}

// Right implements adapters.Provider.
func (p *provider) Right(verb bucket.Verb, condition bucket.Condition) string {
	const user, viewer = "; roles/storage.objectUser has all that Quiver needs", "; roles/storage.bucketViewer has it"
	switch verb {
	case bucket.Get, bucket.GetRange, bucket.Stat:
		return "the role needs storage.objects.get, and storage.objects.list, without which GCS refuses a missing object too" + user
	case bucket.List, bucket.ListFolders:
		return "the role needs storage.objects.list" + user
	case bucket.Put:
		if condition.Absent() {
			return "the role needs storage.objects.create" + user
		}
		return "the role needs storage.objects.create, and storage.objects.delete, which a replacement takes" + user
	case bucket.Copy:
		return "the role needs storage.objects.create, and in the bucket that it copies from storage.objects.get" + user
	case adapters.Description, adapters.Versioning:
		return "the role needs storage.buckets.get" + viewer
	}
	return "the role needs storage.objects.delete" + user
}

func (p *provider) Refusal(err error) (adapters.Refusal, bool) {
	answer, answered := errors.AsType[*googleapi.Error](err)
	if !answered {
		return unsent(err)
	}
	refusal := adapters.Refusal{Status: answer.Code, RequestID: answer.Header.Get("X-Guploader-Uploadid")}
	refusal.Code, refusal.Message = said(answer)
	known := meaningOf(refusal)
	if refusal.Status == http.StatusNotFound && lacksBucket(err, refusal.Message) {
		known = noBucket
	}
	refusal.Kind, refusal.Hint = known.kind, known.hint
	refusal.Denied = refusal.Status == http.StatusForbidden && known == (meaning{})
	refusal.There = refusal.Denied && strings.Contains(refusal.Message, "storage.objects.delete") // a role may create, and not replace: Terraform's writers, of values
	return refusal, true
}

func meaningOf(refusal adapters.Refusal) meaning {
	if known, ok := codes[refusal.Code]; ok {
		return known
	}
	for phrase, known := range phrases {
		if refusal.Status < 500 && strings.Contains(refusal.Message, phrase) {
			return known
		}
	}
	return statuses[refusal.Status]
}

// lacksBucket says whether a 404 is about the bucket: of an object the SDK says so, and neither a listing nor a write is about one that is missing.
func lacksBucket(err error, message string) bool {
	return !errors.Is(err, storage.ErrObjectNotExist) || strings.Contains(message, "bucket does not exist")
}

// said is GCS's code and message: JSON where the SDK has understood it, XML from a read, or plain words.
func said(answer *googleapi.Error) (code, message string) {
	if len(answer.Errors) > 0 {
		return answer.Errors[0].Reason, answer.Message
	}
	if answer.Message != "" {
		return "", answer.Message
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		return "", "a web page has come, of a proxy or of Google's front end, and no answer of GCS"
	}
	var document struct{ Code, Message, Details string }
	if xml.Unmarshal([]byte(answer.Body), &document) == nil {
		return document.Code, strings.TrimSpace(document.Message + " " + document.Details)
	}
	return "", answer.Body
}

// noToken is before what the SDK says of a token that nobody gives. It has no type for that.
const noToken = "cannot fetch token: "

// unsent finds the failures of requests that never left.
func unsent(err error) (adapters.Refusal, bool) {
	if token, ok := errors.AsType[*auth.Error](err); ok && token.Response != nil {
		refusal := adapters.Refusal{Status: token.Response.StatusCode, Code: "no token", Kind: bucket.ErrRefused, Hint: "the credentials were refused: renew them"}
		if token.Temporary() || refusal.Status >= 500 {
			refusal.Kind, refusal.Hint = bucket.ErrUnavailable, ""
		}
		return refusal, true
	}
	if at := strings.LastIndex(err.Error(), noToken); at >= 0 && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return adapters.Refusal{Code: "no token", Message: err.Error()[at+len(noToken):], Kind: bucket.ErrUnavailable, Hint: "nobody gives a token: " + credentialsHint}, true
	}
	return adapters.Refusal{Kind: bucket.ErrInvalid}, errors.Is(err, bucket.ErrInvalid)
}
