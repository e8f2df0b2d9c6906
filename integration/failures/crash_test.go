package failures_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/integration/servers"
)

const (
	crashSaves   = 1000
	crashWriters = 4 // each a client of its own, with eight saves under way
)

// crashes are after how many acknowledged saves the server is killed.
var crashes = []int{200, 600}

func TestAServerThatIsKilledAmidAThousandSavesLosesNoneThatWasAcknowledged(t *testing.T) {
	for _, which := range []servers.Product{servers.MinIO, servers.Versitygw} {
		t.Run(which.String(), func(t *testing.T) {
			t.Parallel()
			at := own(t, which)
			answers := make(chan answer, crashSaves)
			var writers sync.WaitGroup
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			for n := range crashWriters {
				w := newWriter(t, at)
				writers.Go(func() { w.write(ctx, n, answers) })
			}
			go func() {
				writers.Wait()
				close(answers)
			}()
			acknowledged, failed := crash(t, at.server, answers)
			t.Logf("%d saves were acknowledged, %d failed", len(acknowledged), failed)
			if len(acknowledged) < crashSaves*3/4 || len(acknowledged)+failed != crashSaves {
				t.Errorf("%d saves were acknowledged, and %d failed, of %d", len(acknowledged), failed, crashSaves)
			}
			newWriter(t, at).check(t, acknowledged)
		})
	}
}

// answer is what a writer was told of a save.
type answer struct {
	n   int // which save
	err error
}

// crash collects the answers, and meanwhile kills the server and starts it again.
func crash(t *testing.T, s *servers.Server, answers <-chan answer) (acknowledged map[int]bool, failed int) {
	acknowledged = map[int]bool{}
	next := crashes
	for a := range answers {
		if a.err != nil {
			isUnavailable(t, fmt.Sprint("save ", a.n), a.err, "")
			failed++
			continue
		}
		acknowledged[a.n] = true
		if len(next) > 0 && len(acknowledged) == next[0] {
			next = next[1:]
			must(t, s.Kill(t.Context()))
			must(t, s.Restart(t.Context()))
		}
	}
	return acknowledged, failed
}

// writer saves calls: those with even numbers as they are, the others as those of a memoised function.
type writer struct {
	store    *quiver.Store
	function *quiver.Function[int, []byte]
}

func newWriter(t *testing.T, at place) *writer {
	t.Helper()
	w := &writer{store: storeIn(t, at.open(t, bucket.RetryOptions{}), &quiver.Options{Strict: true})}
	var err error
	w.function, err = quiver.Func(w.store, quiver.Def{Name: memoised, Version: callindex.IntVersion(1)},
		func(_ context.Context, n int) ([]byte, error) { return resulting(n), nil }, &quiver.FuncOptions[[]byte]{OmitArguments: true})
	must(t, err)
	return w
}

// The functions whose calls are saved.
const (
	plain    = "plain"
	memoised = "memoised"
)

// resulting is the result of the memoised function: some are too large to stand in their records, and some so large that they are looked for before they are sent.
func resulting(n int) []byte {
	size := 100
	switch {
	case n%50 == 25:
		size = mebibyte + n
	case n%5 == 0:
		size = 20_000
	}
	return content(fmt.Sprint("computed ", n), size)
}

// write saves every fourth call, each once. After a failure it waits until the server is there again.
func (w *writer) write(ctx context.Context, first int, answers chan<- answer) {
	var group errgroup.Group
	group.SetLimit(8)
	for n := first; n < crashSaves; n += crashWriters {
		group.Go(func() error {
			err := w.save(ctx, n)
			answers <- answer{n, err}
			for err != nil && ctx.Err() == nil {
				_, err = w.store.Calls.Contains(ctx, keyOf(plain, n))
			}
			return nil
		})
	}
	_ = group.Wait() // it has told of failures
}

func (w *writer) save(ctx context.Context, n int) error {
	if n%2 == 0 {
		return save(ctx, w.store, plain, n)
	}
	got, err := w.function.Call(ctx, n)
	return unless(err, func() error { return same(got, resulting(n)) })
}

// identity is the key of a save, and the digest of what it saves.
func (w *writer) identity(t *testing.T, n int) (key, result digest.Digest) {
	if n%2 == 0 {
		return keyOf(plain, n), digest.OfBytes(resultOf(plain, n))
	}
	key, err := w.function.Key(n)
	must(t, err)
	return key, digest.OfBytes(resulting(n))
}

// check demands that each acknowledged call is found by its key and by queries, and that whatever is found is whole.
func (w *writer) check(t *testing.T, acknowledged map[int]bool) {
	t.Helper()
	intact := w.values(t)
	found := map[digest.Digest]digest.Digest{}                           // results by keys
	for r, err := range w.store.Query(quiver.Query{}).All(t.Context()) { // a strict store's: one that is damaged ends it
		must(t, err)
		key, err := r.Key()
		must(t, err)
		if _, twice := found[key]; twice {
			t.Errorf("a query finds call %s twice", key)
		}
		found[key] = r.Result
	}
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(16)
	for n := range crashSaves {
		key, result := w.identity(t, n)
		got, there := found[key]
		delete(found, key)
		switch {
		case acknowledged[n] && !there:
			t.Errorf("save %d was acknowledged, and no query finds its call", n)
		case there && (got != result || !intact[result]):
			t.Errorf("save %d has the result %s, not %s, or that is not there: %v", n, got, result, intact[result])
		}
		group.Go(func() error {
			r, err := w.store.Calls.Load(ctx, key)
			if there && (err != nil || r.Result != result) || !there && !errors.Is(err, quiver.ErrNotFound) {
				t.Errorf("loading what save %d has saved gives %+v, %v; a query finds it: %v", n, r, err, there)
			}
			return nil
		})
	}
	must(t, group.Wait())
	if len(found) > 0 {
		t.Errorf("queries find calls that nobody has saved: %v", found)
	}
}

// values reads all values, none of which may be damaged.
func (w *writer) values(t *testing.T) map[digest.Digest]bool {
	t.Helper()
	values := map[digest.Digest]bool{}
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(16)
	for key, err := range w.store.Values.List(ctx, digest.Digest{}) {
		must(t, err)
		values[key] = true
		group.Go(func() error {
			_, err := w.store.Values.LoadEncoded(ctx, key)
			return err
		})
	}
	must(t, group.Wait())
	return values
}
