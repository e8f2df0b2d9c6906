package azure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/quivercache/quiver/adapters/azure"
	"github.com/quivercache/quiver/bucket"
)

// environment sets these variables of Azure's, and no others.
func environment(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, name := range []string{"ACCOUNT", "KEY", "SAS_TOKEN", "CONNECTION_STRING", "DOMAIN", "PROTOCOL", "IS_CDN", "IS_LOCAL_EMULATOR"} {
		t.Setenv("AZURE_STORAGE_"+name, variables[name])
	}
	t.Setenv("AZURE_STORAGEBLOB_CONNECTIONSTRING", "")
}

func openURL(ctx context.Context, location string) (bucket.Bucket, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	return azure.OpenURL(ctx, u)
}

func opened(t *testing.T, location string) bucket.Bucket {
	t.Helper()
	b, err := openURL(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func host(server *httptest.Server) string { return strings.TrimPrefix(server.URL, "http://") }

func TestEveryCredentialOfTheEnvironmentOpens(t *testing.T) {
	s, server := serve(t)
	for name, c := range map[string]struct {
		environment map[string]string
		location    string
		token       string
	}{
		"a key":                        {map[string]string{"ACCOUNT": "account", "KEY": key}, "azblob://c?protocol=http&domain=" + host(server), ""},
		"a key, all in its place":      {map[string]string{"ACCOUNT": "account", "KEY": key, "DOMAIN": host(server), "PROTOCOL": "http"}, "azblob://c", ""},
		"a token":                      {map[string]string{"ACCOUNT": "account", "SAS_TOKEN": "sv=1&sig=s%2Bg", "DOMAIN": host(server), "PROTOCOL": "http"}, "azblob://c", "s+g"},
		"a token as the portal has it": {map[string]string{"ACCOUNT": "account", "SAS_TOKEN": "?sv=1&sig=s%2Bg\n", "DOMAIN": host(server), "PROTOCOL": "http"}, "azblob://c", "s+g"},
		"a token, and the same place":  {map[string]string{"ACCOUNT": "account", "SAS_TOKEN": "sig=1", "DOMAIN": host(server), "PROTOCOL": "http"}, "azblob://c?protocol=http&storage_account=account&domain=" + host(server), "1"},
		"a connection string":          {map[string]string{"CONNECTION_STRING": "AccountName=account;AccountKey=" + key + ";BlobEndpoint=" + server.URL + "/account"}, "azblob://c", ""},
		"a connection string's token":  {map[string]string{"CONNECTION_STRING": "SharedAccessSignature=sv=1&sig=2;BlobEndpoint=" + server.URL + "/account"}, "azblob://c", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, c.environment)
			s.token = c.token
			b := opened(t, c.location)
			if err := b.Put(t.Context(), "k", bucket.Bytes([]byte("content")), bucket.IfAbsent()); err != nil {
				t.Fatal(err)
			}
			if page, err := b.List(t.Context(), bucket.ListOptions{}); err != nil || len(page.Objects) != 1 {
				t.Errorf("%v, %v", page, err)
			}
			if err := b.Delete(t.Context(), "k"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatCannotBeOpenedIsExplained(t *testing.T) {
	byKey := map[string]string{"ACCOUNT": "account", "KEY": key}
	byToken := map[string]string{"ACCOUNT": "account", "SAS_TOKEN": "sv=1&sig=secret"}
	byConnection := map[string]string{"CONNECTION_STRING": "AccountName=account;AccountKey=" + key}
	byIdentity := map[string]string{"ACCOUNT": "account"}
	for _, c := range []struct {
		location    string
		environment map[string]string
		kind        error
		explains    string
	}{
		{"azblob:///prefix", byKey, bucket.ErrInvalid, "no bucket"},
		{"azblob://my_container", byKey, bucket.ErrInvalid, "hyphens"},
		{"azblob://..", byKey, bucket.ErrInvalid, "hyphens"},
		{"azblob://c/Prefix", byKey, bucket.ErrInvalid, "prefix"},
		{"azblob://c?sync=true", byKey, bucket.ErrInvalid, "no parameter sync"},
		{"azblob://c?cdn=perhaps", byKey, bucket.ErrInvalid, "true or false"},
		{"azblob://c?conditional_delete=perhaps", byKey, bucket.ErrInvalid, "true or false"},
		{"azblob://c?protocol=ftp", byKey, bucket.ErrInvalid, "protocol"},
		{"azblob://c?storage_account=a.example/", byKey, bucket.ErrInvalid, "storage account"},
		{"azblob://c", map[string]string{}, bucket.ErrRefused, "AZURE_STORAGE_ACCOUNT"},
		{"azblob://c", map[string]string{"ACCOUNT": "account", "KEY": "no base64"}, bucket.ErrRefused, "AZURE_STORAGE_KEY"},
		{"azblob://c", map[string]string{"ACCOUNT": "account", "SAS_TOKEN": "secret"}, bucket.ErrRefused, "no SAS token"},
		{"azblob://c", map[string]string{"ACCOUNT": "account", "SAS_TOKEN": "sig=%zzsecret"}, bucket.ErrRefused, "no SAS token"},
		{"azblob://c", map[string]string{"CONNECTION_STRING": "secret"}, bucket.ErrRefused, "AZURE_STORAGE_CONNECTION_STRING"},
		{"azblob://c?domain=blob.core.windows.net", byConnection, bucket.ErrInvalid, "AZURE_STORAGE_CONNECTION_STRING"},
		{"azblob://c?domain=a.example", byToken, bucket.ErrRefused, "AZURE_STORAGE_DOMAIN"},
		{"azblob://c?domain=blob.core.windows.net@a.example", byToken, bucket.ErrRefused, "AZURE_STORAGE_DOMAIN"},
		{"azblob://c?protocol=http", byToken, bucket.ErrRefused, "AZURE_STORAGE_PROTOCOL"},
		{"azblob://c?localemu=true", byKey, bucket.ErrInvalid, "domain=127.0.0.1:10000"},
		{"azblob://c?localemu=true&domain=a.example", byToken, bucket.ErrRefused, "AZURE_STORAGE_DOMAIN"},
		{"azblob://c?domain=http://127.0.0.1:10000", byKey, bucket.ErrInvalid, "protocol=http"},
		{"azblob://c?protocol=http&domain=127.0.0.1:10000", byIdentity, bucket.ErrRefused, "AZURE_STORAGE_KEY is not set"},
		{"azblob://c?storage_account=account", map[string]string{"KEY": key}, bucket.ErrRefused, "AZURE_STORAGE_ACCOUNT"},
		{"azblob://c?storage_account=other", byToken, bucket.ErrRefused, "AZURE_STORAGE_ACCOUNT"},
		{"azblob://c?storage_account=other", map[string]string{"SAS_TOKEN": "sig=secret"}, bucket.ErrRefused, "AZURE_STORAGE_ACCOUNT"},
		{"azblob://c?domain=a.example", byIdentity, bucket.ErrRefused, "AZURE_STORAGE_DOMAIN"},
		{"azblob://c?cdn=true&domain=a.example", byIdentity, bucket.ErrRefused, "AZURE_STORAGE_DOMAIN"},
	} {
		t.Run(c.location, func(t *testing.T) {
			environment(t, c.environment)
			b, err := openURL(t.Context(), c.location)
			if b != nil || !errors.Is(bucket.Kind(err), c.kind) || !strings.Contains(err.Error(), c.explains) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTheDevelopmentStorageIsAzuriteAtItsUsualAddress(t *testing.T) {
	for _, connection := range []string{"UseDevelopmentStorage=true", "usedevelopmentstorage=TRUE;"} {
		environment(t, map[string]string{"CONNECTION_STRING": connection})
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // whether somebody listens there does not count
		if _, err := opened(t, "azblob://c").Get(ctx, "k"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", connection, err)
		}
	}
}

// An identity is good for every account, and needs none until the first request.
func TestAnIdentityOpensTheAccountThatTheURLNames(t *testing.T) {
	environment(t, nil)
	opened(t, "azblob://c?storage_account=account")
}

func TestConditionalDeleteCanBeLeftOut(t *testing.T) {
	environment(t, map[string]string{"ACCOUNT": "account", "KEY": key})
	for location, has := range map[string]bool{"azblob://c": true, "azblob://c?conditional_delete=true": true, "azblob://c/p?conditional_delete=false": false} {
		if _, ok := bucket.As[bucket.ConditionalDeleter](opened(t, location)); ok != has {
			t.Errorf("%s: %v", location, ok)
		}
	}
}

func TestTheEncryptionScopeIsAParameter(t *testing.T) {
	environment(t, map[string]string{"ACCOUNT": "account", "KEY": key})
	s, server := serve(t)
	b := opened(t, "azblob://c?encryption_scope=ours&protocol=http&domain="+host(server))
	if err := b.Put(t.Context(), "k", bucket.Bytes(nil), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	if scope := s.requests()[0].Header.Get("X-Ms-Encryption-Scope"); scope != "ours" {
		t.Errorf("the scope is %q", scope)
	}
}

// Whatever fails, and whoever made the client: no error has the token in its text, nor has any of its causes.
func TestATokenIsInNoError(t *testing.T) {
	const sig = "topsecret"
	opens := map[string]func(t *testing.T, server *httptest.Server) bucket.Bucket{
		"by URL": func(t *testing.T, server *httptest.Server) bucket.Bucket {
			environment(t, map[string]string{"ACCOUNT": "account", "SAS_TOKEN": "sv=1&sig=" + sig, "DOMAIN": host(server), "PROTOCOL": "http"})
			return opened(t, "azblob://c")
		},
		"by a client": func(t *testing.T, server *httptest.Server) bucket.Bucket {
			client, err := container.NewClientWithNoCredential(server.URL+"/account/c?sv=1&sig="+sig, &container.ClientOptions{ClientOptions: azcore.ClientOptions{
				Transport: azure.Transport(newWire(t)), Retry: policy.RetryOptions{RetryDelay: time.Millisecond},
			}})
			if err != nil {
				t.Fatal(err)
			}
			b, err := azure.New(t.Context(), client, nil)
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
	}
	for by, open := range opens {
		for name, operation := range operations() {
			for what, harm := range map[string]func(s *service, server *httptest.Server, cancel func()){
				"refused":  func(s *service, _ *httptest.Server, _ func()) { s.token = "another" },
				"gone":     func(_ *service, server *httptest.Server, _ func()) { server.Close() },
				"canceled": func(_ *service, _ *httptest.Server, cancel func()) { cancel() },
				"hang up": func(s *service, _ *httptest.Server, _ func()) {
					s.next(operation.on, 0, hangUp)
				},
			} {
				if name == "Put in parts" && by == "by URL" && (what == "gone" || what == "hang up") {
					continue // it takes the SDK seconds
				}
				t.Run(strings.Join([]string{what, name, by}, " "), func(t *testing.T) {
					s, server := serve(t)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					b := open(t, server)
					harm(s, server, cancel)
					err := operation.do(ctx, b, `"1"`)
					if err == nil {
						t.Fatal("nothing fails")
					}
					each(err, func(cause error) {
						for _, text := range []string{cause.Error(), fmt.Sprintf("%+v", cause), fmt.Sprintf("%#v", cause.Error())} {
							if strings.Contains(text, sig) {
								t.Errorf("%T: %s", cause, text)
							}
						}
					})
				})
			}
		}
	}
}

// each walks an error and its causes.
func each(err error, visit func(error)) {
	visit(err)
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		if cause := wrapper.Unwrap(); cause != nil {
			each(cause, visit)
		}
	case interface{ Unwrap() []error }:
		for _, cause := range wrapper.Unwrap() {
			each(cause, visit)
		}
	}
}
