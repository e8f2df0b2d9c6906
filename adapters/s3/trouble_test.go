package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// decorated is a bucket on a fake whose requests are repeated without much waiting.
func decorated(t *testing.T, f *fake, attempts int) (bucket.Bucket, *recorder) {
	t.Helper()
	c, sent := client(t, f, persistent)
	b, err := s3.New(t.Context(), c, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err = bucket.Decorate(b, bucket.Decorators{Retry: bucket.RetryOptions{Attempts: attempts, Backoff: op.Backoff{Base: time.Millisecond, Cap: time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	return b, sent
}

func hello() bucket.Source { return bucket.Bytes([]byte("hello")) }

func TestAConflictIsTriedAgainAndNeverTakenForAnObject(t *testing.T) {
	f := newFake()
	b, sent := decorated(t, f, 4)
	f.strikes(t, "PUT k", 2, refused(409, "ConditionalRequestConflict"))
	is(t, b.Put(t.Context(), "k", hello(), bucket.IfAbsent()), nil)
	sent.expect(t, "PUT k", "PUT k", "PUT k")

	f.strikes(t, "PUT k", 4, refused(409, "ConditionalRequestConflict"))
	is(t, b.Put(t.Context(), "k", hello(), bucket.IfMatch(`"stale"`)), bucket.ErrUnavailable)
	f.strikes(t, "PUT new", 4, refused(409, "ConditionalRequestConflict"))
	is(t, b.Put(t.Context(), "new", hello(), bucket.IfAbsent()), bucket.ErrUnavailable)
}

func TestThrottlingAndTroubleAreTriedAgain(t *testing.T) {
	for name, trouble := range map[string]action{"throttled": refused(503, "SlowDown"), "in trouble": refused(500, "InternalError"), "a cut page": cut(20)} {
		f := newFake()
		b, sent := decorated(t, f, 3)
		is(t, b.Put(t.Context(), "k", hello(), bucket.IfAbsent()), nil)
		sent.take()
		f.strikes(t, "GET ?list", 2, trouble)
		page, err := b.List(t.Context(), bucket.ListOptions{})
		if err != nil || len(page.Objects) != 1 {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
		sent.expect(t, "GET ?list", "GET ?list", "GET ?list")
	}
}

// A refusal of which only the status has arrived says too little: there is nothing at the key, or there is no such bucket.
func TestARefusalThatWasCutIsAskedForAgain(t *testing.T) {
	f := newFake()
	b, sent := decorated(t, f, 3)
	f.strikes(t, "GET k", 2, func(w http.ResponseWriter, _ *http.Request, _ *fake) {
		w.Header().Set("Content-Length", "400")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<?xml version")
	})
	_, err := b.Get(t.Context(), "k")
	is(t, err, bucket.ErrNotFound)
	sent.expect(t, "GET k", "GET k", "GET k")
}

// A writer whose answer was lost finds its own bytes: the repetition is refused by its own first success.
func TestAWriteThatLandedUntoldIsRefusedAsItsOwn(t *testing.T) {
	for name, lost := range map[string]action{"trouble": refused(500, "InternalError"), "a dropped connection": dropped} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			b, sent := decorated(t, f, 3)
			f.strikes(t, "PUT k", 1, landed(lost))
			is(t, b.Put(t.Context(), "k", hello(), bucket.IfAbsent()), bucket.ErrExists)
			sent.expect(t, "PUT k", "PUT k")
			content, info, err := bucket.ReadAll(t.Context(), b, "k", 100)
			if string(content) != "hello" || err != nil {
				t.Errorf("%q, %v", content, err)
			}

			f.strikes(t, "PUT k", 1, landed(lost))
			is(t, b.Put(t.Context(), "k", bucket.Bytes([]byte("hello again")), bucket.IfMatch(info.Version)), bucket.ErrChanged)
			if content, _, err := bucket.ReadAll(t.Context(), b, "k", 100); string(content) != "hello again" || err != nil {
				t.Errorf("%q, %v", content, err)
			}

			f.strikes(t, "DELETE k", 1, landed(lost))
			is(t, b.Delete(t.Context(), "k"), nil)
		})
	}
}

func TestAnUploadThatLandedUntoldIsRefusedAsItsOwn(t *testing.T) {
	t.Parallel()
	f := newFake()
	b, _ := decorated(t, f, 3)
	f.strikes(t, "POST k?uploadId", 1, landed(refused(500, "InternalError")))
	is(t, b.Put(t.Context(), "k", bucket.Bytes(nothing[:]), bucket.IfAbsent()), bucket.ErrExists)
	if len(f.objects["k"].content) != large || len(f.uploads) != 0 {
		t.Errorf("%d bytes, %d uploads are left", len(f.objects["k"].content), len(f.uploads))
	}
}

func TestAnUploadThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	b, _ := open(t, f, nil)
	is(t, b.Put(t.Context(), "k", failing{}, bucket.IfAbsent()), bucket.ErrInvalid)
	_, err := b.Stat(t.Context(), "k")
	is(t, err, bucket.ErrNotFound)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.uploads) != 0 {
		t.Errorf("%d uploads are left", len(f.uploads))
	}
}

func TestAnUploadThatIsGivenUpLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	b, _ := open(t, f, nil)
	ctx, cancel := context.WithCancel(t.Context())
	f.strikes(t, "PUT k?partNumber=2", 1, func(w http.ResponseWriter, r *http.Request, f *fake) {
		cancel()
		hung(w, r, f)
	})
	err := b.Put(ctx, "k", bucket.Bytes(nothing[:]), bucket.IfAbsent())
	is(t, err, bucket.ErrUnavailable)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !errors.Is(err, context.Canceled) || len(f.uploads) != 0 || len(f.objects) != 0 {
		t.Errorf("%d uploads are left: %v", len(f.uploads), err)
	}
}

// failing is a large body that fails before its end.
type failing struct{}

func (failing) Size() int64 { return large }
func (failing) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(nothing[1:]), broken{})), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestABodyThatIsCutGoesOnWithItsRangeAndItsVersion(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<12) // 64 KiB
	f := newFake()
	b, sent := open(t, f, nil)
	version := create(t, b, "k", content)
	sent.take()
	f.strikes(t, "GET k", 1, cut(1000))
	f.strikes(t, "GET k", 1, cut(5000))
	got, _, err := bucket.ReadAll(t.Context(), b, "k", 1<<20)
	if string(got) != content || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	spans := []string{"", fmt.Sprintf("bytes=1000-%d", len(content)-1), fmt.Sprintf("bytes=6000-%d", len(content)-1)}
	for i, r := range sent.expect(t, "GET k", "GET k", "GET k") {
		match := ""
		if i > 0 {
			match = string(version)
		}
		if r.Header.Get("Range") != spans[i] || r.Header.Get("If-Match") != match {
			t.Errorf("request %d is for %q of %q", i, r.Header.Get("Range"), r.Header.Get("If-Match"))
		}
	}
}

func TestABodyThatIsCutWhileItsObjectIsReplacedFails(t *testing.T) {
	for name, meanwhile := range map[string]func(f *fake){
		"replaced": func(f *fake) { f.objects["k"] = object{content: make([]byte, 2000), etag: `"other"`} },
		"deleted":  func(f *fake) { delete(f.objects, "k") },
	} {
		f := newFake()
		b, sent := open(t, f, nil)
		create(t, b, "k", strings.Repeat("x", 2000))
		sent.take()
		f.strikes(t, "GET k", 1, func(w http.ResponseWriter, r *http.Request, f *fake) {
			defer func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				meanwhile(f)
			}()
			cut(1000)(w, r, f)
		})
		_, _, err := bucket.ReadAll(t.Context(), b, "k", 1<<20)
		is(t, err, bucket.ErrUnavailable)
		for _, never := range []error{bucket.ErrNotFound, bucket.ErrChanged, bucket.ErrExists} {
			if errors.Is(err, never) {
				t.Errorf("%s: %v", name, err)
			}
		}
		sent.expect(t, "GET k", "GET k")
	}
}

func TestAServerThatSaysNothingIsWaitedForUntilTheDeadline(t *testing.T) {
	t.Parallel()
	var waiting sync.WaitGroup
	for name, request := range requests(`"stale"`) {
		if strings.Contains(name, ",") || strings.Contains(name, "MiB") {
			continue
		}
		f := newFake()
		b, _ := open(t, f, &s3.Options{ConditionalDelete: true})
		f.strikes(t, "*", 1, hung)
		waiting.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begun := time.Now()
			err := request.call(ctx, b)
			is(t, err, bucket.ErrUnavailable)
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took > 10*time.Second || strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("a %s fails after %v with %v", name, took, err)
			}
		})
	}
	waiting.Wait()
}

func TestAnAttemptEndsAndTheNextOneSucceeds(t *testing.T) {
	t.Parallel()
	f := newFake()
	inner, sent := open(t, f, nil)
	create(t, inner, "k", "hello")
	sent.take()
	b, err := bucket.Decorate(inner, bucket.Decorators{Retry: bucket.RetryOptions{Attempt: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	f.strikes(t, "HEAD k", 1, hung)
	_, err = b.Stat(t.Context(), "k")
	is(t, err, nil)
	sent.expect(t, "HEAD k", "HEAD k")
}

func TestAnEndpointWhereNothingListensIsTold(t *testing.T) {
	gone := httptest.NewServer(newFake())
	gone.Close()
	c, _ := client(t, newFake(), func(o *awss3.Options) { o.BaseEndpoint = &gone.URL })
	b, err := s3.New(t.Context(), c, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Get(t.Context(), "k")
	is(t, err, bucket.ErrUnavailable)
	if !strings.Contains(err.Error(), "; nothing listens there: look at the endpoint") || strings.Contains(err.Error(), "/b/k") {
		t.Error(err)
	}
}

func TestWithoutCredentialsNothingIsSentAndNothingTriedAgain(t *testing.T) {
	f := newFake()
	c, sent := client(t, f, func(o *awss3.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("the chain is at its end")
		})
	})
	b, err := s3.New(t.Context(), c, "b", &s3.Options{ConditionalDelete: true})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = bucket.Decorate(b, bucket.Decorators{}); err != nil {
		t.Fatal(err)
	}
	for name, request := range requests(`"stale"`) {
		if strings.Contains(name, "MiB") && name != "create 17 MiB" {
			continue
		}
		if err := request.call(t.Context(), b); !errors.Is(bucket.Kind(err), bucket.ErrRefused) || !strings.Contains(err.Error(), "(no credentials)") || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
			t.Errorf("a %s fails with %v", name, err)
		}
	}
	sent.expect(t)
}

// A server that refuses does not read the body: a client that sent it all the same would meet a connection that was cut, and sometimes no answer.
func TestARefusalOfALargeBodyIsHeard(t *testing.T) {
	f := newFake()
	b := openURL(t, f, "s3://b?use_path_style=true")
	const times = 30
	f.strikes(t, "PUT k", times, func(w http.ResponseWriter, r *http.Request, _ *fake) {
		refuse(w, r, http.StatusForbidden, "AccessDenied")
	})
	body := bucket.Bytes(make([]byte, 8<<20))
	for range times {
		is(t, b.Put(op.SingleAttempt(t.Context()), "k", body, bucket.IfAbsent()), bucket.ErrRefused)
	}
}
