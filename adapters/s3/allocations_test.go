package s3_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

// canned is a transport that answers every request well, with next to no allocations of its own.
type canned struct{ content []byte }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	header := http.Header{"Etag": {`"x"`}, "Content-Length": {"1024"}, "Last-Modified": {"Sun, 22 Nov 2026 10:20:30 GMT"}, "Date": {"Sun, 22 Nov 2026 10:20:30 GMT"}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(bytes.NewReader(c.content)), ContentLength: int64(len(c.content)), Request: r}, nil
}

func TestASmallObjectTakesLittleMoreThanTheSDKDoes(t *testing.T) {
	content := make([]byte, 1<<10)
	client := awss3.New(awss3.Options{
		Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("me", "hush", ""), UsePathStyle: true,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		HTTPClient: &http.Client{Transport: canned{content}},
	})
	b, err := s3.New(t.Context(), client, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(body io.ReadCloser, size int64) {
		_, err := io.ReadFull(body, make([]byte, size))
		must(err)
		must(body.Close())
	}
	for name, c := range map[string]struct{ ours, theirs func() }{
		"put": {
			func() { must(b.Put(t.Context(), "k", bucket.Bytes(content), bucket.IfAbsent())) },
			func() {
				_, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: bytes.NewReader(content), IfNoneMatch: aws.String("*")})
				must(err)
			},
		},
		"get": {
			func() {
				object, err := b.Get(t.Context(), "k")
				must(err)
				read(object.Body, object.Size)
			},
			func() {
				out, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
				must(err)
				read(out.Body, *out.ContentLength)
			},
		},
	} {
		var ratios []float64
		for range 5 {
			ratios = append(ratios, testing.AllocsPerRun(50, c.ours)/testing.AllocsPerRun(50, c.theirs))
		}
		slices.Sort(ratios)
		if median := ratios[len(ratios)/2]; median > 1.1 {
			t.Errorf("a %s takes %.2f times the allocations of the SDK", name, median)
		}
	}
}
