package adapters_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// walk lists to the end and returns the keys. A page that is larger than it may be, or an end that does not come, fails.
func walk(t interface {
	rapid.TB
	Context() context.Context
}, b bucket.Bucket, options bucket.ListOptions, atMost int) []string {
	keys := []string{}
	for pages := 0; ; pages++ {
		page, err := b.List(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Objects) > atMost || pages > 200 {
			t.Fatalf("page %d has %d keys", pages, len(page.Objects))
		}
		for _, info := range page.Objects {
			keys = append(keys, info.Key)
		}
		if options.Token = page.Next; page.Next == "" {
			return keys
		}
	}
}

func TestAWalkYieldsWhatMemYieldsWhereverTheServiceBegins(t *testing.T) {
	key := rapid.StringMatching(`(\.?[ab]|\.\.a)(/(\.?[ab]|-))?(/a)?`)
	name := rapid.StringMatching(`([ab./-]{0,4})`)
	rapid.Check(t, func(r *rapid.T) {
		service := newCloud()
		service.generous = rapid.Bool().Draw(r, "the service gives more keys than it was asked for")
		b := service.bridge(t, &adapters.Options{FromStart: rapid.Bool().Draw(r, "the service begins at the first key"), PageSize: rapid.IntRange(1, 5).Draw(r, "page size")})
		for _, key := range rapid.SliceOfNDistinct(key, 0, 12, rapid.ID).Draw(r, "keys") {
			create(t, b, key, "")
		}
		options := bucket.ListOptions{Prefix: name.Draw(r, "prefix"), After: name.Draw(r, "after"), Limit: rapid.IntRange(0, 4).Draw(r, "limit")}
		atMost := options.Limit
		if atMost == 0 {
			atMost = bucket.MaxPage
		}
		want := walk(r, service.store, options, atMost)
		if got := walk(r, b, options, atMost); !slices.Equal(got, want) {
			r.Fatalf("%+v yields %q, not %q", options, got, want)
		}
	})
}

func TestAPageIsOneRequestAndTellsTheStoresTime(t *testing.T) {
	service := newCloud()
	b := service.bridge(t, &adapters.Options{PageSize: 4})
	for i := range 10 {
		create(t, b, fmt.Sprint(i), "")
	}
	date, sent := time.Date(2026, 11, 22, 10, 20, 30, 0, time.UTC), 0
	service.wire = adapters.Watched(wire(func(r *http.Request) (*http.Response, error) {
		sent++
		return &http.Response{Body: http.NoBody, Header: http.Header{"Date": {date.Format(http.TimeFormat)}}}, nil
	}))
	for limit, want := range map[int]int{0: 4, 3: 3, 7: 4} {
		sent = 0
		page, err := b.List(t.Context(), bucket.ListOptions{Limit: limit})
		if err != nil || len(page.Objects) != want || sent != 1 || !page.Date.Equal(date) || page.Next == "" {
			t.Errorf("with the limit %d: %d keys in %d requests at %v, %v", limit, len(page.Objects), sent, page.Date, err)
		}
	}
}

func TestAPageOfFoldersIsOneRequestOfNoMoreThanTheServiceGives(t *testing.T) {
	service := newCloud()
	b := service.bridge(t, &adapters.Options{PageSize: 4})
	var want []string
	for i := range 10 {
		create(t, b, fmt.Sprintf("a/%d/x", i), "")
		want = append(want, fmt.Sprintf("a/%d/", i))
	}
	sent := 0
	service.wire = wire(func(*http.Request) (*http.Response, error) {
		sent++
		return &http.Response{Body: http.NoBody}, nil
	})
	lister, _ := bucket.As[bucket.FolderLister](b)
	for limit, want := range map[int]int{0: 4, 3: 3, 7: 4} {
		sent = 0
		page, err := lister.ListFolders(t.Context(), bucket.ListOptions{Prefix: "a/", Limit: limit})
		if err != nil || len(page.Folders) != want || sent != 1 || page.Next == "" {
			t.Errorf("with the limit %d: %q in %d requests, %v", limit, page.Folders, sent, err)
		}
	}
	for _, service.forgetful = range []bool{false, true} {
		sent = 0
		if got, err := bucket.Folders(t.Context(), b, "a/"); err != nil || !slices.Equal(got, want) || sent != 3 {
			t.Errorf("%q in %d requests, %v", got, sent, err)
		}
	}
}

func TestAPrefixThatNoKeyHasIsNotAskedFor(t *testing.T) {
	service := newCloud()
	b := service.bridge(t, nil)
	create(t, b, "a/b", "")
	service.wire = wire(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, http.ErrHandlerTimeout
	})
	for _, prefix := range []string{"/", "/a", "a//", "a//b", "../", "./", "a./", "a/./b", "a/../"} {
		if page, err := b.List(t.Context(), bucket.ListOptions{Prefix: prefix}); err != nil || len(page.Objects) > 0 || page.Next != "" {
			t.Errorf("%q: %+v, %v", prefix, page, err)
		}
	}
}

func TestATokenThatIsNoneFails(t *testing.T) {
	for _, fromStart := range []bool{false, true} {
		b := newCloud().bridge(t, &adapters.Options{FromStart: fromStart})
		for _, token := range []string{"x", "a b", strings.Repeat("x", 1000)} {
			if page, err := b.List(t.Context(), bucket.ListOptions{After: "a", Token: token}); err == nil {
				t.Errorf("%q: %+v", token, page)
			}
			lister, _ := bucket.As[bucket.FolderLister](b)
			if page, err := lister.ListFolders(t.Context(), bucket.ListOptions{Token: token}); err == nil {
				t.Errorf("%q: %+v", token, page)
			}
		}
	}
}
