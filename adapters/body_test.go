package adapters_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

const digits = "0123456789"

// scripted is a bucket with one object, "k", on a cloud that answers the Gets of it as told.
func scripted(t *testing.T, content string, answers ...answer) (*cloud, bucket.Bucket) {
	t.Helper()
	service := newCloud()
	b := service.bridge(t, nil)
	create(t, b, "k", content)
	service.answers = answers
	return service, b
}

// opened is the object of a scripted cloud, its body to be closed by the test's end.
func opened(t *testing.T, ctx context.Context, b bucket.Bucket) *bucket.Object {
	t.Helper()
	object, err := b.Get(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { object.Body.Close() })
	return object
}

// asked demands that these parts were asked for, the first Get being whole.
func (c *cloud) asked(t *testing.T, want ...adapters.Part) {
	t.Helper()
	if want = append([]adapters.Part{adapters.Whole}, want...); !slices.Equal(c.gets, want) {
		t.Errorf("asked for %v, not for %v", c.gets, want)
	}
}

func TestABodyThatIsCutGoesOnAtTheByteWhereItWasInTheVersionItWasOf(t *testing.T) {
	ended := func(n int) answer { return after(n, func(context.Context) error { return io.EOF }) }
	for name, kind := range map[string]func(int) answer{"cut": cut, "ended early": ended, "stalled": stall} {
		for _, at := range []int{0, 1, 7, len(digits) - 1} {
			t.Run(fmt.Sprintf("%s after %d bytes", name, at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					service, b := scripted(t, digits, kind(at))
					object := opened(t, t.Context(), b)
					content, err := io.ReadAll(object.Body)
					if string(content) != digits || err != nil {
						t.Errorf("read %q, %v", content, err)
					}
					service.asked(t, adapters.Part{Offset: int64(at), Length: int64(len(digits) - at), Version: object.Version})
					object.Body.Close()
					service.released(t)
				})
			})
		}
	}
}

func TestWhateverTheCutsABodyIsWholeOrFails(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		content := rapid.StringN(1, 40, -1).Draw(r, "content")
		var answers []answer
		for _, n := range rapid.SliceOfN(rapid.IntRange(-8, 8), 0, 12).Draw(r, "cuts") {
			if n < 0 {
				answers = append(answers, stall(-n))
			} else {
				answers = append(answers, cut(n))
			}
		}
		var read []byte
		var err error
		synctest.Test(t, func(t *testing.T) {
			service, b := scripted(t, content, answers...)
			object := opened(t, t.Context(), b)
			read, err = io.ReadAll(object.Body)
			object.Body.Close()
			service.released(t)
		})
		if !strings.HasPrefix(content, string(read)) || err == nil && string(read) != content || err != nil && !errors.Is(err, bucket.ErrUnavailable) {
			r.Fatalf("of %q was read %q, %v", content, read, err)
		}
	})
}

func TestABodyGivesUpAfterFourResumptionsWithoutAByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, b := scripted(t, digits, cut(3), cut(0), cut(0), cut(0), cut(0), cut(0))
		object := opened(t, t.Context(), b)
		content, err := io.ReadAll(object.Body)
		is(t, err, bucket.ErrUnavailable)
		if string(content) != "012" || !strings.Contains(err.Error(), "at byte 3 of 10") || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("read %q, %v", content, err)
		}
		rest := adapters.Part{Offset: 3, Length: 7, Version: object.Version}
		service.asked(t, rest, rest, rest, rest)
		if _, again := object.Body.Read(make([]byte, 1)); !errors.Is(again, err) {
			t.Errorf("read again: %v", again)
		}
		service.asked(t, rest, rest, rest, rest)
		service.released(t)
	})
}

func TestProgressRenewsTheResumptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers []answer
		for range len(digits) {
			answers = append(answers, cut(1), cut(0), cut(0), cut(0))
		}
		_, b := scripted(t, digits, answers...)
		if content, err := io.ReadAll(opened(t, t.Context(), b).Body); string(content) != digits || err != nil {
			t.Errorf("read %q, %v", content, err)
		}
	})
}

func TestAResumptionThatFailsIsRepeatedWhereThatMayHelp(t *testing.T) {
	for name, c := range map[string]struct {
		refusal adapters.Refusal
		helps   bool
	}{
		"service in trouble": {adapters.Refusal{Status: http.StatusInternalServerError}, true},
		"throttled":          {adapters.Refusal{Status: http.StatusTooManyRequests}, true},
		"object replaced":    {adapters.Refusal{Status: http.StatusPreconditionFailed}, false},
		"object gone":        {adapters.Refusal{Status: http.StatusNotFound}, false},
		"right withdrawn":    {adapters.Refusal{Status: http.StatusForbidden, Code: "AccessDenied"}, false},
		"object shortened":   {adapters.Refusal{Status: http.StatusRequestedRangeNotSatisfiable}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service, b := scripted(t, digits, cut(3), refuse(c.refusal), refuse(c.refusal))
				object := opened(t, t.Context(), b)
				content, err := io.ReadAll(object.Body)
				rest := adapters.Part{Offset: 3, Length: 7, Version: object.Version}
				if c.helps {
					is(t, err, nil)
					service.asked(t, rest, rest, rest)
					return
				}
				service.asked(t, rest)
				is(t, err, bucket.ErrUnavailable)
				for _, answer := range []error{bucket.ErrNotFound, bucket.ErrChanged, bucket.ErrExists, bucket.ErrRefused, bucket.ErrInvalid} {
					if errors.Is(err, answer) {
						t.Errorf("to a reader whose Get succeeded, %v is no answer", answer)
					}
				}
				if string(content) != "012" || !strings.Contains(err.Error(), http.StatusText(c.refusal.Status)) && !strings.Contains(err.Error(), c.refusal.Code) {
					t.Errorf("read %q, %v", content, err)
				}
			})
		})
	}
}

func TestTheBytesOfTwoVersionsAreNeverJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := func(object *bucket.Object, body *stream) error { // a server that ignores the condition of a GET
			object.Version, body.rest = "another", []byte("newbyte")
			return nil
		}
		service, b := scripted(t, digits, cut(3), other)
		content, err := io.ReadAll(opened(t, t.Context(), b).Body)
		is(t, err, bucket.ErrUnavailable)
		if string(content) != "012" {
			t.Errorf("read %q", content)
		}
		service.released(t)
	})
}

func TestAPartThatIsCutGoesOnWithinIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			length int64
			want   string
			rest   int64
		}{"inside": {5, "23456", 3}, "over the end": {100, "23456789", 6}} {
			service, b := scripted(t, digits, cut(2))
			ranges, _ := bucket.As[bucket.RangeGetter](b)
			object, err := ranges.GetRange(t.Context(), "k", 2, c.length)
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(object.Body)
			if string(content) != c.want || err != nil || object.Size != int64(len(digits)) {
				t.Errorf("%s: read %q of %d bytes, %v", name, content, object.Size, err)
			}
			if want := []adapters.Part{{Offset: 2, Length: c.length}, {Offset: 4, Length: c.rest, Version: object.Version}}; !slices.Equal(service.gets, want) {
				t.Errorf("%s: asked for %v, not for %v", name, service.gets, want)
			}
			object.Body.Close()
			service.released(t)
		}
	})
}

func TestABodyOfNoKnownSizeIsAnError(t *testing.T) {
	service, b := scripted(t, digits, func(object *bucket.Object, _ *stream) error {
		object.Size = -1
		return nil
	})
	_, err := b.Get(t.Context(), "k")
	is(t, err, bucket.ErrUnavailable)
	service.released(t)
}

func TestABodyThatYieldsNothingCountsAsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := newCloud()
		b := service.bridge(t, &adapters.Options{Idle: 7 * time.Second})
		create(t, b, "k", digits)
		service.answers = []answer{stall(3)}
		object, begun := opened(t, t.Context(), b), time.Now()
		content, err := io.ReadAll(object.Body)
		if took := time.Since(begun); string(content) != digits || err != nil || took < 7*time.Second || took > 7*time.Second+100*time.Millisecond {
			t.Errorf("read %q, %v, after %v", content, err, took)
		}
	})
}

func TestABodyThatOnlyStallsEndsWithAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, b := scripted(t, digits, stall(0), stall(0), stall(0), stall(0), stall(0), stall(0))
		_, err := io.ReadAll(opened(t, t.Context(), b).Body)
		is(t, err, bucket.ErrUnavailable)
		if errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "no bytes came for too long") {
			t.Errorf("nobody has canceled: %v", err)
		}
		service.released(t)
	})
}

func TestNeitherASlowBodyNorASlowReaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(_ *bucket.Object, body *stream) error {
			body.before = func(context.Context) error {
				pause(t, 19*time.Second)
				return nil
			}
			return nil
		}
		service, b := scripted(t, digits, slow)
		object := opened(t, t.Context(), b)
		for i := range len(digits) {
			pause(t, 10*time.Minute)
			if n, err := object.Body.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Fatalf("byte %d: %d, %v", i, n, err)
			}
		}
		service.asked(t)
	})
}

func TestAReadOfNothingReturns(t *testing.T) {
	_, b := scripted(t, digits)
	if n, err := opened(t, t.Context(), b).Body.Read(nil); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestABodyEndsWithItsContext(t *testing.T) {
	const waiting = "waiting to go on"
	shutdown := errors.New("the machine is going down")
	for name, c := range map[string]struct {
		end  func(ctx context.Context) (context.Context, func())
		want []error
	}{
		"canceled": {func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancel(ctx)
			return ctx, cancel
		}, []error{context.Canceled}},
		"canceled for a reason": {func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { cancel(shutdown) }
		}, []error{context.Canceled, shutdown}},
		"too late": {func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			context.AfterFunc(ctx, cancel)
			return ctx, func() {}
		}, []error{context.DeadlineExceeded}},
		"too late for a reason": {func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Second, shutdown)
			context.AfterFunc(ctx, cancel)
			return ctx, func() {}
		}, []error{context.DeadlineExceeded, shutdown}},
	} {
		for where, answers := range map[string][]answer{
			"in a stall":                 {stall(3)},
			"between reads":              {},
			waiting:                      {cut(0)},
			"in the answer to the rest":  {cut(3), stall(0)},
			"before the rest is offered": {cut(3), silence},
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, end := c.end(t.Context())
					service := newCloud()
					options := &adapters.Options{}
					if where == waiting {
						options.Backoff = op.Backoff{Base: time.Minute, Cap: time.Minute, Entropy: longest{}}
					}
					b := service.bridge(t, options)
					create(t, b, "k", digits)
					service.answers = answers
					object := opened(t, ctx, b)
					time.AfterFunc(5*time.Second, end)
					if where == "between reads" {
						if _, err := object.Body.Read(make([]byte, 3)); err != nil {
							t.Fatal(err)
						}
						pause(t, 6*time.Second)
					}
					begun := time.Now()
					_, err := io.ReadAll(object.Body)
					is(t, err, bucket.ErrUnavailable)
					for _, want := range c.want {
						foreseen := where == waiting && errors.Is(err, context.DeadlineExceeded) // a wait beyond the deadline is not begun
						if !errors.Is(err, want) && !foreseen {
							t.Errorf("the error is %v, not %v", err, want)
						}
					}
					if took := time.Since(begun); took > 5*time.Second {
						t.Errorf("it took %v", took)
					}
					object.Body.Close()
					service.released(t)
				})
			})
		}
	}
}

func TestADeadlineThatStopsAResumptionShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := newCloud()
		b := service.bridge(t, &adapters.Options{Backoff: op.Backoff{Base: time.Second, Cap: time.Minute, Entropy: longest{}}})
		create(t, b, "k", digits)
		service.answers = []answer{cut(3), refuse(adapters.Refusal{Status: http.StatusTooManyRequests})}
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond) // one wait of a second, and not another of two
		defer cancel()
		_, err := io.ReadAll(opened(t, ctx, b).Body)
		is(t, err, bucket.ErrUnavailable)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "Too Many Requests") {
			t.Error(err)
		}
	})
}

func TestAClosedBodyHoldsNothingAndYieldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, answers := range map[string][]answer{"at once": {}, "after a resumption": {cut(2)}} {
			service, b := scripted(t, digits, answers...)
			object := opened(t, t.Context(), b)
			if _, err := io.ReadFull(object.Body, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := object.Body.Close(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			service.released(t)
			if n, err := object.Body.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
				t.Errorf("%s: a closed body yields %d bytes, %v", name, n, err)
			}
		}
	})
}
