package gcs_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/adapters/gcs"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func openURL(t *testing.T, location string) (bucket.Bucket, error) {
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	b, err := gcs.OpenURL(t.Context(), u)
	if err == nil {
		t.Cleanup(func() { b.Close() })
	}
	return b, err
}

func TestOpenURLGoesToTheEmulator(t *testing.T) {
	f := newFake(t)
	for _, host := range []string{strings.TrimPrefix(f.URL, "http://"), f.URL} {
		t.Setenv("STORAGE_EMULATOR_HOST", host)
		const key = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
		b, err := openURL(t, "gs://"+name+"/team/project?user_project=payer&kms_key="+url.QueryEscape(key))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := buckettest.Extras(b), []bucket.Verb{bucket.GetRange, bucket.Removal, bucket.ListFolders}; !slices.Equal(got, want) {
			t.Errorf("the extras are %q, not %q", got, want)
		}
		f.headers, f.queries = nil, nil
		if err := put(t.Context(), b, "a", "hello", bucket.IfAbsent()); err != nil {
			t.Error(err)
		}
		if got := f.queries[0].Get("kmsKeyName"); got != key {
			t.Errorf("the key of encryption is %q", got)
		}
		if content, _ := f.content("team/project/a"); content != "hello" {
			t.Errorf("the object is %q", content)
		}
		if err := get(t.Context(), b, "a"); err != nil {
			t.Error(err)
		}
		page, err := b.List(t.Context(), bucket.ListOptions{})
		if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "a" || page.Date.IsZero() {
			t.Errorf("List gives %+v, %v", page, err)
		}
		if err := b.Delete(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		for _, header := range f.headers {
			if header.Get("X-Goog-User-Project") != "payer" || header.Get("Authorization") != "" {
				t.Errorf("a request has the headers %v", header)
			}
		}
	}
}

func TestOpenURLTellsWhetherADeleteIsConditional(t *testing.T) {
	for location, emulator := range map[string]string{
		"gs://shelf?anonymous=true":                          "",
		"gs://shelf?access_id=-":                             "",
		"gs://shelf?anonymous=true&universe_domain=s3nsapis": "",
		"gs://shelf?conditional_delete=true":                 "127.0.0.1:1",
		"gs://shelf?grpc=false&zonal=0&conditional_delete=1": "127.0.0.1:1",
		"gs://shelf?anonymous=1&conditional_delete=false":    "",
		"gs://shelf":                         "127.0.0.1:1",
		"gs://shelf/?anonymous=1&grpc=false": "127.0.0.1:1",
	} {
		t.Setenv("STORAGE_EMULATOR_HOST", emulator)
		b, err := openURL(t, location)
		if err != nil {
			t.Errorf("%s: %v", location, err)
			continue
		}
		_, got := bucket.As[bucket.ConditionalDeleter](b)
		if want := strings.Contains(location, "delete=true") || strings.Contains(location, "delete=1") || emulator == "" && !strings.Contains(location, "delete=false"); got != want {
			t.Errorf("%s: that a delete is conditional is %t", location, got)
		}
	}
}

func TestOpenURLRefusesWhatItCannotDo(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	for location, want := range map[string]struct {
		kind error
		says string
	}{
		"gs://":                                    {bucket.ErrInvalid, "no bucket"},
		"gs://shelf:80":                            {bucket.ErrInvalid, "port"},
		"gs://shelf/Upper":                         {bucket.ErrInvalid, "prefix"},
		"gs://shelf?grpc=true":                     {bucket.ErrInvalid, "the store's time cannot be had"},
		"gs://shelf?zonal=true":                    {bucket.ErrInvalid, "the store's time cannot be had"},
		"gs://shelf?zonal=perhaps":                 {bucket.ErrInvalid, "true or false"},
		"gs://shelf?access_id=me@example.com":      {bucket.ErrInvalid, "signed URLs"},
		"gs://shelf?private_key_path=key.pem":      {bucket.ErrInvalid, "signed URLs"},
		"gs://shelf?private_key_path=":             {bucket.ErrInvalid, "signed URLs"},
		"gs://shelf?anonymous=perhaps":             {bucket.ErrInvalid, "true or false"},
		"gs://shelf?conditional_delete=x":          {bucket.ErrInvalid, "true or false"},
		"gs://shelf?region=eu&endpoint=x":          {bucket.ErrInvalid, "endpoint, region"},
		"gs://shelf?anonymous=true&user_project=p": {bucket.ErrInvalid, "leave out user_project"},
		"gs://shelf?user_project=p&user_project=q": {bucket.ErrInvalid, "2 times"},
		"gs://shelf":                               {bucket.ErrRefused, "gcloud auth application-default login"},
	} {
		if _, err := openURL(t, location); !errors.Is(bucket.Kind(err), want.kind) || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: %v", location, err)
		}
	}
}

// account writes the credentials of a service account whose tokens come from somewhere, and makes them the machine's.
func account(t *testing.T, tokens, universe string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "robot@p.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": tokens, "universe_domain": universe,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
}

// detour brings every request but those for tokens to a server.
type detour struct {
	base   http.RoundTripper
	tokens string
	to     *url.URL
	hosts  *[]string // that were meant
}

func (d detour) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.String(), d.tokens) {
		*d.hosts = append(*d.hosts, r.URL.Scheme+"://"+r.URL.Host)
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = d.to.Scheme, d.to.Host
	}
	return d.base.RoundTrip(r)
}

func TestRequestsCarryTheTokenOfTheCredentials(t *testing.T) {
	answer := func(w http.ResponseWriter) {
		fmt.Fprint(w, `{"access_token":"token-1","token_type":"Bearer","expires_in":3600}`)
	}
	asked := 0
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		answer(w)
	}))
	t.Cleanup(tokens.Close)
	account(t, tokens.URL, "")
	f := newFake(t)
	f.put("a", "hello")
	to, err := url.Parse(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	connect := func() (bucket.Bucket, *[]string) {
		own, hosts := adapters.Client(), &[]string{}
		t.Cleanup(own.CloseIdleConnections)
		base := own.Transport
		t.Cleanup(base.(*http.Transport).CloseIdleConnections)
		own.Transport = detour{base, tokens.URL, to, hosts}
		client, closing, err := gcs.NewClient(t.Context(), own, "payer", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = closing() })
		b, err := gcs.New(t.Context(), client, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b, hosts
	}
	b, hosts := connect()
	if err := errors.Join(get(t.Context(), b, "a"), verbs[bucket.Stat](t.Context(), b)); err != nil {
		t.Fatal(err)
	}
	for _, header := range f.headers {
		if header.Get("Authorization") != "Bearer token-1" || header.Get("X-Goog-User-Project") != "payer" {
			t.Errorf("a request has the headers %v", header)
		}
	}
	if want := []string{"https://storage.googleapis.com", "https://storage.googleapis.com"}; asked != 1 || !slices.Equal(*hosts, want) {
		t.Errorf("%d tokens were fetched, and requests went to %q", asked, *hosts)
	}

	answer = func(w http.ResponseWriter) {
		http.Error(w, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, 400)
	}
	b, hosts = connect()
	if err := get(t.Context(), b, "a"); !errors.Is(bucket.Kind(err), bucket.ErrRefused) || !strings.Contains(err.Error(), "invalid_grant") || !strings.Contains(err.Error(), "renew") {
		t.Errorf("with credentials that are refused Get fails with %v", err)
	}
	answer = func(w http.ResponseWriter) { http.Error(w, "later", http.StatusBadGateway) }
	if err := get(t.Context(), b, "a"); !errors.Is(bucket.Kind(err), bucket.ErrUnavailable) || len(*hosts) != 0 {
		t.Errorf("without a token Get fails with %v, after requests to %q", err, *hosts)
	}
}

func TestATokenThatNobodyGivesIsAboutTheCredentials(t *testing.T) {
	account(t, "http://127.0.0.1:1", "")
	own := adapters.Client()
	t.Cleanup(own.CloseIdleConnections)
	client, closing, err := gcs.NewClient(t.Context(), own, "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closing() })
	b, err := gcs.New(t.Context(), client, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = get(t.Context(), b, "a")
	if !errors.Is(bucket.Kind(err), bucket.ErrUnavailable) || !strings.Contains(err.Error(), "(no token)") || !strings.Contains(err.Error(), "GOOGLE_APPLICATION_CREDENTIALS") || strings.Contains(err.Error(), "endpoint") {
		t.Errorf("%v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := get(over, b, "a"); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "no token") {
		t.Errorf("of a context that is over: %v", err)
	}
}

func TestCredentialsSayWhichCloudTheyAreOf(t *testing.T) {
	account(t, "http://127.0.0.1:1", "example.goog")
	for given, want := range map[string]string{"": "https://storage.example.goog", "other.goog": "https://storage.other.goog"} {
		hosts := []string{}
		own := &http.Client{Transport: detour{http.NewFileTransport(http.Dir(t.TempDir())), "http://127.0.0.1:1", &url.URL{Scheme: "file"}, &hosts}}
		client, closing, err := gcs.NewClient(t.Context(), own, "", given)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = closing() })
		b, err := gcs.New(t.Context(), client, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := get(t.Context(), b, "a"); err == nil || !slices.Equal(hosts, []string{want}) {
			t.Errorf("with the domain %q requests went to %q: %v", given, hosts, err)
		}
	}
}
