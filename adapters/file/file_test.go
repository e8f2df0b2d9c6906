package file_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

var extras = []bucket.Verb{bucket.GetRange, bucket.DeleteIf}

func TestADirectoryMeetsTheContract(t *testing.T) {
	t.Parallel()
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return open(t, t.TempDir(), nil) }, extras...)
}

func TestADirectoryUnderAPrefixMeetsTheContract(t *testing.T) {
	t.Parallel()
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		under, err := bucket.Under(open(t, filepath.Join(t.TempDir(), "not", "there", "yet"), &file.Options{NoSync: true}), "some/where/")
		if err != nil {
			t.Fatal(err)
		}
		return under
	}, extras...)
}

func TestTheModelAgreesWithADirectory(t *testing.T) {
	t.Parallel()
	dir, n := t.TempDir(), 0
	buckettest.Model(t, func() bucket.Bucket {
		n++
		return open(t, filepath.Join(dir, fmt.Sprint(n)), &file.Options{NoSync: true})
	})
}

func open(t *testing.T, dir string, options *file.Options) *file.Bucket {
	t.Helper()
	b, err := file.New(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func create(t *testing.T, b bucket.Bucket, key, content string) {
	t.Helper()
	if err := b.Put(t.Context(), key, bucket.Bytes([]byte(content)), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
}

func version(t *testing.T, b bucket.Bucket, key string) bucket.Version {
	t.Helper()
	info, err := b.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return info.Version
}

func keys(t *testing.T, b bucket.Bucket, options bucket.ListOptions) []string {
	t.Helper()
	keys := []string{}
	for info, err := range bucket.All(t.Context(), b, options) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// temps are the temporary files in a directory.
func temps(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, ".quiver", "tmp", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// explained demands an error of a kind, that says what to do.
func explained(t *testing.T, err, kind error, hint string) {
	t.Helper()
	failure, ok := errors.AsType[*bucket.Error](err)
	if !ok || !errors.Is(bucket.Kind(err), kind) || !strings.Contains(failure.Hint, hint) {
		t.Errorf("%v; not %q with the hint %q", err, kind, hint)
	}
}

func TestAnObjectIsAFileOfRawContent(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "calls/ab/abcd.json", `{"name":"f"}`)
	if content, err := os.ReadFile(filepath.Join(dir, "calls", "ab", "abcd.json")); err != nil || string(content) != `{"name":"f"}` {
		t.Errorf("%q, %v", content, err)
	}
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestAMissingDirectoryIsAnEmptyBucketUntilTheFirstWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	b := open(t, dir, nil)
	for _, key := range []string{"k", "k/l"} {
		_, err := b.Get(t.Context(), key)
		explained(t, err, bucket.ErrNotFound, "")
		_, err = b.Stat(t.Context(), key)
		explained(t, err, bucket.ErrNotFound, "")
		explained(t, b.Delete(t.Context(), key), bucket.ErrNotFound, "")
		explained(t, b.DeleteIf(t.Context(), key, "1-1"), bucket.ErrNotFound, "")
		explained(t, b.Put(t.Context(), key, bucket.Bytes(nil), bucket.IfMatch("1-1")), bucket.ErrChanged, "")
	}
	if got := keys(t, b, bucket.ListOptions{}); len(got) > 0 {
		t.Errorf("listed %q", got)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a reader has made the directory: %v", err)
	}
	create(t, b, "k", "v")
	if got := keys(t, b, bucket.ListOptions{}); !slices.Equal(got, []string{"k"}) {
		t.Errorf("listed %q", got)
	}
}

func TestADirectoryThatAppearsIsSeen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	reader, writer := open(t, dir, nil), open(t, dir, nil)
	_, err := reader.Stat(t.Context(), "k")
	explained(t, err, bucket.ErrNotFound, "")
	create(t, writer, "k", "v")
	version(t, reader, "k")
}

func TestADirectoryThatIsAFileIsNoBucket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	later := open(t, path, nil)
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		_, err := file.New(dir, nil)
		explained(t, err, bucket.ErrNoBucket, "name of a directory")
	}
	_, err := later.Get(t.Context(), "k")
	explained(t, err, bucket.ErrNoBucket, "name of a directory")
	explained(t, later.Put(t.Context(), "k", bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrNoBucket, "name of a directory")
	if _, err := file.New("", nil); !errors.Is(err, bucket.ErrInvalid) {
		t.Error(err)
	}
}

func TestADirectoryThatGoesAwayIsNoBucket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "going")
	b := open(t, dir, nil)
	create(t, b, "k", "v")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	explained(t, b.Put(t.Context(), "l", bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrNoBucket, "open the bucket again")
}

func TestKeysOfTheDirectorysOwnFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, ".quiver-not", "v")
	create(t, b, "a/.quiver/b", "v")
	for _, key := range []string{".quiver", ".quiver/tmp/x", ".quiver/locks/00"} {
		_, err := b.Get(t.Context(), key)
		explained(t, err, bucket.ErrInvalid, "")
		explained(t, b.Put(t.Context(), key, bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrInvalid, "")
		explained(t, b.Delete(t.Context(), key), bucket.ErrInvalid, "")
	}
	if err := b.Delete(t.Context(), ".quiver-not"); err != nil { // makes a lock file
		t.Fatal(err)
	}
	for _, prefix := range []string{"", ".", ".quiver", ".quiver/", ".quiver/locks/"} {
		if got := keys(t, b, bucket.ListOptions{Prefix: prefix}); len(got) > 1 || len(got) == 1 && got[0] != "a/.quiver/b" {
			t.Errorf("listed %q under %q", got, prefix)
		}
	}
}

func TestAnObjectAndAFolderOfOneNameAreExplained(t *testing.T) {
	b := open(t, t.TempDir(), nil)
	create(t, b, "a/b", "v")
	create(t, b, "c", "v")
	explained(t, b.Put(t.Context(), "a", bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrRefused, "none is a folder of another")
	explained(t, b.Put(t.Context(), "c/d", bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrRefused, "none is a folder of another")
	explained(t, b.Put(t.Context(), "c/d/e", bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrRefused, "none is a folder of another")
	explained(t, b.Put(t.Context(), strings.Repeat("a", 300), bucket.Bytes(nil), bucket.IfAbsent()), bucket.ErrRefused, "255")
}

func TestALeftoverIsRemovedWhenItIsADayOld(t *testing.T) {
	dir := t.TempDir()
	create(t, open(t, dir, nil), "k", "v")
	now := time.Now()
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": 23 * time.Hour} {
		path := filepath.Join(dir, ".quiver", "tmp", name)
		if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chtimes(path, now.Add(-age), now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, dir, nil)
	version(t, b, "k")
	if left := temps(t, dir); len(left) != 2 {
		t.Errorf("reading has removed leftovers: %q are left", left)
	}
	create(t, b, "l", "v")
	if left := temps(t, dir); len(left) != 1 || filepath.Base(left[0]) != "young" {
		t.Errorf("%q are left", left)
	}
}

func TestABodyThatWasCutFails(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "k", strings.Repeat("x", 100_000))
	object, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	part, err := b.GetRange(t.Context(), "k", 50_000, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Body.Close()
	if err := os.Truncate(filepath.Join(dir, "k"), 60_000); err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(object.Body)
	if explained(t, err, bucket.ErrUnavailable, ""); len(content) != 60_000 || !strings.Contains(err.Error(), "40000 bytes are missing") {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	content, err = io.ReadAll(part.Body)
	if explained(t, err, bucket.ErrUnavailable, ""); len(content) != 10_000 {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

// endless is a body without an end, which ends its context when it has been read for a while.
type endless struct {
	cancel context.CancelFunc
	read   int
}

func (e *endless) Size() int64                  { return -1 }
func (e *endless) Open() (io.ReadCloser, error) { return io.NopCloser(e), nil }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 1<<20 {
		e.cancel()
	}
	return len(p), nil
}

func TestAPutEndsWithItsContextAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, nil)
	ctx, cancel := context.WithCancel(t.Context())
	err := b.Put(ctx, "k", &endless{cancel: cancel}, bucket.IfAbsent())
	if explained(t, err, bucket.ErrUnavailable, ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

func TestARefusedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "k", "v")
	for _, condition := range []bucket.Condition{{}, bucket.IfAbsent(), bucket.IfMatch("1-1")} {
		if err := b.Put(t.Context(), "k", bucket.Bytes([]byte("w")), condition); err == nil {
			t.Errorf("%v was accepted", condition)
		}
	}
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "quiver")
	if err != nil {
		fmt.Println(err)
	}
	defer os.RemoveAll(dir)
	b, err := file.New(dir, nil)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(b.Put(ctx, "notes/greeting", bucket.Bytes([]byte("hello")), bucket.IfAbsent()))
	content, err := os.ReadFile(filepath.Join(dir, "notes", "greeting"))
	fmt.Println(string(content), err)
	// Output:
	// <nil>
	// hello <nil>
}

func TestTheRootOfAFilesystemIsNoBucket(t *testing.T) {
	for _, dir := range []string{"/", "/tmp/.."} {
		if _, err := file.New(dir, nil); !errors.Is(err, bucket.ErrInvalid) {
			t.Errorf("New(%s) = %v", dir, err)
		}
	}
}
