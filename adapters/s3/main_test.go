package s3_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

// TestMain gives the SDK's chain nothing of the machine's own, and no metadata service to ask.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_REGION": "eu-central-1",
	} {
		os.Setenv(name, value)
	}
	goleak.VerifyTestMain(m)
}

// serveUntilEnd lets a fake be reached until the test's end.
func (f *fake) serveUntilEnd(t testing.TB) string {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

// recorder is a transport under the SDK that notes every request, so that a test can hold an operation to its budget.
type recorder struct {
	base http.RoundTripper

	mu   sync.Mutex
	sent []*http.Request
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.sent = append(r.sent, request)
	r.mu.Unlock()
	return r.base.RoundTrip(request)
}

func (r *recorder) CloseIdleConnections() { r.base.(*http.Transport).CloseIdleConnections() }

// take returns the requests noted since the last take.
func (r *recorder) take() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

// expect takes the requests, which must be these in any order.
func (r *recorder) expect(t *testing.T, want ...string) []*http.Request {
	t.Helper()
	sent := r.take()
	var got []string
	for _, request := range sent {
		got = append(got, describe(request))
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("sent %q, not %q", got, want)
	}
	return sent
}

// client is a client of the SDK to a fake, and what goes through it.
func client(t testing.TB, f *fake, options ...func(*awss3.Options)) (*awss3.Client, *recorder) {
	web := adapters.Client()
	t.Cleanup(web.CloseIdleConnections)
	sent := &recorder{base: web.Transport}
	web.Transport = sent
	endpoint := f.serveUntilEnd(t)
	return awss3.New(awss3.Options{
		Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("me", "hush", ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported, // its defaults
		BaseEndpoint: &endpoint, UsePathStyle: true, HTTPClient: web,
	}, options...), sent
}

// open is a bucket on a fake, of which each request is sent once.
func open(t testing.TB, f *fake, options *s3.Options) (bucket.Bucket, *recorder) {
	t.Helper()
	c, sent := client(t, f)
	b, err := s3.New(t.Context(), c, "b", options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, sent
}

// openURL is the bucket of a URL on a fake.
func openURL(t testing.TB, f *fake, location string) bucket.Bucket {
	t.Helper()
	return openAt(t, f.serveUntilEnd(t), location)
}

// openAt is the bucket of a URL, to whose parameters an endpoint is added.
func openAt(t testing.TB, endpoint, location string) bucket.Bucket {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	parameters := u.Query()
	parameters.Set("endpoint", endpoint)
	u.RawQuery = parameters.Encode()
	b, err := s3.OpenURL(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// compatible is a server that is not AWS.
var compatible = &s3.Options{CustomEndpoint: true}

// is demands a failure of exactly this kind; nil demands none.
func is(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(bucket.Kind(err), kind) || (err == nil) != (kind == nil) {
		t.Errorf("the error is %v, not of the kind %v", err, kind)
	}
}

func create(t testing.TB, b bucket.Bucket, key, content string) bucket.Version {
	t.Helper()
	if err := b.Put(t.Context(), key, bucket.Bytes([]byte(content)), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	info, err := b.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return info.Version
}

// stream is a body that cannot seek, of an announced size.
type stream struct {
	content string
	size    int64
}

func (s stream) Size() int64 { return s.size }

func (s stream) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader(s.content))), nil
}
