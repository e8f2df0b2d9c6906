package quiver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// contract is the storage contract, row by row: each test carries the name that the row has.
var contract = []struct {
	row string
	run func(t *testing.T, s *quiver.Store)
}{
	{"digest(value)", testDigest},
	{"short digest", testShortDigest},
	{"_resolve_prefix", testResolvePrefix},
	{"SaveError", testSaveError},
	{"AmbiguousDigestError", testAmbiguous},
	{"KeyError", testKeyError},
	{"KeyManagement.list", testList},
	{"KeyManagement.evict", testEvict},
	{"KeyManagement.contains", testContains},
	{"KeyManagement.expand", testExpand},
	{"KeyManagement.shrink", testShrink},
	{"ValueStorage.save", testValueSave},
	{"ValueStorage.load", testValueLoad},
	{"CallStorage.save", testCallSave},
	{"CallStorage.load", testCallLoad},
	{"call record", testCallRecord},
	{"values and calls together", testTogether},
	{"Intent", testIntent},
	{"OperationContext._operation_context", testOperationContext},
	{"StorageBackend.put get _contains", testBackend},
	{"CallStorage.query", testQuery},
	{"CallStorage.transform", testTransform},
	{"What a template matches", testTemplate},
}

// TestContract runs every row on every store that needs no server, bare and under a prefix.
func TestContract(t *testing.T) {
	stores := map[string]func(t *testing.T) bucket.Bucket{
		"mem": func(*testing.T) bucket.Bucket { return mem.New(nil) },
		"file": func(t *testing.T) bucket.Bucket {
			b, err := file.New(t.TempDir(), &file.Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
	}
	for name, open := range stores {
		for _, prefix := range []string{"", "team/project/"} {
			for _, c := range contract {
				t.Run(fmt.Sprintf("%s/%s%s", name, prefix, c.row), func(t *testing.T) {
					b, err := bucket.Decorate(open(t), bucket.Decorators{Prefix: prefix, Limit: 16})
					if err != nil {
						t.Fatal(err)
					}
					s, err := quiver.New(t.Context(), b, &quiver.Options{Context: op.PerKey()})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() {
						if err := s.Close(); err != nil {
							t.Error(err)
						}
					})
					c.run(t, s)
				})
			}
		}
	}
}

func mustDigest(t *testing.T, v any) digest.Digest {
	t.Helper()
	d, err := digest.Of(v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustPut(t *testing.T, s *quiver.Store, v any) digest.Digest {
	t.Helper()
	d, err := s.Values.Save(context.Background(), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A digest is SHA-256 in 64 lower-case hex characters; a digest digests to itself; containers are built from their parts' digests.
func testDigest(t *testing.T, s *quiver.Store) {
	d := mustPut(t, s, []int{1, 2, 3})
	if d != mustDigest(t, []int{1, 2, 3}) || len(d.String()) != 64 || d.String() != strings.ToLower(d.String()) {
		t.Errorf("saved under %v", d)
	}
	if mustDigest(t, d) != d {
		t.Error("a digest does not digest to itself")
	}
	parts := []any{mustDigest(t, 1), 2, mustDigest(t, 3)}
	if mustDigest(t, parts) != d {
		t.Error("a part given as its digest has another outcome")
	}
	_, err := digest.Of(map[string]any{"callback": []any{0, func() {}}})
	var indigestible *quiver.IndigestibleError
	if !errors.As(err, &indigestible) || !strings.Contains(indigestible.Path, "callback") {
		t.Errorf("a function: %v", err)
	}
}

// Any prefix of 4 to 63 hex characters is accepted wherever a key is; upper case is folded.
func testShortDigest(t *testing.T, s *quiver.Store) {
	d := mustPut(t, s, "value")
	for _, n := range []int{4, 12, 63} {
		for _, text := range []string{d.String()[:n], strings.ToUpper(d.String()[:n])} {
			var got string
			if err := s.Values.Load(t.Context(), digest.Prefix(text), &got); err != nil || got != "value" {
				t.Errorf("Load(%s) = %q, %v", text, got, err)
			}
		}
	}
	for _, bad := range []string{"wxyz", strings.Repeat("0", 65)} {
		if _, err := digest.ParseKey(bad); !errors.Is(err, digest.ErrMalformed) {
			t.Errorf("ParseKey(%s) = %v", bad, err)
		}
	}
}

// None is not found, one is it, two are ambiguous, and the message says how many characters are needed.
func testResolvePrefix(t *testing.T, _ *quiver.Store) {
	a, errA := digest.Parse("aaaabbbbcc0" + strings.Repeat("0", 53))
	b, errB := digest.Parse("aaaabbbbcc1" + strings.Repeat("0", 53))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if _, err := digest.Resolve("aaaa", nil); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("of none: %v", err)
	}
	if got, err := digest.Resolve("aaaa", []digest.Digest{a}); err != nil || got != a {
		t.Errorf("of one: %v, %v", got, err)
	}
	if _, err := digest.Resolve("aaaa", []digest.Digest{a, b}); err == nil || !strings.Contains(err.Error(), "need at least 11 characters") {
		t.Errorf("of two: %v", err)
	}
}

// A SaveError wraps its cause and carries the key.
func testSaveError(t *testing.T, s *quiver.Store) {
	_, err := s.Values.Save(t.Context(), make(chan int), nil)
	var failed *quiver.SaveError
	var cause *quiver.IndigestibleError
	if !errors.As(err, &failed) || !errors.As(err, &cause) {
		t.Errorf("a channel as a value: %v", err)
	}
	_, err = s.Calls.Save(t.Context(), &callindex.Record{}, nil)
	if !errors.As(err, &failed) {
		t.Errorf("a call without a name: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	r := &callindex.Record{Call: callindex.Call{Name: "f"}}
	key, keyErr := r.Key()
	_, err = s.Calls.Save(canceled, r, nil)
	if !errors.As(err, &failed) || failed.Key != key || !errors.Is(err, context.Canceled) || keyErr != nil {
		t.Errorf("a save that was canceled: %v", err)
	}
}

// collide saves values until two of their digests begin with the same 4 characters, and returns these digests in order.
func collide(t *testing.T, s *quiver.Store) (first, second digest.Digest) {
	t.Helper()
	seen := map[string]int{}
	for i := range 100_000 {
		start := mustDigest(t, i).String()[:4]
		if other, ok := seen[start]; ok {
			first, second = mustPut(t, s, other), mustPut(t, s, i)
			if first.Compare(second) > 0 {
				first, second = second, first
			}
			return first, second
		}
		seen[start] = i
	}
	t.Fatal("no two digests of 100,000 begin alike")
	return first, second
}

// An AmbiguousDigestError has the prefix, both candidates, and the length that is needed.
func testAmbiguous(t *testing.T, s *quiver.Store) {
	first, second := collide(t, s)
	need := digest.CommonPrefix(first, second) + 1
	prefix := digest.Prefix(first.String()[:4])
	var ambiguous *quiver.AmbiguousError
	_, err := s.Values.Expand(t.Context(), prefix)
	if !errors.As(err, &ambiguous) || ambiguous.Prefix != prefix || ambiguous.Candidates != [2]digest.Digest{first, second} || ambiguous.Need != need {
		t.Errorf("Expand = %v", err)
	}
	if _, err := s.Values.Contains(t.Context(), prefix); !errors.As(err, &ambiguous) {
		t.Errorf("Contains = %v", err)
	}
	if err := s.Values.Evict(t.Context(), prefix); !errors.As(err, &ambiguous) {
		t.Errorf("Evict = %v", err)
	}
	var v any
	if err := s.Values.Load(t.Context(), prefix, &v); !errors.As(err, &ambiguous) {
		t.Errorf("Load = %v", err)
	}
}

// No such key, and a prefix of fewer than 4 characters.
func testKeyError(t *testing.T, s *quiver.Store) {
	mustPut(t, s, "something")
	for _, key := range []digest.Key{digest.OfBytes([]byte("nothing")), digest.Prefix("ab"), digest.Prefix("")} {
		var v any
		for name, err := range map[string]error{
			"value load":  s.Values.Load(t.Context(), key, &v),
			"value evict": s.Values.Evict(t.Context(), key),
			"call evict":  s.Calls.Evict(t.Context(), key),
			"call load":   func() error { _, err := s.Calls.Load(t.Context(), key); return err }(),
			"shrink":      func() error { _, err := s.Values.Shrink(t.Context(), key); return err }(),
		} {
			if !errors.Is(err, quiver.ErrNotFound) {
				t.Errorf("%s of %q: %v", name, key, err)
			}
		}
	}
}

func testList(t *testing.T, s *quiver.Store) {
	var want []digest.Digest
	for i := range 30 {
		want = append(want, mustPut(t, s, i))
	}
	slices.SortFunc(want, digest.Digest.Compare)
	var got []digest.Digest
	for d, err := range s.Values.List(t.Context(), digest.Digest{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d)
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %d of %d keys", len(got), len(want))
	}
	for d, err := range s.Values.List(t.Context(), want[10]) {
		if err != nil || d != want[11] {
			t.Errorf("resumed with %v, %v", d, err)
		}
		break
	}
	for d, err := range s.Calls.List(t.Context(), digest.Digest{}) {
		t.Errorf("the calls have %v, %v", d, err)
	}
}

func testEvict(t *testing.T, s *quiver.Store) {
	value, call := mustPut(t, s, 1), saveCall(t, s, "f")
	for i, key := range []digest.Key{value, digest.Prefix(call.String()[:8])} {
		evict, contains := s.Values.Evict, s.Values.Contains
		if i == 1 {
			evict, contains = s.Calls.Evict, s.Calls.Contains
		}
		if err := evict(t.Context(), key); err != nil {
			t.Error(err)
		}
		if there, err := contains(t.Context(), key); there || err != nil {
			t.Errorf("after Evict: Contains = %v, %v", there, err)
		}
		if err := evict(t.Context(), key); !errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("Evict again = %v", err)
		}
	}
}

func testContains(t *testing.T, s *quiver.Store) {
	d := mustPut(t, s, 1)
	for _, c := range []struct {
		key  digest.Key
		want bool
	}{{d, true}, {digest.Prefix(d.String()[:10]), true}, {digest.OfBytes([]byte("x")), false}, {digest.Prefix("0123456789"), false}, {digest.Prefix("01"), false}} {
		if got, err := s.Values.Contains(t.Context(), c.key); got != c.want || err != nil {
			t.Errorf("Contains(%v) = %v, %v", c.key, got, err)
		}
	}
}

func testExpand(t *testing.T, s *quiver.Store) {
	d := mustPut(t, s, 1)
	for _, key := range []digest.Key{d, digest.Prefix(d.String()), digest.Prefix(d.String()[:4])} {
		if got, err := s.Values.Expand(t.Context(), key); err != nil || got != d {
			t.Errorf("Expand(%v) = %v, %v", key, got, err)
		}
	}
	unknown := digest.OfBytes([]byte("unknown"))
	if got, err := s.Values.Expand(t.Context(), unknown); err != nil || got != unknown {
		t.Errorf("a full digest does not come back unchanged: %v, %v", got, err)
	}
}

func testShrink(t *testing.T, s *quiver.Store) {
	first, second := collide(t, s)
	third := mustPut(t, s, "third")
	got, err := s.Values.Shrink(t.Context(), second, third, digest.Prefix(first.String()[:20]))
	if err != nil {
		t.Fatal(err)
	}
	n := digest.CommonPrefix(first, second) + 1
	want := []digest.Prefix{digest.Prefix(second.String()[:n]), digest.Prefix(third.String()[:4]), digest.Prefix(first.String()[:n])}
	if !slices.Equal(got, want) {
		t.Errorf("Shrink = %v, want %v", got, want)
	}
	if _, err := s.Values.Shrink(t.Context(), first, digest.OfBytes([]byte("unknown"))); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("an unknown key: %v", err)
	}
}

// The key defaults to digest(value); an explicit key that holds other content is a SaveError.
func testValueSave(t *testing.T, s *quiver.Store) {
	type model struct {
		Name    string
		Weights []float64
	}
	v := model{"m", []float64{1, 2.5}}
	d := mustPut(t, s, v)
	if d != mustDigest(t, v) || mustPut(t, s, v) != d {
		t.Errorf("saved under %v", d)
	}
	key := digest.OfBytes([]byte("a key of one's own"))
	options := &blobstore.SaveOptions{Key: key}
	for range 2 {
		if got, err := s.Values.Save(t.Context(), v, options); err != nil || got != key {
			t.Errorf("under an explicit key: %v, %v", got, err)
		}
	}
	var failed *quiver.SaveError
	if _, err := s.Values.Save(t.Context(), model{"other", nil}, options); !errors.As(err, &failed) || failed.Key != key {
		t.Errorf("other content under the key: %v", err)
	}
	streamed, err := s.Values.SaveReader(t.Context(), strings.NewReader("bytes"), nil)
	if err != nil || streamed != mustPut(t, s, []byte("bytes")) {
		t.Errorf("a stream is saved under %v, %v", streamed, err)
	}
}

func testValueLoad(t *testing.T, s *quiver.Store) {
	d := mustPut(t, s, map[string]int{"a": 1})
	var got map[string]int
	if err := s.Values.Load(t.Context(), d, &got); err != nil || got["a"] != 1 || len(got) != 1 {
		t.Errorf("Load = %v, %v", got, err)
	}
	if err := s.Values.Load(t.Context(), mustDigest(t, "unknown"), &got); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Load of an unknown key = %v", err)
	}
}

// The first record wins; saving again with Replace, as the contract's save does, replaces it.
func testCallSave(t *testing.T, s *quiver.Store) {
	c := callindex.Call{Name: "f", Arguments: []callindex.Argument{{Name: "x", Digest: mustDigest(t, 1)}}}
	first, second := mustDigest(t, "first"), mustDigest(t, "second")
	for _, step := range []struct {
		result  digest.Digest
		replace bool
		want    digest.Digest
	}{{first, false, first}, {second, false, first}, {second, true, second}} {
		got, err := s.Calls.Save(t.Context(), &callindex.Record{Call: c, Result: step.result}, &callindex.SaveOptions{Replace: step.replace})
		if err != nil || got.Result != step.want {
			t.Errorf("Save = %+v, %v", got, err)
		}
		key, err := c.Key()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Calls.Load(t.Context(), key); err != nil || got.Result != step.want {
			t.Errorf("Load = %+v, %v", got, err)
		}
	}
}

func testCallLoad(t *testing.T, s *quiver.Store) {
	key := saveCall(t, s, "f")
	for _, k := range []digest.Key{key, digest.Prefix(key.String()[:5])} {
		if got, err := s.Calls.Load(t.Context(), k); err != nil || got.Name != "f" {
			t.Errorf("Load(%v) = %+v, %v", k, got, err)
		}
	}
}

// A record keeps the types of what it has; loaded again it has the same key; result and metadata do not count for it, the order of arguments does.
func testCallRecord(t *testing.T, s *quiver.Store) {
	x, y := callindex.Argument{Name: "x", Digest: mustDigest(t, 1)}, callindex.Argument{Name: "y", Digest: mustDigest(t, 2)}
	keys := map[digest.Digest]bool{}
	for _, version := range []callindex.Version{{}, callindex.IntVersion(3), callindex.TextVersion("3")} {
		for _, arguments := range [][]callindex.Argument{{x, y}, {y, x}} {
			r := &callindex.Record{
				Call:   callindex.Call{Name: "f", Module: "m", Version: version, Code: mustDigest(t, "code"), Arguments: arguments},
				Result: mustDigest(t, version.Value()),
				Metadata: callindex.Metadata{
					"runtime": {"timestart": "2026-11-22T10:00:00Z", "timestop": "2026-11-22T10:00:01Z"}, "tags": {"project": "alpha", "n": 1, "flag": true},
				},
			}
			key, err := r.Key()
			if err != nil {
				t.Fatal(err)
			}
			keys[key] = true
			if _, err := s.Calls.Save(t.Context(), r, nil); err != nil {
				t.Fatal(err)
			}
			got, err := s.Calls.Load(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			again, err := got.Key()
			if err != nil || again != key || got.Version != version || !slices.Equal(got.Arguments, arguments) || got.Code != r.Code || got.Result != r.Result {
				t.Errorf("loaded %+v with key %v, %v", got, again, err)
			}
			if tags := got.Metadata["tags"]; tags["project"] != "alpha" || fmt.Sprint(tags["n"]) != "1" || tags["flag"] != true {
				t.Errorf("loaded metadata %v", got.Metadata)
			}
		}
	}
	if len(keys) != 6 {
		t.Errorf("six different calls have %d keys", len(keys))
	}
}

// The same prefix naming two different digests in values and calls is ambiguous; the longer of two shrunk forms is the safe one.
func testTogether(t *testing.T, s *quiver.Store) {
	seen := map[string]digest.Digest{}
	for i := range 2000 {
		d := mustDigest(t, i)
		seen[d.String()[:4]] = d
	}
	for i := range 100_000 {
		r := &callindex.Record{Call: callindex.Call{Name: "f", Version: callindex.IntVersion(int64(i))}}
		key, err := r.Key()
		if err != nil {
			t.Fatal(err)
		}
		value, ok := seen[key.String()[:4]]
		if !ok {
			continue
		}
		if _, err := s.Calls.Save(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
		for v := range 2000 {
			if mustDigest(t, v) == value {
				mustPut(t, s, v)
			}
		}
		prefix := digest.Prefix(key.String()[:4])
		if got, err := s.Calls.Expand(t.Context(), prefix); err != nil || got != key {
			t.Errorf("among calls alone: %v, %v", got, err)
		}
		var ambiguous *quiver.AmbiguousError
		if _, err := s.Expand(t.Context(), prefix); !errors.As(err, &ambiguous) {
			t.Errorf("among both: %v", err)
		}
		short, err := s.Shrink(t.Context(), key)
		if err != nil || len(short[0]) != digest.CommonPrefix(key, value)+1 {
			t.Errorf("Shrink = %v, %v", short, err)
		}
		return
	}
	t.Fatal("no call begins like a value")
}

// The two intents tell a context which lock to take: readers of a key share it, a writer has it alone.
func testIntent(t *testing.T, _ *quiver.Store) {
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
func testOperationContext(t *testing.T, _ *quiver.Store) {
	var entered []string
	noting := func(name string) op.Context {
		return contextFunc(func(key string, intent op.Intent) { entered = append(entered, name+" "+string(intent)) })
	}
	s, err := quiver.New(t.Context(), mem.New(nil), &quiver.Options{Context: op.Chain(noting("outer"), op.Serial(), op.PerKey(), noting("inner"))})
	if err != nil {
		t.Fatal(err)
	}
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
	nested := op.Chain(op.Serial(), op.PerKey())
	err = nested.Do(t.Context(), "key", op.Write, func(ctx context.Context) error {
		return nested.Do(ctx, "key", op.Write, func(context.Context) error { return nil })
	})
	if err != nil {
		t.Errorf("nested: %v", err)
	}
}

// contextFunc is a context that tells what it is entered for.
type contextFunc func(key string, intent op.Intent)

func (f contextFunc) Do(ctx context.Context, key string, intent op.Intent, operation func(context.Context) error) error {
	f(key, intent)
	return operation(ctx)
}

// The primitives on full keys.
func testBackend(t *testing.T, s *quiver.Store) {
	key := digest.OfBytes([]byte("chosen"))
	if _, err := s.Values.Save(t.Context(), []string{"a", "b"}, &blobstore.SaveOptions{Key: key}); err != nil {
		t.Fatal(err)
	}
	got, err := blobstore.LoadAs[[]string](t.Context(), s.Values, key)
	if err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("get = %v, %v", got, err)
	}
	if there, err := s.Values.Contains(t.Context(), key); !there || err != nil {
		t.Errorf("_contains = %v, %v", there, err)
	}
}

// fleche saves calls of two functions with arguments, results and tags.
func fleche(t *testing.T, s *quiver.Store) {
	t.Helper()
	for i := range 6 {
		name := []string{"add", "mul"}[i%2]
		r := &quiver.Record{
			Call:     quiver.Call{Name: name, Version: quiver.IntVersion(1), Arguments: []callindex.Argument{{Name: "x", Digest: mustDigest(t, i)}, {Name: "y", Digest: mustDigest(t, "y")}}},
			Result:   mustDigest(t, i*i),
			Metadata: quiver.Metadata{"tags": {"i": i, "big": i > 3}},
		}
		if _, err := s.Calls.Save(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// Argument values are given as they are or as digests; an unset field is a wildcard.
func testQuery(t *testing.T, s *quiver.Store) {
	fleche(t, s)
	for name, c := range map[string]struct {
		query quiver.Query
		want  int
	}{
		"all":               {quiver.Query{}, 6},
		"name":              {quiver.Query{Name: "add"}, 3},
		"argument":          {quiver.Query{Args: quiver.Args{"x": 3}}, 1},
		"argument's digest": {quiver.Query{Args: quiver.Args{"x": mustDigest(t, 3)}}, 1},
		"result":            {quiver.Query{Result: 16}, 1},
		"version":           {quiver.Query{Version: quiver.IntVersion(1), Name: "mul"}, 3},
		"text version":      {quiver.Query{Version: quiver.TextVersion("1")}, 0},
		"metadata":          {quiver.Query{Metadata: quiver.Metadata{"tags": {"big": true}}}, 2},
	} {
		if n, err := s.Query(c.query).Count(t.Context()); n != c.want || err != nil {
			t.Errorf("%s: %d calls, %v, want %d", name, n, err, c.want)
		}
	}
}

// Every record is transformed, and re-keyed where its key changes; nil is the identity.
func testTransform(t *testing.T, s *quiver.Store) {
	fleche(t, s)
	if done, err := s.Calls.Transform(t.Context(), nil, nil); err != nil || done.Seen != 6 || done.Same != 6 {
		t.Errorf("the identity: %+v, %v", done, err)
	}
	done, err := s.Calls.Transform(t.Context(), func(r *quiver.Record) (*quiver.Record, error) {
		r.Version = quiver.IntVersion(2)
		return r, nil
	}, nil)
	if err != nil || done.Moved != 6 {
		t.Errorf("%+v, %v", done, err)
	}
	for version, want := range map[int64]int{1: 0, 2: 6} {
		if n, err := s.Query(quiver.Query{Version: quiver.IntVersion(version)}).Count(t.Context()); n != want || err != nil {
			t.Errorf("%d calls of version %d, %v", n, version, err)
		}
	}
}

// The rules are in a table of callindex; here, that they hold for what was stored.
func testTemplate(t *testing.T, s *quiver.Store) {
	fleche(t, s)
	for name, c := range map[string]struct {
		query quiver.Query
		want  int
	}{
		"wildcard argument":          {quiver.Query{Args: quiver.Args{"x": quiver.Any}}, 6},
		"argument that is not there": {quiver.Query{Args: quiver.Args{"z": quiver.Any}}, 0},
		"metadata name":              {quiver.Query{Metadata: quiver.Metadata{"tags": {}}}, 6},
		"metadata key":               {quiver.Query{Metadata: quiver.Metadata{"tags": {"i": nil}}}, 6},
		"missing key":                {quiver.Query{Metadata: quiver.Metadata{"tags": {"j": nil}}}, 0},
		"true is not 1":              {quiver.Query{Metadata: quiver.Metadata{"tags": {"i": true}}}, 0},
		"1 is 1.0":                   {quiver.Query{Metadata: quiver.Metadata{"tags": {"i": 1.0}}}, 1},
		"all filters":                {quiver.Query{Name: "add", Args: quiver.Args{"x": 4}, Metadata: quiver.Metadata{"tags": {"big": true, "i": 4}}}, 1},
		"all but one":                {quiver.Query{Name: "mul", Args: quiver.Args{"x": 4}, Metadata: quiver.Metadata{"tags": {"big": true, "i": 4}}}, 0},
	} {
		if n, err := s.Query(c.query).Count(t.Context()); n != c.want || err != nil {
			t.Errorf("%s: %d calls, %v, want %d", name, n, err, c.want)
		}
	}
}
