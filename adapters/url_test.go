package adapters_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
)

func TestAURLIsABucketAPrefixAndParameters(t *testing.T) {
	for location, c := range map[string]struct{ rest, key string }{
		"s3://b":                            {"s3://b", "k"},
		"s3://b/":                           {"s3://b", "k"},
		"s3://b?region=x":                   {"s3://b?region=x", "k"},
		"s3://b/team?region=x&taken=true":   {"s3://b?region=x", "team/k"},
		"s3://b/team/project/":              {"s3://b", "team/project/k"},
		"s3://b//team//":                    {"s3://b", "team/k"},
		"gs://bucket.with.dots/a.b-c_d/1/2": {"gs://bucket.with.dots", "a.b-c_d/1/2/k"},
		"s3://b?endpoint=http%3A%2F%2F127.0.0.1%3A9000": {"s3://b?endpoint=http%3A%2F%2F127.0.0.1%3A9000", "k"},
	} {
		parsed, err := adapters.ParseURL(parse(t, location))
		if err != nil {
			t.Errorf("%s: %v", location, err)
			continue
		}
		parsed.Bool("taken", false)
		if rest := parsed.Rest().String(); rest != c.rest || parsed.Err() != nil {
			t.Errorf("%s: the rest is %s, %v", location, rest, parsed.Err())
		}
		store := mem.New(nil)
		b, err := parsed.Under(store)
		if err != nil {
			t.Fatal(err)
		}
		create(t, b, "k", "")
		if _, err := store.Stat(t.Context(), c.key); err != nil {
			t.Errorf("%s: %v", location, err)
		}
	}
}

func TestAURLThatNamesNoBucketIsRefused(t *testing.T) {
	for location, says := range map[string]string{
		"s3:":                    "names no bucket",
		"s3:b":                   "names no bucket",
		"s3:///team":             "names no bucket",
		"s3://":                  "names no bucket",
		"s3://b:9000/team":       "has a port",
		"s3://b:":                "has a port",
		"s3://[::1]/team":        "has a port",
		"s3://b/team#x":          "has a fragment",
		"s3://b/Team":            "the prefix",
		"s3://b/a//b":            "the prefix",
		"s3://b/../b":            "the prefix",
		"s3://b/a%20b":           "the prefix",
		"s3://b?x=1&x=2":         `the parameter "x" 2 times`,
		"s3://b?x=%zz":           "the parameters",
		"s3://b?a;b":             "the parameters",
		"s3://me:hush@b/team":    "credentials come from",
		"s3://me@b":              "credentials come from",
		"s3://me:hush@b?x=%zz":   "credentials come from",
		"s3://me:hush@b/Team#xy": "credentials come from",
	} {
		parsed, err := adapters.ParseURL(parse(t, location))
		if parsed != nil || !errors.Is(err, bucket.ErrInvalid) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", location, err)
		}
	}
}

func TestAParameterIsTrueOrFalse(t *testing.T) {
	for given, want := range map[string]string{
		"s3://b": "otherwise", "s3://b?p=true": "true", "s3://b?p=false": "false", "s3://b?p=maybe": "refused", "s3://b?p=": "refused", "s3://b?p": "refused",
	} {
		for _, otherwise := range []bool{true, false} {
			parsed, err := adapters.ParseURL(parse(t, given))
			if err != nil {
				t.Fatal(err)
			}
			value := parsed.Bool("p", otherwise)
			switch {
			case want == "refused":
				if !errors.Is(parsed.Err(), bucket.ErrInvalid) || !strings.Contains(parsed.Err().Error(), "the parameter p is true or false") {
					t.Errorf("%s: %v", given, parsed.Err())
				}
			case parsed.Err() != nil, want == "otherwise" && value != otherwise, want == "true" && !value, want == "false" && value:
				t.Errorf("%s, otherwise %t: %t, %v", given, otherwise, value, parsed.Err())
			}
			if parsed.Values.Has("p") {
				t.Errorf("%s: the parameter was not taken", given)
			}
		}
	}
}

func parse(t *testing.T, location string) *url.URL {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func ExampleParseURL() {
	location, err := url.Parse("s3://results/team/project?region=eu-central-1&requester_pays=true")
	if err != nil {
		fmt.Println(err)
		return
	}
	parameters, err := adapters.ParseURL(location)
	if err != nil {
		fmt.Println(err)
		return
	}
	pays := parameters.Bool("requester_pays", false)
	fmt.Println(pays, parameters.Err())
	fmt.Println(parameters.Rest()) // for gocloud to know, or to refuse
	// Output:
	// true <nil>
	// s3://results?region=eu-central-1
}

func FuzzParseURL(f *testing.F) {
	for _, location := range []string{"s3://b", "s3://b/team?region=x", "s3://u:p@b", "gs://b:1/a#b", "azblob:b", "s3://b/a//b?x=1&x=2", "s3://b?%zz", "s3://[::1]", "%", ""} {
		f.Add(location)
	}
	f.Fuzz(func(t *testing.T, location string) {
		u, err := url.Parse(location)
		if err != nil {
			return
		}
		parsed, err := adapters.ParseURL(u)
		if err != nil {
			if !errors.Is(err, bucket.ErrInvalid) {
				t.Errorf("%q: %v", location, err)
			}
			return
		}
		rest := parsed.Rest()
		if again, err := url.Parse(rest.String()); err != nil || again.Host != u.Host || again.Host == "" || strings.ContainsAny(again.Host, ":@/") || again.User != nil || again.Path != "" {
			t.Errorf("%q: the rest is %q, %v", location, rest, err)
		}
		if _, err := parsed.Under(mem.New(nil)); err != nil {
			t.Errorf("%q: %v", location, err)
		}
	})
}
