package roles_test

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// secretive answers as AWS does and MinIO does not: that an object is missing is told only to who may list its name. To others it is a refusal.
type secretive struct{ user user }

func (s secretive) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := connections.RoundTrip(r)
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if err != nil || answer.StatusCode != http.StatusNotFound || key == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return answer, err
	}
	_, err = s.user.client(connections).ListObjectsV2(r.Context(), &awss3.ListObjectsV2Input{Bucket: &bucket, Prefix: &key, MaxKeys: aws.Int32(1)})
	if refusal, ok := errors.AsType[*awshttp.ResponseError](err); !ok || refusal.HTTPStatusCode() != http.StatusForbidden {
		return answer, nil
	}
	if err := answer.Body.Close(); err != nil {
		return nil, err
	}
	text := ""
	if r.Method == http.MethodGet {
		text = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
	}
	answer.StatusCode, answer.Status = http.StatusForbidden, "403 Forbidden"
	answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	answer.Header.Del("Content-Length")
	return answer, nil
}
