package adapters_test

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

var nothing [adapters.AtOnce + 1]byte

// requests are requests of each kind for the object "k", of a version. The large ones go through gocloud.
func requests(b bucket.Bucket, version bucket.Version) map[string]func(ctx context.Context) error {
	ranges, _ := bucket.As[bucket.RangeGetter](b)
	remover, _ := bucket.As[bucket.Remover](b)
	describer, _ := bucket.As[bucket.Describer](b)
	conditional, _ := bucket.As[bucket.ConditionalDeleter](b)
	lister, _ := bucket.As[bucket.FolderLister](b)
	bulk, _ := bucket.As[bucket.BulkDeleter](b)
	uploads, _ := bucket.As[bucket.Uploads](b)
	put := func(size int, condition bucket.Condition) func(ctx context.Context) error {
		return func(ctx context.Context) error { return b.Put(ctx, "k", bucket.Bytes(nothing[:size]), condition) }
	}
	return map[string]func(ctx context.Context) error{
		"get":          func(ctx context.Context) error { _, err := b.Get(ctx, "k"); return err },
		"get range":    func(ctx context.Context) error { _, err := ranges.GetRange(ctx, "k", 1, 2); return err },
		"stat":         func(ctx context.Context) error { _, err := b.Stat(ctx, "k"); return err },
		"list":         func(ctx context.Context) error { _, err := b.List(ctx, bucket.ListOptions{}); return err },
		"list folders": func(ctx context.Context) error { _, err := lister.ListFolders(ctx, bucket.ListOptions{}); return err },
		"create":       put(1, bucket.IfAbsent()),
		"create large": put(adapters.AtOnce+1, bucket.IfAbsent()),
		"swap":         put(1, bucket.IfMatch(version)),
		"swap large":   put(adapters.AtOnce+1, bucket.IfMatch(version)),
		"delete":       func(ctx context.Context) error { return b.Delete(ctx, "k") },
		"delete if":    func(ctx context.Context) error { return conditional.DeleteIf(ctx, "k", version) },
		"describe":     func(ctx context.Context) error { _, err := describer.Describe(ctx); return err },
		"remove":       func(ctx context.Context) error { return remover.Remove(ctx, "k") },
		"delete all":   func(ctx context.Context) error { return bulk.DeleteAll(ctx, []string{"k"}) },
		"list uploads": func(ctx context.Context) error { _, err := uploads.ListUploads(ctx, bucket.ListOptions{}); return err },
		"abort upload": func(ctx context.Context) error { return uploads.AbortUpload(ctx, bucket.Upload{Key: "k", ID: "1"}) },
	}
}

// failing is what comes of every kind of request when the cloud answers them all with one error.
func failing(t *testing.T, err error) map[string]error {
	t.Helper()
	service := newCloud()
	b := service.bridge(t, &adapters.Options{ConditionalDelete: true})
	service.fails = err
	came := map[string]error{}
	for name, request := range requests(b, "1") {
		came[name] = request(t.Context())
	}
	return came
}

func TestWhatARefusalMeansHangsOnWhatWasAsked(t *testing.T) {
	for name, c := range map[string]struct {
		refusal adapters.Refusal
		all     error            // what it is to all requests
		but     map[string]error // but to these
	}{
		"404": {adapters.Refusal{Status: 404}, bucket.ErrNotFound, map[string]error{
			"create": bucket.ErrNoBucket, "create large": bucket.ErrNoBucket, "swap": bucket.ErrChanged, "swap large": bucket.ErrChanged,
			"list": bucket.ErrNoBucket, "list folders": bucket.ErrNoBucket, "describe": bucket.ErrNoBucket, "delete all": bucket.ErrNoBucket, "list uploads": bucket.ErrNoBucket, "remove": nil, "abort upload": nil,
		}},
		"412": {adapters.Refusal{Status: 412}, bucket.ErrChanged, map[string]error{"create": bucket.ErrExists, "create large": bucket.ErrExists}},
		"304": {adapters.Refusal{Status: 304}, bucket.ErrChanged, map[string]error{"create": bucket.ErrExists, "create large": bucket.ErrExists}},
		"a condition that does not hold": {adapters.Refusal{Status: 409, Kind: adapters.Precondition()}, bucket.ErrChanged,
			map[string]error{"create": bucket.ErrExists, "create large": bucket.ErrExists}},
		"409 there is one": {adapters.Refusal{Status: 409, Kind: bucket.ErrExists}, bucket.ErrExists,
			map[string]error{"swap": bucket.ErrChanged, "swap large": bucket.ErrChanged, "delete if": bucket.ErrChanged}},
		"301":                 {adapters.Refusal{Status: 301}, bucket.ErrNoBucket, nil},
		"302":                 {adapters.Refusal{Status: 302}, bucket.ErrNoBucket, nil},
		"307":                 {adapters.Refusal{Status: 307}, bucket.ErrNoBucket, nil},
		"308":                 {adapters.Refusal{Status: 308}, bucket.ErrNoBucket, nil},
		"400":                 {adapters.Refusal{Status: 400}, bucket.ErrRefused, nil},
		"401":                 {adapters.Refusal{Status: 401}, bucket.ErrRefused, nil},
		"403":                 {adapters.Refusal{Status: 403}, bucket.ErrRefused, nil},
		"405":                 {adapters.Refusal{Status: 405}, bucket.ErrRefused, nil},
		"408":                 {adapters.Refusal{Status: 408}, bucket.ErrUnavailable, nil},
		"409":                 {adapters.Refusal{Status: 409}, bucket.ErrUnavailable, nil},
		"411":                 {adapters.Refusal{Status: 411}, bucket.ErrRefused, nil},
		"416":                 {adapters.Refusal{Status: 416}, bucket.ErrInvalid, nil},
		"429":                 {adapters.Refusal{Status: 429}, bucket.ErrThrottled, nil},
		"500":                 {adapters.Refusal{Status: 500}, bucket.ErrUnavailable, nil},
		"501":                 {adapters.Refusal{Status: 501}, bucket.ErrRefused, nil},
		"502":                 {adapters.Refusal{Status: 502}, bucket.ErrUnavailable, nil},
		"503":                 {adapters.Refusal{Status: 503}, bucket.ErrUnavailable, nil},
		"504":                 {adapters.Refusal{Status: 504}, bucket.ErrUnavailable, nil},
		"507":                 {adapters.Refusal{Status: 507}, bucket.ErrRefused, nil},
		"200 of nonsense":     {adapters.Refusal{Status: 200}, bucket.ErrUnavailable, nil},
		"503 slow down":       {adapters.Refusal{Status: 503, Kind: bucket.ErrThrottled}, bucket.ErrThrottled, nil},
		"404 without bucket":  {adapters.Refusal{Status: 404, Kind: bucket.ErrNoBucket}, bucket.ErrNoBucket, nil},
		"404 which is a 403":  {adapters.Refusal{Status: 404, Kind: bucket.ErrRefused}, bucket.ErrRefused, nil},
		"412 which says what": {adapters.Refusal{Status: 412, Kind: bucket.ErrRefused}, bucket.ErrRefused, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for request, err := range failing(t, refusal{c.refusal}) {
				want, other := c.but[request]
				if !other {
					want = c.all
				}
				if !errors.Is(bucket.Kind(err), want) || (err == nil) != (want == nil) {
					t.Errorf("to a %s it is %v, not %v", request, err, want)
				}
			}
		})
	}
}

func TestARefusalIsExplained(t *testing.T) {
	said := adapters.Refusal{Status: 403, Code: "AccessDenied", Message: "You may not. ", RequestID: "7B1C", Hint: "grant it"}
	for request, err := range failing(t, fmt.Errorf("operation error: %w", refusal{said})) {
		failure, ok := errors.AsType[*bucket.Error](err)
		if _, said := errors.AsType[refusal](err); !ok || !said {
			t.Fatalf("a %s fails with %v", request, err)
		}
		key, other := map[string]string{"list": "*", "list folders": "*", "list uploads": "*", "describe": "the bucket"}[request]
		if !other {
			key = "k"
		}
		want := fmt.Sprintf("%s %s: the store refused the request (AccessDenied, request 7B1C): You may not; grant it", failure.Verb, key)
		if err.Error() != want {
			t.Errorf("a %s says %q, not %q", request, err, want)
		}
	}
	for request, err := range failing(t, refusal{adapters.Refusal{Status: 403}}) {
		if text := err.Error(); !strings.Contains(text, "(Forbidden)") || !strings.HasSuffix(text, "the SDK says 403") {
			t.Errorf("a %s of which the service said nothing says %q", request, text)
		}
	}
}

func TestARefusalOfOneKeyAmongManyNamesIt(t *testing.T) {
	said := adapters.Refusal{Status: 200, Code: "AccessDenied", Message: "You may not", Key: "b", Kind: bucket.ErrRefused}
	service := newCloud()
	service.fails = refusal{said}
	bulk, _ := bucket.As[bucket.BulkDeleter](service.bridge(t, nil))
	err := bulk.DeleteAll(t.Context(), []string{"a", "b", "c"})
	if failure, ok := errors.AsType[*bucket.Error](err); !ok || failure.Key != "b" || err.Error() != "delete all b: the store refused the request (AccessDenied): You may not" {
		t.Errorf("%v", err)
	}
}

func TestWhatGotNoAnswerIsExplainedWithoutItsURL(t *testing.T) {
	sending := func(cause error) error {
		return fmt.Errorf("operation error S3: GetObject, %w", &url.Error{Op: "Get", URL: "https://cloud.example/k?X-Amz-Security-Token=secret", Err: cause})
	}
	for name, c := range map[string]struct {
		err  error
		kind error
		says string
	}{
		"refused connection":  {sending(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}), bucket.ErrUnavailable, "nothing listens there"},
		"no such host":        {sending(&net.DNSError{Err: "no such host", Name: "s3.moon-1.example", IsNotFound: true}), bucket.ErrUnavailable, "there is no host s3.moon-1.example: look at the endpoint"},
		"resolver in need":    {sending(&net.DNSError{Err: "server misbehaving", Name: "cloud.example", IsTemporary: true}), bucket.ErrUnavailable, "server misbehaving"},
		"reset":               {sending(os.NewSyscallError("read", syscall.ECONNRESET)), bucket.ErrUnavailable, "connection reset"},
		"cut":                 {sending(io.ErrUnexpectedEOF), bucket.ErrUnavailable, "unexpected EOF"},
		"a page for JSON":     {fmt.Errorf("reading the answer: %w", page(json.Unmarshal)), bucket.ErrUnavailable, "something else than the store has answered: look at the endpoint"},
		"a page for XML":      {fmt.Errorf("reading the answer: %w", page(xml.Unmarshal)), bucket.ErrUnavailable, "something else than the store has answered: look at the endpoint"},
		"a cut answer in XML": {fmt.Errorf("reading the answer: %w", xml.Unmarshal([]byte("<Error><Code>"), &struct{}{})), bucket.ErrUnavailable, "unexpected EOF"},
		"anything":            {errors.New("the SDK is out of sorts"), bucket.ErrUnavailable, "out of sorts"},
	} {
		t.Run(name, func(t *testing.T) {
			for request, err := range failing(t, c.err) {
				is(t, err, c.kind)
				if strings.Contains(name, "cut") && strings.Contains(err.Error(), "something else") {
					t.Errorf("a %s that was cut says %q", request, err)
				}
				if text := err.Error(); !strings.Contains(text, c.says) || strings.Contains(text, "secret") || strings.Contains(text, "https:") || !errors.Is(err, cmp.Or(errors.Unwrap(c.err), c.err)) {
					t.Errorf("a %s says %q", request, text)
				}
			}
		})
	}
}

// page is what becomes of a web page where another answer was awaited.
func page(read func([]byte, any) error) error {
	var answer struct{}
	return read([]byte("<html><p>Welcome<br></html>"), &answer)
}

func TestADeniedRequestNamesTheRightThatItNeeds(t *testing.T) {
	for request, err := range failing(t, refusal{adapters.Refusal{Status: 403, Denied: true, Hint: "or else"}}) {
		failure, ok := errors.AsType[*bucket.Error](err)
		if !ok {
			t.Fatalf("a %s fails with %v", request, err)
		}
		creates := request == "create" || request == "create large"
		if want := fmt.Sprintf("the role needs the right to %s, if absent %t; or else", failure.Verb, creates); failure.Hint != want {
			t.Errorf("the hint on a %s is %q, not %q", request, failure.Hint, want)
		}
	}
}

// A service, or an SDK, may make anything of a context that ends.
func TestAnEndedContextShowsWhateverIsMadeOfIt(t *testing.T) {
	shutdown := errors.New("the machine is going down")
	for name, made := range map[string]error{
		"as it is": context.Canceled, "of a connection": &url.Error{Op: "Get", URL: "https://cloud.example", Err: context.Canceled}, "something else": io.ErrClosedPipe,
		"the reason": shutdown,
	} {
		service := newCloud()
		b := service.bridge(t, &adapters.Options{ConditionalDelete: true})
		for request, send := range requests(b, "1") {
			ctx, cancel := context.WithCancelCause(t.Context())
			service.wire = wire(func(*http.Request) (*http.Response, error) {
				cancel(shutdown)
				return nil, made
			})
			for _, when := range []string{"during", "before"} {
				err := send(ctx)
				is(t, err, bucket.ErrUnavailable)
				if !errors.Is(err, context.Canceled) || !errors.Is(err, shutdown) || when == "during" && !errors.Is(err, made) || strings.Contains(err.Error(), "https:") {
					t.Errorf("%s: a %s whose context ended %s it fails with %v", name, request, when, err)
				}
			}
		}
	}
}

func TestADeadlineShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := newCloud()
		service.wire = wire(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		for request, send := range requests(service.bridge(t, &adapters.Options{ConditionalDelete: true}), "1") {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			begun := time.Now()
			err := send(ctx)
			is(t, err, bucket.ErrUnavailable)
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second {
				t.Errorf("a %s fails after %v with %v", request, took, err)
			}
			cancel()
		}
	})
}
