package failures_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
)

const mebibyte = 1 << 20

// caller makes one call of every kind, over and over: each time in a phase, which has objects and calls of its own.
type caller struct {
	large  int // bytes of large bodies
	bucket bucket.Bucket
	store  *quiver.Store // a strict one: what a memoised function gets by with is an error
	double *quiver.Function[int, int]
}

// newCaller returns a caller of a bucket. A memoised function waits so long for the store to look something up, and as long to save it.
func newCaller(t *testing.T, at place, retry bucket.RetryOptions, large int, lookUp time.Duration) *caller {
	t.Helper()
	c := &caller{large: large, bucket: at.open(t, retry)}
	c.store = storeIn(t, c.bucket, &quiver.Options{Strict: true})
	c.double = double(t, c.store, lookUp)
	return c
}

// double is a memoised function.
func double(t *testing.T, s *quiver.Store, lookUp time.Duration) *quiver.Function[int, int] {
	t.Helper()
	f, err := quiver.Func(s, quiver.Def{Name: "double", Version: callindex.IntVersion(1)}, func(_ context.Context, n int) (int, error) { return 2 * n, nil },
		&quiver.FuncOptions[int]{LookUpTime: lookUp, TransferTime: lookUp})
	must(t, err)
	return f
}

// prepare makes what the calls of a phase read, replace and remove.
func (c *caller) prepare(t *testing.T, phase string) {
	t.Helper()
	for _, name := range []string{"read", "replaced", "deleted", "deleted-if", "removed"} {
		must(t, c.bucket.Put(t.Context(), name+"/"+phase, bucket.Bytes(content(phase, 1000)), bucket.IfAbsent()))
	}
	must(t, c.bucket.Put(t.Context(), "read-large/"+phase, bucket.Bytes(content(phase, c.large)), bucket.IfAbsent()))
	for i := range foundCalls {
		must(t, save(t.Context(), c.store, phase, i))
	}
	must(t, save(t.Context(), c.store, "evicted "+phase, 0))
	for _, value := range [][]byte{content("evicted "+phase, 100), content("loaded "+phase, c.largeValue())} {
		_, err := c.store.Values.SaveBytes(t.Context(), value)
		must(t, err)
	}
	for _, n := range []int{remembered(phase), refreshed(phase)} {
		_, err := c.double.Call(t.Context(), n)
		must(t, err)
	}
}

// errand is a call.
type errand struct {
	about string // a key that its error must name; empty: that is the call's affair
	do    func(ctx context.Context) error
	// after looks, from near, at what has come of it; done says whether the call succeeded. Nil: it changes nothing.
	after func(ctx context.Context, near *caller, done bool) error
}

// wrong is a result that is not what it should be.
type wrong struct{ error }

// unless is err, or what a look at the result says unless there is one.
func unless(err error, look func() error) error {
	if err != nil {
		return err
	}
	return look()
}

// same says whether bytes are what they should be.
func same(got, want []byte) error {
	if !bytes.Equal(got, want) {
		return wrong{fmt.Errorf("these %d bytes are not the %d that were written", len(got), len(want))}
	}
	return nil
}

// calls are all calls of a phase, by name.
func (c *caller) calls(phase string) map[string]errand {
	calls := c.reads(phase)
	maps.Copy(calls, c.writes(phase))
	maps.Copy(calls, c.loads(phase))
	maps.Copy(calls, c.saves(phase))
	return calls
}

// reads are the verbs of a bucket that change nothing.
func (c *caller) reads(phase string) map[string]errand {
	small, large := "read/"+phase, "read-large/"+phase
	get := func(key string, size int) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			got, err := readAll(c.bucket.Get(ctx, key))
			return unless(err, func() error { return same(got, content(phase, size)) })
		}
	}
	return map[string]errand{
		"get":       {small, get(small, 1000), nil},
		"large get": {large, get(large, c.large), nil},
		"get range": {large, func(ctx context.Context) error {
			ranges, _ := bucket.As[bucket.RangeGetter](c.bucket)
			from := c.large / 2
			got, err := readAll(ranges.GetRange(ctx, large, int64(from), 1000))
			return unless(err, func() error { return same(got, content(phase, c.large)[from:from+1000]) })
		}, nil},
		"stat": {small, func(ctx context.Context) error {
			info, err := c.bucket.Stat(ctx, small)
			if err == nil && (info.Size != 1000 || info.Version == "") {
				err = wrong{fmt.Errorf("%+v", info)}
			}
			return err
		}, nil},
		"list": {small, func(ctx context.Context) error {
			page, err := c.bucket.List(ctx, bucket.ListOptions{Prefix: small})
			if err == nil && (len(page.Objects) != 1 || page.Objects[0].Key != small) {
				err = wrong{fmt.Errorf("%+v", page.Objects)}
			}
			return err
		}, nil},
	}
}

// writes are the verbs of a bucket that change it.
func (c *caller) writes(phase string) map[string]errand {
	writes := map[string]errand{
		"put":       c.put("written/"+phase, 1000),
		"large put": c.put("written-large/"+phase, c.large),
		"replace":   c.replace("replaced/"+phase, content(phase, 1000)),
		"delete":    c.remove("deleted/"+phase, c.bucket.Delete),
		"remove":    c.remove("removed/"+phase, func(ctx context.Context, key string) error { return bucket.Remove(ctx, c.bucket, key) }),
	}
	if conditional, ok := bucket.As[bucket.ConditionalDeleter](c.bucket); ok {
		writes["delete if"] = c.remove("deleted-if/"+phase, func(ctx context.Context, key string) error {
			info, err := c.bucket.Stat(ctx, key)
			return unless(err, func() error { return conditional.DeleteIf(ctx, key, info.Version) })
		})
	}
	return writes
}

func (c *caller) put(key string, size int) errand {
	body := content(key, size)
	return errand{key, func(ctx context.Context) error {
		err := c.bucket.Put(ctx, key, bucket.Bytes(body), bucket.IfAbsent())
		if errors.Is(err, bucket.ErrExists) { // refused by its own first success: nobody else writes this key
			return nil
		}
		return err
	}, func(ctx context.Context, near *caller, done bool) error {
		err := near.holds(ctx, key, body)
		if errors.Is(err, bucket.ErrNotFound) && !done {
			return nil
		}
		return err
	}}
}

func (c *caller) replace(key string, before []byte) errand {
	after := content(key+" replaced", 1000)
	return errand{key, func(ctx context.Context) error {
		info, err := c.bucket.Stat(ctx, key)
		if err != nil {
			return err
		}
		err = c.bucket.Put(ctx, key, bucket.Bytes(after), bucket.IfMatch(info.Version))
		if errors.Is(err, bucket.ErrChanged) { // by its own first success
			return c.holds(ctx, key, after)
		}
		return err
	}, func(ctx context.Context, near *caller, done bool) error {
		err := near.holds(ctx, key, after)
		if err != nil && !done {
			return near.holds(ctx, key, before)
		}
		return err
	}}
}

func (c *caller) remove(key string, remove func(ctx context.Context, key string) error) errand {
	return errand{key, func(ctx context.Context) error { return remove(ctx, key) }, func(ctx context.Context, near *caller, done bool) error {
		_, err := near.bucket.Stat(ctx, key)
		if done && !errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("it is still there, %w", err)
		}
		return nil
	}}
}

// holds looks whether an object has these bytes.
func (c *caller) holds(ctx context.Context, key string, want []byte) error {
	got, err := readAll(c.bucket.Get(ctx, key))
	return unless(err, func() error { return same(got, want) })
}

func readAll(object *bucket.Object, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer object.Body.Close()
	return io.ReadAll(object.Body)
}
