package azure_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/adapters/azure"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

// The service of these tests is no proof of Azure; it is that what the contract asks of the adapter comes to the right requests. Its races are left to real servers.
func TestTheContract(t *testing.T) {
	environment(t, map[string]string{"ACCOUNT": "account", "KEY": key})
	for _, c := range buckettest.Cases() {
		if strings.HasPrefix(c.Name, "of many that") || c.Extra == bucket.DeleteAll || c.Extra == bucket.ListUploads {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			bare, _, _ := open(t, nil)
			if err := c.Run(t.Context(), bare, c.Folder()); err != nil {
				t.Error(err)
			}
			_, server := serve(t)
			prefixed := opened(t, "azblob://c/team/project?protocol=http&domain="+host(server))
			if err := c.Run(t.Context(), prefixed, c.Folder()); err != nil {
				t.Errorf("prefixed: %v", err)
			}
		})
	}
}

func TestTheContractNoticesAServiceThatIgnoresConditions(t *testing.T) {
	b, s, _ := open(t, nil)
	s.unconditional = true
	var failed []string
	for _, c := range buckettest.Cases() {
		if strings.HasPrefix(c.Name, "IfAbsent fails") || strings.HasPrefix(c.Name, "IfMatch fails") || strings.HasPrefix(c.Name, "DeleteIf fails") {
			if c.Run(t.Context(), b, c.Folder()) != nil {
				failed = append(failed, c.Name)
			}
		}
	}
	if len(failed) < 5 {
		t.Errorf("only these cases fail: %q", failed)
	}
}

func TestEveryOperationHasItsRequests(t *testing.T) {
	for name, requests := range map[string][]string{
		"Get":          {"GET k"},
		"GetRange":     {"GET k"},
		"Stat":         {"HEAD k"},
		"Put IfAbsent": {"PUT new"},
		"Put IfMatch":  {"PUT k"},
		"Put in parts": {"PUT new?block", "PUT new?block", "PUT new?blocklist"},
		"Delete":       {"DELETE k"},
		"DeleteIf":     {"DELETE k"},
		"Remove":       {"DELETE k"},
		"List":         {"LIST k"},
		"Folders":      {"FOLDERS k/"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, w := open(t, nil)
			version := create(t, b, w, "k", "content")
			if err := operations()[name].do(t.Context(), b, version); err != nil {
				t.Fatal(err)
			}
			if sent := w.take(); !slices.Equal(sent, requests) {
				t.Errorf("sent %q, not %q", sent, requests)
			}
		})
	}
}

func TestTwentyMebibytesGoInThreeParts(t *testing.T) {
	b, s, w := open(t, nil)
	content := bytes.Repeat([]byte("0123456789abcdef"), 20<<16)
	if err := b.Put(t.Context(), "k", bucket.Bytes(content), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	if sent := w.take(); !slices.Equal(sent, []string{"PUT k?block", "PUT k?block", "PUT k?block", "PUT k?blocklist"}) {
		t.Errorf("sent %q", sent)
	}
	if !bytes.Equal(s.blobs["k"].content, content) {
		t.Error("the object is another")
	}
}

func TestADeleteThatComesTooLateLooksWhatItMissed(t *testing.T) {
	b, _, w := open(t, nil)
	old := create(t, b, w, "k", "one")
	if err := b.Put(t.Context(), "k", bucket.Bytes([]byte("two")), bucket.IfMatch(old)); err != nil {
		t.Fatal(err)
	}
	w.take()
	deleteIf := operations()["DeleteIf"].do
	explained(t, deleteIf(t.Context(), b, old), bucket.DeleteIf, bucket.ErrChanged, "ConditionNotMet")
	if sent := w.take(); !slices.Equal(sent, []string{"DELETE k", "HEAD k"}) {
		t.Errorf("sent %q", sent)
	}
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	explained(t, deleteIf(t.Context(), b, old), bucket.DeleteIf, bucket.ErrNotFound, "BlobNotFound")
}

// The condition, the scope and the type are on the request that decides, the scope on all that write.
func TestWhatAWriteAsksForIsOnItsRequests(t *testing.T) {
	b, s, w := open(t, &azure.Options{EncryptionScope: "ours"})
	version := create(t, b, w, "k", "content")
	for name, c := range map[string]struct{ absent, match string }{
		"Put IfAbsent": {"*", ""}, "Put IfMatch": {"", string(version)}, "Put in parts": {"*", ""},
	} {
		s.requests()
		if err := operations()[name].do(t.Context(), b, version); err != nil {
			t.Fatal(name, err)
		}
		requests := s.requests()
		for _, r := range requests {
			if r.Header.Get("X-Ms-Encryption-Scope") != "ours" {
				t.Errorf("%s: a request without the encryption scope: %v", name, r.Header)
			}
		}
		last := requests[len(requests)-1].Header
		if last.Get("If-None-Match") != c.absent || last.Get("If-Match") != c.match || last.Get("X-Ms-Blob-Content-Type") != "application/octet-stream" {
			t.Errorf("%s: the last request has %v", name, last)
		}
		if err := b.Delete(t.Context(), "new"); err != nil && !errors.Is(err, bucket.ErrNotFound) {
			t.Fatal(err)
		}
	}
}

func TestAListingGoesOnWhereAzureStops(t *testing.T) {
	b, s, w := open(t, nil)
	var want []string
	for i := range 25 {
		key := fmt.Sprintf("k%02d", i)
		create(t, b, w, key, key)
		want = append(want, key)
	}
	s.pages = 10 // Azure may give fewer than it was asked for
	for _, options := range []bucket.ListOptions{{Prefix: "k"}, {Prefix: "k", Limit: 7}, {Prefix: "k", Limit: 20}, {After: "k11", Limit: 3}, {After: "k09"}} {
		var keys []string
		for info, err := range bucket.All(t.Context(), b, options) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, info.Key)
		}
		if rest := slices.DeleteFunc(slices.Clone(want), func(key string) bool { return key <= options.After }); !slices.Equal(keys, rest) {
			t.Errorf("%+v lists %q", options, keys)
		}
	}
	w.take()
	page, err := b.List(t.Context(), bucket.ListOptions{Prefix: "k"})
	if err != nil || len(page.Objects) != 10 || page.Next == "" {
		t.Fatalf("%v, %v", page, err)
	}
	if sent := w.take(); len(sent) != 1 {
		t.Errorf("one of Azure's pages took %q", sent)
	}
	if asked := s.requests(); asked[len(asked)-1].URL.Query().Get("maxresults") != "5000" {
		t.Errorf("the page was asked for by %s", asked[len(asked)-1].URL.RawQuery)
	}
}

func TestFoldersTakeOneRequestForWhatAzureGives(t *testing.T) {
	b, s, w := open(t, nil)
	var want []string
	for i := range 25 {
		folder := fmt.Sprintf("index/%02d/", i)
		s.blobs[folder+"a/b"], s.blobs[folder+"c"] = stored{}, stored{}
		want = append(want, folder)
	}
	for i := range 10 { // a page of these alone
		s.blobs[fmt.Sprintf("index/10-%d", i)] = stored{}
	}
	s.blobs["index-/a"] = stored{}
	for pages, requests := range map[int]int{0: 1, 10: 4} {
		s.pages = pages // Azure may give fewer than it was asked for
		got, err := bucket.Folders(t.Context(), b, "index/")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v", got, err)
		}
		if sent := w.take(); len(sent) != requests {
			t.Errorf("sent %q", sent)
		}
	}
	for _, r := range s.requests() {
		if query := r.URL.Query(); query.Get("delimiter") != "/" || query.Get("maxresults") != "5000" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
	}
}

func TestAVersionIsTheSameHoweverItIsRead(t *testing.T) {
	b, _, w := open(t, nil)
	version := create(t, b, w, "k", "content")
	page, err := b.List(t.Context(), bucket.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	object, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	read(t, object)
	if page.Objects[0].Version != version || object.Version != version || !strings.HasPrefix(string(version), `"0x`) {
		t.Errorf("Stat says %s, List %s, Get %s", version, page.Objects[0].Version, object.Version)
	}
}

// A client of the caller's own shows the store's time, too.
func TestTheStoreTellsItsTime(t *testing.T) {
	b, _, w := open(t, nil)
	create(t, b, w, "k", "content")
	object, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	read(t, object)
	page, err := b.List(t.Context(), bucket.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !object.Date.Equal(storeTime) || !page.Date.Equal(storeTime) {
		t.Errorf("Get says %v, List %v", object.Date, page.Date)
	}
}

func TestABodyThatIsCutGoesOnInItsVersion(t *testing.T) {
	b, s, w := open(t, nil)
	content := strings.Repeat("0123456789abcdef", 1<<14)
	version := create(t, b, w, "k", content)
	s.next("GET k", 2, cutting)
	s.requests()
	object, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if read(t, object) != content {
		t.Error("the body is another")
	}
	requests := s.requests()
	if len(requests) != 3 {
		t.Fatalf("%d requests", len(requests))
	}
	if r := requests[0].Header; r.Get("X-Ms-Range") != "" || r.Get("If-Match") != "" {
		t.Errorf("the first request has %v", r)
	}
	for i, from := range []int{len(content) / 2, len(content) / 4 * 3} {
		if r := requests[i+1].Header; r.Get("X-Ms-Range") != fmt.Sprintf("bytes=%d-%d", from, len(content)-1) || r.Get("If-Match") != string(version) {
			t.Errorf("request %d has %v", i+2, r)
		}
	}
}

func TestABodyThatIsCutEndsWhereItsObjectHasChanged(t *testing.T) {
	b, s, w := open(t, nil)
	version := create(t, b, w, "k", strings.Repeat("0123456789abcdef", 1<<14))
	s.next("GET k", 1, cutting)
	object, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), "k", bucket.Bytes([]byte("new")), bucket.IfMatch(version)); err != nil {
		t.Fatal(err)
	}
	explained(t, got(object, nil), bucket.Get, bucket.ErrUnavailable, "reading the body", "ConditionNotMet")
}

// What became of a write whose answer was lost is not known; repeated, it is refused by its own success, and its writer looks for its own bytes.
func TestAWriteMayHaveLanded(t *testing.T) {
	for name, after := range map[string]func(w http.ResponseWriter){
		"500": func(w http.ResponseWriter) {
			say(w, http.StatusInternalServerError, "OperationTimedOut", "The operation timed out.")
		},
		"no answer":  func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"half of it": func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
	} {
		t.Run(name, func(t *testing.T) {
			b, s, w := open(t, nil)
			put := func(b bucket.Bucket) error {
				return b.Put(t.Context(), "k", bucket.Bytes([]byte("mine")), bucket.IfAbsent())
			}
			s.next("PUT k", 1, landing(after))
			explained(t, put(b), bucket.Put, bucket.ErrUnavailable)
			if sent := w.take(); len(sent) != 1 {
				t.Errorf("sent %q", sent)
			}
			if err := b.Delete(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
			s.next("PUT k", 1, landing(after))
			decorated, err := bucket.Decorate(b, bucket.Decorators{Retry: bucket.RetryOptions{Backoff: quick}})
			if err != nil {
				t.Fatal(err)
			}
			explained(t, put(decorated), bucket.Put, bucket.ErrExists, "2 attempts")
		})
	}
}

// A part that failed is sent again; the upload is not.
func TestAPartIsRepeated(t *testing.T) {
	b, s, w := open(t, nil)
	s.next("PUT new?block", 2, saying(http.StatusServiceUnavailable, "ServerBusy", "The server is busy."))
	if err := operations()["Put in parts"].do(t.Context(), b, ""); err != nil {
		t.Fatal(err)
	}
	if sent := w.take(); len(sent) != 2+2+1 {
		t.Errorf("sent %q", sent)
	}
	if info, err := b.Stat(t.Context(), "new"); err != nil || info.Size != large {
		t.Errorf("%+v, %v", info, err)
	}
}
