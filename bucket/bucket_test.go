package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
)

func FuzzCheckKey(f *testing.F) {
	for _, key := range []string{"", "a", "values/ab/abcd", "a//b", "/a", "a/", ".", "..", "a/../b", "A", "a b", "a\x00", "é", "...", "a./b", "..a", "a.b_c-d/0", strings.Repeat("a", 1025)} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		legal := key != "" && len(key) <= 1024 && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789/._-") == ""
		for _, bad := range []string{"//", "./"} {
			legal = legal && !strings.Contains("/"+key+"/", bad)
		}
		for i := range len(key) { // Trim looks at the ends alone
			legal = legal && strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789/._-", key[i]) >= 0
		}
		err := bucket.CheckKey(key)
		if (err == nil) != legal || err != nil && !errors.Is(err, bucket.ErrInvalid) {
			t.Errorf("CheckKey(%q): %v", key, err)
		}
		// A key that is taken can be listed by itself.
		if legal {
			if err := bucket.CheckList(bucket.ListOptions{Prefix: key}); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnErrorSaysWhatWhereWhyAndWhatToDo(t *testing.T) {
	cause := errors.New("the cause")
	for want, err := range map[string]*bucket.Error{
		"put a/b: there is an object already":                                     {Verb: bucket.Put, Key: "a/b", Kind: bucket.ErrExists},
		"get a: the store refused the request (AccessDenied): the cause; ask her": {Verb: bucket.Get, Key: "a", Kind: bucket.ErrRefused, Code: "AccessDenied", Err: cause, Hint: "ask her"},
		"stat A: not a valid request: key":                                        {Verb: bucket.Stat, Key: "A", Kind: bucket.ErrInvalid, Err: fmt.Errorf("%w: key", bucket.ErrInvalid)},
	} {
		if err.Error() != want {
			t.Errorf("%q, not %q", err, want)
		}
		wrapped := fmt.Errorf("saving: %w", err)
		if !errors.Is(wrapped, err.Kind) || !errors.Is(bucket.Kind(wrapped), err.Kind) || err.Err != nil && !errors.Is(wrapped, err.Err) {
			t.Errorf("%v is not what it is made of", wrapped)
		}
	}
	if kind := bucket.Kind(cause); kind != nil {
		t.Errorf("%v has the kind %v", cause, kind)
	}
}

func TestOnlyWhatMayPassIsRetryable(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, kind := range []error{bucket.ErrThrottled, bucket.ErrUnavailable} {
		if err := fmt.Errorf("%w", kind); !bucket.Retryable(t.Context(), err) || bucket.Retryable(ended, err) {
			t.Errorf("%v", err)
		}
	}
	for _, err := range []error{nil, bucket.ErrNotFound, bucket.ErrRefused, bucket.ErrInvalid, bucket.ErrNoBucket, bucket.ErrExists, bucket.ErrChanged, io.EOF} {
		if bucket.Retryable(t.Context(), err) {
			t.Errorf("%v", err)
		}
	}
}

func TestConditions(t *testing.T) {
	if err := (bucket.Condition{}).Check(); !errors.Is(err, bucket.ErrInvalid) {
		t.Error(err)
	}
	if err := bucket.IfMatch("").Check(); !errors.Is(err, bucket.ErrInvalid) {
		t.Error(err)
	}
	if c := bucket.IfAbsent(); !c.Absent() || c.Version() != "" || c.Check() != nil || c.String() != "if absent" {
		t.Errorf("%v", c)
	}
	if c := bucket.IfMatch("7"); c.Absent() || c.Version() != "7" || c.Check() != nil || c.String() != `if version "7"` {
		t.Errorf("%v", c)
	}
}

func TestReadAllRefusesWhatIsTooLargeWithoutReadingIt(t *testing.T) {
	var requests buckettest.Recorder
	b := bucket.Wrap(filled(t, "hello"), requests.Record)
	content, info, err := bucket.ReadAll(t.Context(), b, "hello", 5)
	if err != nil || string(content) != "hello" || info.Size != 5 || info.Version == "" {
		t.Errorf("%q, %+v, %v", content, info, err)
	}
	_, info, err = bucket.ReadAll(t.Context(), b, "hello", 4)
	is(t, err, bucket.ErrInvalid)
	if info.Version == "" {
		t.Error("of an object that is too large, the version is known all the same")
	}
	_, _, err = bucket.ReadAll(t.Context(), b, "missing", 5)
	is(t, err, bucket.ErrNotFound)
	requests.Expect(t, "get hello", "get hello", "get missing")
}

func TestReadAllBelievesNoSizeThatTheBodyBelies(t *testing.T) {
	for _, content := range []string{"", "hell", "hello!"} {
		b := handler(func(_ context.Context, r *bucket.Request) (bucket.Answer, error) {
			return bucket.Answer{Object: &bucket.Object{Info: bucket.Info{Key: r.Key, Size: 5, Version: "1"}, Body: io.NopCloser(strings.NewReader(content))}}, nil
		})
		_, info, err := bucket.ReadAll(t.Context(), b, "a", 100)
		is(t, err, bucket.ErrUnavailable)
		if info.Version != "1" {
			t.Errorf("the version of a damaged object is lost: %+v", info)
		}
	}
	faults := buckettest.NewFaults(buckettest.Fault{Do: buckettest.CutBody(2)})
	_, _, err := bucket.ReadAll(t.Context(), bucket.Wrap(filled(t, "hello"), faults.Inject), "hello", 100)
	is(t, err, bucket.ErrUnavailable)
}

func TestAllAsksForNoPageThatNobodyWants(t *testing.T) {
	var requests buckettest.Recorder
	b := bucket.Wrap(filled(t, "a", "b", "c", "d", "e"), requests.Record)
	walk := func(stop int, options bucket.ListOptions) string {
		var keys strings.Builder
		for info, err := range bucket.All(t.Context(), b, options) {
			is(t, err, nil)
			if keys.WriteString(info.Key); keys.Len() == stop {
				break
			}
		}
		return keys.String()
	}
	for _, c := range []struct {
		stop, requests int
		options        bucket.ListOptions
		want           string
	}{
		{0, 3, bucket.ListOptions{Limit: 2}, "abcde"}, {2, 1, bucket.ListOptions{Limit: 2}, "ab"}, {3, 2, bucket.ListOptions{Limit: 2}, "abc"},
		{0, 1, bucket.ListOptions{}, "abcde"}, {0, 2, bucket.ListOptions{Limit: 2, After: "b"}, "cde"}, {0, 1, bucket.ListOptions{Prefix: "x"}, ""},
	} {
		got, sent := walk(c.stop, c.options), len(requests.Take())
		if got != c.want || sent != c.requests {
			t.Errorf("%+v: %q in %d requests, not %q in %d", c.options, got, sent, c.want, c.requests)
		}
	}
}

func TestAllEndsAfterItsFirstError(t *testing.T) {
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.List, Nth: 2, Do: buckettest.Fail(bucket.ErrThrottled)})
	b := bucket.Wrap(filled(t, "a", "b", "c", "d"), faults.Inject)
	var keys []string
	var failures []error
	for info, err := range bucket.All(t.Context(), b, bucket.ListOptions{Limit: 1}) {
		if err != nil {
			failures = append(failures, err)
			continue
		}
		keys = append(keys, info.Key)
	}
	if len(keys) != 1 || len(failures) != 1 || !errors.Is(failures[0], bucket.ErrThrottled) {
		t.Errorf("%q, %v", keys, failures)
	}
}

func TestBodiesKeepTheirSeekerAndOpenAnew(t *testing.T) {
	for _, source := range []bucket.Source{bucket.Bytes([]byte("hello")), bucket.Section(strings.NewReader("hello and more"), 5)} {
		for range 2 {
			body, err := source.Open()
			is(t, err, nil)
			if content, err := io.ReadAll(body); err != nil || string(content) != "hello" || source.Size() != 5 {
				t.Errorf("%q, %v", content, err)
			}
			if _, ok := body.(io.Seeker); !ok {
				t.Errorf("%T cannot seek", body)
			}
			is(t, body.Close(), nil)
		}
	}
}

var _ bucket.Bucket = (*mem.Bucket)(nil)
