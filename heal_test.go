package quiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// words is a function with results of any size, small ones in their records.
func words(t testing.TB, s *quiver.Store, runs *counter) *quiver.Function[int, string] {
	return memoise(t, s, version1, func(_ context.Context, n int) (string, error) {
		runs.add()
		return word(n), nil
	}, &quiver.FuncOptions[string]{Recorders: []quiver.Recorder{}})
}

func word(n int) string { return strings.Repeat(fmt.Sprintf("word %d ", n), n) }

// inlineSize and valueSize make a result that stands in its record, and one that does not.
const (
	inlineSize = 3
	valueSize  = 1200
)

// objects are the objects of a bucket.
func objects(t testing.TB, b bucket.Bucket) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for info, err := range bucket.All(context.Background(), b, bucket.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		body, _, err := bucket.ReadAll(context.Background(), b, info.Key, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		all[info.Key] = body
	}
	return all
}

// plant writes an object, whatever is there.
func plant(t testing.TB, b bucket.Bucket, key string, body []byte) {
	t.Helper()
	condition := bucket.IfAbsent()
	if info, err := b.Stat(context.Background(), key); err == nil {
		condition = bucket.IfMatch(info.Version)
	}
	if err := b.Put(context.Background(), key, bucket.Bytes(body), condition); err != nil {
		t.Fatal(err)
	}
}

// copyOf is a bucket in memory with these objects.
func copyOf(t testing.TB, all map[string][]byte) *mem.Bucket {
	t.Helper()
	b := mem.New(nil)
	for key, body := range all {
		plant(t, b, key, body)
	}
	return b
}

// patterns are what corrupts a byte: all three of them in the soak, one after the other in the quick suite.
var patterns = []byte{0x01, 0x80, 0xff}

// TestEveryCorruptedByteIsAMissOrAnErrorAndHeals corrupts every byte of every object of a small store, and cuts every object at every length. Whatever is
// then asked for comes back right, computed again, or is a clear error: never something else. And a function's next call finds what was computed again.
func TestEveryCorruptedByteIsAMissOrAnErrorAndHeals(t *testing.T) {
	b := mem.New(nil)
	f := words(t, open(b, nil), &counter{})
	for _, n := range []int{inlineSize, valueSize} {
		expectCall(t, f, n, word(n))
	}
	all := objects(t, b)
	maps.DeleteFunc(all, func(key string, _ []byte) bool { return strings.HasPrefix(key, layout.Index) }) // empty: all of their meaning is their names
	var damages atomic.Int64
	t.Run("of", func(t *testing.T) {
		for key, body := range all {
			t.Run(key, func(t *testing.T) {
				t.Parallel()
				for at := range body {
					for i := range patternsEach {
						damaged := bytes.Clone(body)
						damaged[at] ^= patterns[(at+i)%len(patterns)]
						expectHealed(t, all, key, damaged)
						damages.Add(1)
					}
					if at%cutsEvery == 0 {
						expectHealed(t, all, key, body[:at])
						damages.Add(1)
					}
				}
			})
		}
	})
	t.Logf("%d damages of %d objects", damages.Load(), len(all))
	if damages.Load() < 2000 {
		t.Errorf("only %d damages were tried", damages.Load())
	}
}

// expectHealed damages an object, and has calls answered.
func expectHealed(t *testing.T, all map[string][]byte, key string, damaged []byte) {
	t.Helper()
	b := copyOf(t, all)
	plant(t, b, key, damaged)
	runs := &counter{}
	c := newClient(b, quiver.Options{})
	f := words(t, c.Store, runs)
	for _, n := range []int{inlineSize, valueSize} {
		switch got, err := f.Load(t.Context(), n); {
		case err == nil && got != word(n):
			t.Fatalf("%s with %.40q: Load returned %.40q", key, damaged, got)
		case err != nil && !errors.Is(err, quiver.ErrNotFound) && key != layout.Format:
			t.Fatalf("%s with %.40q: Load = %v, which is no miss", key, damaged, err)
		}
		expectCall(t, f, n, word(n))
	}
	if key == layout.Format {
		return // a store that cannot be told from another tool's is not written to
	}
	before := runs.n
	if s := c.Stats(); s.Misses[quiver.MissDamaged] != int64(before) {
		t.Fatalf("%s with %.40q: %d computations, %+v", key, damaged, before, s)
	}
	next := words(t, open(b, nil), runs)
	for _, n := range []int{inlineSize, valueSize} {
		expectCall(t, next, n, word(n))
	}
	runs.expect(t, before)
}

// TestCorruptedFilesHeal is the same for files in a directory, at some places of each.
func TestCorruptedFilesHeal(t *testing.T) {
	directory, err := file.New(t.TempDir(), &file.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	runs := &counter{}
	f := words(t, open(directory, nil), runs)
	for _, n := range []int{inlineSize, valueSize} {
		expectCall(t, f, n, word(n))
	}
	for key, body := range objects(t, directory) {
		if len(body) == 0 || key == layout.Format {
			continue
		}
		for at := 0; at < len(body); at += 1 + len(body)/20 {
			damaged := bytes.Clone(body)
			damaged[at] ^= 0x10
			for _, bad := range [][]byte{damaged, body[:at]} {
				plant(t, directory, key, bad)
				c := newClient(directory, quiver.Options{})
				for range 2 {
					f := words(t, c.Store, runs)
					expectCall(t, f, inlineSize, word(inlineSize))
					expectCall(t, f, valueSize, word(valueSize))
				}
				if s := c.Stats(); s.Computed > 1 {
					t.Errorf("%s at %d: %+v", key, at, s)
				}
				plant(t, directory, key, body)
			}
		}
	}
}

func TestALostValueIsAMissAndHeals(t *testing.T) {
	b, runs := mem.New(nil), &counter{}
	expectCall(t, words(t, open(b, nil), runs), valueSize, word(valueSize))
	value := layout.ValueSpace.Name(mustDigest(t, word(valueSize)))
	if err := b.Delete(t.Context(), value); err != nil {
		t.Fatal(err)
	}
	strict := words(t, open(b, &quiver.Options{Strict: true}), runs)
	if _, err := strict.Call(t.Context(), valueSize); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("a strict store: %v", err)
	}
	runs.expect(t, 1)
	c := newClient(b, quiver.Options{})
	f := words(t, c.Store, runs)
	expectCall(t, f, valueSize, word(valueSize))
	expectCall(t, f, valueSize, word(valueSize))
	runs.expect(t, 2)
	if s := c.Stats(); s.Misses[quiver.MissLost] != 1 || s.Hits != 1 {
		t.Errorf("%+v", s)
	}
	if lines := c.log.take(); len(lines) != 1 || !strings.Contains(lines[0], "lost") {
		t.Errorf("logged: %q", lines)
	}
}

func TestDamageIsAnErrorOfAStrictStoreAndRefreshHeals(t *testing.T) {
	for _, n := range []int{inlineSize, valueSize} {
		b, runs := mem.New(nil), &counter{}
		f := words(t, open(b, nil), runs)
		expectCall(t, f, n, word(n))
		key, err := f.Key(n)
		if err != nil {
			t.Fatal(err)
		}
		name := layout.RecordSpace.Name(key)
		if n == valueSize {
			name = layout.ValueSpace.Name(mustDigest(t, word(n)))
		}
		plant(t, b, name, []byte("nonsense"))
		strict := words(t, open(b, &quiver.Options{Strict: true}), runs)
		_, err = strict.Call(t.Context(), n)
		if _, ok := errors.AsType[*quiver.DamagedError](err); !ok {
			t.Errorf("Call = %v", err)
		}
		runs.expect(t, 1)
		if got, err := strict.Refresh(t.Context(), n); err != nil || got != word(n) {
			t.Errorf("Refresh = %.20q, %v", got, err)
		}
		expectCall(t, strict, n, word(n))
		runs.expect(t, 2)
	}
}

// TestTheFirstOfTwoProcessesWins: both return its result, and so does everybody later.
func TestTheFirstOfTwoProcessesWins(t *testing.T) {
	for _, size := range []int{1, valueSize} {
		b := mem.New(nil)
		process := func(name string, meanwhile func()) (*client, *quiver.Function[int, string]) {
			c := newClient(b, quiver.Options{})
			return c, memoise(t, c.Store, version1, func(context.Context, int) (string, error) {
				meanwhile()
				return strings.Repeat(name, 10*size), nil
			}, nil)
		}
		_, first := process("first", func() {})
		c, second := process("second", func() { expectCall(t, first, 1, strings.Repeat("first", 10*size)) })
		expectCall(t, second, 1, strings.Repeat("first", 10*size))
		expectCall(t, second, 1, strings.Repeat("first", 10*size))
		if s := c.Stats(); s.Superseded != 1 || s.Saved != 0 || s.Hits != 1 {
			t.Errorf("%+v", s)
		}
	}
}

// TestAWinnerWhoseResultIsLostIsReplaced: another process was first, and its value is gone.
func TestAWinnerWhoseResultIsLostIsReplaced(t *testing.T) {
	b := mem.New(nil)
	theirs := strings.Repeat("theirs", 5000)
	first := memoise(t, open(b, nil), version1, func(context.Context, int) (string, error) { return theirs, nil }, nil)
	c := newClient(b, quiver.Options{})
	second := memoise(t, c.Store, version1, func(context.Context, int) (string, error) {
		expectCall(t, first, 1, theirs)
		return "ours", b.Delete(context.Background(), layout.ValueSpace.Name(mustDigest(t, theirs)))
	}, nil)
	expectCall(t, second, 1, "ours")
	expectCall(t, first, 1, "ours")
	if s := c.Stats(); s.Saved != 1 || s.Superseded != 0 {
		t.Errorf("%+v", s)
	}
}

// TestEveryCrashPointOfACall stops a process at each request of a call. The next process gets the right result, and what the index names is there.
func TestEveryCrashPointOfACall(t *testing.T) {
	for _, n := range []int{inlineSize, valueSize, 1 << 17} { // 1<<17 words are a large value
		requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
			b := mem.New(nil)
			runs := &counter{}
			victim := words(t, newClient(b, quiver.Options{}, crash.Inject).Store, runs)
			expectCall(t, victim, n, word(n)) // the function runs and returns, whatever becomes of the store
			noDangling(t, b)
			expectCall(t, words(t, open(b, nil), runs), n, word(n))
			expectCall(t, words(t, open(b, nil), runs), n, word(n))
			if runs.n > 2 {
				t.Errorf("the function ran %d times", runs.n)
			}
			noDangling(t, b)
		})
		if requests < 7 {
			t.Errorf("%d requests, want at least 7", requests)
		}
	}
}

// noDangling fails the test if a record names something that is not there.
func noDangling(t *testing.T, b bucket.Bucket) {
	t.Helper()
	s := open(b, nil)
	for r, err := range s.Calls.Scan(t.Context(), digest.Digest{}) {
		if err != nil {
			t.Fatal(err)
		}
		named := []callindex.Argument{{Name: "result", Digest: r.Result}}
		for _, a := range append(named, r.Arguments...) {
			if there, err := s.Values.Contains(t.Context(), a.Digest); !there || err != nil {
				t.Errorf("%s of %s dangles: %v", a.Name, r.Name, err)
			}
		}
	}
}
