package adapters_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// copier is what a bucket copies with.
func copier(t *testing.T, b bucket.Bucket) bucket.Copier {
	t.Helper()
	c, ok := bucket.As[bucket.Copier](b)
	if !ok {
		t.Fatal("the bucket copies nothing")
	}
	return c
}

// locate is where a bucket has a key.
func locate(t *testing.T, b bucket.Bucket, key string) bucket.Location {
	t.Helper()
	l, ok := bucket.As[bucket.Locator](b)
	if !ok {
		t.Fatal("the bucket does not say where it is")
	}
	return l.Locate(key)
}

func under(t *testing.T, b bucket.Bucket, prefix string) bucket.Bucket {
	t.Helper()
	inner, err := bucket.Under(b, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return inner
}

func TestACopyIsMadeUnderThePrefixesOfBothBuckets(t *testing.T) {
	service := newCloud()
	b := service.bridge(t, nil)
	from, to := under(t, b, "from/"), under(t, under(t, b, "to/"), "deep/")
	create(t, from, "k", "0123456789")
	at := locate(t, from, "k")
	if want := (bucket.Location{Service: "cloud", Bucket: "b", Key: "from/k"}); at != want || at.String() != "cloud://b/from/k" {
		t.Errorf("the original is at %+v, %s", at, at)
	}
	is(t, copier(t, to).Copy(t.Context(), at, 10, "l"), nil)
	if content, _, err := bucket.ReadAll(t.Context(), b, "to/deep/l", 100); string(content) != "0123456789" || err != nil {
		t.Errorf("the copy is %q, %v", content, err)
	}
}

func TestACopyFailsAsTheContractSays(t *testing.T) {
	denied := refusal{adapters.Refusal{Status: http.StatusForbidden, Denied: true}}
	for name, c := range map[string]struct {
		from, key string
		fails     error
		kind      error
		hint      string
	}{
		"the original is missing":            {from: "missing", key: "l", kind: bucket.ErrNotFound},
		"there is one already":               {from: "k", key: "there", kind: bucket.ErrExists},
		"the key is invalid":                 {from: "k", key: "A", kind: bucket.ErrInvalid},
		"the role may not":                   {from: "k", key: "l", fails: denied, kind: bucket.ErrRefused, hint: "the role needs the right to copy, if absent true"},
		"the provider says that it does not": {from: "k", key: "l", fails: fmt.Errorf("%w: not here", bucket.ErrRefused), kind: bucket.ErrRefused},
		"the service is overloaded":          {from: "k", key: "l", fails: refusal{adapters.Refusal{Status: http.StatusTooManyRequests}}, kind: bucket.ErrThrottled},
		"the service fails":                  {from: "k", key: "l", fails: refusal{adapters.Refusal{Status: http.StatusInternalServerError}}, kind: bucket.ErrUnavailable},
		"there is no answer":                 {from: "k", key: "l", fails: errors.New("no route"), kind: bucket.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			service := newCloud()
			b := service.bridge(t, nil)
			create(t, b, "k", "0123456789")
			create(t, b, "there", "something else")
			service.fails = c.fails
			err := copier(t, under(t, b, "in/")).Copy(t.Context(), locate(t, b, c.from), 10, c.key)
			if c.key == "there" {
				err = copier(t, b).Copy(t.Context(), locate(t, b, c.from), 10, c.key)
			}
			is(t, err, c.kind)
			explained, ok := errors.AsType[*bucket.Error](err)
			if !ok || explained.Verb != bucket.Copy || explained.Key != c.key || !errors.Is(explained.Kind, c.kind) || explained.Hint != c.hint {
				t.Errorf("the error is %+v", explained)
			}
			retryable := errors.Is(c.kind, bucket.ErrThrottled) || errors.Is(c.kind, bucket.ErrUnavailable)
			if bucket.Retryable(context.Background(), err) != retryable {
				t.Errorf("to send it again is of use: %t, for %v", !retryable, err)
			}
			service.fails = nil
			if content, _, err := bucket.ReadAll(t.Context(), b, "there", 100); string(content) != "something else" || err != nil {
				t.Errorf("what was there is %q, %v", content, err)
			}
		})
	}
}

func TestNoCopyIsMadeWhereNobodyWaitsOrTheBucketIsClosed(t *testing.T) {
	service := newCloud()
	b := service.bridge(t, nil)
	create(t, b, "k", "0123456789")
	from := locate(t, b, "k")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	service.fails = errors.New("a request was sent")
	err := copier(t, b).Copy(ctx, from, 10, "l")
	is(t, err, bucket.ErrUnavailable)
	if !errors.Is(err, context.Canceled) || errors.Is(err, service.fails) {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	is(t, copier(t, b).Copy(t.Context(), from, 10, "l"), bucket.ErrInvalid)
}

// A request that is refused is not sent again, and one that was not answered is.
func TestACopyIsSentAgainAsOtherRequestsAre(t *testing.T) {
	for name, c := range map[string]struct {
		fails error
		sent  int
	}{
		"refused":                {fmt.Errorf("%w: not here", bucket.ErrRefused), 1},
		"not answered, at first": {refusal{adapters.Refusal{Status: http.StatusServiceUnavailable}}, 2},
	} {
		service := newCloud()
		bridge := service.bridge(t, nil)
		create(t, bridge, "k", "0123456789")
		sent := 0
		failing := bucket.Wrap(bridge, func(next bucket.Handler) bucket.Handler {
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				sent++
				service.fails = c.fails
				if sent > 1 {
					service.fails = nil
				}
				return next(ctx, r)
			}
		})
		b, err := bucket.Decorate(failing, bucket.Decorators{Prefix: "in/"})
		if err != nil {
			t.Fatal(err)
		}
		err = copier(t, b).Copy(t.Context(), locate(t, bridge, "k"), 10, "l")
		if sent != c.sent || (err == nil) != (c.sent > 1) {
			t.Errorf("%s: sent %d times, and in the end %v", name, sent, err)
		}
	}
}

func TestWhatIsNearIsOnOneServer(t *testing.T) {
	b := newCloud().bridge(t, nil)
	here := locate(t, b, "k")
	for name, c := range map[string]struct {
		change func(l *bucket.Location)
		near   bool
	}{
		"here":              {func(*bucket.Location) {}, true},
		"in another bucket": {func(l *bucket.Location) { l.Bucket = "c" }, true},
		"on another server": {func(l *bucket.Location) { l.Endpoint = "https://elsewhere.example" }, false},
		"in another cloud":  {func(l *bucket.Location) { l.Service = "s3" }, false},
	} {
		at := here
		c.change(&at)
		for _, b := range []bucket.Bucket{b, under(t, b, "in/")} {
			if _, near := bucket.Near(b, at); near != c.near {
				t.Errorf("%s: near is %t", name, near)
			}
		}
	}
}
