package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func TestEveryParameterIsTakenOrRefused(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profile, []byte("[profile team]\nregion = eu-north-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", profile)
	for parameter, says := range map[string]string{ // empty: it is taken
		"region=eu-west-3": "", "endpoint=http://127.0.0.1:9000": "", "endpoint=https://s3.example": "", "use_path_style=true": "", "use_path_style=maybe": "use_path_style",
		"profile=team": "", "profile=nobody": "nobody", "role=arn:aws:iam::1:role/team": "", "role=team": "must be a valid ARN",
		"ssetype=AES256": "", "ssetype=aws:kms": "", "ssetype=aes256": "", "ssetype=rot13": "AES256, aws:kms or aws:kms:dsse", "kmskeyid=alias/quiver": "",
		"accelerate=true": "", "accelerate=maybe": "accelerate", "dualstack=true": "", "dualstack=maybe": "dualstack", "fips=true": "", "fips=maybe": "fips",
		"anonymous=true": "", "anonymous=maybe": "anonymous", "disable_https=true": "", "disable_https=maybe": "disable_https", "hostname_immutable=true": "",
		"requester_pays=true": "", "requester_pays=maybe": "true or false", "requester_pays=": "true or false",
		"conditional_delete=true": "", "conditional_delete=false": "", "conditional_delete=maybe": "true or false", "conditional_delete=true&conditional_delete=false": "2 times",
		"access_key=AKIA": "access_key", "Region=eu-west-3": "Region", "ssetype=": "ssetype", "=": "unknown", "sync=false": "sync",
		"endpoint=127.0.0.1:9000": "https://host:9000", "endpoint=localhost": "https://host:9000", "endpoint=ftp://host": "https://host:9000", "endpoint=http://": "https://host:9000",
		"endpoint=http://me:hush@127.0.0.1:9000": "without a user name", "endpoint=http://%25zz": "https://host:9000", "endpoint=": "",
	} {
		u, err := url.Parse("s3://b/team?" + parameter)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s3.OpenURL(t.Context(), u)
		switch {
		case says == "" && err != nil:
			t.Errorf("%s: %v", parameter, err)
		case says == "":
			b.Close()
		case b != nil || !errors.Is(err, bucket.ErrInvalid) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hush"):
			t.Errorf("%s: %v, and not a word of %q", parameter, err, says)
		}
	}
}

func TestAURLMakesTheRequestsThatItSays(t *testing.T) {
	for parameters, demands := range map[string]func(r *http.Request) bool{
		"region=eu-west-3": func(r *http.Request) bool { return strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/s3/") },
		"": func(r *http.Request) bool {
			return strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/s3/")
		},
		"requester_pays=true":  func(r *http.Request) bool { return r.Header.Get("X-Amz-Request-Payer") == "requester" },
		"requester_pays=false": func(r *http.Request) bool { return r.Header.Get("X-Amz-Request-Payer") == "" },
		"ssetype=AES256": func(r *http.Request) bool {
			return !creates(r) || r.Header.Get("X-Amz-Server-Side-Encryption") == "AES256"
		},
		"ssetype=aws:kms&kmskeyid=alias/quiver": func(r *http.Request) bool {
			return !creates(r) || r.Header.Get("X-Amz-Server-Side-Encryption") == "aws:kms" && r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") == "alias/quiver"
		},
	} {
		t.Run(parameters, func(t *testing.T) {
			f := newFake()
			f.demands = func(r *http.Request) bool {
				ok := demands(r) && strings.HasPrefix(r.URL.Path, "/b") && (r.URL.Query().Has("list-type") || strings.HasPrefix(r.URL.Path, "/b/team/project/"))
				if !ok {
					t.Errorf("%s %s: %v", r.Method, r.URL, r.Header)
				}
				return ok
			}
			b := openURL(t, f, "s3://b/team/project?use_path_style=true&"+parameters)
			create(t, b, "k", "hello")
			if content, _, err := bucket.ReadAll(t.Context(), b, "k", 10); string(content) != "hello" || err != nil {
				t.Errorf("%q, %v", content, err)
			}
			if page, err := b.List(t.Context(), bucket.ListOptions{}); err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "k" {
				t.Errorf("%+v, %v", page, err)
			}
			is(t, b.Delete(t.Context(), "k"), nil)
		})
	}
}

// Where the condition of a DELETE is ignored it deletes: so that nobody relies on it unless AWS is asked, or its user says so.
func TestADeleteIsConditionalOnlyWhereTheServerKeepsToIt(t *testing.T) {
	for name, c := range map[string]struct {
		parameters, environment, profile string
		conditional                      bool
	}{
		"AWS":                               {"", "", "", true},
		"AWS, told not to":                  {"conditional_delete=false", "", "", false},
		"an endpoint":                       {"endpoint=http://127.0.0.1:9000", "", "", false},
		"an endpoint that is told":          {"endpoint=http://127.0.0.1:9000&conditional_delete=true", "", "", true},
		"an endpoint by the environment":    {"", "AWS_ENDPOINT_URL", "", false},
		"one for S3 by the environment":     {"", "AWS_ENDPOINT_URL_S3", "", false},
		"an endpoint by the profile":        {"", "", "endpoint_url = http://127.0.0.1:9000", false},
		"the environment's, which is told":  {"conditional_delete=true", "AWS_ENDPOINT_URL", "", true},
		"AWS by a profile with a region":    {"", "", "region = eu-west-3", true},
		"an endpoint by its service's part": {"", "", "services = minio\n[services minio]\ns3 =\n  endpoint_url = http://127.0.0.1:9000", false},
	} {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, []byte("[default]\n"+c.profile+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", config)
			if c.environment != "" {
				t.Setenv(c.environment, "http://127.0.0.1:9000")
			}
			for _, prefix := range []string{"", "/team"} {
				u, err := url.Parse("s3://b" + prefix + "?" + c.parameters)
				if err != nil {
					t.Fatal(err)
				}
				b, err := s3.OpenURL(t.Context(), u)
				if err != nil {
					t.Fatal(err)
				}
				if got := slices.Contains(buckettest.Extras(b), bucket.DeleteIf); got != c.conditional {
					t.Errorf("a conditional delete: %t", got)
				}
				b.Close()
			}
		})
	}
}

func TestCredentialsAreNeverInAURL(t *testing.T) {
	const location = "s3://AKIA:hush@b/team"
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	_, direct := s3.OpenURL(t.Context(), u)
	_, through := all.Open(t.Context(), location)
	for _, err := range []error{direct, through} {
		if !errors.Is(err, bucket.ErrInvalid) || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "credentials come from the environment") {
			t.Errorf("%v", err)
		}
	}
}

func TestWithoutARegionThereIsNoBucket(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	u := &url.URL{Scheme: "s3", Host: "b"}
	if _, err := s3.OpenURL(t.Context(), u); !errors.Is(err, bucket.ErrInvalid) || !strings.Contains(err.Error(), "?region=") {
		t.Errorf("%v", err)
	}
	f := newFake() // another server has none of its own, and a signature needs one
	f.demands = func(r *http.Request) bool { return strings.Contains(r.Header.Get("Authorization"), "/us-east-1/s3/") }
	create(t, openURL(t, f, "s3://b?use_path_style=true"), "k", "hello")
}

func TestAMachineWithoutCredentialsIsToldSoAtOnce(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	f := newFake()
	b := openURL(t, f, "s3://b?use_path_style=true")
	_, err := b.Get(t.Context(), "k")
	is(t, err, bucket.ErrRefused)
	if err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") || !strings.Contains(err.Error(), "(no credentials): neither the environment") || strings.Contains(err.Error(), "IMDS") || f.serial != 0 {
		t.Errorf("after %d requests: %v", f.serial, err)
	}
	f.strikes(t, "GET k", 1, func(w http.ResponseWriter, r *http.Request, _ *fake) {
		if signature := r.Header.Get("Authorization"); signature != "" {
			t.Errorf("signed by %s", signature)
		}
		refuse(w, r, http.StatusForbidden, "AccessDenied")
	})
	_, err = openURL(t, f, "s3://b?use_path_style=true&anonymous=true").Get(t.Context(), "k")
	is(t, err, bucket.ErrRefused)
}

func TestCloseLetsGoOfTheConnectionsOfAURL(t *testing.T) {
	closed := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(newFake())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	b := openAt(t, server.URL, "s3://b?use_path_style=true")
	create(t, b, "k", "hello")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection is kept")
	}
}

func ExampleOpenURL() {
	u, err := url.Parse("s3://results/team/project?region=eu-central-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	b, err := s3.OpenURL(ctx, u) // nothing is sent before the first request
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	_, conditional := bucket.As[bucket.ConditionalDeleter](b)
	fmt.Println("AWS keeps to the condition of a delete:", conditional)
	// Output: AWS keeps to the condition of a delete: true
}
