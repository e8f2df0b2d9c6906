package s3_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

// copy makes an object of another that the request names.
func (f *fake) copy(w http.ResponseWriter, r *http.Request, key string) {
	from, original, _ := strings.Cut(r.Header.Get("X-Amz-Copy-Source"), "/")
	f.mu.Lock()
	o, ok := f.objects[original]
	f.mu.Unlock()
	switch {
	case from != "b":
		refuse(w, r, http.StatusNotFound, "NoSuchBucket")
	case !ok:
		refuse(w, r, http.StatusNotFound, "NoSuchKey")
	case f.write(w, r, key, o.content, o.etag):
		w.Header().Del("ETag") // it is in the body
		respond(w, http.StatusOK, struct {
			XMLName            xml.Name `xml:"CopyObjectResult"`
			ETag, LastModified string
		}{ETag: o.etag, LastModified: time.Now().UTC().Format(time.RFC3339)})
	}
}

// copied asks for a copy of an object of the bucket "b".
func copied(t *testing.T, b bucket.Bucket, from, key string, size int64) error {
	t.Helper()
	copier, ok := bucket.As[bucket.Copier](b)
	if !ok {
		t.Fatal("the bucket copies nothing")
	}
	at := locate(t, b)
	at.Key = from
	return copier.Copy(t.Context(), at, size, key)
}

func TestACopyIsOneRequestWithoutABody(t *testing.T) {
	encrypted := &s3.Options{RequesterPays: true, Encryption: types.ServerSideEncryptionAwsKms, KMSKeyID: "alias/quiver"}
	for name, c := range map[string]struct {
		options *s3.Options
		headers map[string]string // empty: not there
	}{
		"plain":           {nil, map[string]string{payer: "", encryption: "", encryptionKey: ""}},
		"compatible":      {compatible, map[string]string{payer: "", encryption: "", encryptionKey: ""}},
		"encrypted, paid": {encrypted, map[string]string{payer: "requester", encryption: "aws:kms", encryptionKey: "alias/quiver"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, sent := open(t, newFake(), c.options)
			create(t, b, "from/k.json", "0123456789")
			sent.take()
			is(t, copied(t, b, "from/k.json", "to/k-1", 10), nil)
			for _, r := range sent.expect(t, "PUT to/k-1") {
				if source := r.Header.Get("X-Amz-Copy-Source"); source != "b/from/k.json" || r.Header.Get("If-None-Match") != "*" || r.ContentLength != 0 {
					t.Errorf("the request has the source %q, the condition %q and %d bytes", source, r.Header.Get("If-None-Match"), r.ContentLength)
				}
				for name, want := range c.headers {
					if got := r.Header.Get(name); got != want {
						t.Errorf("%s is %q, not %q", name, got, want)
					}
				}
			}
			if content, _, err := bucket.ReadAll(t.Context(), b, "to/k-1", 100); string(content) != "0123456789" || err != nil {
				t.Errorf("the copy is %q, %v", content, err)
			}
		})
	}
}

// erring answers with the status of a success and an error in the body, as S3 may do of a copy that has begun.
func erring(code string) action {
	return func(w http.ResponseWriter, r *http.Request, _ *fake) { refuse(w, r, http.StatusOK, code) }
}

func TestACopyThatFailsIsToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		from, key string
		answer    action
		kind      error
		says      string
	}{
		"the original is missing":         {from: "missing", key: "l", kind: bucket.ErrNotFound},
		"there is one already":            {from: "k", key: "there", kind: bucket.ErrExists},
		"the key is invalid":              {from: "k", key: "A", kind: bucket.ErrInvalid},
		"denied":                          {from: "k", key: "l", answer: refused(403, "AccessDenied"), kind: bucket.ErrRefused, says: "the role needs s3:PutObject, and in the bucket that it copies from s3:GetObject, and s3:ListBucket"},
		"another bucket is missing":       {from: "k", key: "l", answer: refused(404, "NoSuchBucket"), kind: bucket.ErrNoBucket},
		"a request it does not know":      {from: "k", key: "l", answer: refused(501, "NotImplemented"), kind: bucket.ErrRefused},
		"too large for a server":          {from: "k", key: "l", answer: refused(400, "InvalidRequest"), kind: bucket.ErrRefused},
		"a concurrent write":              {from: "k", key: "l", answer: refused(409, "ConditionalRequestConflict"), kind: bucket.ErrUnavailable},
		"too much":                        {from: "k", key: "l", answer: refused(503, "SlowDown"), kind: bucket.ErrThrottled},
		"an error in a success":           {from: "k", key: "l", answer: erring("InternalError"), kind: bucket.ErrUnavailable, says: "The fake says InternalError"},
		"too much, in a success":          {from: "k", key: "l", answer: erring("SlowDown"), kind: bucket.ErrThrottled},
		"denied, in a success":            {from: "k", key: "l", answer: erring("AccessDenied"), kind: bucket.ErrRefused},
		"a success without a word":        {from: "k", key: "l", answer: wordless, kind: bucket.ErrUnavailable, says: "the answer is none of S3"},
		"a success of something else":     {from: "k", key: "l", answer: nonsense(200), kind: bucket.ErrUnavailable},
		"a success that is cut":           {from: "k", key: "l", answer: cut(20), kind: bucket.ErrUnavailable},
		"a success that is cut to naught": {from: "k", key: "l", answer: cut(0), kind: bucket.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			b, sent := open(t, f, nil)
			create(t, b, "k", "0123456789")
			create(t, b, "there", "something else")
			sent.take()
			if c.answer != nil {
				f.strikes(t, "PUT l", 1, c.answer)
			}
			err := copied(t, b, c.from, c.key, 10)
			is(t, err, c.kind)
			explained, ok := errors.AsType[*bucket.Error](err)
			if !ok || explained.Verb != bucket.Copy || explained.Key != c.key || !errors.Is(explained.Kind, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v", err)
			}
			if n := len(sent.take()); n > 1 || n == 0 != errors.Is(c.kind, bucket.ErrInvalid) {
				t.Errorf("%d requests were sent", n)
			}
			if content, _, err := bucket.ReadAll(t.Context(), b, "there", 100); string(content) != "something else" || err != nil {
				t.Errorf("what was there is %q, %v", content, err)
			}
		})
	}
}

func TestWhatIsTooLargeForOneCopyIsRefusedWithoutARequest(t *testing.T) {
	b, sent := open(t, newFake(), nil)
	create(t, b, "k", "0123456789")
	sent.take()
	is(t, copied(t, b, "k", "l", 5<<30), nil)
	sent.expect(t, "PUT l")
	err := copied(t, b, "k", "m", 5<<30+1)
	is(t, err, bucket.ErrRefused)
	if bucket.Retryable(t.Context(), err) || !strings.Contains(err.Error(), "5 GiB") {
		t.Error(err)
	}
	sent.expect(t)
}

// locate is where a bucket has the key "k".
func locate(t *testing.T, b bucket.Bucket) bucket.Location {
	t.Helper()
	locator, ok := bucket.As[bucket.Locator](b)
	if !ok {
		t.Fatal("the bucket does not say where it is")
	}
	return locator.Locate("k")
}

func TestABucketKnowsWhereItIs(t *testing.T) {
	f := newFake()
	endpoint := f.serveUntilEnd(t)
	at := locate(t, openAt(t, endpoint, "s3://b/team/project?use_path_style=true"))
	if at.Service != "s3" || at.Bucket != "b" || at.Key != "team/project/k" || at.String() != "s3://b/team/project/k" {
		t.Errorf("%+v", at)
	}
	if _, near := bucket.Near(openAt(t, endpoint, "s3://c?use_path_style=true"), at); !near {
		t.Error("two buckets of a server are not near")
	}
	if _, near := bucket.Near(openURL(t, newFake(), "s3://b?use_path_style=true"), at); at.Endpoint != endpoint || near {
		t.Errorf("the endpoint of a URL does not count: %+v", at)
	}
	one, _ := open(t, newFake(), nil)
	two, _ := open(t, newFake(), nil)
	if locate(t, one).Endpoint == "" {
		t.Errorf("%+v", locate(t, one))
	}
	if _, near := bucket.Near(one, locate(t, two)); near {
		t.Error("the buckets of two servers are near")
	}
}

// A copy is between the bucket's own prefix and wherever the original is.
func TestACopyComesFromUnderAnotherPrefix(t *testing.T) {
	f := newFake()
	endpoint := f.serveUntilEnd(t)
	from, to := openAt(t, endpoint, "s3://b/one?use_path_style=true"), openAt(t, endpoint, "s3://b/two?use_path_style=true")
	create(t, from, "k", "0123456789")
	copier, near := bucket.Near(to, locate(t, from))
	if !near {
		t.Fatal("they are not near")
	}
	is(t, copier.Copy(t.Context(), locate(t, from), 10, "k"), nil)
	object, err := to.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	if content, err := io.ReadAll(object.Body); string(content) != "0123456789" || err != nil {
		t.Errorf("the copy is %q, %v", content, err)
	}
}
