package s3_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

const large = 17 << 20 // bytes, which go in three parts

var nothing [large]byte

// request is one call of a bucket, and what it may send.
type request struct {
	call    func(ctx context.Context, b bucket.Bucket) error
	want    error
	sends   []string
	headers map[string]string // of those requests that a condition is on
}

// requests are what a bucket can be asked for where there is an object "k" of a version, and none of "none" and "new". What the service refuses has a comma
// in its name.
func requests(version bucket.Version) map[string]request {
	put := func(key string, size int, condition bucket.Condition) func(ctx context.Context, b bucket.Bucket) error {
		return func(ctx context.Context, b bucket.Bucket) error {
			return b.Put(ctx, key, bucket.Bytes(nothing[:size]), condition)
		}
	}
	get := func(key string) func(ctx context.Context, b bucket.Bucket) error {
		return func(ctx context.Context, b bucket.Bucket) error {
			_, _, err := bucket.ReadAll(ctx, b, key, large)
			return err
		}
	}
	stat := func(key string) func(ctx context.Context, b bucket.Bucket) error {
		return func(ctx context.Context, b bucket.Bucket) error { _, err := b.Stat(ctx, key); return err }
	}
	part := func(ctx context.Context, b bucket.Bucket) error {
		ranges, _ := bucket.As[bucket.RangeGetter](b)
		object, err := ranges.GetRange(ctx, "k", 1, 2)
		if err == nil {
			err = object.Body.Close()
		}
		return err
	}
	remove := func(key string) func(ctx context.Context, b bucket.Bucket) error {
		return func(ctx context.Context, b bucket.Bucket) error { return bucket.Remove(ctx, b, key) }
	}
	deleteIf := func(version bucket.Version) func(ctx context.Context, b bucket.Bucket) error {
		return func(ctx context.Context, b bucket.Bucket) error {
			conditional, _ := bucket.As[bucket.ConditionalDeleter](b)
			return conditional.DeleteIf(ctx, "k", version)
		}
	}
	drop := func(key string) func(ctx context.Context, b bucket.Bucket) error {
		return func(ctx context.Context, b bucket.Bucket) error { return b.Delete(ctx, key) }
	}
	list := func(ctx context.Context, b bucket.Bucket) error {
		_, err := b.List(ctx, bucket.ListOptions{Prefix: "k"})
		return err
	}

	folders := func(ctx context.Context, b bucket.Bucket) error { _, err := bucket.Folders(ctx, b, "k/"); return err }
	removeAll := func(ctx context.Context, b bucket.Bucket) error {
		return bucket.RemoveAll(ctx, b, []string{"k", "none"}, 2)
	}

	listUploads := func(ctx context.Context, b bucket.Bucket) error {
		uploads, _ := bucket.As[bucket.Uploads](b)
		_, err := uploads.ListUploads(ctx, bucket.ListOptions{Prefix: "k"})
		return err
	}
	abort := func(ctx context.Context, b bucket.Bucket) error {
		uploads, _ := bucket.As[bucket.Uploads](b)
		return uploads.AbortUpload(ctx, bucket.Upload{Key: "k", ID: "UPLOAD7"})
	}

	parts := []string{"POST new?uploads", "PUT new?partNumber=1", "PUT new?partNumber=2", "PUT new?partNumber=3", "POST new?uploadId"}
	taken := []string{"POST k?uploads", "PUT k?partNumber=1", "PUT k?partNumber=2", "PUT k?partNumber=3", "POST k?uploadId", "DELETE k?uploadId"}
	absent, matching, stale := map[string]string{"If-None-Match": "*", "If-Match": ""}, map[string]string{"If-Match": string(version), "If-None-Match": ""}, map[string]string{"If-Match": `"stale"`}
	return map[string]request{
		"get":                 {get("k"), nil, []string{"GET k"}, map[string]string{"Range": "", "If-Match": ""}},
		"get, missing":        {get("none"), bucket.ErrNotFound, []string{"GET none"}, nil},
		"get range":           {part, nil, []string{"GET k"}, map[string]string{"Range": "bytes=1-2", "If-Match": ""}},
		"stat":                {stat("k"), nil, []string{"HEAD k"}, nil},
		"stat, missing":       {stat("none"), bucket.ErrNotFound, []string{"HEAD none"}, nil},
		"list":                {list, nil, []string{"GET ?list"}, nil},
		"list folders":        {folders, nil, []string{"GET ?folders"}, nil},
		"create":              {put("new", 1<<10, bucket.IfAbsent()), nil, []string{"PUT new"}, absent},
		"create, exists":      {put("k", 1<<10, bucket.IfAbsent()), bucket.ErrExists, []string{"PUT k"}, absent},
		"create 8 MiB":        {put("new", 8<<20, bucket.IfAbsent()), nil, []string{"PUT new"}, absent},
		"create 12 MiB":       {put("new", 12<<20, bucket.IfAbsent()), nil, []string{"PUT new"}, absent},
		"create 17 MiB":       {put("new", large, bucket.IfAbsent()), nil, parts, absent},
		"create 17 MiB, late": {put("k", large, bucket.IfAbsent()), bucket.ErrExists, taken, absent},
		"swap":                {put("k", 1<<10, bucket.IfMatch(version)), nil, []string{"PUT k"}, matching},
		"swap, changed":       {put("k", 1<<10, bucket.IfMatch(`"stale"`)), bucket.ErrChanged, []string{"PUT k"}, stale},
		"swap, missing":       {put("none", 1<<10, bucket.IfMatch(`"stale"`)), bucket.ErrChanged, []string{"PUT none"}, stale},
		"swap 17 MiB, late":   {put("k", large, bucket.IfMatch(`"stale"`)), bucket.ErrChanged, taken, stale},
		"delete":              {drop("k"), nil, []string{"HEAD k", "DELETE k"}, map[string]string{"If-Match": ""}},
		"delete, missing":     {drop("none"), bucket.ErrNotFound, []string{"HEAD none"}, nil},
		"delete if":           {deleteIf(version), nil, []string{"DELETE k"}, map[string]string{"If-Match": string(version)}},
		"delete if, changed":  {deleteIf(`"stale"`), bucket.ErrChanged, []string{"DELETE k"}, map[string]string{"If-Match": `"stale"`}},
		"remove":              {remove("k"), nil, []string{"DELETE k"}, map[string]string{"If-Match": ""}},
		"remove, missing":     {remove("none"), nil, []string{"DELETE none"}, nil},
		"remove all":          {removeAll, nil, []string{"POST ?delete"}, nil},
		"list uploads":        {listUploads, nil, []string{"GET ?uploads"}, nil},
		"abort upload":        {abort, nil, []string{"DELETE k?uploadId"}, nil},
	}
}

// decides says whether a request is the one that a condition must be on.
func decides(r *http.Request) bool {
	query := r.URL.Query()
	return r.Method != http.MethodHead && !query.Has("list-type") && !query.Has("uploads") && !query.Has("partNumber") && (r.Method != http.MethodDelete || !query.Has("uploadId"))
}

func TestEveryOperationKeepsToItsBudgetOfRequests(t *testing.T) {
	for where, decorated := range map[string]bool{"AWS, bare": false, "compatible, decorated": true} {
		for name := range requests("") {
			if strings.Contains(name, "MiB") && !decorated {
				continue // these take their time, and say the same in both places
			}
			t.Run(name+", "+where, func(t *testing.T) {
				t.Parallel()
				b, sent := open(t, newFake(), &s3.Options{ConditionalDelete: true, CustomEndpoint: decorated})
				request := requests(create(t, b, "k", "0123456789"))[name]
				if decorated {
					var err error
					if b, err = bucket.Decorate(b, bucket.Decorators{Limit: 64}); err != nil {
						t.Fatal(err)
					}
				}
				sent.take()
				is(t, request.call(t.Context(), b), request.want)
				for _, r := range sent.expect(t, request.sends...) {
					for header, want := range request.headers {
						if got := r.Header.Get(header); decides(r) && got != want {
							t.Errorf("%s has %s: %q, not %q", describe(r), header, got, want)
						}
					}
				}
			})
		}
	}
}

func TestAWalkIsOneRequestAPageOfAThousand(t *testing.T) {
	f := newFake()
	for i := range 2500 {
		f.objects[fmt.Sprintf("k/%04d", i)] = object{etag: `"x"`, changed: time.Now()}
	}
	b, sent := open(t, f, nil)
	for limit, pages := range map[int]int{0: 3, 5000: 3, 500: 5, 1000: 3} {
		var want []string
		for range pages {
			want = append(want, "GET ?list")
		}
		keys := 0
		for info, err := range bucket.All(t.Context(), b, bucket.ListOptions{Prefix: "k/", After: "k/0", Limit: limit}) {
			if err != nil || info.Key != fmt.Sprintf("k/%04d", keys) {
				t.Fatalf("key %d is %s, %v", keys, info.Key, err)
			}
			keys++
		}
		if sent.expect(t, want...); keys != 2500 {
			t.Errorf("%d keys a page: %d keys", limit, keys)
		}
	}
	page, err := b.List(t.Context(), bucket.ListOptions{Prefix: "k/", After: "k/1233", Limit: 2})
	if err != nil || len(page.Objects) != 2 || page.Objects[0].Key != "k/1234" {
		t.Errorf("%+v, %v", page, err)
	}
	query := sent.expect(t, "GET ?list")[0].URL.Query()
	if query.Get("max-keys") != "2" || query.Get("start-after") != "k/1233" || query.Get("prefix") != "k/" {
		t.Errorf("asked for %v", query)
	}
}

func TestFoldersTakeOneRequestForAThousand(t *testing.T) {
	f := newFake()
	var want []string
	for i := range 2500 {
		folder := fmt.Sprintf("k/%04d/", i)
		for _, name := range []string{"a/b", "c"} {
			f.objects[folder+name] = object{etag: `"x"`, changed: time.Now()}
		}
		want = append(want, folder)
	}
	f.objects["k/0000"], f.objects["k-/x"] = object{etag: `"x"`, changed: time.Now()}, object{etag: `"x"`, changed: time.Now()}
	b, sent := open(t, f, nil)
	got, err := bucket.Folders(t.Context(), b, "k/")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d folders, %v", len(got), err)
	}
	for _, r := range sent.expect(t, "GET ?folders", "GET ?folders", "GET ?folders") {
		if query := r.URL.Query(); query.Get("delimiter") != "/" || query.Get("prefix") != "k/" || query.Get("max-keys") != "1000" || query.Has("start-after") {
			t.Errorf("asked for %v", query)
		}
	}
}

func TestUploadsAreListedByOneRequestForAThousand(t *testing.T) {
	f := newFake()
	var want []string
	for i := range 2500 {
		want = append(want, f.begin(fmt.Sprintf("k/%04d", i/2))) // two of each key
	}
	f.begin("other")
	b, sent := open(t, f, nil)
	uploads, _ := bucket.As[bucket.Uploads](b)
	for limit, pages := range map[int]int{0: 3, 5000: 3, 500: 5, 999: 3} {
		var got, requests []string
		options := bucket.ListOptions{Prefix: "k/", Limit: limit}
		var last bucket.Upload
		for next := true; next; next = options.Token != "" {
			page, err := uploads.ListUploads(t.Context(), options)
			if err != nil || page.Date.IsZero() {
				t.Fatal(page.Date, err)
			}
			for _, u := range page.Uploads {
				if age := time.Since(u.Begun); age < -time.Minute || age > time.Hour {
					t.Errorf("begun at %v", u.Begun)
				}
				got = append(got, u.ID)
			}
			requests = append(requests, "GET ?uploads")
			size := limit
			if limit == 0 || limit > 1000 {
				size = 1000
			}
			query := sent.expect(t, "GET ?uploads")[0].URL.Query()
			if query.Get("prefix") != "k/" || query.Get("max-uploads") != strconv.Itoa(size) || query.Get("key-marker") != last.Key || query.Get("upload-id-marker") != last.ID {
				t.Errorf("after %+v asked for %v", last, query)
			}
			options.Token, last = page.Next, page.Uploads[len(page.Uploads)-1]
		}
		if len(requests) != pages || !slices.Equal(got, want) {
			t.Errorf("%d a page: %d uploads in %d requests", limit, len(got), len(requests))
		}
	}
}

func TestAnUploadThatHasGoneIsAborted(t *testing.T) {
	for code, kind := range map[string]error{"NoSuchUpload": nil, "NoSuchKey": nil, "NoSuchBucket": bucket.ErrNoBucket} {
		f := newFake()
		b, _ := open(t, f, nil)
		f.strikes(t, "DELETE k?uploadId", 1, refused(404, code))
		uploads, _ := bucket.As[bucket.Uploads](b)
		is(t, uploads.AbortUpload(t.Context(), bucket.Upload{Key: "k", ID: "1"}), kind)
	}
}

func TestManyAreRemovedByOneRequestForAThousand(t *testing.T) {
	f := newFake()
	var keys []string
	for i := range 2500 {
		keys = append(keys, fmt.Sprintf("k/%04d", i))
		if i%2 == 0 {
			f.objects[keys[i]] = object{etag: `"x"`, changed: time.Now()}
		}
	}
	f.objects["other"] = object{etag: `"x"`, changed: time.Now()}
	b, sent := open(t, f, nil)
	is(t, bucket.RemoveAll(t.Context(), b, keys, 2), nil)
	sent.expect(t, "POST ?delete", "POST ?delete", "POST ?delete")
	if len(f.objects) != 1 {
		t.Errorf("%d objects are left", len(f.objects))
	}
}

// persistent is a client that its owner lets repeat requests, as the SDK's own does.
func persistent(o *awss3.Options) {
	o.RetryMaxAttempts = 5
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
}

func TestASingleRequestIsSentOnceWhateverTheClientWouldDo(t *testing.T) {
	for _, trouble := range []action{refused(500, "InternalError"), refused(503, "SlowDown"), dropped, refused(429, "TooManyRequests"), refused(409, "ConditionalRequestConflict")} {
		for name, request := range requests(`"stale"`) {
			if len(request.sends) > 2 || name == "create 12 MiB" {
				continue // these go through the transfer manager
			}
			f := newFake()
			c, sent := client(t, f, persistent)
			b, err := s3.New(t.Context(), c, "b", &s3.Options{ConditionalDelete: true})
			if err != nil {
				t.Fatal(err)
			}
			f.strikes(t, "*", 1, trouble)
			if err := request.call(t.Context(), b); !bucket.Retryable(t.Context(), err) {
				t.Errorf("a %s fails with %v", name, err)
			}
			sent.expect(t, request.sends[0])
		}
	}
}

func TestAPartOfAnUploadIsRepeated(t *testing.T) {
	t.Parallel()
	f := newFake()
	c, sent := client(t, f, persistent)
	b, err := s3.New(t.Context(), c, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"POST k?uploads", "PUT k?partNumber=1", "PUT k?partNumber=2", "PUT k?partNumber=3", "POST k?uploadId"}
	for _, request := range want {
		if request != "PUT k?partNumber=1" {
			f.strikes(t, request, 2, refused(503, "SlowDown"))
			want = append(want, request, request)
		}
	}
	is(t, b.Put(t.Context(), "k", bucket.Bytes(nothing[:]), bucket.IfAbsent()), nil)
	sent.expect(t, want...)
	if len(f.objects["k"].content) != large || len(f.uploads) != 0 {
		t.Errorf("%d bytes, %d uploads left", len(f.objects["k"].content), len(f.uploads))
	}
}

func TestTheCallersClientStaysAsItIs(t *testing.T) {
	c, sent := client(t, newFake(), persistent)
	before := c.Options()
	b, err := s3.New(t.Context(), c, "b", &s3.Options{RequesterPays: true, CustomEndpoint: true})
	if err != nil {
		t.Fatal(err)
	}
	create(t, b, "k", "x")
	sent.take()
	after := c.Options()
	if len(after.APIOptions) != len(before.APIOptions) || after.RequestChecksumCalculation != before.RequestChecksumCalculation || after.HTTPClient != before.HTTPClient {
		t.Error("its options have changed")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")}); err != nil {
		t.Errorf("after the bucket's Close: %v", err)
	}
	for _, r := range sent.expect(t, "GET k") {
		if r.Header.Get("X-Amz-Request-Payer") != "" {
			t.Error("its requests are paid for")
		}
	}
}
