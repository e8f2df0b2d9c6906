package buckettest_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
)

func TestTheModelAgreesWithMem(t *testing.T) {
	buckettest.Model(t, func() bucket.Bucket { return mem.New(nil) })
}

// observer stands for a test whose failure is what is tested.
type observer struct {
	testing.TB
	report strings.Builder
	failed bool
}

var _ rapid.TB = (*observer)(nil)

func (o *observer) Helper()             {}
func (o *observer) Log(...any)          {}
func (o *observer) Logf(string, ...any) {}
func (o *observer) Failed() bool        { return o.failed }
func (o *observer) Fail()               { o.failed = true }

func (o *observer) FailNow() {
	o.failed = true
	runtime.Goexit()
}

func (o *observer) Errorf(format string, args ...any) {
	o.failed = true
	o.report.WriteString(format)
	for _, arg := range args {
		if text, ok := arg.(string); ok {
			o.report.WriteString(text)
		}
	}
}

// A model that agrees with a broken bucket proves nothing.
func TestTheModelDisagreesWithWhatIsBroken(t *testing.T) {
	for name, value := range map[string]string{"rapid.shrinktime": "50ms", "rapid.nofailfile": "true"} {
		old := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := flag.Set(name, old); err != nil {
				t.Error(err)
			}
		})
	}
	for name, broken := range map[string]bucket.Middleware{
		"IfMatch is ignored": only(bucket.Put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if r.Condition.Absent() {
				return next(ctx, r)
			}
			return overwrite(ctx, r, next)
		}),
		"IfAbsent is ignored": only(bucket.Put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if r.Condition.Absent() {
				return overwrite(ctx, r, next)
			}
			return next(ctx, r)
		}),
		"a delete of the first key is forgotten": only(bucket.Delete, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if r.Key == "a" {
				return next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key})
			}
			return next(ctx, r)
		}),
		"reads are cut without an error": answering(bucket.Get, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			return wrapBody(answer, func(o bucket.Object) io.Reader { return io.LimitReader(o.Body, 10) }), err
		}),
		"a listing leaves out b/c": answering(bucket.List, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			for i, info := range answer.Page.Objects {
				if info.Key == "b/c" {
					answer.Page.Objects = append(answer.Page.Objects[:i:i], answer.Page.Objects[i+1:]...)
					break
				}
			}
			return answer, err
		}),
		"a conditional delete is unconditional": only(bucket.DeleteIf, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			if errors.Is(err, bucket.ErrChanged) {
				return next(ctx, &bucket.Request{Verb: bucket.Delete, Key: r.Key})
			}
			return answer, err
		}),
	} {
		t.Run(name, func(t *testing.T) {
			o := &observer{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				buckettest.Model(o, func() bucket.Bucket { return bucket.Wrap(mem.New(nil), broken) })
			}()
			<-done
			if !o.failed || !strings.Contains(o.report.String(), "-rapid.seed=") {
				t.Errorf("failed: %v, with the report %q", o.failed, o.report.String())
			}
		})
	}
}
