package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
)

// near is the store as it is seen without a proxy.
type near struct {
	bucket bucket.Bucket
	store  *quiver.Store
}

func openNear(t *testing.T, url string) *near {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	b, err := all.Open(ctx, url)
	must(t, err)
	b, err = bucket.Decorate(b, bucket.Decorators{Limit: 32})
	must(t, err)
	s, err := quiver.New(ctx, b, &quiver.Options{Strict: true})
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &near{b, s}
}

// foreign are objects that are not Quiver's, some of which nearly look as if they were.
var foreign = []string{
	"notes.txt", "values/notes.txt", "values/zz/file", "calls/ab/readme.md", "index/00/marks/readme", "index/00/segments/readme.parquet", "leases/readme.json",
}

func (n *near) plantForeign(t *testing.T) {
	t.Helper()
	for _, name := range foreign {
		must(t, n.bucket.Put(t.Context(), name, bucket.Bytes([]byte(name)), bucket.IfAbsent()))
	}
}

// judging is how long the judge may take, beside as long as the torment took.
const judging = 5 * time.Minute

// judge holds the store to the ledger: as it is found, repaired, and after a last collection of garbage.
func (n *near) judge(t *testing.T, l *ledger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), judging+*lasts)
	defer cancel()
	begun := time.Now()
	l.judge(n.remains(ctx, t), false)
	n.check(ctx, t, "as it is left", quiver.CheckOptions{ReadData: true})
	n.check(ctx, t, "in a repair", quiver.CheckOptions{Repair: true})
	n.check(ctx, t, "after a repair", quiver.CheckOptions{ReadData: true})
	must(t, collectGarbage(ctx, n.store, t.TempDir()))
	left := n.remains(ctx, t)
	l.judge(left, true)
	n.check(ctx, t, "after the last collection", quiver.CheckOptions{})
	leases := 0
	for lease, err := range n.store.Leases.List(ctx) {
		must(t, err)
		if leases++; lease.Err != nil {
			t.Errorf("the lease of %s: %v", lease.Key, lease.Err)
		}
	}
	for _, name := range foreign {
		if content, _, err := bucket.ReadAll(ctx, n.bucket, name, 1000); err != nil || !bytes.Equal(content, []byte(name)) {
			t.Errorf("the foreign object %s: %q, %v", name, content, err)
		}
	}
	t.Logf("%d calls, %d values, %d leases are left; they were judged in %v", len(left.loaded), len(left.values), leases, time.Since(begun))
}

// check demands that a check finds nothing.
func (n *near) check(ctx context.Context, t *testing.T, when string, o quiver.CheckOptions) {
	t.Helper()
	for finding, err := range n.store.Check(ctx, &o) {
		must(t, err)
		t.Errorf("a check of the store %s finds a %s: %s (%v)", when, finding.Kind, finding.Object, finding.Err)
	}
}

// readParallel is how many calls are loaded at once.
const readParallel = 16

// remains reads all calls, by their keys and by a query, and their results, and lists the values.
func (n *near) remains(ctx context.Context, t *testing.T) remains {
	t.Helper()
	r := remains{loaded: map[string]string{}, values: map[string]string{}}
	var err error
	r.queried, err = rowsOf(ctx, n.store.Query(quiver.Query{}), every)
	must(t, err)
	var keys []digest.Digest
	for key, err := range n.store.Calls.List(ctx, digest.Digest{}) {
		must(t, err)
		keys = append(keys, key)
	}
	answers := make([]answer, len(keys))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readParallel)
	for i, key := range keys {
		group.Go(func() (err error) {
			answers[i], err = loadRecord(ctx, n.store, key)
			if errors.Is(err, errDangling) || isDamage(err) {
				t.Errorf("at the end, the call %s: %v", key, err)
				err = nil
			}
			return err
		})
	}
	for value, err := range n.store.Values.List(ctx, digest.Digest{}) { // the check reads them
		must(t, err)
		r.values[brief(value)] = brief(value)
	}
	must(t, group.Wait())
	for i, key := range keys {
		r.loaded[brief(key)] = answers[i].got
	}
	return r
}
