// Package contracttest holds a whole store, quiver.Store over any bucket, to what it promises.
//
//   - [Run] is the storage contract, row by row.
//   - [LostAnswers] lets each request of each operation land without the client being told.
//   - [Crashes] stops the client at each request of each operation.
//   - [ManyWriters] has many savers beside one who loads and evicts; [Fleet] is the same for processes.
//
// Each takes a function that opens an empty bucket, decorated as a user's is: with deadlines and retries (bucket.Decorate), bare or under a prefix. The suites
// close what was opened, and leave its objects behind. They take nothing for granted of the store's speed.
package contracttest

import (
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// rows are the storage contract: each test carries the name that the row has.
var rows = []struct {
	name string
	run  func(t *testing.T, s *subject)
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

// Rows are the names of the rows, in their order. As the name of a test, a row has underscores for its spaces.
func Rows() []string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.name
	}
	return names
}

// Run holds a store to every row of the contract, each a subtest with a bucket of its own. open returns an empty bucket.
func Run(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b := fresh(t, open)
			row.run(t, &subject{newStore(t, b, &quiver.Options{Context: op.PerKey()}), b})
		})
	}
}

// subject is the store that is held to a row, and the bucket that it is in.
type subject struct {
	*quiver.Store
	bucket bucket.Bucket
}

// fresh opens a bucket for the time of a test.
func fresh(t *testing.T, open func(t *testing.T) bucket.Bucket) bucket.Bucket {
	t.Helper()
	b := open(t)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// newStore returns a store that need not be closed, since its bucket is.
func newStore(t *testing.T, b bucket.Bucket, options *quiver.Options) *quiver.Store {
	t.Helper()
	s, err := quiver.New(t.Context(), b, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// conditional says whether a bucket can delete an object in just the version that was read.
func conditional(b bucket.Bucket) bool {
	_, ok := bucket.As[bucket.ConditionalDeleter](b)
	return ok
}

func mustDigest(t *testing.T, v any) digest.Digest {
	t.Helper()
	d, err := digest.Of(v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustKey(t *testing.T, c *callindex.Call) digest.Digest {
	t.Helper()
	key, err := c.Key()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustPut(t *testing.T, s *subject, v any) digest.Digest {
	t.Helper()
	d, err := s.Values.Save(t.Context(), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustSave(t *testing.T, s *subject, r *callindex.Record) digest.Digest {
	t.Helper()
	if _, err := s.Calls.Save(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	return mustKey(t, &r.Call)
}
