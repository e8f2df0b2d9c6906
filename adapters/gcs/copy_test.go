package gcs_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/adapters/gcs"
	"github.com/quivercache/quiver/bucket"
)

// copy makes an object of another of the bucket, by a path as "o/from/rewriteTo/b/shelf/o/to".
func (f *fake) copy(w http.ResponseWriter, r *http.Request, path string) {
	escaped, to, _ := strings.Cut(path, "/rewriteTo/b/")
	in, escapedTo, _ := strings.Cut(to, "/o/")
	original, _ := url.PathUnescape(escaped)
	key, _ := url.PathUnescape(escapedTo)
	kept, ok := f.objects[original]
	switch {
	case in != name:
		explain(w, 404, "notFound", "The specified bucket does not exist.")
	case !ok:
		explain(w, 404, "notFound", "No such object: "+name+"/"+original)
	case !f.meets(r.URL.Query().Get("ifGenerationMatch"), key):
		explain(w, 412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
	default:
		reply(w, map[string]any{"kind": "storage#rewriteResponse", "done": true, "resource": describe(key, f.keep(key, kept.content))})
	}
}

// copied asks for a copy of an object of a bucket.
func copied(ctx context.Context, t *testing.T, b bucket.Bucket, in, from, key string) error {
	t.Helper()
	locator, can := bucket.As[bucket.Locator](b)
	copier, too := bucket.As[bucket.Copier](b)
	if !can || !too {
		t.Fatal("the bucket copies nothing")
	}
	at := locator.Locate("a")
	at.Bucket, at.Key = in, from
	return copier.Copy(ctx, at, 5, key)
}

func TestACopyIsOneRequestOnCondition(t *testing.T) {
	for _, kms := range []string{"", "projects/p/locations/l/keyRings/r/cryptoKeys/k"} {
		f := newFake(t)
		f.put("from/k.json", "hello")
		if err := copied(t.Context(), t, f.open(t, &gcs.Options{KMSKeyName: kms}), name, "from/k.json", "to/k-1"); err != nil {
			t.Fatal(err)
		}
		if sent := f.requests(); !slices.Equal(sent, []string{"POST copy"}) {
			t.Errorf("the requests are %q", sent)
		}
		query := f.queries[len(f.queries)-1]
		if query.Get("ifGenerationMatch") != "0" || query.Get("destinationKmsKeyName") != kms || query.Get("ifSourceGenerationMatch") != "" {
			t.Errorf("asked for %v", query)
		}
		if content, _ := f.content("to/k-1"); content != "hello" {
			t.Errorf("the copy is %q", content)
		}
	}
}

// A copy of a large object to another place takes GCS several requests, each of which goes on where the one before ended.
func TestACopyGoesOnUntilItIsDone(t *testing.T) {
	f := newFake(t)
	f.put("k", "hello")
	unfinished := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		reply(w, map[string]any{"kind": "storage#rewriteResponse", "done": false, "rewriteToken": "more", "totalBytesRewritten": "2", "objectSize": "5"})
	}
	b := f.open(t, nil)
	f.fail(unfinished, unfinished)
	if err := copied(t.Context(), t, b, name, "k", "l"); err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for _, query := range f.queries {
		tokens = append(tokens, query.Get("rewriteToken"))
	}
	if !slices.Equal(tokens, []string{"", "more", "more"}) {
		t.Errorf("the requests have the tokens %q", tokens)
	}
	f.fail(unfinished, answers(503, "backendError", "Backend Error"))
	if err := copied(t.Context(), t, b, name, "k", "m"); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("a copy that breaks off fails with %v", err)
	}
	if _, there := f.content("m"); there {
		t.Error("there is a copy all the same")
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.fail(unfinished, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		cancel()
		unfinished(w, r, serve)
	})
	if err := copied(ctx, t, b, name, "k", "m"); !errors.Is(err, context.Canceled) {
		t.Errorf("a copy that nobody waits for fails with %v", err)
	}
}

func TestACopyThatFailsIsToldApart(t *testing.T) {
	for says, c := range map[string]struct {
		in, from, key string
		answer        fault
		kind          error
		words         string
	}{
		"the original is missing":      {in: name, from: "missing", key: "l", kind: bucket.ErrNotFound},
		"its bucket is missing":        {in: "no-" + name, from: "k", key: "l", kind: bucket.ErrNoBucket},
		"there is one already":         {in: name, from: "k", key: "there", kind: bucket.ErrExists},
		"the key is invalid":           {in: name, from: "k", key: "A", kind: bucket.ErrInvalid},
		"denied":                       {in: name, from: "k", key: "l", answer: answers(403, "forbidden", "Access denied."), kind: bucket.ErrRefused, words: "; the role needs storage.objects.create, and in the bucket that it copies from storage.objects.get; roles/storage.objectUser"},
		"a request it does not know":   {in: name, from: "k", key: "l", answer: answers(501, "notImplemented", "No."), kind: bucket.ErrRefused},
		"too much":                     {in: name, from: "k", key: "l", answer: answers(429, "rateLimitExceeded", "Slow."), kind: bucket.ErrThrottled},
		"its own fault":                {in: name, from: "k", key: "l", answer: answers(503, "backendError", "Backend Error"), kind: bucket.ErrUnavailable},
		"its answer is lost":           {in: name, from: "k", key: "l", answer: landed, kind: bucket.ErrUnavailable},
		"a success of something else":  {in: name, from: "k", key: "l", answer: func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { _, _ = w.Write([]byte("<html>")) }, kind: bucket.ErrUnavailable},
		"a success that does not come": {in: name, from: "k", key: "l", answer: cut(0, func() {}), kind: bucket.ErrUnavailable},
	} {
		t.Run(says, func(t *testing.T) {
			f := newFake(t)
			f.put("k", "hello")
			f.put("there", "something else")
			b := f.open(t, nil)
			if c.answer != nil {
				f.fail(c.answer)
			}
			err := copied(t.Context(), t, b, c.in, c.from, c.key)
			explained, ok := errors.AsType[*bucket.Error](err)
			if !ok || explained.Verb != bucket.Copy || explained.Key != c.key || !errors.Is(explained.Kind, c.kind) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("the error is %v, of the kind %v", err, bucket.Kind(err))
			}
			if sent := f.requests(); len(sent) > 1 {
				t.Errorf("the requests are %q", sent)
			}
			if content, _ := f.content("there"); content != "something else" {
				t.Errorf("what was there is %q", content)
			}
		})
	}
}

func TestABucketKnowsWhereItIs(t *testing.T) {
	b := newFake(t).open(t, nil)
	inner, err := bucket.Under(b, "team/project/")
	if err != nil {
		t.Fatal(err)
	}
	locator, ok := bucket.As[bucket.Locator](inner)
	if !ok {
		t.Fatal("the bucket does not say where it is")
	}
	at := locator.Locate("k")
	if want := (bucket.Location{Service: "gs", Bucket: name, Key: "team/project/k"}); at != want || at.String() != "gs://"+name+"/team/project/k" {
		t.Errorf("%+v, %s", at, at)
	}
	if _, near := bucket.Near(b, at); !near {
		t.Error("a bucket is not near to itself")
	}
}
