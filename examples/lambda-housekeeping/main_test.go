package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/examples/lambda/runtimetest"
	"github.com/quivercache/quiver/op"
)

var bootstrap string // the program, built

func TestMain(m *testing.M) { os.Exit(runtimetest.Main(m, &bootstrap)) }

// fill saves some calls and, for each, a value that none of them names.
func fill(t *testing.T, store *quiver.Store, calls int) {
	t.Helper()
	type number struct{ N int }
	double, err := quiver.Func(store, quiver.Def{Name: "double", Version: quiver.IntVersion(1)}, func(_ context.Context, in number) (int, error) { return 2 * in.N, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range calls {
		if _, err := double.Call(t.Context(), number{n}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Values.Save(t.Context(), fmt.Sprint("nobody names this, ", n), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// age makes all objects below a folder two days old.
func age(t *testing.T, folder string) {
	t.Helper()
	then := time.Now().Add(-48 * time.Hour)
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// invoke invokes an instance, and returns what it answers.
func invoke[Summary any](t *testing.T, i *runtimetest.Instance, payload string) (s Summary) {
	t.Helper()
	a := i.Invoke(payload, time.Minute)
	if err := json.Unmarshal([]byte(a.Body), &s); a.Failed || err != nil {
		t.Fatal(a, err)
	}
	return s
}

func TestAScheduleKeepsTheStoreTidy(t *testing.T) {
	dir := t.TempDir()
	location := "file://" + filepath.ToSlash(dir)
	store, err := open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	fill(t, store, 5)
	i := runtimetest.Start(t, bootstrap, "QUIVER_STORE="+location)
	if did := invoke[folded](t, i, `{"task": "fold"}`); did != (folded{Task: "fold", Complete: true, Marks: 5, Taken: 5, Rows: 5}) {
		t.Errorf("the first fold: %+v", did)
	}
	if did := invoke[folded](t, i, `{"task": "fold"}`); did != (folded{Task: "fold", Complete: true}) {
		t.Errorf("the second fold: %+v", did)
	}
	if did := invoke[collected](t, i, `{"task": "gc"}`); !did.Complete || did.Found != (garbage{}) {
		t.Errorf("gc of what is young: %+v", did)
	}
	age(t, filepath.Join(dir, "values"))
	did := invoke[collected](t, i, `{"task": "gc"}`)
	if did.Removed != did.Found || !did.Complete || did.Removed.Values != 5 || did.Removed.Calls != 0 {
		t.Errorf("gc: %+v", did)
	}
	if n, err := store.Query(quiver.Query{Name: "double"}).Count(t.Context()); err != nil || n != 5 {
		t.Errorf("%d calls are left: %v", n, err)
	}
}

// aheadClock is the machine's, some days later.
type aheadClock struct {
	op.Clock
	days atomic.Int32
}

func (c *aheadClock) Now() time.Time { return c.Clock.Now().AddDate(0, 0, int(c.days.Load())) }

// slowly returns a housekeeper of a store in memory with some calls, 200 days old, whose folds or gc take for ever once some requests have been answered.
func slowly(t *testing.T, requests int64) *housekeeper {
	t.Helper()
	clock := &aheadClock{Clock: op.SystemClock()}
	var left atomic.Int64
	left.Store(1 << 40)
	b := bucket.Wrap(mem.New(&mem.Options{Clock: clock}), func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if left.Add(-1) < 0 {
				<-ctx.Done()
				return bucket.Answer{}, context.Cause(ctx)
			}
			return next(ctx, r)
		}
	})
	store, err := quiver.New(t.Context(), b, &quiver.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	fill(t, store, 40)
	clock.days.Store(200)
	left.Store(requests)
	maxAge, err := parseAge("180d")
	if err != nil {
		t.Fatal(err)
	}
	return &housekeeper{store: store, maxAge: maxAge}
}

// within lets a housekeeper do a task in an invocation that leaves it a fifth of a second.
func within(t *testing.T, h *housekeeper, task string) (any, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answering+time.Second/5)
	defer cancel()
	did, err := h.handle(ctx, request{task})
	if ctx.Err() != nil {
		t.Error("it has stopped too late")
	}
	return did, err
}

func TestItStopsInTimeAndSaysHowFarItCame(t *testing.T) {
	if did, err := within(t, slowly(t, 1<<40), "gc"); err != nil || !did.(collected).Complete || did.(collected).Removed.Calls != 40 || did.(collected).Removed.Values != 100 {
		t.Errorf("gc with time enough: %+v, %v", did, err)
	}
	partly := false
	for requests := int64(60); requests < 400 && !partly; requests += 40 {
		did, err := within(t, slowly(t, requests), "gc")
		if c, ok := did.(collected); ok && err == nil {
			partly = !c.Complete && c.Removed.Calls > 0 && c.Removed != c.Found
		}
	}
	if !partly {
		t.Error("no gc was cut off while it removed")
	}
}

func TestATaskThatGetsNowhereFails(t *testing.T) {
	for _, task := range []string{"fold", "gc"} {
		did, err := within(t, slowly(t, 3), task)
		if err == nil || !strings.Contains(err.Error(), "give the function more time") {
			t.Errorf("%s: %+v, %v", task, did, err)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	location := "file://" + filepath.ToSlash(t.TempDir())
	i := runtimetest.Start(t, bootstrap, "QUIVER_STORE="+location)
	for payload, explains := range map[string]string{`{"task": "tidy"}`: `there is no task \"tidy\"`, `{}`: `{\"task\": \"fold\"}`, `{"task": "gc"}`: "quiver.json"} {
		if a := i.Invoke(payload, time.Minute); !a.Failed || !strings.Contains(a.Body, explains) {
			t.Errorf("%s: %+v", payload, a)
		}
	}
	for _, c := range [][2]string{{"", ""}, {"gs://bucket", ""}, {location, "180"}, {location, "0d"}, {location, "-1d"}, {location, "1.5d"}, {location, "99999d"}} {
		said, err := runtimetest.Start(t, bootstrap, "QUIVER_STORE="+c[0], "QUIVER_GC_MAX_AGE="+c[1]).End()
		if err == nil || !strings.Contains(said, "lambda-housekeeping: ") || !strings.Contains(said, "QUIVER_") {
			t.Errorf("%q: %v, %q", c, err, said)
		}
	}
}
