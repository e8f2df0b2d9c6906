package azure_test

import (
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
)

func TestACopyIsRefusedWithoutARequest(t *testing.T) {
	b, _, w := open(t, nil)
	create(t, b, w, "k", "content")
	locator, can := bucket.As[bucket.Locator](b)
	if !can {
		t.Fatal("the bucket does not say where it is")
	}
	copier, near := bucket.Near(b, locator.Locate("k"))
	if !near {
		t.Fatal("a bucket is not near to itself")
	}
	err := copier.Copy(t.Context(), locator.Locate("k"), 7, "l")
	explained(t, err, bucket.Copy, bucket.ErrRefused, "Azure does not copy")
	if bucket.Retryable(t.Context(), err) {
		t.Errorf("it would be asked again: %v", err)
	}
	if sent := w.take(); len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}
}

func TestABucketKnowsWhereItIs(t *testing.T) {
	locate := func(b bucket.Bucket) bucket.Location {
		locator, ok := bucket.As[bucket.Locator](b)
		if !ok {
			t.Fatal("the bucket does not say where it is")
		}
		return locator.Locate("k")
	}
	environment(t, map[string]string{"ACCOUNT": "account", "KEY": key})
	for location, want := range map[string]bucket.Location{
		"azblob://c":              {Service: "azblob", Endpoint: "account.blob.core.windows.net", Bucket: "c", Key: "k"},
		"azblob://c/team/project": {Service: "azblob", Endpoint: "account.blob.core.windows.net", Bucket: "c", Key: "team/project/k"},
		// An emulator has its accounts in the path.
		"azblob://c?protocol=http&domain=127.0.0.1:10000": {Service: "azblob", Endpoint: "127.0.0.1:10000/account", Bucket: "c", Key: "k"},
	} {
		if at := locate(opened(t, location)); at != want {
			t.Errorf("%s is at %+v, not %+v", location, at, want)
		}
	}
	environment(t, map[string]string{"ACCOUNT": "account", "SAS_TOKEN": "sv=1&sig=secret"})
	at := locate(opened(t, "azblob://c"))
	if want := (bucket.Location{Service: "azblob", Endpoint: "account.blob.core.windows.net", Bucket: "c", Key: "k"}); at != want || at.String() != "azblob://c/k" {
		t.Errorf("with a token it is at %+v", at)
	}
	bare, _, _ := open(t, nil)
	if at := locate(bare); at.Bucket != "c" || !strings.HasPrefix(at.Endpoint, "127.0.0.1:") || !strings.HasSuffix(at.Endpoint, "/account") {
		t.Errorf("with a client of its own it is at %+v", at)
	}
}
