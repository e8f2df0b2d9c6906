package cache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quivercache/quiver/callindex/internal/cache"
)

// handClock is moved by hand.
type handClock struct{ passed atomic.Int64 }

func (c *handClock) Now() time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *handClock) Sleep(context.Context, time.Duration) error {
	return errors.New("nobody waits here")
}

func (c *handClock) pass(d time.Duration) { c.passed.Add(int64(d)) }

// open returns a cache that no test expects to warn.
func open(t testing.TB, o cache.Options) *cache.Cache {
	t.Helper()
	if o.Warn == nil {
		o.Warn = func(err error) { t.Error(err) }
	}
	c, err := cache.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// truth is the bytes of a range of the objects that tests read: no two ranges of some length are alike.
func truth(object string, offset, length int64) []byte {
	content := make([]byte, 0, length+40)
	for i := offset / 32; int64(len(content)) < offset%32+length; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(object), uint64(i)))
		content = append(content, sum[:]...)
	}
	return content[offset%32:][:length]
}

// reads a range through a cache, and says whether it was fetched.
func read(ctx context.Context, c *cache.Cache, object string, offset, length int64) (fetched bool, err error) {
	content, err := c.Range(ctx, object, offset, length, func(context.Context) ([]byte, error) {
		fetched = true
		return truth(object, offset, length), nil
	})
	if err == nil && !bytes.Equal(content, truth(object, offset, length)) {
		err = fmt.Errorf("%d bytes of %s at %d are wrong", length, object, offset)
	}
	return fetched, err
}

func mustRead(t *testing.T, c *cache.Cache, object string, offset, length int64, wantFetched bool) {
	t.Helper()
	if fetched, err := read(t.Context(), c, object, offset, length); err != nil || fetched != wantFetched {
		t.Errorf("%d bytes of %s at %d: fetched: %v, %v", length, object, offset, fetched, err)
	}
}

// files are the paths of all that is in a directory, folders apart.
func files(t testing.TB, dir string) (paths []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestARangeIsFetchedOnceThenComesFromMemoryAndForAnotherCacheFromTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	first := open(t, cache.Options{Dir: dir})
	mustRead(t, first, "o", 7, 1000, true)
	mustRead(t, first, "o", 7, 1000, false)
	second := open(t, cache.Options{Dir: dir})
	mustRead(t, second, "o", 7, 1000, false)
	mustRead(t, second, "o", 7, 1000, false)
	one := cache.Count{Ranges: 1, Bytes: 1000}
	held := cache.Count{Ranges: 1, Bytes: 1000 + cache.Overhead}
	if got, want := first.Stats(), (cache.Stats{Memory: one, Fetched: one, Held: held}); got != want {
		t.Errorf("%+v", got)
	}
	if got, want := second.Stats(), (cache.Stats{Memory: one, Disk: one, Held: held}); got != want {
		t.Errorf("%+v", got)
	}
}

func TestObjectsOffsetsAndLengthsAreToldApart(t *testing.T) {
	dir := t.TempDir()
	for _, wantFetched := range []bool{true, false} {
		c := open(t, cache.Options{Dir: dir, Memory: -1})
		for _, object := range []string{"", "o", "o1", "p", "store/index/25/segments/x.parquet", strings.Repeat("long", 500)} {
			for _, offset := range []int64{0, 1, 256, 1 << 40} {
				for _, length := range []int64{0, 1, 2, 256} {
					mustRead(t, c, object, offset, length, wantFetched)
				}
			}
		}
	}
}

func TestWithoutADirectoryNoFileIsReadOrWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	clock := &handClock{}
	before := clock.Now()
	mustRead(t, open(t, cache.Options{Dir: ".", Clock: clock}), "o", 0, 100, true) // which only a cache in this directory knows
	c := open(t, cache.Options{Clock: clock})
	for _, object := range []string{"o", "p"} {
		mustRead(t, c, object, 0, 100, true)
		clock.pass(time.Hour)
		mustRead(t, c, object, 0, 100, false)
	}
	all := files(t, ".")
	if info, err := os.Stat(cache.Path(".", "o", 0, 100)); err != nil || len(all) != 1 || !info.ModTime().Equal(before) {
		t.Errorf("%v, %v, %v", all, info.ModTime(), err)
	}
}

func TestADirectoryStaysTheSameWhereverTheProcessGoes(t *testing.T) {
	t.Chdir(t.TempDir())
	c := open(t, cache.Options{Dir: "here", Memory: -1})
	mustRead(t, c, "o", 0, 100, true)
	t.Chdir(t.TempDir())
	mustRead(t, c, "o", 0, 100, false)
}

func TestAFetchThatFailsIsNotKept(t *testing.T) {
	c := open(t, cache.Options{Dir: t.TempDir()})
	refused := errors.New("refused")
	for name, fetch := range map[string]cache.Fetch{
		"refused":             func(context.Context) ([]byte, error) { return truth("o", 0, 10), refused },
		"9 bytes came":        func(context.Context) ([]byte, error) { return truth("o", 0, 9), nil },
		"11 bytes came":       func(context.Context) ([]byte, error) { return truth("o", 0, 11), nil },
		"ended its goroutine": func(context.Context) ([]byte, error) { runtime.Goexit(); return nil, nil },
	} {
		content, err := c.Range(t.Context(), "o", 0, 10, fetch)
		if content != nil || err == nil || !strings.Contains(err.Error(), name) || name == "refused" && !errors.Is(err, refused) {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
	if got := c.Stats(); got != (cache.Stats{}) {
		t.Errorf("%+v", got)
	}
	mustRead(t, c, "o", 0, 10, true)
	mustRead(t, c, "o", 0, 10, false)
}

func TestWhoAppendsToARangeChangesNobodyElses(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // from the fetch, then from the directory
		c := open(t, cache.Options{Dir: dir})
		for range 2 {
			content, err := c.Range(t.Context(), "o", 0, 10, func(context.Context) ([]byte, error) {
				return append(make([]byte, 0, 100), truth("o", 0, 10)...), nil
			})
			if err != nil || cap(content) != len(content) {
				t.Errorf("%d bytes have room for %d: %v", len(content), cap(content), err)
			}
		}
	}
}

func TestAContextThatHasEndedGetsItsCause(t *testing.T) {
	c := open(t, cache.Options{})
	mustRead(t, c, "kept", 0, 10, true)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	for _, object := range []string{"kept", "o"} {
		if fetched, err := read(ctx, c, object, 0, 10); fetched || !errors.Is(err, gone) {
			t.Errorf("%v, %v", fetched, err)
		}
	}
}

func TestARangeLargerThanAQuarterOfATierIsNotKeptThere(t *testing.T) {
	const block = 4096
	for name, test := range map[string]struct {
		memory, disk int64
		length       int64
		held, filed  bool
	}{
		"just small enough":    {4 * 5000, 4 * 2 * block, 5000 - cache.Overhead, true, true},
		"too large for memory": {4*5000 - 1, 4 * 2 * block, 5000 - cache.Overhead, false, true},
		"too large for disk":   {4 * 10000, 4*2*block - 1, 5000, true, false},
		"a block of the disk":  {-1, 4 * block, block - int64(cache.HeaderSize), false, true},
		"a byte more":          {-1, 4 * block, block - int64(cache.HeaderSize) + 1, false, false},
		"no limit holds it":    {-1, -1, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := open(t, cache.Options{Dir: dir, Memory: test.memory, Disk: test.disk})
			mustRead(t, c, "o", 0, test.length, true)
			if got := c.Stats().Held.Ranges == 1; got != test.held {
				t.Errorf("in memory: %v", got)
			}
			if got := len(files(t, dir)) == 1; got != test.filed {
				t.Errorf("in the directory: %v", got)
			}
			mustRead(t, c, "o", 0, test.length, !test.held && !test.filed)
		})
	}
}

func TestManyGoroutinesAndCachesOnOneDirectoryReadNothingWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const limit = 40 * 4096
	var caches []*cache.Cache
	for range 3 {
		caches = append(caches, open(t, cache.Options{Dir: dir, Disk: limit, Memory: 20_000, Warn: func(error) {}})) // others' files may leave no room for a moment
	}
	var all sync.WaitGroup
	for g := range 12 {
		all.Go(func() {
			for i := range 120 {
				n := int64(i*i+7*g) % 83
				if _, err := read(t.Context(), caches[g%len(caches)], "o", n, 100*n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() { // somebody who damages the files
		for i := range 400 {
			n := int64(i) % 83
			path := cache.Path(dir, "o", n, 100*n)
			switch i % 3 {
			case 0:
				_ = os.Remove(path)
			case 1:
				_ = os.Truncate(path, n)
			case 2:
				if file, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
					_, _ = file.WriteAt([]byte("xyz"), int64(cache.HeaderSize)+n)
					_ = file.Close()
				}
			}
		}
	})
	all.Wait()
	for _, path := range files(t, dir) {
		if !strings.HasSuffix(path, ".range") {
			t.Errorf("%s is left", path)
		}
	}
	mustRead(t, open(t, cache.Options{Dir: dir, Disk: limit}), "another", 0, 100, true)
	if used := usage(t, dir); used > limit {
		t.Errorf("%d bytes are in use, more than %d", used, limit)
	}
}

// usage is the bytes that a directory has in blocks of 4 KiB.
func usage(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	for _, path := range files(t, dir) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		bytes += (info.Size() + 4095) / 4096 * 4096
	}
	return bytes
}
