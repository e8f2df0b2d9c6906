package blobstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

// seekOnly can seek and has no ReadAt.
type seekOnly struct{ io.ReadSeeker }

func TestStreamsAreSavedWhateverTheirReaderCanDo(t *testing.T) {
	for _, size := range []int{0, 1<<20 - 1, 1 << 20, 1<<20 + 7} {
		value := noise(1, size)
		for name, r := range map[string]io.Reader{
			"a reader at":           bytes.NewReader(value),
			"a seeker":              seekOnly{bytes.NewReader(value)},
			"a plain reader":        struct{ io.Reader }{bytes.NewReader(value)},
			"half of what is asked": iotest.HalfReader(bytes.NewReader(value)),
			"an error with the end": iotest.DataErrReader(bytes.NewReader(value)),
		} {
			t.Run(fmt.Sprintf("%s of %d bytes", name, size), func(t *testing.T) {
				folder := t.TempDir()
				b := newBench(t, &blobstore.Options{SpoolDir: folder})
				key, err := b.SaveReader(t.Context(), r, nil)
				if err != nil || key != digest.OfBytes(value) {
					t.Fatal(err)
				}
				if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
					t.Error(err)
				}
				wantEmpty(t, folder)
			})
		}
	}
}

func wantEmpty(t *testing.T, folder string) {
	t.Helper()
	if left := must(os.ReadDir(folder)); len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
}

func TestAStreamIsSavedFromWhereItStandsAndLeftThere(t *testing.T) {
	whole := noise(1, 2<<20)
	for _, r := range []io.ReadSeeker{bytes.NewReader(whole), seekOnly{bytes.NewReader(whole)}} {
		b := newBench(t, nil)
		must(r.Seek(100, io.SeekStart))
		if key := must(b.SaveReader(t.Context(), r, nil)); key != digest.OfBytes(whole[100:]) {
			t.Error("another part was saved")
		}
		if at := must(r.Seek(0, io.SeekCurrent)); at != 100 {
			t.Errorf("it stands at %d", at)
		}
		must(r.Seek(3<<20, io.SeekStart)) // behind the end there is nothing
		if key := must(b.SaveReader(t.Context(), r, nil)); key != digest.OfBytes([]byte{}) {
			t.Error("something was saved")
		}
	}
}

func TestFilesAndPipesAreSaved(t *testing.T) {
	value := noise(1, 2<<20)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, value, 0o600); err != nil {
		t.Fatal(err)
	}
	file := must(os.Open(path))
	defer file.Close()
	b := newBench(t, nil)
	if key := must(b.SaveReader(t.Context(), file, nil)); key != digest.OfBytes(value) {
		t.Error("a file")
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var writer sync.WaitGroup
	writer.Go(func() {
		defer in.Close()
		if _, err := in.Write(value); err != nil {
			t.Error(err)
		}
	})
	defer writer.Wait()
	if key := must(b.SaveReader(t.Context(), out, nil)); key != digest.OfBytes(value) {
		t.Error("a pipe")
	}
}

// liar says that it ends where it does not, as files in /proc do.
type liar struct{ *bytes.Reader }

func (l liar) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return 0, nil
	}
	return l.Reader.Seek(offset, whence)
}

func TestAFileThatSaysItIsEmptyIsReadToItsEnd(t *testing.T) {
	b := newBench(t, nil)
	if key := must(b.SaveReader(t.Context(), liar{bytes.NewReader([]byte("content"))}, nil)); key != digest.OfBytes([]byte("content")) {
		t.Error("not all of it was saved")
	}
}

// shifting yields other bytes each time it is read from the start.
type shifting struct {
	*bytes.Reader
	times int
	trim  int
}

func (s *shifting) ReadAt(p []byte, offset int64) (int, error) {
	if offset == 0 {
		s.times++
	}
	if s.trim > 0 && s.times > 1 && offset >= s.Size()-int64(s.trim) {
		return 0, io.EOF
	}
	n, err := s.Reader.ReadAt(p, offset)
	if offset == 0 && n > 0 {
		p[0] += byte(s.times)
	}
	return n, err
}

func TestContentThatChangesMeanwhileIsNotSaved(t *testing.T) {
	for _, trim := range []int{0, 1000} {
		b := newBench(t, nil)
		_, err := b.SaveReader(t.Context(), &shifting{Reader: bytes.NewReader(noise(1, 2<<20)), trim: trim}, nil)
		if _, ok := errors.AsType[*keyspace.SaveError](err); !ok || !strings.Contains(err.Error(), "changed") {
			t.Error(err)
		}
		for key, err := range b.List(t.Context(), digest.Digest{}) {
			t.Errorf("%v, %v is there", key, err)
		}
	}
}

func TestNothingIsLeftBehindWhenAStreamFails(t *testing.T) {
	endless := struct{ io.Reader }{zeros{}}
	broken := iotest.ErrReader(errors.New("broken"))
	for name, c := range map[string]struct {
		r       io.Reader
		options blobstore.Options
		save    *blobstore.SaveOptions
		script  []buckettest.Fault
	}{
		"a reader that fails at once":    {r: broken},
		"a reader that fails later":      {r: io.MultiReader(bytes.NewReader(noise(1, 2<<20)), broken)},
		"a seeker that fails":            {r: failing{bytes.NewReader(noise(1, 2<<20))}},
		"more than the spool takes":      {r: endless, options: blobstore.Options{SpoolLimit: 2 << 20}},
		"a bucket that fails":            {r: io.MultiReader(bytes.NewReader(noise(1, 2<<20))), script: []buckettest.Fault{{Verb: bucket.Put, Do: buckettest.Fail(bucket.ErrRefused)}}},
		"an upload that is cut":          {r: io.MultiReader(bytes.NewReader(noise(1, 2<<20))), script: []buckettest.Fault{{Verb: bucket.Put, Do: buckettest.CutBody(1 << 20)}}},
		"a codec that is not for bytes":  {r: bytes.NewReader(nil), save: &blobstore.SaveOptions{Codec: blobstore.JSON}},
		"a folder that is not there":     {r: endless, options: blobstore.Options{SpoolDir: "/no/such/folder"}},
		"entropy that cannot be had":     {r: bytes.NewReader(nil), options: blobstore.Options{Entropy: broken}},
		"a seeker with a bucket failing": {r: bytes.NewReader(noise(1, 2<<20)), script: []buckettest.Fault{{Verb: bucket.Put, Do: buckettest.Fail(bucket.ErrNoBucket)}}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if c.options.SpoolDir == "" {
				c.options.SpoolDir = folder
			}
			faults := buckettest.NewFaults(c.script...)
			b := newBench(t, &c.options, faults.Inject)
			key, err := b.SaveReader(t.Context(), c.r, c.save)
			if _, ok := errors.AsType[*keyspace.SaveError](err); !ok || !key.IsZero() {
				t.Errorf("%v, %v", key, err)
			}
			faults.Done(t)
			wantEmpty(t, folder)
			for key, err := range b.List(t.Context(), digest.Digest{}) {
				t.Errorf("%v, %v is there", key, err)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type failing struct{ *bytes.Reader }

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("broken") }

func TestACanceledStreamLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	b := newBench(t, &blobstore.Options{SpoolDir: folder})
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := b.SaveReader(ctx, readerFunc(func(p []byte) (int, error) {
		if n += len(p); n > 2<<20 {
			cancel()
		}
		return len(p), nil
	}), nil)
	if _, ok := errors.AsType[*keyspace.SaveError](err); !ok || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wantEmpty(t, folder)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAnUploadThatIsRepeatedSendsTheSameBytes(t *testing.T) {
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Nth: 1, Do: buckettest.CutBody(1 << 20)}, buckettest.Fault{Verb: bucket.Put, Nth: 2, Do: buckettest.LoseAnswer()})
	b := newBench(t, nil, faults.Inject, bucket.Retry(bucket.RetryOptions{}))
	value := noise(1, 2<<20)
	key := must(b.SaveReader(t.Context(), struct{ io.Reader }{bytes.NewReader(value)}, nil))
	if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
		t.Error(err)
	}
	faults.Done(t)
}

func TestStreamsAreSavedAndReadInLittleMemory(t *testing.T) {
	saveInLittleMemory(t, 64<<20, struct{ io.Reader }{io.NewSectionReader(incompressible, 0, 64<<20)}) // by way of a file, which the other way does without
	readInLittleMemory(t, incompressible, 32<<20)
}

const littleMemory = 32 << 20

func saveInLittleMemory(t *testing.T, size int64, r io.Reader) {
	store := blobstore.New(drain(t), nil)
	grown := heapGrowth(func() {
		if _, err := store.SaveReader(t.Context(), r, nil); err != nil {
			t.Error(err)
		}
	})
	t.Logf("a stream of %d MiB was saved in %d KiB", size>>20, grown>>10)
	if grown > littleMemory {
		t.Errorf("a stream of %d MiB was saved in %d MiB", size>>20, grown>>20)
	}
}

func readInLittleMemory(t *testing.T, content io.ReaderAt, size int64) {
	b := newBench(t, nil)
	key := must(b.SaveReader(t.Context(), io.NewSectionReader(content, 0, size), nil))
	grown := heapGrowth(func() {
		r := must(b.Open(t.Context(), key))
		defer r.Close()
		if n, err := io.Copy(io.Discard, struct{ io.Reader }{r}); n != size || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
	t.Logf("a stream of %d MiB was read in %d KiB", size>>20, grown>>10)
	if grown > littleMemory {
		t.Errorf("a stream of %d MiB was read in %d MiB", size>>20, grown>>20)
	}
}

// incompressible repeats itself outside of the window only.
var incompressible = repeated{noise(1, 1_300_000)}

// repeated is a block again and again for ever.
type repeated struct{ block []byte }

func (r repeated) ReadAt(p []byte, offset int64) (int, error) {
	for n := 0; n < len(p); {
		copied := copy(p[n:], r.block[offset%int64(len(r.block)):])
		n += copied
		offset += int64(copied)
	}
	return len(p), nil
}

// drain is a bucket that takes bodies and keeps nothing.
func drain(t *testing.T) bucket.Bucket {
	return bucket.Wrap(newBench(t, nil).mem, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb != bucket.Put {
				return next(ctx, r)
			}
			body, err := r.Body.Open()
			if err != nil {
				return bucket.Answer{}, err
			}
			defer body.Close()
			_, err = io.Copy(io.Discard, struct{ io.Reader }{body})
			return bucket.Answer{}, err
		}
	})
}

func TestAReaderThatIsClosedEarlyIsHarmless(t *testing.T) {
	b := newBench(t, nil)
	key := must(b.SaveReader(t.Context(), bytes.NewReader(noise(1, 2<<20)), nil))
	for _, part := range []int{0, 1, 1 << 20} {
		r := must(b.Open(t.Context(), key))
		must(io.ReadFull(r, make([]byte, part)))
		if r.Key() != key || r.Size() != 2<<20 || r.Codec() != "raw" || r.Object().Version != b.version(key) {
			t.Error("it is of another value")
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := r.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a closed reader: %v", err)
		}
	}
	if got, err := b.bothWays(key); err != nil || len(got) != 2<<20 {
		t.Error(err)
	}
}

func TestReadersKeepTheRulesOfReaders(t *testing.T) {
	b := newBench(t, nil)
	for _, size := range []int{0, 1, 100_000, 1<<20 + 1} {
		value := noise(1, size)
		r := must(b.Open(t.Context(), must(b.SaveBytes(t.Context(), value))))
		if err := iotest.TestReader(r, value); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
