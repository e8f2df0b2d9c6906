package lease_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/lease"
)

// golden is the lease that testdata/format/v1 has in each of its states.
func golden(d digest.Digest) lease.Claim {
	return lease.Claim{Key: d, State: lease.Prepared, Term: 90 * time.Second, Function: "train", Values: []digest.Digest{digest.OfBytes([]byte("one")), digest.OfBytes([]byte("two"))}}
}

func TestFormat1StaysReadable(t *testing.T) {
	files, err := filepath.Glob("testdata/format/v1/*.json")
	if err != nil || len(files) != 3 {
		t.Fatal("not three leases of format 1:", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		succeeds(t, err)
		b := mem.New(nil)
		write(t, b, string(text))
		info, err := client(b, "reader").Get(t.Context(), key)
		succeeds(t, err)
		want := golden(key)
		want.State = lease.State(strings.TrimSuffix(filepath.Base(file), ".json"))
		if want.State == lease.Released {
			want.Values = nil
		}
		since := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
		got := lease.Claim{Key: info.Key, State: info.State, Term: info.Term, Function: info.Function, Values: info.Values}
		if !reflect.DeepEqual(got, want) || !info.Since.Equal(since) || !info.Until.Equal(since.Add(want.Term)) || info.Owner != "somebody <a@b>" || info.Host != "a machine" {
			t.Errorf("%s: %+v", file, info)
		}
		if again := rewritten(t, want); !bytes.Equal(again, text) {
			t.Errorf("%s is written otherwise today:\n%s", file, again)
		}
	}
}

// rewritten is a lease as it is written today, at the time and by the owner of testdata.
func rewritten(t *testing.T, c lease.Claim) []byte {
	t.Helper()
	b := mem.New(nil)
	clock := &handClock{now: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)}
	leases := lease.New(b, &lease.Options{Clock: clock, Entropy: counting{new(byte)}, Owner: "somebody <a@b>", Host: "a machine"})
	released := c.State == lease.Released
	if released {
		c = golden(key)
	}
	l, err := leases.Take(t.Context(), c, nil)
	succeeds(t, err)
	if released {
		succeeds(t, l.Release(t.Context()))
	}
	text, _, err := bucket.ReadAll(t.Context(), b, name, 1<<20)
	succeeds(t, err)
	return text
}

// counting is entropy that counts.
type counting struct{ n *byte }

func (c counting) Read(p []byte) (int, error) {
	for i := range p {
		*c.n++
		p[i] = *c.n
	}
	return len(p), nil
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "{}", "[]", "null", `{"format":2}`, text("held", time.Minute), text("released", time.Minute), text("prepared", lease.MaxTerm), text("gone", time.Minute), text("held", -1), strings.Replace(text("held", time.Minute), "2026-01-02T03:04:05Z", "9999-12-31T23:59:59-23:59", 1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		b := mem.New(nil)
		succeeds(t, b.Put(t.Context(), name, bucket.Bytes(content), bucket.IfAbsent()))
		leases := client(b, "reader")
		info, err := leases.Get(t.Context(), key)
		if err != nil {
			_, unreadable := errors.AsType[*lease.UnreadableError](err)
			_, newer := errors.AsType[*keyspace.NewerFormatError](err)
			if unreadable == newer {
				t.Fatalf("a lease that cannot be read fails with %v", err)
			}
			return
		}
		if info.Key != key || info.Term < lease.MinTerm || info.Term > lease.MaxTerm || len(info.ID) != 32 {
			t.Fatalf("it is read as %+v", info)
		}
		if _, err := leases.Break(t.Context(), key); err != nil { // what was read can be written
			t.Fatal(err)
		}
		if again, err := leases.Get(t.Context(), key); err != nil || again.State != lease.Released || again.ID != info.ID {
			t.Fatalf("it is written as %+v, %v", again, err)
		}
	})
}
