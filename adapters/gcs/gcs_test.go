package gcs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"

	"github.com/quivercache/quiver/adapters/gcs"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func TestGCSKeepsTheContract(t *testing.T) {
	extras := []bucket.Verb{bucket.GetRange, bucket.DeleteIf, bucket.Removal, bucket.ListFolders}
	b := newFake(t).open(t, &gcs.Options{ConditionalDelete: true})
	if got := buckettest.Extras(b); !slices.Equal(got, extras) {
		t.Errorf("the extras are %q, not %q", got, extras)
	}
	for _, c := range buckettest.Cases() {
		if c.Extra != "" && !slices.Contains(extras, c.Extra) || c.Name == "of many that replace one version one wins" {
			continue // thousands of requests: integration makes them, to real servers
		}
		t.Run(c.Name, func(t *testing.T) {
			b := newFake(t).open(t, &gcs.Options{ConditionalDelete: true})
			if err := c.Run(t.Context(), b, c.Folder()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEveryOperationCostsItsRequests(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 20<<16) // 20 MiB
	operations := []struct {
		says  string
		do    func(ctx context.Context, b bucket.Bucket, version bucket.Version) error
		kind  error
		costs []string
	}{
		{"Get", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error { return get(ctx, b, "a") }, nil, []string{"GET media"}},
		{"Get of a missing object", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error { return get(ctx, b, "b") }, bucket.ErrNotFound, []string{"GET media"}},
		{"GetRange", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			_, err := b.(bucket.RangeGetter).GetRange(ctx, "a", 1, 2)
			return err
		}, nil, []string{"GET media"}},
		{"Stat", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			_, err := b.Stat(ctx, "a")
			return err
		}, nil, []string{"GET object"}},
		{"List", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			_, err := b.List(ctx, bucket.ListOptions{})
			return err
		}, nil, []string{"GET list"}},
		{"Folders", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			_, err := bucket.Folders(ctx, b, "a/")
			return err
		}, nil, []string{"GET folders"}},
		{"Put if absent", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			return put(ctx, b, "b", "x", bucket.IfAbsent())
		}, nil, []string{"POST multipart"}},
		{"Put if absent of what is there", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			return put(ctx, b, "a", "x", bucket.IfAbsent())
		}, bucket.ErrExists, []string{"POST multipart"}},
		{"Put if match", func(ctx context.Context, b bucket.Bucket, v bucket.Version) error {
			return put(ctx, b, "a", "x", bucket.IfMatch(v))
		}, nil, []string{"POST multipart"}},
		{"Put if match of another version", func(ctx context.Context, b bucket.Bucket, v bucket.Version) error {
			return put(ctx, b, "a", "x", bucket.IfMatch(v+"0"))
		}, bucket.ErrChanged, []string{"POST multipart"}},
		{"Put of 20 MiB", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			return b.Put(ctx, "b", bucket.Bytes(large), bucket.IfAbsent())
		}, nil, []string{"POST resumable", "POST part", "POST part"}},
		{"Put of 20 MiB if match of another version", func(ctx context.Context, b bucket.Bucket, v bucket.Version) error {
			return b.Put(ctx, "a", bucket.Bytes(large), bucket.IfMatch(v+"0"))
		}, bucket.ErrChanged, []string{"POST resumable", "POST part", "POST part"}},
		{"Delete", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error { return b.Delete(ctx, "a") }, nil, []string{"DELETE object"}},
		{"Delete of a missing object", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error { return b.Delete(ctx, "b") }, bucket.ErrNotFound, []string{"DELETE object"}},
		{"Remove", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error { return bucket.Remove(ctx, b, "a") }, nil, []string{"DELETE object"}},
		{"RemoveAll", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			return bucket.RemoveAll(ctx, b, []string{"a", "b"}, 2)
		}, nil, []string{"DELETE object", "DELETE object"}},
		{"DeleteIf", func(ctx context.Context, b bucket.Bucket, v bucket.Version) error {
			return deleteIf(ctx, b, "a", v)
		}, nil, []string{"DELETE object"}},
		{"DeleteIf of another version", func(ctx context.Context, b bucket.Bucket, v bucket.Version) error {
			return deleteIf(ctx, b, "a", v+"0")
		}, bucket.ErrChanged, []string{"DELETE object", "GET object"}},
		{"Describe", func(ctx context.Context, b bucket.Bucket, _ bucket.Version) error {
			_, err := b.(bucket.Describer).Describe(ctx)
			return err
		}, nil, []string{"GET bucket"}},
	}
	for _, operation := range operations {
		t.Run(operation.says, func(t *testing.T) {
			f := newFake(t)
			version := f.put("a", "hello")
			b := f.open(t, &gcs.Options{ConditionalDelete: true})
			if err := operation.do(t.Context(), b, version); !errors.Is(err, operation.kind) {
				t.Errorf("the error is %v, not %v", err, operation.kind)
			}
			if sent := f.requests(); !slices.Equal(sent, operation.costs) {
				t.Errorf("the requests are %q, not %q", sent, operation.costs)
			}
		})
	}
}

func get(ctx context.Context, b bucket.Bucket, key string) error {
	_, _, err := bucket.ReadAll(ctx, b, key, 1<<20)
	return err
}

func put(ctx context.Context, b bucket.Bucket, key, content string, condition bucket.Condition) error {
	return b.Put(ctx, key, bucket.Bytes([]byte(content)), condition)
}

func deleteIf(ctx context.Context, b bucket.Bucket, key string, version bucket.Version) error {
	conditional, _ := bucket.As[bucket.ConditionalDeleter](b)
	return conditional.DeleteIf(ctx, key, version)
}

func TestAListingAsksForWhatItNeedsAlone(t *testing.T) {
	f := newFake(t)
	b := f.open(t, nil)
	for _, after := range []string{"", "values/ab"} {
		if _, err := b.List(t.Context(), bucket.ListOptions{Prefix: "values/", After: after}); err != nil {
			t.Fatal(err)
		}
		query := f.queries[len(f.queries)-1]
		want := map[string]string{"projection": "noAcl", "prefix": "values/", "startOffset": after, "maxResults": "1000"}
		for parameter, value := range want {
			if query.Get(parameter) != value {
				t.Errorf("%s is %q, not %q", parameter, query.Get(parameter), value)
			}
		}
		fields := strings.FieldsFunc(query.Get("fields"), func(r rune) bool { return strings.ContainsRune("(),", r) })
		slices.Sort(fields)
		if got, want := strings.Join(slices.Compact(fields), " "), "generation items name nextPageToken prefixes size updated"; got != want {
			t.Errorf("the fields are %s, not %s", got, want)
		}
	}
}

func TestFoldersTakeOneRequestForAThousand(t *testing.T) {
	f := newFake(t)
	var want []string
	for i := range 2500 {
		folder := fmt.Sprintf("index/%04d/", i)
		f.put(folder+"a/b", "")
		f.put(folder+"c", "")
		want = append(want, folder)
	}
	for i := range 1000 { // a page of these alone
		f.put(fmt.Sprintf("index/1000-%04d", i), "")
	}
	f.put("index-/a", "")
	got, err := bucket.Folders(t.Context(), f.open(t, nil), "index/")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d folders, %v", len(got), err)
	}
	if sent := f.requests(); len(sent) != 4 || slices.ContainsFunc(sent, func(request string) bool { return request != "GET folders" }) {
		t.Errorf("the requests are %q", sent)
	}
	for _, query := range f.queries {
		fields := strings.FieldsFunc(query.Get("fields"), func(r rune) bool { return strings.ContainsRune("(),", r) })
		slices.Sort(fields)
		if got := strings.Join(fields, " "); got != "items name nextPageToken prefixes" || query.Get("delimiter") != "/" || query.Get("prefix") != "index/" || query.Get("maxResults") != "1000" {
			t.Errorf("asked for %v", query)
		}
	}
}

func TestASmallSaveAllocatesLittle(t *testing.T) {
	f := newFake(t)
	b := f.open(t, nil)
	content := strings.Repeat("x", 1<<10)
	var before, after runtime.MemStats
	const saves = 20
	runtime.ReadMemStats(&before)
	for i := range saves {
		if err := put(t.Context(), b, string(rune('a'+i)), content, bucket.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / saves; bytes > 512<<10 {
		t.Errorf("a save of 1 KiB allocates %d bytes, the server's part included", bytes)
	}
}

func TestAForeignVersionIsRefusedBeforeAnyRequest(t *testing.T) {
	f := newFake(t)
	b := f.open(t, &gcs.Options{ConditionalDelete: true})
	for _, version := range []bucket.Version{"abc", `"5d41402abc4b2a76b9719d911017c592"`, "0", "-1", "1.5", "99999999999999999999"} {
		for says, err := range map[string]error{
			"a small Put": put(t.Context(), b, "a", "hello", bucket.IfMatch(version)),
			"a large Put": b.Put(t.Context(), "a", bucket.Bytes(make([]byte, 9<<20)), bucket.IfMatch(version)),
			"DeleteIf":    deleteIf(t.Context(), b, "a", version),
		} {
			explained, ok := errors.AsType[*bucket.Error](err)
			if !ok || !errors.Is(err, bucket.ErrInvalid) || explained.Key != "a" || !strings.Contains(err.Error(), "positive integers") {
				t.Errorf("%s with the version %q fails with %v", says, version, err)
			}
		}
	}
	if sent := f.requests(); len(sent) != 0 {
		t.Errorf("there were the requests %q", sent)
	}
}

// twice is a body that can be read once; the second time it fails in the middle.
type twice struct {
	*bytes.Reader
	rewound int
}

func (s *twice) Size() int64                  { return s.Reader.Size() }
func (s *twice) Open() (io.ReadCloser, error) { return s, nil }
func (s *twice) Close() error                 { return nil }

func (s *twice) Seek(offset int64, whence int) (int64, error) {
	if offset == 0 && whence == io.SeekStart {
		s.rewound++
	}
	return s.Reader.Seek(offset, whence)
}

var errBody = errors.New("the file went away")

func (s *twice) WriteTo(w io.Writer) (int64, error) {
	if s.rewound < 2 {
		return s.Reader.WriteTo(w)
	}
	n, err := io.CopyN(w, s.Reader, s.Reader.Size()/2)
	return n, errors.Join(err, errBody)
}

func TestABodyThatFailsWhileItIsSentMakesNoObject(t *testing.T) {
	for _, size := range []int{10, 1 << 20} {
		f := newFake(t)
		b := f.open(t, nil)
		err := b.Put(t.Context(), "a", &twice{Reader: bytes.NewReader(make([]byte, size))}, bucket.IfAbsent())
		if !errors.Is(err, errBody) {
			t.Errorf("Put fails with %v", err)
		}
		f.Close() // waits for the request
		if content, ok := f.content("a"); ok {
			t.Errorf("an object of %d of %d bytes was made", len(content), size)
		}
	}
}

func TestGetSaysWhatTheStoreSays(t *testing.T) {
	f := newFake(t)
	version := f.put("a", "hello")
	started := time.Now().Add(-time.Second)
	object, err := f.open(t, nil).Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	if object.Version != version || object.Size != 5 || object.ModTime.IsZero() || object.Date.Before(started.Truncate(time.Second)) {
		t.Errorf("Get says %+v, at %v", object.Info, object.Date)
	}
}

func TestAClientThatIsNotWatchedTellsAMissingBucketByASecondRequest(t *testing.T) {
	f := newFake(t)
	f.foreign = true
	client := f.client(t)
	for in, kind := range map[string]error{name: bucket.ErrNotFound, "no-" + name: bucket.ErrNoBucket} {
		b, err := gcs.New(t.Context(), client, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.requests()
		if err := get(t.Context(), b, "a"); !errors.Is(err, kind) {
			t.Errorf("in the bucket %s Get fails with %v", in, err)
		}
		if sent := f.requests(); len(sent) != 2 {
			t.Errorf("the requests are %q", sent)
		}
		b.Close()
	}
}

func TestNewLeavesTheClientToItsCaller(t *testing.T) {
	f := newFake(t)
	f.put("a", "hello")
	client := f.client(t)
	b, err := gcs.New(t.Context(), client, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	f.fail(answers(503, "backendError", "Backend Error"))
	quick := storage.WithBackoff(gax.Backoff{Initial: time.Microsecond, Max: time.Microsecond})
	if _, err := client.Bucket(name).Object("a").Retryer(quick).Attrs(t.Context()); err != nil {
		t.Errorf("the caller's client does not repeat its requests any more: %v", err)
	}
}

func TestNewRefusesABucketWithoutAName(t *testing.T) {
	if _, err := gcs.New(t.Context(), newFake(t).client(t), "", nil); !errors.Is(err, bucket.ErrInvalid) {
		t.Errorf("New fails with %v", err)
	}
}

func TestARequestOfAnUploadIsRepeatedFourTimesInARow(t *testing.T) {
	again := gcs.Repetitions()
	for range 3 {
		for n := range 6 {
			if got := again(io.ErrUnexpectedEOF); got != (n < 4) {
				t.Errorf("after %d repetitions another one is %t", n, got)
			}
		}
		if again(nil) {
			t.Error("a success is repeated")
		}
	}
	if again(context.Canceled) {
		t.Error("what was given up is repeated")
	}
}

func TestDescribeTellsWhatMakesMarksDear(t *testing.T) {
	f := newFake(t)
	b := f.open(t, nil)
	got, err := b.(bucket.Describer).Describe(t.Context())
	want := bucket.Description{Service: "gs", Endpoint: strings.TrimPrefix(f.URL, "http://"), Region: "EUROPE-WEST3", Versioning: "enabled", SoftDelete: 7 * 24 * time.Hour}
	if err != nil || got != want {
		t.Errorf("Describe says %+v, %v", got, err)
	}
	f.fail(answers(403, "forbidden", "robot@p.iam.gserviceaccount.com does not have storage.buckets.get access to the Google Cloud Storage bucket."))
	if got, err = b.(bucket.Describer).Describe(t.Context()); err != nil || !errors.Is(got.Untold, bucket.ErrRefused) {
		t.Errorf("Describe without a right says %+v, %v", got, err)
	}
	f.fail(answers(503, "backendError", "Backend Error"))
	if _, err = b.(bucket.Describer).Describe(t.Context()); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("Describe of an ill store fails with %v", err)
	}
}
