package contracttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// state is what a bucket holds, as a client sees it who had no part in it.
type state struct {
	calls  map[digest.Digest]string // by their keys: what their records say
	values map[digest.Digest]string // by their keys: the digests of their contents
	marks  map[digest.Digest]int    // by the keys of calls: how many there are

	damaged []string // objects that cannot be believed
}

// look reads a bucket whole.
func look(t *testing.T, b bucket.Bucket) *state {
	t.Helper()
	s := newStore(t, b, nil)
	seen := &state{calls: map[digest.Digest]string{}, values: map[digest.Digest]string{}, marks: marks(t, b)}
	for r, err := range s.Calls.Scan(t.Context(), digest.Digest{}) {
		if d, ok := errors.AsType[*quiver.DamagedError](err); ok {
			key, _ := layout.RecordSpace.Parse(d.Object)
			seen.calls[key] = "damaged"
			seen.damaged = append(seen.damaged, d.Object)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		seen.calls[mustKey(t, &r.Call)] = fmt.Sprint(r.Name, r.Result, r.Metadata)
	}
	for key, err := range s.Values.List(t.Context(), digest.Digest{}) {
		if err != nil {
			t.Fatal(err)
		}
		content, err := contentOf(t.Context(), s, key)
		if d, ok := errors.AsType[*quiver.DamagedError](err); ok {
			content = "damaged"
			seen.damaged = append(seen.damaged, d.Object)
		} else if err != nil {
			t.Fatal(err)
		}
		seen.values[key] = content
	}
	return seen
}

// contentOf is the digest of a value's encoded bytes.
func contentOf(ctx context.Context, s *quiver.Store, key digest.Digest) (string, error) {
	r, err := s.Values.Open(ctx, key)
	if err != nil {
		return "", err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return digest.OfBytes(content).String(), err
}

// marks are the keys that have marks, and how many.
func marks(t *testing.T, b bucket.Bucket) map[digest.Digest]int {
	t.Helper()
	keys := map[digest.Digest]int{}
	for info, err := range bucket.All(t.Context(), b, bucket.ListOptions{Prefix: layout.Index}) {
		if err != nil {
			t.Fatal(err)
		}
		mark, batch := layout.ParseMark(info.Key)
		switch {
		case mark != nil:
			keys[mark.Key]++
		case batch != nil:
			body, _, err := bucket.ReadAll(t.Context(), b, info.Key, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			together, err := callindex.DecodeBatch(*batch, body)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range together {
				keys[m.Key]++
			}
		default:
			t.Errorf("%s is no mark", info.Key)
		}
	}
	return keys
}

// expect fails the test where the bucket holds other calls or values.
func (s *state) expect(t *testing.T, want *state) {
	t.Helper()
	if !maps.Equal(s.calls, want.calls) || !maps.Equal(s.values, want.values) {
		t.Errorf("the bucket holds the calls %v and the values %v, want %v and %v", s.calls, s.values, want.calls, want.values)
	}
}

// follows fails the test where s is no state on the way from before to after: each entry is as it was or as it was to become, what both have is there, a record
// is there only with its values, and the index is told of every record that has changed.
func (s *state) follows(t *testing.T, before, after *state) {
	t.Helper()
	for _, c := range []struct {
		kind               string
		got, before, after map[digest.Digest]string
	}{{"call", s.calls, before.calls, after.calls}, {"value", s.values, before.values, after.values}} {
		for key, now := range c.got {
			if now != c.before[key] && now != c.after[key] {
				t.Errorf("%s %v is neither what it was nor what it was to become: %s", c.kind, key, now)
			}
		}
		for key := range c.before {
			if c.after[key] != "" && c.got[key] == "" {
				t.Errorf("%s %v is lost", c.kind, key)
			}
		}
	}
	if maps.Equal(s.calls, before.calls) {
		return
	}
	for key, content := range after.values {
		if s.values[key] != content {
			t.Errorf("a record is there and its value %v is not", key)
		}
	}
	for key := range union(s.calls, before.calls) {
		if s.calls[key] != before.calls[key] && s.marks[key] <= before.marks[key] {
			t.Errorf("the record of %v has changed, and no mark says so", key)
		}
	}
}

func union(a, b map[digest.Digest]string) map[digest.Digest]string {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}
