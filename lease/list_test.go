package lease_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

// hundred is a store with a hundred leases, one of which cannot be read, and one foreign object.
func hundred(t *testing.T) *mem.Bucket {
	b := mem.New(nil)
	leases := lease.New(b, nil)
	for n := range 99 {
		_, err := leases.Take(t.Context(), lease.Claim{Key: digest.OfBytes([]byte{byte(n)}), Term: time.Minute, Function: fmt.Sprint("f", n)}, nil)
		succeeds(t, err)
	}
	write(t, b, "spoilt")
	succeeds(t, b.Put(t.Context(), layout.Leases+"readme.txt", bucket.Bytes(nil), bucket.IfAbsent()))
	return b
}

func TestAllLeasesAreListedByKey(t *testing.T) {
	b := hundred(t)
	var before string
	n, unreadable := 0, 0
	for l, err := range lease.New(b, nil).List(t.Context()) {
		succeeds(t, err)
		if l.Key.String() <= before {
			t.Errorf("%s comes after %s", l.Key, before)
		}
		if before = l.Key.String(); l.Err != nil {
			unreadable++
			if l.Key != key {
				t.Errorf("%s cannot be read: %v", l.Key, l.Err)
			}
		} else if l.State != lease.Held || l.Function == "" {
			t.Errorf("%+v", l)
		}
		n++
	}
	if n != 100 || unreadable != 1 {
		t.Errorf("%d leases, %d of them unreadable", n, unreadable)
	}
}

func TestAListingStopsWithItsCaller(t *testing.T) {
	b := hundred(t)
	for _, after := range []int{1, 2, 50, 100} {
		n := 0
		for _, err := range lease.New(b, nil).List(t.Context()) {
			succeeds(t, err)
			if n++; n == after {
				break
			}
		}
		if n != after {
			t.Errorf("%d leases", n)
		}
	} // goleak looks for what is left
}

func TestAListingEndsWithAFailureOfTheStoreAndPassesOverWhatHasGone(t *testing.T) {
	b := hundred(t)
	for _, c := range []struct {
		fault buckettest.Fault
		want  error
		most  int
	}{
		{buckettest.Fault{Verb: bucket.List, Do: buckettest.Fail(bucket.ErrRefused)}, bucket.ErrRefused, 0},
		{buckettest.Fault{Verb: bucket.Get, Nth: 30, Do: buckettest.Fail(bucket.ErrThrottled)}, bucket.ErrThrottled, 99},
		{buckettest.Fault{Verb: bucket.Get, Nth: 30, Do: buckettest.Fail(bucket.ErrNotFound)}, nil, 99},
	} {
		n, failures := 0, 0
		var got error
		for _, err := range client(b, "reader", c.fault).List(t.Context()) {
			if got = err; err != nil {
				failures++
				continue
			}
			n++
		}
		if !errors.Is(got, c.want) || n > c.most || failures > 1 || c.want == nil && n != c.most {
			t.Errorf("%v: %d leases, then %v", c.fault, n, got)
		}
	}
}

func TestALeaseIsObsoleteADayAfterItIsOfNoUse(t *testing.T) {
	const day = 24 * time.Hour
	for what, c := range map[string]struct {
		text string
		in   time.Duration // 0: never
	}{
		"released":          {text("released", time.Minute), day},
		"held":              {text("held", time.Hour), day + time.Hour},
		"prepared":          {text("prepared", 30*day), 31 * day},
		"unreadable":        {"spoilt", 31 * day},
		"of a later format": {`{"format":2}`, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := mem.New(nil)
			write(t, b, c.text)
			look := func(want bool) {
				for l, err := range client(b, "gc").List(t.Context()) {
					if err != nil || l.IsObsolete() != want {
						t.Errorf("%s, %v old: obsolete %v, %v", what, time.Since(listed(t, b)), l.IsObsolete(), err)
					}
				}
			}
			look(false)
			pass(c.in)
			look(false)
			if c.in > 0 {
				pass(time.Second)
				look(true)
			}
			pass(1000 * day)
			look(c.in > 0)
			for l, err := range lease.New(bucket.Wrap(b, timeless), nil).List(t.Context()) {
				if err != nil || l.IsObsolete() {
					t.Errorf("%s: of an age that the store does not tell it is obsolete, %v", what, err)
				}
			}
		})
	}
}

func listed(t *testing.T, b bucket.Bucket) time.Time {
	info, err := b.Stat(t.Context(), name)
	succeeds(t, err)
	return info.ModTime
}

func TestALeaseIsRemovedAsItWasListed(t *testing.T) {
	for _, conditional := range []bool{true, false} {
		var recorder buckettest.Recorder
		store := mem.New(nil)
		b := bucket.Wrap(store, recorder.Record)
		if !conditional {
			b = bucket.Wrap(plain{store}, recorder.Record)
		}
		leases := lease.New(b, nil)
		one := func() lease.Listed {
			for l, err := range leases.List(t.Context()) {
				succeeds(t, err)
				return l
			}
			t.Fatal("there is no lease")
			return lease.Listed{}
		}
		l := take(t, leases, time.Minute)
		old := one()
		succeeds(t, l.Renew(t.Context()))
		recorder.Take()
		if conditional {
			succeeds(t, leases.Remove(t.Context(), old))
			recorder.Expect(t, "delete if "+name)
			succeeds(t, l.Renew(t.Context())) // it is another version
		}
		now := one()
		recorder.Take()
		succeeds(t, leases.Remove(t.Context(), now))
		recorder.Expect(t, map[bool]string{true: "delete if ", false: "delete "}[conditional]+name)
		fails(t, l.Renew(t.Context()), lease.ErrLost)
		succeeds(t, leases.Remove(t.Context(), now)) // it has gone
		_, err := leases.Get(t.Context(), key)
		fails(t, err, digest.ErrNotFound)
		take(t, leases, time.Minute)
	}
	fails(t, client(mem.New(nil), "gc", buckettest.Fault{Do: buckettest.Fail(bucket.ErrRefused)}).Remove(t.Context(), lease.Listed{}), bucket.ErrRefused)
}

func TestALeaseIsBrokenReadableOrNot(t *testing.T) {
	b := mem.New(nil)
	leases := client(b, "breaker")
	_, err := leases.Break(t.Context(), key)
	fails(t, err, digest.ErrNotFound)
	for _, text := range []string{text("held", time.Hour), text("prepared", time.Hour), "spoilt", strings.Repeat(" ", 1<<20+1), text("released", time.Hour)} {
		write(t, b, text)
		_, err := leases.Break(t.Context(), key)
		succeeds(t, err)
		info, err := leases.Get(t.Context(), key)
		if err != nil || info.State != lease.Released {
			t.Errorf("after it was broken it is %q, %v", info.State, err)
		}
		take(t, leases, time.Minute)
	}
	write(t, b, `{"format":2}`)
	_, err = leases.Break(t.Context(), key)
	if _, ok := errors.AsType[*keyspace.NewerFormatError](err); !ok {
		t.Errorf("a lease of a later format is broken: %v", err)
	}
	write(t, b, text("held", time.Hour))
	between := buckettest.Fault{Verb: bucket.Put, Do: buckettest.Before(func(context.Context) error { write(t, b, text("held", time.Minute)); return nil })}
	_, err = client(b, "breaker", between).Break(t.Context(), key)
	fails(t, err, bucket.ErrChanged)
}
