package adapters_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// source is a body of so many bytes, which may announce another number, may fail after some, and may not be able to seek.
type source struct {
	size, announced int64
	failsAt         int64 // 0: never
	seeks           bool
}

var errBody = errors.New("the body is bad")

func (s source) Size() int64 { return s.announced }

func (s source) Open() (io.ReadCloser, error) {
	if s.seeks {
		return bucket.Section(zeros{}, s.size).Open()
	}
	r := io.LimitReader(zeros{}, s.size)
	if s.failsAt > 0 {
		r = io.MultiReader(io.LimitReader(r, s.failsAt), zeros{errBody})
	}
	return io.NopCloser(r), nil
}

// zeros yields zero bytes for ever, or its error.
type zeros struct{ err error }

func (z zeros) Read(p []byte) (int, error) {
	if z.err != nil {
		return 0, z.err
	}
	clear(p)
	return len(p), nil
}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// TestEveryBodyIsPutWholeOrNotAtAll goes around the size up to which a body goes in one request.
func TestEveryBodyIsPutWholeOrNotAtAll(t *testing.T) {
	const limit = adapters.AtOnce
	for _, size := range []int64{0, 1, 1000, limit, limit + 1} {
		for _, seeks := range []bool{false, true} {
			for name, c := range map[string]struct {
				source source
				good   bool
			}{
				"as announced":           {source{size: size, announced: size, seeks: seeks}, true},
				"of unknown size":        {source{size: size, announced: -1, seeks: seeks}, true},
				"shorter than announced": {source{size: size, announced: size + 1, seeks: seeks}, false},
				"longer than announced":  {source{size: size + 1, announced: size, seeks: seeks}, false},
				"failing":                {source{size: size, announced: size, failsAt: max(1, size/2)}, false},
				"failing at its end":     {source{size: size, announced: size, failsAt: max(1, size)}, false},
				"failing, unknown":       {source{size: size, announced: -1, failsAt: size + 1}, false},
			} {
				if c.source.failsAt > 0 && seeks {
					continue // a body that fails does not seek here
				}
				t.Run(fmt.Sprintf("%d bytes %s, seeks %t", size, name, seeks), func(t *testing.T) {
					service := newCloud()
					service.sloppy, service.weighs = true, true
					b := service.bridge(t, nil)
					err := b.Put(t.Context(), "k", c.source, bucket.IfAbsent())
					kept, _, missing := bucket.ReadAll(t.Context(), service.store, "k", 100)
					if c.good {
						is(t, err, nil)
						if missing != nil || string(kept) != strconv.FormatInt(size, 10) {
							t.Errorf("of %d bytes %s have come, %v", size, kept, missing)
						}
					} else {
						is(t, err, bucket.ErrInvalid)
						is(t, missing, bucket.ErrNotFound)
						if c.source.failsAt > 0 && !errors.Is(err, errBody) {
							t.Errorf("the body's own error does not show: %v", err)
						}
					}
				})
			}
		}
	}
}

func TestABodyThatCannotBeOpenedIsNotSent(t *testing.T) {
	service := newCloud()
	service.fails = errors.New("a request was sent")
	for _, size := range []int64{1, -1, 1 << 30} {
		err := service.bridge(t, nil).Put(t.Context(), "k", shut(size), bucket.IfAbsent())
		is(t, err, bucket.ErrInvalid)
		if !errors.Is(err, errBody) {
			t.Error(err)
		}
	}
}

// shut is a body of so many bytes that cannot be opened.
type shut int64

func (s shut) Size() int64                { return int64(s) }
func (shut) Open() (io.ReadCloser, error) { return nil, errBody }

func TestTheConditionIsOnTheRequestWhateverTheSize(t *testing.T) {
	for _, size := range []int{1, adapters.AtOnce + 1} {
		service := newCloud()
		service.weighs = true
		b := service.bridge(t, nil)
		body := bucket.Bytes(nothing[:size])
		is(t, b.Put(t.Context(), "k", body, bucket.IfMatch("1")), bucket.ErrChanged)
		is(t, b.Put(t.Context(), "k", body, bucket.IfAbsent()), nil)
		is(t, b.Put(t.Context(), "k", body, bucket.IfAbsent()), bucket.ErrExists)
		info, err := b.Stat(t.Context(), "k")
		is(t, err, nil)
		is(t, b.Put(t.Context(), "k", body, bucket.IfMatch(info.Version)), nil)
		is(t, b.Put(t.Context(), "k", body, bucket.IfMatch(info.Version)), bucket.ErrChanged)
		is(t, b.Put(t.Context(), "k", body, bucket.Condition{}), bucket.ErrInvalid)
	}
}

func TestAPutTakesMemoryByTheSizeOfItsBody(t *testing.T) {
	const small, whole, slack = 1 << 10, adapters.AtOnce, 32 << 10
	for name, c := range map[string]struct {
		source source
		most   uint64 // bytes
	}{
		"small":                  {source{size: small, announced: small, seeks: true}, slack},
		"small stream":           {source{size: small, announced: small}, slack},
		"small, of unknown size": {source{size: small, announced: -1}, slack},
		"8 MiB":                  {source{size: whole, announced: whole, seeks: true}, slack},
		"8 MiB stream":           {source{size: whole, announced: whole}, 2*whole + slack}, // under the race detector a slice is allocated twice
		"20 MiB":                 {source{size: 20 << 20, announced: 20 << 20, seeks: true}, slack},
		"20 MiB stream":          {source{size: 20 << 20, announced: 20 << 20}, slack},
		"20 MiB of unknown size": {source{size: 20 << 20, announced: -1}, 8*whole + slack}, // a buffer that doubles up to 8 MiB and a byte
	} {
		service := newCloud()
		service.weighs = true
		b := service.bridge(t, nil)
		put := func(i int) {
			if err := b.Put(t.Context(), strconv.Itoa(i), c.source, bucket.IfAbsent()); err != nil {
				t.Fatal(err)
			}
		}
		put(0)
		const rounds = 4
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range rounds {
			put(i + 1)
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / rounds; each > c.most {
			t.Errorf("%s: a Put allocates %d bytes, more than %d", name, each, c.most)
		}
	}
}

func TestAnUploadNeverHasMorePartsThanS3Allows(t *testing.T) {
	const parts = 10_000
	for _, size := range []int64{adapters.AtOnce + 1, 1 << 30, 80 << 30, 100 << 30, 5 << 40} {
		service := newCloud()
		b := service.bridge(t, nil)
		err := b.Put(t.Context(), "k", source{size: 1, announced: size}, bucket.IfAbsent())
		is(t, err, bucket.ErrInvalid)
		if size > parts*int64(service.partSize) || size <= 64<<30 && service.partSize != 8<<20 {
			t.Errorf("%d bytes go in parts of %d", size, service.partSize)
		}
	}
}

func TestALargeBodyGoesThroughTheBucketForUploads(t *testing.T) {
	single, uploads := newCloud(), newCloud()
	uploads.store = single.store
	single.fails = errors.New("the bucket for single requests was asked")
	b := single.bridge(t, &adapters.Options{Uploads: uploads.blob(), PartSize: 9 << 20})
	is(t, b.Put(t.Context(), "k", bucket.Bytes(nothing[:]), bucket.IfAbsent()), nil)
	is(t, b.Put(t.Context(), "l", bucket.Bytes(nothing[1:]), bucket.IfAbsent()), bucket.ErrUnavailable)
	if uploads.partSize != 9<<20 {
		t.Errorf("it goes in parts of %d", uploads.partSize)
	}
}

func TestCloseClosesOnceWhatABridgeHas(t *testing.T) {
	single, uploads, closed := newCloud(), newCloud(), 0
	single.closing, uploads.closing = errors.New("one"), errors.New("two")
	third := errors.New("three")
	b := single.bridge(t, &adapters.Options{Uploads: uploads.blob(), Close: func() error { closed++; return third }})
	if err := b.Close(); !errors.Is(err, third) || !strings.Contains(err.Error(), "one") || !strings.Contains(err.Error(), "two") {
		t.Error(err)
	}
	if err := b.Close(); err != nil || single.closings != 1 || uploads.closings != 1 || closed != 1 {
		t.Errorf("closed %d, %d and %d times, %v", single.closings, uploads.closings, closed, err)
	}
}

func TestARequestThatIsSentOnceIsMarkedSo(t *testing.T) {
	type mark struct{}
	service := newCloud()
	b := service.bridge(t, &adapters.Options{ConditionalDelete: true, Context: func(ctx context.Context) context.Context { return context.WithValue(ctx, mark{}, true) }})
	for name, send := range requests(b, "1") {
		marked := false
		service.wire = wire(func(r *http.Request) (*http.Response, error) {
			marked = r.Context().Value(mark{}) != nil
			return nil, io.ErrUnexpectedEOF
		})
		is(t, send(t.Context()), bucket.ErrUnavailable)
		if inParts := strings.HasSuffix(name, "large"); marked == inParts {
			t.Errorf("a %s: %t", name, marked)
		}
	}
}
