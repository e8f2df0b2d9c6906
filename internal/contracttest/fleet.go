package contracttest

import (
	"bytes"
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
)

// ManyWriters has so many writers save so many calls each, half of them calls that all of them save, beside one client that loads and evicts: nothing is lost, nothing
// is read torn, no call has two winners. Each is a client of its own, with 8 saves under way. open returns an empty bucket.
func ManyWriters(t *testing.T, open func(t *testing.T) bucket.Bucket, writers, each int) {
	t.Helper()
	b := fresh(t, open)
	f := Fleet{Each: each}
	for i := range writers {
		f.Savers = append(f.Savers, fmt.Sprintf("writer-%d", i))
	}
	saved, evicted := make([]*Report, writers), &Report{}
	within, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // or who evicts would look for ever for a call that is lost
	defer cancel()
	group, ctx := errgroup.WithContext(within)
	for i, name := range f.Savers {
		s := newStore(t, b, nil)
		group.Go(func() (err error) {
			saved[i], err = f.Save(ctx, s, name)
			return err
		})
	}
	s := newStore(t, b, nil)
	group.Go(func() (err error) {
		evicted, err = f.Evict(ctx, s)
		return err
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	f.Check(t, b, saved, evicted)
}

// Fleet is savers beside a client that loads and evicts; they may be processes.
type Fleet struct {
	Savers []string // their names
	Each   int      // calls that each of them saves: every second one is its own, the others are those that all of them save
}

// Report is what a member of the fleet says that it did.
type Report struct {
	Winners map[digest.Digest]digest.Digest // by the keys of saved calls: the result that the call then had
	Evicted []digest.Digest
	Loaded  int
}

// calls is how many different calls are saved.
func (f Fleet) calls() int { return f.shared() + len(f.Savers)*(f.Each-f.shared()) }

func (f Fleet) shared() int { return (f.Each + 1) / 2 }

// Save is what a saver does: it saves calls with their results, 8 at once.
func (f Fleet) Save(ctx context.Context, s *quiver.Store, saver string) (*Report, error) {
	r := &Report{Winners: map[digest.Digest]digest.Digest{}}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range f.Each {
		group.Go(func() error {
			c := callindex.Call{Name: sharedName, Version: callindex.IntVersion(int64(i))}
			if i%2 == 1 {
				c.Name = saver
			}
			result := bytes.Repeat(fmt.Appendf(nil, "%s %d ", saver, i), 1+i%50)
			record := &callindex.Record{Call: c, Result: digest.OfBytes(result)}
			winner, err := s.Calls.Save(ctx, record, &callindex.SaveOptions{Beside: func(ctx context.Context) error {
				_, err := s.Values.SaveBytes(ctx, result)
				return err
			}})
			if err != nil {
				return err
			}
			key, err := c.Key()
			mu.Lock()
			defer mu.Unlock()
			r.Winners[key] = winner.Result
			return err
		})
	}
	return r, group.Wait()
}

const (
	sharedName = "shared" // of the function whose calls all savers save
	evictEach  = 10       // one in so many calls that only one saver saves is evicted
)

// Evict is what the other client does: it loads what it finds, with its result, until it has seen every call, and evicts some that nobody saves again.
func (f Fleet) Evict(ctx context.Context, s *quiver.Store) (*Report, error) {
	r := &Report{}
	seen, own := map[digest.Digest]bool{}, 0
	for len(seen) < f.calls() {
		for record, err := range s.Calls.Scan(ctx, digest.Digest{}) {
			if err != nil {
				return nil, fmt.Errorf("a torn read, or worse: %w", err)
			}
			key, err := record.Key()
			if err != nil {
				return nil, err
			}
			r.Loaded++
			if _, err := s.Values.LoadBytes(ctx, record.Result, resultLimit); err != nil {
				return nil, fmt.Errorf("a dangling result: %w", err)
			}
			if seen[key] {
				continue
			}
			seen[key] = true
			if record.Name == sharedName {
				continue
			}
			if own++; own%evictEach != 1 {
				continue
			}
			if err := s.Calls.Evict(ctx, key); err != nil {
				return nil, err
			}
			r.Evicted = append(r.Evicted, key)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return r, nil
}

const resultLimit = 1 << 20 // bytes

// Check fails the test where the bucket does not hold what the members of the fleet were told.
func (f Fleet) Check(t *testing.T, b bucket.Bucket, saved []*Report, evicted *Report) {
	t.Helper()
	winners := map[digest.Digest]digest.Digest{}
	for i, r := range saved {
		if len(r.Winners) != f.Each {
			t.Errorf("%s saved %d calls, want %d", f.Savers[i], len(r.Winners), f.Each)
		}
		for key, result := range r.Winners {
			if other, told := winners[key]; told && other != result {
				t.Errorf("%v has two winners", key)
			}
			winners[key] = result
		}
	}
	t.Logf("%d savers saved %d calls, %d were evicted, %d loaded meanwhile", len(saved), len(winners), len(evicted.Evicted), evicted.Loaded)
	if len(winners) != f.calls() || len(evicted.Evicted) == 0 {
		t.Errorf("want %d calls, some of them evicted", f.calls())
	}
	marked := marks(t, b)
	for key := range winners {
		if marked[key] == 0 {
			t.Errorf("%v has no mark", key)
		}
	}
	s := newStore(t, b, nil)
	for _, key := range evicted.Evicted {
		delete(winners, key)
		if _, err := s.Calls.Load(t.Context(), key); !errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("%v was evicted: %v", key, err)
		}
	}
	for r, err := range s.Calls.Scan(t.Context(), digest.Digest{}) {
		if err != nil {
			t.Fatal(err)
		}
		key := mustKey(t, &r.Call)
		if result, told := winners[key]; !told || r.Result != result {
			t.Errorf("%v has result %v, its writers were told %v", key, r.Result, result)
		}
		if _, err := s.Values.LoadBytes(t.Context(), r.Result, resultLimit); err != nil {
			t.Errorf("the result of %v: %v", key, err)
		}
		delete(winners, key)
	}
	for key := range winners {
		t.Errorf("%v was saved and is lost", key)
	}
}
