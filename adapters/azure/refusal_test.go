package azure_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/quivercache/quiver/adapters/azure"
	"github.com/quivercache/quiver/bucket"
)

// Whatever is asked, a refusal is of its kind, says what to do, and is asked for once: parts of an upload alone are repeated.
func TestRefusalsAreToldApart(t *testing.T) {
	const busy = 4 // requests for a part until the SDK gives up
	for code, c := range map[string]struct {
		status int
		parts  int // how often a part is sent that is refused so; 0: not tried
		kind   error
		hint   string
	}{
		"ContainerNotFound":                 {404, 1, bucket.ErrNoBucket, "make the container"},
		"ResourceNotFound":                  {404, 0, bucket.ErrNoBucket, "account"},
		"":                                  {404, 0, bucket.ErrNoBucket, "not an answer of Azure"},
		"InvalidResourceName":               {400, 0, bucket.ErrNoBucket, "name"},
		"ContainerBeingDeleted":             {409, 0, bucket.ErrNoBucket, "being deleted"},
		"ContainerDisabled":                 {409, 0, bucket.ErrRefused, "disabled"},
		"AuthenticationFailed":              {403, 1, bucket.ErrRefused, "clock"},
		"AuthorizationFailure":              {403, 0, bucket.ErrRefused, "network rules"},
		"AuthorizationPermissionMismatch":   {403, 0, bucket.ErrRefused, "Storage Blob Data Contributor"},
		"AuthorizationResourceTypeMismatch": {403, 0, bucket.ErrRefused, "srt=co"},
		"SomethingNew":                      {403, 0, bucket.ErrRefused, ""},
		"NoAuthenticationInformation":       {401, 0, bucket.ErrRefused, "AZURE_STORAGE_KEY"},
		"PublicAccessNotPermitted":          {409, 0, bucket.ErrRefused, "AZURE_STORAGE_KEY"},
		"SnapshotsPresent":                  {409, 0, bucket.ErrRefused, "snapshots"},
		"BlobArchived":                      {409, 0, bucket.ErrRefused, "archive"},
		"LeaseIdMissing":                    {412, 1, bucket.ErrRefused, "lease"},
		"InvalidBlobType":                   {409, 0, bucket.ErrRefused, "hierarchical"},
		"TooManyRequests":                   {429, 0, bucket.ErrThrottled, ""},
		"ServerBusy":                        {503, busy, bucket.ErrThrottled, ""},
		"OperationTimedOut":                 {500, busy, bucket.ErrUnavailable, ""},
		"InternalError":                     {500, 0, bucket.ErrUnavailable, ""},
		"Md5Mismatch":                       {400, 0, bucket.ErrUnavailable, "damaged"},
		"Crc64Mismatch":                     {400, 0, bucket.ErrUnavailable, "damaged"},
		"InvalidBlockList":                  {400, 1, bucket.ErrUnavailable, "another write"},
	} {
		for name, operation := range operations() {
			if name == "Put in parts" && c.parts == 0 {
				continue
			}
			t.Run(code+" to "+name, func(t *testing.T) {
				b, s, w := open(t, nil)
				version := create(t, b, w, "k", "content")
				times, others := 1, 0
				if name == "Put in parts" {
					times, others = c.parts, 2
				}
				s.next(operation.on, times, saying(c.status, code, "What Azure says."))
				err := operation.do(t.Context(), b, version)
				explained(t, err, operation.verb, c.kind, code, "request-1", c.hint)
				if operation.verb != bucket.Stat && !strings.Contains(err.Error(), "What Azure says") {
					t.Errorf("the error is %q", err)
				}
				if sent := w.take(); len(sent) != times+others {
					t.Errorf("sent %q", sent)
				}
			})
		}
	}
}

func TestWhatARefusalMeansHangsOnWhatWasAsked(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		code   string
		kind   error
		hint   string
	}{
		{"Get", 404, "BlobNotFound", bucket.ErrNotFound, ""},
		{"Stat", 404, "BlobNotFound", bucket.ErrNotFound, ""},
		{"Delete", 404, "BlobNotFound", bucket.ErrNotFound, ""},
		{"DeleteIf", 404, "BlobNotFound", bucket.ErrNotFound, ""},
		{"DeleteIf", 412, "ConditionNotMet", bucket.ErrChanged, ""},
		{"GetRange", 416, "InvalidRange", bucket.ErrInvalid, ""},
		{"Put IfAbsent", 412, "ConditionNotMet", bucket.ErrExists, ""},
		{"Put IfAbsent", 412, "TargetConditionNotMet", bucket.ErrExists, ""},
		{"Put IfAbsent", 409, "BlobAlreadyExists", bucket.ErrExists, ""},
		{"Put IfAbsent", 403, "UnauthorizedBlobOverwrite", bucket.ErrExists, ""},
		{"Put IfAbsent", 409, "SystemInUse", bucket.ErrUnavailable, ""},
		{"Put IfAbsent", 400, "InvalidHeaderValue", bucket.ErrRefused, "--skipApiVersionCheck"},
		{"Put IfMatch", 412, "ConditionNotMet", bucket.ErrChanged, ""},
		{"Put IfMatch", 404, "BlobNotFound", bucket.ErrChanged, ""},
		{"Put IfMatch", 409, "BlobAlreadyExists", bucket.ErrChanged, ""},
		{"Put IfMatch", 403, "UnauthorizedBlobOverwrite", bucket.ErrRefused, "permission w"},
		{"Put in parts", 409, "BlobAlreadyExists", bucket.ErrExists, ""},
		{"Put in parts", 412, "ConditionNotMet", bucket.ErrExists, ""},
	} {
		t.Run(c.name+" "+c.code, func(t *testing.T) {
			b, s, w := open(t, nil)
			version := create(t, b, w, "k", "content")
			operation := operations()[c.name]
			s.next(operation.on, 1, saying(c.status, c.code, "The API version 2026-06-06 is not supported."))
			explained(t, operation.do(t.Context(), b, version), operation.verb, c.kind, c.code, c.hint)
		})
	}
	b, s, _ := open(t, nil)
	s.next("DELETE k", 1, saying(404, "BlobNotFound", "The specified blob does not exist."))
	if err := bucket.Remove(t.Context(), b, "k"); err != nil {
		t.Errorf("Remove of a missing object: %v", err)
	}
}

func TestADeniedRequestNamesTheRightThatItNeeds(t *testing.T) {
	for name, needs := range map[string][]string{
		"Get": {"blobs/read", "permission r of"}, "GetRange": {"blobs/read", "permission r of"}, "Stat": {"blobs/read", "permission r of"}, "List": {"blobs/read", "permission l of"},
		"Folders": {"blobs/read", "permission l of"}, "Put IfAbsent": {"blobs/write", "permission c of"}, "Put in parts": {"blobs/write", "permission c of"},
		"Put IfMatch": {"blobs/write", "permission w of"}, "Delete": {"blobs/delete", "permission d of"}, "DeleteIf": {"blobs/delete", "permission d of"}, "Remove": {"blobs/delete", "permission d of"},
	} {
		b, s, w := open(t, nil)
		version := create(t, b, w, "k", "content")
		operation := operations()[name]
		s.next(operation.on, 1, saying(403, "AuthorizationPermissionMismatch", "No."))
		explained(t, operation.do(t.Context(), b, version), operation.verb, bucket.ErrRefused, needs...)
	}
}

func TestAnAccountThatIsNotThereIsExplained(t *testing.T) {
	for host, c := range map[string]struct {
		kind error
		says string
	}{
		"account.blob.core.windows.net": {bucket.ErrNoBucket, "look at the storage account's name"},
		"azurite.example":               {bucket.ErrUnavailable, "look at the endpoint"},
	} {
		key, err := container.NewSharedKeyCredential("account", key)
		if err != nil {
			t.Fatal(err)
		}
		client, err := container.NewClientWithSharedKeyCredential("https://"+host+"/c", key, &container.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: nowhere{host}}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := azure.New(t.Context(), client, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Get(t.Context(), "k")
		explained(t, err, bucket.Get, c.kind, "there is no host "+host, c.says)
		if strings.Contains(err.Error(), "https:") {
			t.Error(err)
		}
	}
}

// nowhere is a transport to a host that is not there.
type nowhere struct{ host string }

func (n nowhere) Do(r *http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: r.Method, URL: r.URL.String(), Err: &net.DNSError{Err: "no such host", Name: n.host, IsNotFound: true}}
}

func TestTheSuccessOfAnotherServerIsNone(t *testing.T) {
	for name, operation := range operations() {
		for what, body := range map[string]string{"page": "<html><body>Welcome</body></html>", "nothing": ""} {
			t.Run(what+" to "+name, func(t *testing.T) {
				b, s, w := open(t, nil)
				version := create(t, b, w, "k", "content")
				s.next(operation.on, 1, func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
					drain(r)
					w.Header().Del("X-Ms-Request-Id")
					fmt.Fprint(w, body)
				})
				explained(t, operation.do(t.Context(), b, version), operation.verb, bucket.ErrUnavailable, "not an answer of Azure")
			})
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	for name, operation := range operations() {
		t.Run(name, func(t *testing.T) {
			s, server := serve(t)
			away, elsewhere := serve(t)
			environment(t, map[string]string{"ACCOUNT": "account", "KEY": key})
			b := opened(t, "azblob://c?protocol=http&domain="+strings.TrimPrefix(server.URL, "http://"))
			s.next(operation.on, 1, func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
				drain(r)
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
			})
			explained(t, operation.do(t.Context(), b, `"1"`), operation.verb, bucket.ErrNoBucket, "Temporary Redirect")
			if seen := away.requests(); len(seen) != 0 {
				t.Errorf("%d requests went elsewhere", len(seen))
			}
		})
	}
}

func TestASilentServiceIsLeftAtTheDeadline(t *testing.T) {
	var all sync.WaitGroup
	for name, operation := range operations() {
		b, s, w := open(t, nil)
		version := create(t, b, w, "k", "content")
		s.next(strings.Replace(operation.on, "?blocklist", "?block", 1), 0, silence)
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := operation.do(ctx, b, version)
			explained(t, err, operation.verb, bucket.ErrUnavailable, "deadline exceeded")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: the error is %v", name, err)
			}
		})
	}
	all.Wait()
}

// The writer of gocloud.dev/blob that this package leaves alone panics where Azure refuses.
func TestAWriteThatFailsOnlyFails(t *testing.T) {
	faults := map[string]func(http.ResponseWriter, *http.Request, http.HandlerFunc){
		"403": saying(403, "AuthorizationFailure", "No."), "409": saying(409, "BlobAlreadyExists", "No."), "503": saying(503, "ServerBusy", "No."), "hang up": hangUp,
	}
	sizes := map[string]int{"403": 20 << 20, "409": large, "503": large, "hang up": 20 << 20}
	for name, do := range faults {
		for _, on := range []string{"PUT new", "PUT new?block", "PUT new?blocklist"} {
			t.Run(name+" to "+on, func(t *testing.T) {
				b, s, _ := open(t, nil)
				s.next(on, 0, do)
				content := make([]byte, 1)
				if strings.Contains(on, "?") {
					content = make([]byte, sizes[name])
				}
				err := b.Put(t.Context(), "new", bucket.Bytes(content), bucket.IfAbsent())
				explained(t, err, bucket.Put, bucket.Kind(err))
				if _, err := b.Stat(t.Context(), "new"); !errors.Is(err, bucket.ErrNotFound) {
					t.Errorf("after the write: %v", err)
				}
			})
		}
	}
	t.Run("canceled", func(t *testing.T) {
		for _, size := range []int{1, 20 << 20} {
			b, s, _ := open(t, nil)
			ctx, cancel := context.WithCancel(t.Context())
			do := func(http.ResponseWriter, *http.Request, http.HandlerFunc) { cancel() }
			s.next(map[bool]string{true: "PUT new", false: "PUT new?block"}[size == 1], 0, do)
			err := b.Put(ctx, "new", bucket.Bytes(make([]byte, size)), bucket.IfAbsent())
			explained(t, err, bucket.Put, bucket.ErrUnavailable, "context canceled")
		}
	})
}

// nobody has no token.
type nobody struct{ err error }

func (n nobody) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, n.err
}

func TestARequestWithoutATokenIsExplained(t *testing.T) {
	failed := func(status int) error {
		return &azidentity.AuthenticationFailedError{RawResponse: &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(`{"error": "invalid_client"}`))}}
	}
	for name, c := range map[string]struct {
		err  error
		kind error
		word string
	}{
		"none is configured":     {azidentity.NewCredentialUnavailableError("no credentials\nare configured"), bucket.ErrRefused, "no credentials are configured"},
		"it is refused":          {failed(401), bucket.ErrRefused, "invalid_client"},
		"too many are asked for": {failed(429), bucket.ErrThrottled, ""},
		"the service is ill":     {failed(503), bucket.ErrUnavailable, ""},
		"nobody answers":         {&azidentity.AuthenticationFailedError{}, bucket.ErrUnavailable, ""},
		"there is no time":       {context.DeadlineExceeded, bucket.ErrUnavailable, "deadline"},
	} {
		for _, verb := range slices.Sorted(maps.Keys(operations())) {
			t.Run(name+" to "+verb, func(t *testing.T) {
				client, err := container.NewClient("https://account.blob.core.windows.net/c", nobody{c.err}, nil)
				if err != nil {
					t.Fatal(err)
				}
				b, err := azure.New(t.Context(), client, nil)
				if err != nil {
					t.Fatal(err)
				}
				operation := operations()[verb]
				err = operation.do(t.Context(), b, `"1"`)
				failure, ok := errors.AsType[*bucket.Error](err)
				if !ok || !errors.Is(bucket.Kind(err), c.kind) || !strings.Contains(err.Error(), c.word) {
					t.Fatalf("the error is %v", err)
				}
				if !errors.Is(c.kind, bucket.ErrUnavailable) && !strings.Contains(failure.Hint, "AZURE_STORAGE_KEY") {
					t.Errorf("the hint is %q", failure.Hint)
				}
			})
		}
	}
}
