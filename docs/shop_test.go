package docs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// standing is a clock that goes on when it is told to.
type standing struct {
	op.Clock
	time time.Time
}

func (c *standing) Now() time.Time { return c.time }

// shop is a store whose requests are counted.
type shop struct {
	*testing.T
	clock  *standing
	bucket *mem.Bucket
	store  *quiver.Store
	meter  *bucket.Meter
}

// empty is a store in a new bucket.
func empty(t *testing.T) *shop {
	clock := &standing{op.SystemClock(), time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	return (&shop{T: t, clock: clock, bucket: mem.New(&mem.Options{Clock: clock})}).again()
}

// again is the same bucket, just opened.
func (s *shop) again() *shop {
	s = &shop{T: s.T, clock: s.clock, bucket: s.bucket}
	s.count()
	var err error
	s.store, err = quiver.New(s.Context(), bucket.Wrap(s.bucket, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			return bucket.Observe(s.meter)(next)(ctx, r)
		}
	}), &quiver.Options{Clock: s.clock})
	s.must(err)
	return s
}

// count begins to count anew.
func (s *shop) count() { s.meter = bucket.NewMeter(s.clock) }

func (s *shop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

type input struct{ N int }

const (
	small = 100    // bytes of a result
	large = 20_000 // of one that does not stand in its record
	many  = 1000   // calls
)

// runtime is what records say of a run, the same on every machine.
var runtime = []quiver.Recorder{{Group: "runtime", Record: func(_ context.Context, run *quiver.Run) map[string]any {
	at := run.Started.Format(time.RFC3339)
	return map[string]any{"timestart": at, "timestop": at, "walltime": 1.25, "hostname": "worker-0001"}
}}}

func (s *shop) function(options *quiver.FuncOptions[string]) *quiver.Function[input, string] {
	o := quiver.FuncOptions[string]{}
	if options != nil {
		o = *options
	}
	o.Recorders = runtime
	f, err := quiver.Func(s.store, quiver.Def{Name: "f", Version: quiver.IntVersion(1)}, func(_ context.Context, in input) (string, error) {
		size := small
		if in.N < 0 {
			size = large
		}
		return strings.Repeat(fmt.Sprintf("%10d", in.N), size/10), nil
	}, &o)
	s.must(err)
	return f
}

func (s *shop) call(n int, options *quiver.FuncOptions[string]) {
	_, err := s.function(options).Call(s.Context(), input{n})
	s.must(err)
}

func (s *shop) key(n int) digest.Digest {
	key, err := s.function(nil).Key(input{n})
	s.must(err)
	return key
}

func (s *shop) query(q quiver.Query, want int) {
	n, err := s.store.Query(q).Count(s.Context())
	if s.must(err); n != want {
		s.Errorf("%+v finds %d calls, not %d", q, n, want)
	}
}

func (s *shop) fold() {
	_, err := s.store.Fold(s.Context(), nil)
	s.must(err)
}

// What a store may have before an operation.
func nothing(*shop)   {}
func oneCall(s *shop) { s.call(0, nil) }
func bigCall(s *shop) { s.call(-1, nil) }

// shared says that an operation is tried on one store with many calls, as the operations before have left it.
var shared func(*shop)
