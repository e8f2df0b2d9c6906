package gcs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/adapters/gcs"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// verbs are one request of each kind.
var verbs = map[bucket.Verb]func(ctx context.Context, b bucket.Bucket) error{
	bucket.Get: func(ctx context.Context, b bucket.Bucket) error { return get(ctx, b, "a") },
	bucket.GetRange: func(ctx context.Context, b bucket.Bucket) error {
		_, err := b.(bucket.RangeGetter).GetRange(ctx, "a", 1, 2)
		return err
	},
	bucket.Stat: func(ctx context.Context, b bucket.Bucket) error {
		_, err := b.Stat(ctx, "a")
		return err
	},
	bucket.List: func(ctx context.Context, b bucket.Bucket) error {
		_, err := b.List(ctx, bucket.ListOptions{Prefix: "a"})
		return err
	},
	bucket.ListFolders: func(ctx context.Context, b bucket.Bucket) error {
		_, err := bucket.Folders(ctx, b, "a/")
		return err
	},
	bucket.Put:     func(ctx context.Context, b bucket.Bucket) error { return put(ctx, b, "a", "hello", bucket.IfAbsent()) },
	bucket.Delete:  func(ctx context.Context, b bucket.Bucket) error { return b.Delete(ctx, "a") },
	bucket.Removal: func(ctx context.Context, b bucket.Bucket) error { return bucket.Remove(ctx, b, "a") },
	bucket.DeleteIf: func(ctx context.Context, b bucket.Bucket) error {
		return deleteIf(ctx, b, "a", "1")
	},
}

func TestARefusalIsToldApartInEveryOperation(t *testing.T) {
	refusals := []struct {
		says    string
		answer  fault
		kind    error
		explain []string // that the text has
	}{
		{"403, which gocloud takes for a missing object", answers(403, "forbidden", "robot does not have storage.objects.list access to the Google Cloud Storage bucket."),
			bucket.ErrRefused, []string{"forbidden, request upload-7", "storage.objects.list access", "the role needs storage.objects."}},
		{"403 as XML says it", answers(403, "AccessDenied", "Access denied."), bucket.ErrRefused, []string{"AccessDenied", "roles/storage.objectUser"}},
		{"403 of too many requests", answers(403, "rateLimitExceeded", "Rate Limit Exceeded"), bucket.ErrThrottled, []string{"one change a second"}},
		{"403 of a retention policy", answers(403, "retentionPolicyNotMet", "Object is subject to bucket's retention policy"), bucket.ErrRefused, []string{"hold"}},
		{"401", answers(401, "authError", "Invalid Credentials"), bucket.ErrRefused, []string{"authError", "renew"}},
		{"400 of a bucket whose requester pays", answers(400, "required", "Bucket is a requester pays bucket but no user project provided."),
			bucket.ErrRefused, []string{"required", "?user_project="}},
		{"400 as XML says it", answers(400, "UserProjectMissing", "User project specified in the request is missing."), bucket.ErrRefused, []string{"?user_project="}},
		{"404 of the bucket", answers(404, "notFound", "The specified bucket does not exist."), bucket.ErrNoBucket, []string{"make the bucket"}},
		{"404 of the bucket as XML says it", answers(404, "NoSuchBucket", "The specified bucket does not exist."), bucket.ErrNoBucket, nil},
		{"408", answers(408, "requestTimeout", "The request timed out"), bucket.ErrUnavailable, nil},
		{"412 of a policy", answers(412, "orgPolicyConstraintFailed", "Request violates constraint 'constraints/gcp.restrictCmekCryptoKeyProjects'"), bucket.ErrRefused, []string{"organisation"}},
		{"429", answers(429, "rateLimitExceeded", "The object exceeded the rate limit for object mutation operations."),
			bucket.ErrThrottled, []string{"rateLimitExceeded", "mutation", "one change a second"}},
		{"500", answers(500, "internalError", "Internal Error"), bucket.ErrUnavailable, []string{"internalError"}},
		{"503", answers(503, "backendError", "Backend Error"), bucket.ErrUnavailable, []string{"(backendError, request upload-7): Backend Error"}},
		{"a page of a proxy", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(502)
			fmt.Fprint(w, "<!DOCTYPE html><p>Bad gateway<p>")
		}, bucket.ErrUnavailable, []string{"Bad Gateway", "a web page has come"}},
		{"a redirect", func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
		}, bucket.ErrNoBucket, []string{"Temporary Redirect"}},
		{"no answer but the end of the connection", func(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }, bucket.ErrUnavailable, []string{"EOF"}},
	}
	for _, refusal := range refusals {
		t.Run(refusal.says, func(t *testing.T) {
			f := newFake(t)
			f.put("a", "hello")
			b := f.open(t, &gcs.Options{ConditionalDelete: true})
			for verb, do := range verbs {
				if verb == bucket.DeleteIf && strings.HasPrefix(refusal.says, "412") {
					continue // a second request tells why
				}
				f.fail(refusal.answer)
				err := do(t.Context(), b)
				explained, ok := errors.AsType[*bucket.Error](err)
				if !ok || !errors.Is(bucket.Kind(err), refusal.kind) || explained.Verb != verb {
					t.Errorf("%s fails with %v, not of the kind %q", verb, err, refusal.kind)
				}
				for _, words := range refusal.explain {
					if err != nil && !strings.Contains(err.Error(), words) {
						t.Errorf("the failure of %s does not say %q: %v", verb, words, err)
					}
				}
				if sent := f.requests(); len(sent) != 1 {
					t.Errorf("%s has sent %q", verb, sent)
				}
			}
			if content, _ := f.content("a"); content != "hello" {
				t.Errorf("the object is %q now", content)
			}
		})
	}
}

func TestADeniedRequestNamesTheRightThatItNeeds(t *testing.T) {
	f := newFake(t)
	b := f.open(t, &gcs.Options{ConditionalDelete: true})
	swap := func(ctx context.Context, b bucket.Bucket) error {
		return put(ctx, b, "a", "hello", bucket.IfMatch("1"))
	}
	needs := func(says string, do func(context.Context, bucket.Bucket) error) {
		t.Helper()
		f.fail(answers(403, "forbidden", "Access denied."))
		if err := do(t.Context(), b); err == nil || !strings.Contains(err.Error(), "; the role needs "+says) {
			t.Errorf("%v, and not that the role needs %s", err, says)
		}
	}
	for verb, says := range map[bucket.Verb]string{
		bucket.Get: "storage.objects.get, and", bucket.GetRange: "storage.objects.get, and", bucket.Stat: "storage.objects.get, and", bucket.List: "storage.objects.list;",
		bucket.ListFolders: "storage.objects.list;", bucket.Put: "storage.objects.create;", bucket.Delete: "storage.objects.delete;", bucket.Removal: "storage.objects.delete;",
		bucket.DeleteIf: "storage.objects.delete;",
	} {
		needs(says, verbs[verb])
	}
	needs("storage.objects.create, and storage.objects.delete", swap)

	const mayNotReplace = "robot does not have storage.objects.delete access to the Google Cloud Storage object."
	f.fail(answers(403, "forbidden", mayNotReplace))
	if err := put(t.Context(), b, "a", "hello", bucket.IfAbsent()); !errors.Is(err, bucket.ErrExists) || errors.Is(err, bucket.ErrRefused) {
		t.Errorf("who may not replace what is there, and would not, is told %v", err)
	}
	f.fail(answers(403, "forbidden", mayNotReplace))
	if err := swap(t.Context(), b); !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("who may not replace what is there is told %v", err)
	}
	needs("storage.buckets.get;", func(ctx context.Context, b bucket.Bucket) error {
		told, err := b.(bucket.Describer).Describe(ctx)
		return errors.Join(err, told.Untold)
	})
}

func TestAWebPageIsNoAnswerOfGCS(t *testing.T) {
	f := newFake(t)
	f.put("a", "hello")
	b := f.open(t, &gcs.Options{ConditionalDelete: true})
	for verb, do := range verbs {
		if slices.Contains([]bucket.Verb{bucket.Delete, bucket.Removal, bucket.DeleteIf, bucket.GetRange}, verb) {
			continue // the SDK does not read what a delete is answered, and sees for itself that a part is none
		}
		f.fail(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Welcome</html>")
		})
		err := do(t.Context(), b)
		if !errors.Is(bucket.Kind(err), bucket.ErrUnavailable) || !strings.Contains(err.Error(), "look at the endpoint, and at what stands between") {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

func TestANonexistentRangeIsInvalid(t *testing.T) {
	f := newFake(t)
	f.put("a", "hello")
	_, err := f.open(t, nil).(bucket.RangeGetter).GetRange(t.Context(), "a", 100, 1)
	if !errors.Is(err, bucket.ErrInvalid) {
		t.Errorf("GetRange fails with %v", err)
	}
}

func TestAWriteThatLandedAndWasNotToldOfIsRefusedWhenItIsRepeated(t *testing.T) {
	f := newFake(t)
	f.fail(landed)
	b, err := bucket.Decorate(f.open(t, nil), bucket.Decorators{Retry: bucket.RetryOptions{Backoff: op.Backoff{Base: time.Nanosecond, Cap: time.Nanosecond}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := put(t.Context(), b, "a", "hello", bucket.IfAbsent()); !errors.Is(err, bucket.ErrExists) {
		t.Errorf("Put fails with %v", err)
	}
	if content, _ := f.content("a"); content != "hello" {
		t.Errorf("the object is %q", content)
	}
	if sent := f.requests(); len(sent) != 2 {
		t.Errorf("the requests are %q", sent)
	}
}

func TestABodyThatWasDamagedOnItsWayMakesNoObject(t *testing.T) {
	f := newFake(t)
	f.fail(damaged)
	err := put(t.Context(), f.open(t, nil), "a", "hello, world", bucket.IfAbsent())
	if !errors.Is(err, bucket.ErrUnavailable) || !strings.Contains(err.Error(), "damaged on its way") {
		t.Errorf("Put fails with %v", err)
	}
	if content, ok := f.content("a"); ok {
		t.Errorf("the object is %q", content)
	}
}

func TestABodyThatIsCutGoesOnWhereItWas(t *testing.T) {
	f := newFake(t)
	content := strings.Repeat("0123456789", 10_000)
	version := f.put("a", content)
	b := f.open(t, nil)
	f.fail(cut(12_345, func() {}))
	got, info, err := bucket.ReadAll(t.Context(), b, "a", 1<<20)
	if err != nil || string(got) != content || info.Version != version {
		t.Fatalf("the body has %d bytes of %+v: %v", len(got), info, err)
	}
	if sent := f.requests(); len(sent) != 2 {
		t.Errorf("the requests are %q", sent)
	}
	rest := f.headers[1]
	if rest.Get("Range") != "bytes=12345-99999" || rest.Get("X-Goog-If-Generation-Match") != string(version) {
		t.Errorf("the rest was asked for with %v", rest)
	}
}

func TestABodyThatIsCutHasNoRestInAnotherVersion(t *testing.T) {
	for says, ignores := range map[string]bool{"by the condition": false, "by what a server that ignores conditions answers": true} {
		f := newFake(t)
		f.ignores = ignores
		f.put("a", strings.Repeat("old", 1000))
		b := f.open(t, nil)
		f.fail(cut(100, func() { f.put("a", strings.Repeat("new", 1000)) }))
		got, _, err := bucket.ReadAll(t.Context(), b, "a", 1<<20)
		if !errors.Is(bucket.Kind(err), bucket.ErrUnavailable) {
			t.Errorf("%s: the body is %d bytes: %v", says, len(got), err)
		}
		if sent := f.requests(); len(sent) != 2 {
			t.Errorf("%s: the requests are %q", says, sent)
		}
	}
}

func TestAServiceThatDoesNotAnswerEndsAtTheDeadline(t *testing.T) {
	calls := map[bucket.Verb]func(ctx context.Context, b bucket.Bucket) error{"upload": func(ctx context.Context, b bucket.Bucket) error {
		return b.Put(ctx, "a", bucket.Bytes(make([]byte, 9<<20)), bucket.IfAbsent())
	}}
	for verb, do := range verbs {
		calls[verb] = do
	}
	f := newFake(t)
	b := f.open(t, &gcs.Options{ConditionalDelete: true, PartSize: 1 << 20})
	for verb, do := range calls {
		f.fail(silent)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := do(ctx, b)
		cancel()
		if !errors.Is(bucket.Kind(err), bucket.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), " a") {
			t.Errorf("%s fails with %v", verb, err)
		}
		if sent := f.requests(); len(sent) > 1 {
			t.Errorf("%s has sent %q", verb, sent)
		}
	}
}

func TestAServerThatDoesNotListenIsUnavailable(t *testing.T) {
	f := newFake(t)
	b := f.open(t, nil)
	f.Close()
	if err := get(t.Context(), b, "a"); !errors.Is(err, bucket.ErrUnavailable) || !strings.Contains(err.Error(), "nothing listens there") {
		t.Errorf("Get fails with %v", err)
	}
}

func TestAServerThatIgnoresConditionsIsNotSeenThrough(t *testing.T) {
	f := newFake(t)
	f.ignores = true
	b := f.open(t, nil)
	for _, content := range []string{"one", "two"} {
		if err := put(t.Context(), b, "a", content, bucket.IfAbsent()); err != nil {
			t.Errorf("Put fails with %v: quiver doctor looks for a success", err)
		}
	}
}

func TestAPartOfAnUploadIsRepeated(t *testing.T) {
	f := newFake(t)
	b := f.open(t, &gcs.Options{PartSize: 8 << 20, KMSKeyName: "projects/p/locations/l/keyRings/r/cryptoKeys/k"})
	serves := func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) { serve(w, r) }
	f.fail(serves, serves, answers(503, "backendError", "Backend Error"))
	content := strings.Repeat("0123456789abcdef", 1<<20) // 16 MiB
	if err := put(t.Context(), b, "a", content, bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.content("a"); got != content {
		t.Errorf("the object has %d bytes, and not those that were put", len(got))
	}
	if sent, want := f.requests(), []string{"POST resumable", "POST part", "POST part", "POST part"}; !slices.Equal(sent[:min(4, len(sent))], want) {
		t.Errorf("the requests are %q, not %q", sent, want)
	}
	if key := f.queries[0].Get("kmsKeyName"); key != "projects/p/locations/l/keyRings/r/cryptoKeys/k" {
		t.Errorf("the key is %q", key)
	}
}

func TestAnUploadInPartsIsRefusedAsOneInOneRequestIs(t *testing.T) {
	large := bucket.Bytes(make([]byte, 9<<20))
	for says, refusal := range map[string]struct {
		answer fault
		kind   error
	}{
		"403":                           {answers(403, "forbidden", "no"), bucket.ErrRefused},
		"403 of who may not replace it": {answers(403, "forbidden", "robot does not have storage.objects.delete access to the Google Cloud Storage object."), bucket.ErrExists},
		"404":                           {answers(404, "notFound", "The specified bucket does not exist."), bucket.ErrNoBucket},
		"412":                           {answers(412, "conditionNotMet", "no"), bucket.ErrExists},
		"410":                           {answers(410, "gone", "The upload is gone."), bucket.ErrUnavailable},
	} {
		f := newFake(t)
		f.fail(refusal.answer)
		if err := f.open(t, nil).Put(t.Context(), "a", large, bucket.IfAbsent()); !errors.Is(bucket.Kind(err), refusal.kind) {
			t.Errorf("after %s Put fails with %v", says, err)
		}
	}
}
