package contracttest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/lease"
	"github.com/quivercache/quiver/op"
)

// The two intents tell a context which lock to take: readers of a key share it, a writer has it alone.
func testIntent(t *testing.T, _ *subject) {
	c := op.PerKey()
	inside, leave := make(chan struct{}), make(chan struct{})
	read := func() error {
		return c.Do(t.Context(), "key", op.Read, func(context.Context) error {
			inside <- struct{}{}
			<-leave
			return nil
		})
	}
	var group errgroup.Group
	group.Go(read)
	group.Go(read)
	<-inside
	<-inside // both are
	close(leave)
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	err := c.Do(t.Context(), "key", op.Write, func(ctx context.Context) error {
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		return c.Do(impatient, "key", op.Read, func(context.Context) error { return nil })
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a reader beside a writer: %v", err)
	}
}

// A context is entered around every operation on a key, contexts compose, and entering one again for the same key does not deadlock.
func testOperationContext(t *testing.T, plain *subject) {
	var entered []string
	noting := func(name string) op.Context {
		return contextFunc(func(key string, intent op.Intent) { entered = append(entered, name+" "+string(intent)) })
	}
	chained := newStore(t, plain.bucket, &quiver.Options{Context: op.Chain(noting("outer"), op.Serial(), op.PerKey(), noting("inner"))})
	s := &subject{chained, plain.bucket}
	d := mustPut(t, s, "value")
	for _, c := range []struct {
		name   string
		intent op.Intent
		do     func() error
	}{
		{"load", op.Read, func() error { var v string; return s.Values.Load(t.Context(), d, &v) }},
		{"contains", op.Read, func() error { _, err := s.Values.Contains(t.Context(), d); return err }},
		{"expand", op.Read, func() error { _, err := s.Values.Expand(t.Context(), digest.Prefix(d.String()[:8])); return err }},
		{"shrink", op.Read, func() error { _, err := s.Values.Shrink(t.Context(), d); return err }},
		{"save", op.Write, func() error { _, err := s.Values.Save(t.Context(), "value", nil); return err }},
		{"evict", op.Write, func() error { return s.Values.Evict(t.Context(), d) }},
	} {
		entered = nil
		if err := c.do(); err != nil || !slices.Equal(entered, []string{"outer " + string(c.intent), "inner " + string(c.intent)}) {
			t.Errorf("%s entered %q, %v", c.name, entered, err)
		}
	}
	testAllContexts(t, plain)
	nested := op.Chain(op.Serial(), op.PerKey(), op.Conditional(op.Backoff{}, 2), lease.New(plain.bucket, nil).Context(time.Minute))
	err := nested.Do(t.Context(), d.String(), op.Write, func(ctx context.Context) error {
		return nested.Do(ctx, d.String(), op.Write, func(context.Context) error { return nil })
	})
	if err != nil {
		t.Errorf("nested: %v", err)
	}
}

// testAllContexts saves, changes and evicts under all contexts at once, where the change is read and written in one entry.
func testAllContexts(t *testing.T, plain *subject) {
	all := op.Chain(op.PerKey(), op.Conditional(op.Backoff{}, 2), lease.New(plain.bucket, nil).Context(time.Minute))
	s := newStore(t, plain.bucket, &quiver.Options{Context: all})
	value, err := s.Values.Save(t.Context(), "under all contexts", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &quiver.Record{Call: quiver.Call{Name: "contexts"}, Result: value}
	if _, err := s.Calls.Save(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	err = s.Calls.Do(t.Context(), key, op.Write, func(ctx context.Context) error {
		r, err := s.Calls.Load(ctx, key)
		if err != nil {
			return err
		}
		r.Metadata = quiver.Metadata{"changed": {"by": "all contexts"}}
		_, err = s.Calls.Save(ctx, r, &callindex.SaveOptions{Replace: true})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Calls.Load(t.Context(), key); err != nil || len(r.Metadata) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := errors.Join(s.Calls.Evict(t.Context(), key), s.Values.Evict(t.Context(), value)); err != nil {
		t.Error(err)
	}
}

// contextFunc is a context that tells what it is entered for.
type contextFunc func(key string, intent op.Intent)

func (f contextFunc) Do(ctx context.Context, key string, intent op.Intent, operation func(context.Context) error) error {
	f(key, intent)
	return operation(ctx)
}
