package quiver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// fleetVariable makes the test binary one process of a fleet: its value is the role and the directory.
const fleetVariable = "QUIVER_TEST_FLEET"

// report is what a process of the fleet says that it did.
type report struct {
	Winners map[digest.Digest]digest.Digest // by the keys of saved calls: the result that the call then had
	Evicted []digest.Digest
	Loaded  int
}

// TestFleet has two processes save records into one directory, half of them calls that both save, beside a third that loads and evicts. Nothing
// is lost, nothing is read torn, no call has two winners.
func TestFleet(t *testing.T) {
	dir := t.TempDir()
	var reports [3]report
	var group errgroup.Group
	for i, role := range []string{"saver-a", "saver-b", "evicter"} {
		group.Go(func() error {
			command := exec.CommandContext(t.Context(), os.Args[0])
			command.Env = append(os.Environ(), fleetVariable+"="+role+"="+dir)
			command.Stderr = os.Stderr
			out, err := command.Output()
			if err != nil {
				return fmt.Errorf("%s: %w", role, err)
			}
			return json.Unmarshal(out, &reports[i])
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	a, b, evicted := reports[0], reports[1], map[digest.Digest]bool{}
	for _, key := range reports[2].Evicted {
		evicted[key] = true
	}
	t.Logf("%d and %d saved, %d evicted, %d loaded meanwhile", len(a.Winners), len(b.Winners), len(evicted), reports[2].Loaded)
	if len(a.Winners) != fleetRecords || len(b.Winners) != fleetRecords || len(evicted) == 0 || reports[2].Loaded == 0 {
		t.Fatal("the processes did not do what they are there for")
	}
	s, b2 := openFleet(t, dir)
	marked := map[digest.Digest]bool{}
	for info, err := range bucket.All(t.Context(), b2, bucket.ListOptions{Prefix: layout.Index}) {
		if err != nil {
			t.Fatal(err)
		}
		mark, batch := layout.ParseMark(info.Key)
		if mark != nil {
			marked[mark.Key] = true
			continue
		}
		body, _, err := bucket.ReadAll(t.Context(), b2, info.Key, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		marks, err := callindex.DecodeBatch(*batch, body)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range marks {
			marked[m.Key] = true
		}
	}
	shared := 0
	for _, winners := range []map[digest.Digest]digest.Digest{a.Winners, b.Winners} {
		for key, result := range winners {
			r, err := s.Calls.Load(t.Context(), key)
			switch {
			case evicted[key] && !errors.Is(err, quiver.ErrNotFound):
				t.Errorf("%v was evicted: %v", key, err)
			case evicted[key]:
			case err != nil:
				t.Errorf("%v was saved: %v", key, err)
			case r.Result != result:
				t.Errorf("%v has result %v, its writer was told %v", key, r.Result, result)
			default:
				if _, err := s.Values.LoadBytes(t.Context(), r.Result, 1<<20); err != nil {
					t.Errorf("the result of %v: %v", key, err)
				}
			}
			if !marked[key] {
				t.Errorf("%v has no mark", key)
			}
		}
	}
	for key, result := range a.Winners {
		if other, both := b.Winners[key]; both {
			shared++
			if other != result {
				t.Errorf("%v has two winners", key)
			}
		}
	}
	if shared != fleetRecords/2 {
		t.Errorf("%d calls were saved by both, want %d", shared, fleetRecords/2)
	}
}

func openFleet(t testing.TB, dir string) (*quiver.Store, bucket.Bucket) {
	t.Helper()
	b, err := file.New(dir, &file.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	decorated, err := bucket.Decorate(b, bucket.Decorators{Limit: 64})
	if err != nil {
		t.Fatal(err)
	}
	s, err := quiver.New(t.Context(), decorated, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, decorated
}

// fleetProcess is the main function of a process of the fleet.
func fleetProcess(task string) error {
	role, dir, _ := strings.Cut(task, "=")
	b, err := file.New(dir, &file.Options{NoSync: true})
	if err != nil {
		return err
	}
	decorated, err := bucket.Decorate(b, bucket.Decorators{Limit: 64})
	if err != nil {
		return err
	}
	s, err := quiver.New(context.Background(), decorated, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var r *report
	if role == "evicter" {
		r, err = evictSome(ctx, s)
	} else {
		r, err = saveMany(ctx, s, role)
	}
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(os.Stdout).Encode(r), s.Close())
}

// saveMany saves calls with their results, half of them the same as in every other process.
func saveMany(ctx context.Context, s *quiver.Store, role string) (*report, error) {
	r := &report{Winners: map[digest.Digest]digest.Digest{}}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range fleetRecords {
		group.Go(func() error {
			c := callindex.Call{Name: "shared", Version: callindex.IntVersion(int64(i))}
			if i%2 == 1 {
				c.Name = role
			}
			result := bytes.Repeat(fmt.Appendf(nil, "%s %d ", role, i), 1+i%50)
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

// evictSome loads what it finds, with its result, until both savers have saved all; and evicts a tenth of the calls that only one of them saves.
func evictSome(ctx context.Context, s *quiver.Store) (*report, error) {
	r := &report{}
	seen := map[digest.Digest]bool{}
	for len(seen) < fleetRecords*3/2 {
		for record, err := range s.Calls.Scan(ctx, digest.Digest{}) {
			if err != nil {
				return nil, fmt.Errorf("a torn read, or worse: %w", err)
			}
			key, err := record.Key()
			if err != nil {
				return nil, err
			}
			r.Loaded++
			if _, err := s.Values.LoadBytes(ctx, record.Result, 1<<20); err != nil {
				return nil, fmt.Errorf("a dangling result: %w", err)
			}
			if !seen[key] && record.Name != "shared" && len(seen)%10 == 0 {
				if err := s.Calls.Evict(ctx, key); err != nil {
					return nil, err
				}
				r.Evicted = append(r.Evicted, key)
			}
			seen[key] = true
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return r, nil
}
