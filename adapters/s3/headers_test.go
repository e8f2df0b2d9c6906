package s3_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

// everything sends a request of each kind and returns what went over the wire.
func everything(t *testing.T, options *s3.Options, more ...string) []*http.Request {
	t.Helper()
	b, sent := open(t, newFake(), options)
	version := create(t, b, "k", "0123456789")
	for _, name := range append([]string{"get", "get range", "stat", "list", "list folders", "swap", "delete", "remove", "remove all", "list uploads", "abort upload"}, more...) {
		is(t, requests(version)[name].call(t.Context(), b), nil)
	}
	return sent.take()
}

// creates says whether a request makes an object, whole or the beginning of one in parts.
func creates(r *http.Request) bool {
	return r.Method == http.MethodPut && !r.URL.Query().Has("partNumber") || r.Method == http.MethodPost && r.URL.Query().Has("uploads")
}

const (
	payer         = "X-Amz-Request-Payer"
	encryption    = "X-Amz-Server-Side-Encryption"
	encryptionKey = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
)

// checksums are the headers that AWS alone understands.
func checksums(r *http.Request) []string {
	var names []string
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Checksum") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum") || name == "X-Amz-Trailer" {
			names = append(names, name)
		}
	}
	return names
}

func TestEveryRequestCarriesWhatTheOptionsSay(t *testing.T) {
	t.Parallel()
	kinds := map[string]bool{}
	options := &s3.Options{RequesterPays: true, Encryption: types.ServerSideEncryptionAwsKms, KMSKeyID: "alias/quiver", CustomEndpoint: true}
	for _, r := range everything(t, options, "create 17 MiB") {
		kinds[describe(r)] = true
		if paid := r.Header.Values(payer); !slices.Equal(paid, []string{"requester"}) || !strings.Contains(r.Header.Get("Authorization"), "x-amz-request-payer") {
			t.Errorf("%s: the payer is %q, signed by %s", describe(r), paid, r.Header.Get("Authorization"))
		}
		with, key := r.Header.Get(encryption), r.Header.Get(encryptionKey)
		if creates(r) != (with == "aws:kms" && key == "alias/quiver") || !creates(r) && with+key != "" {
			t.Errorf("%s: encrypted by %q with %q", describe(r), with, key)
		}
		if names := checksums(r); len(names) > 0 || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s has the checksums %q and the encoding %q", describe(r), names, r.Header.Get("Content-Encoding"))
		}
		if r.URL.Query().Has("delete") != (r.Header.Get("Content-Md5") != "") {
			t.Errorf("%s has the MD5 %q", describe(r), r.Header.Get("Content-Md5"))
		}
		if creates(r) && r.Header.Get("Content-Type") != "application/octet-stream" || r.Method == http.MethodPut && r.ContentLength <= 0 {
			t.Errorf("%s: %d bytes of the type %q", describe(r), r.ContentLength, r.Header.Get("Content-Type"))
		}
	}
	for _, kind := range []string{"GET k", "HEAD k", "PUT k", "DELETE k", "GET ?list", "GET ?folders", "GET ?uploads", "DELETE k?uploadId", "POST ?delete", "POST new?uploads", "PUT new?partNumber=3", "POST new?uploadId"} {
		if !kinds[kind] {
			t.Errorf("there was no %s", kind)
		}
	}
}

func TestNoRequestCarriesWhatNobodyAskedFor(t *testing.T) {
	for _, r := range everything(t, nil, "create") {
		if paid, with := r.Header.Values(payer), r.Header.Values(encryption); len(paid)+len(with) > 0 {
			t.Errorf("%s: the payer is %q, encrypted by %q", describe(r), paid, with)
		}
		if names := checksums(r); (creates(r) || r.URL.Query().Has("delete")) && len(names) == 0 { // AWS gets its checksums
			t.Errorf("%s has no checksum", describe(r))
		}
	}
	for _, r := range everything(t, &s3.Options{Encryption: types.ServerSideEncryptionAes256}, "create") {
		if creates(r) != (r.Header.Get(encryption) == "AES256") || r.Header.Get(encryptionKey) != "" {
			t.Errorf("%s: encrypted by %q", describe(r), r.Header.Get(encryption))
		}
	}
}

func TestABodyThatCannotSeekIsSentAsWellAsOneThatCan(t *testing.T) {
	for _, options := range []*s3.Options{{}, compatible} {
		b, _ := open(t, newFake(), options)
		is(t, b.Put(t.Context(), "k", stream{"0123456789", 10}, bucket.IfAbsent()), nil)
		is(t, b.Put(t.Context(), "l", stream{"0123456789", -1}, bucket.IfAbsent()), nil)
		is(t, b.Put(t.Context(), "m", stream{"", -1}, bucket.IfAbsent()), nil)
		for key, want := range map[string]string{"k": "0123456789", "l": "0123456789", "m": ""} {
			if content, _, err := bucket.ReadAll(t.Context(), b, key, 100); string(content) != want || err != nil {
				t.Errorf("%s is %q, %v", key, content, err)
			}
		}
	}
}
