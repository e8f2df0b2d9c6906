package contracttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// operation is something that a client does, and may do again.
type operation struct {
	name  string
	begin func(t *testing.T, s *subject)                             // what is there before
	do    func(ctx context.Context, s *quiver.Store) (string, error) // returns what the client is told
}

// The sizes of values, in bytes: a large one is looked for before it is sent.
const (
	small = 1000
	large = 1 << 20
)

// changes are the operations that change a store.
func changes() []operation {
	return []operation{
		{"save a call with its value", nothing, func(ctx context.Context, s *quiver.Store) (string, error) {
			return saved(s.Calls.Save(ctx, record(1, "new"), &callindex.SaveOptions{Beside: func(ctx context.Context) error {
				_, err := s.Values.SaveBytes(ctx, []byte("new"))
				return err
			}}))
		}},
		{"save a call that is there", calls(1), saveCall(nil)},
		{"replace a call", calls(1), saveCall(&callindex.SaveOptions{Replace: true})},
		{"heal a call", damagedCall, saveCall(nil)},
		{"save many calls", calls(1), func(ctx context.Context, s *quiver.Store) (string, error) {
			winners, err := s.Calls.SaveAll(ctx, []*callindex.Record{record(1, "new"), record(2, "new")}, nil)
			if err != nil {
				return "", err
			}
			return fmt.Sprint(winners[0].Result, winners[1].Result), nil
		}},
		{"evict a call", calls(2), func(ctx context.Context, s *quiver.Store) (string, error) { return "", s.Calls.Evict(ctx, keyOf(1)) }},
		{"transform calls in place", calls(2), transform(func(r *callindex.Record) { r.Metadata = callindex.Metadata{"tags": {"seen": true}} })},
		{"transform calls to other keys", calls(2), transform(func(r *callindex.Record) { r.Name = "g" })},
		{"save a value", nothing, saveValue(small)},
		{"save a large value", nothing, saveValue(large)},
		{"save a stream", nothing, func(ctx context.Context, s *quiver.Store) (string, error) {
			d, err := s.Values.SaveReader(ctx, bytes.NewReader(content(small)), nil)
			return d.String(), err
		}},
		{"save a value under a key", nothing, func(ctx context.Context, s *quiver.Store) (string, error) {
			d, err := s.Values.Save(ctx, content(small), &blobstore.SaveOptions{Key: keyOf(1)})
			return d.String(), err
		}},
		{"heal a value", damagedValue(small), func(ctx context.Context, s *quiver.Store) (string, error) {
			if _, err := s.Values.LoadBytes(ctx, digest.OfBytes(content(small)), small); err != nil && !errors.Is(err, quiver.ErrNotFound) {
				return "", err
			}
			return saveValue(small)(ctx, s)
		}},
		{"evict a value", value(small), func(ctx context.Context, s *quiver.Store) (string, error) {
			return "", s.Values.Evict(ctx, digest.OfBytes(content(small)))
		}},
	}
}

// lookups are the operations that do not.
func lookups() []operation {
	return []operation{
		{"query calls", calls(2), func(ctx context.Context, s *quiver.Store) (string, error) {
			var results []string
			for r, err := range s.Calls.Query(ctx, callindex.Query{Name: "f"}) {
				if err != nil {
					return "", err
				}
				results = append(results, r.Result.String())
			}
			return strings.Join(results, " "), nil
		}},
		{"load a call by a prefix", calls(2), func(ctx context.Context, s *quiver.Store) (string, error) {
			return saved(s.Calls.Load(ctx, digest.Prefix(keyOf(1).String()[:12])))
		}},
		{"load a value", value(small), func(ctx context.Context, s *quiver.Store) (string, error) {
			got, err := s.Values.LoadBytes(ctx, digest.OfBytes(content(small)), small)
			return digest.OfBytes(got).String(), err
		}},
		{"shrink keys", calls(2), func(ctx context.Context, s *quiver.Store) (string, error) {
			short, err := s.Shrink(ctx, keyOf(1), keyOf(2))
			return fmt.Sprint(short), err
		}},
	}
}

// callAFunction is no change that a crash ends: whatever becomes of the store, the caller gets the result.
var callAFunction = operation{"call a function", nothing, func(ctx context.Context, s *quiver.Store) (string, error) {
	runs := 0
	f, err := quiver.Func(s, quiver.Def{Name: "f", Version: quiver.IntVersion(1)}, func(_ context.Context, n int) (string, error) {
		runs++
		return strings.Repeat("word ", n), nil
	}, &quiver.FuncOptions[string]{Recorders: []quiver.Recorder{}})
	if err != nil {
		return "", err
	}
	results := ""
	for range 2 {
		result, err := f.Call(ctx, 3000) // too large to stand in the record
		if err != nil {
			return "", err
		}
		results += result
	}
	return fmt.Sprintf("%d runs: %v", runs, digest.OfBytes([]byte(results))), nil
}}

// reference is what an operation does where nothing goes wrong.
type reference struct {
	before, after *state
	told          string
}

// reference does the operation to a bucket in memory, which deletes conditionally or not.
func (o *operation) reference(t *testing.T, deletesIf bool) *reference {
	t.Helper()
	var b bucket.Bucket = mem.New(nil)
	if !deletesIf {
		b = struct{ bucket.Bucket }{b} // has no extras
	}
	o.prepare(t, b)
	before := look(t, b)
	told, err := o.do(t.Context(), newStore(t, b, nil))
	after := look(t, b)
	if err != nil || len(after.damaged) > 0 {
		t.Fatalf("where nothing goes wrong the client is told %v, and damaged is %q", err, after.damaged)
	}
	return &reference{before, after, told}
}

// prepare makes a bucket what it is before the operation.
func (o *operation) prepare(t *testing.T, b bucket.Bucket) {
	t.Helper()
	o.begin(t, &subject{newStore(t, b, nil), b})
}

func nothing(*testing.T, *subject) {}

// calls are the first n calls with old results.
func calls(n int) func(t *testing.T, s *subject) {
	return func(t *testing.T, s *subject) {
		for i := range n {
			mustSave(t, s, record(i+1, "old"))
		}
	}
}

func value(size int) func(t *testing.T, s *subject) {
	return func(t *testing.T, s *subject) { mustPut(t, s, content(size)) }
}

func damagedCall(t *testing.T, s *subject) {
	calls(1)(t, s)
	spoil(t, s.bucket, layout.RecordSpace.Name(keyOf(1)))
}

func damagedValue(size int) func(t *testing.T, s *subject) {
	return func(t *testing.T, s *subject) {
		value(size)(t, s)
		spoil(t, s.bucket, layout.ValueSpace.Name(digest.OfBytes(content(size))))
	}
}

// spoil replaces an object behind the store's back.
func spoil(t *testing.T, b bucket.Bucket, name string) {
	t.Helper()
	info, err := b.Stat(t.Context(), name)
	if err == nil {
		err = b.Put(t.Context(), name, bucket.Bytes([]byte("nonsense")), bucket.IfMatch(info.Version))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func saveCall(options *callindex.SaveOptions) func(ctx context.Context, s *quiver.Store) (string, error) {
	return func(ctx context.Context, s *quiver.Store) (string, error) {
		return saved(s.Calls.Save(ctx, record(1, "new"), options))
	}
}

func saved(r *callindex.Record, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return r.Result.String(), nil
}

func saveValue(size int) func(ctx context.Context, s *quiver.Store) (string, error) {
	return func(ctx context.Context, s *quiver.Store) (string, error) {
		d, err := s.Values.SaveBytes(ctx, content(size))
		return d.String(), err
	}
}

func transform(change func(r *callindex.Record)) func(ctx context.Context, s *quiver.Store) (string, error) {
	return func(ctx context.Context, s *quiver.Store) (string, error) {
		done, err := s.Calls.Transform(ctx, func(r *callindex.Record) (*callindex.Record, error) {
			change(r)
			return r, nil
		}, &callindex.TransformOptions{Parallel: 1})
		return fmt.Sprintf("%+v", done), err
	}
}

// content is a value of this many bytes.
func content(size int) []byte { return bytes.Repeat([]byte{'v'}, size) }

// record is that of call n.
func record(n int, result string) *callindex.Record {
	return &callindex.Record{
		Call:   callindex.Call{Name: "f", Arguments: []callindex.Argument{{Name: "n", Digest: digest.OfBytes([]byte{byte(n)})}}},
		Result: digest.OfBytes([]byte(result)),
	}
}

// keyOf is the key of call n.
func keyOf(n int) digest.Digest {
	key, err := record(n, "").Key()
	if err != nil {
		panic(err) // the call has a name
	}
	return key
}
