package quiver_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// people saves a call of "age" for each name, an hour apart, whose results are their lengths; and one of "other" without a result.
func people(t *testing.T, s *quiver.Store, names ...string) {
	t.Helper()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i, name := range names {
		result, err := s.Values.Save(t.Context(), len(name), nil)
		if err != nil {
			t.Fatal(err)
		}
		argument := mustPut(t, s, name)
		r := &quiver.Record{
			Call:     quiver.Call{Name: "age", Arguments: []callindex.Argument{{Name: "name", Digest: argument}}},
			Result:   result,
			Metadata: quiver.Metadata{"tags": {"name": name}},
		}
		if _, err := s.Calls.Save(t.Context(), r, &callindex.SaveOptions{Saved: at.Add(time.Duration(i) * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Calls.Save(t.Context(), &quiver.Record{Call: quiver.Call{Name: "other"}}, nil); err != nil {
		t.Fatal(err)
	}
}

// spoil damages an object.
func spoil(t *testing.T, b bucket.Bucket, name string) {
	t.Helper()
	info, err := b.Stat(t.Context(), name)
	if err == nil {
		err = b.Put(t.Context(), name, bucket.Bytes([]byte("damaged")), bucket.IfMatch(info.Version))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// openStore returns the store in a bucket.
func openStore(t testing.TB, b bucket.Bucket) *quiver.Store {
	t.Helper()
	s, err := quiver.New(context.Background(), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nameOf(r *quiver.Record) string {
	name, _ := r.Metadata["tags"]["name"].(string)
	return name
}

func byName(a, b *quiver.Record) int { return cmp.Compare(nameOf(a), nameOf(b)) }

// namesIn reads a selection as the names in it.
func namesIn(t *testing.T, c quiver.Selection) string {
	t.Helper()
	var names []string
	for r, err := range c.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, nameOf(r))
	}
	return strings.Join(names, " ")
}

func TestSelectionsAreChained(t *testing.T) {
	s := openStore(t, mem.New(nil))
	people(t, s, "ada", "bob", "carla", "dora", "eve")
	ages := s.Query(quiver.Query{Name: "age"})
	sorted := ages.SortBy(byName)
	for name, c := range map[string]struct {
		got  quiver.Selection
		want string
	}{
		"sorted":          {sorted, "ada bob carla dora eve"},
		"filtered":        {sorted.Filter(func(r *quiver.Record) bool { return len(nameOf(r)) == 3 }), "ada bob eve"},
		"taken":           {sorted.Take(2), "ada bob"},
		"none taken":      {sorted.Take(0), ""},
		"more taken":      {sorted.Take(9), "ada bob carla dora eve"},
		"skipped":         {sorted.Skip(3), "dora eve"},
		"all skipped":     {sorted.Skip(9), ""},
		"skipped, taken":  {sorted.Skip(1).Take(2), "bob carla"},
		"unique":          {sorted.Unique(), "ada carla dora"},
		"backwards":       {sorted.SortBy(func(a, b *quiver.Record) int { return byName(b, a) }).Take(1), "eve"},
		"newest":          {s.Query(quiver.Query{Name: "age", Order: callindex.Newest, Limit: 2}), "eve dora"},
		"unknown results": {s.Query(quiver.Query{Name: "other"}).Unique(), ""},
	} {
		for range 2 { // it can be read again
			if got := namesIn(t, c.got); got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
	}
	if n, err := ages.Count(t.Context()); n != 5 || err != nil {
		t.Errorf("Count = %d, %v", n, err)
	}
	if n, err := s.Query(quiver.Query{Name: "other"}).Unique().Count(t.Context()); n != 1 || err != nil {
		t.Errorf("a call without a result is not unique: %d, %v", n, err)
	}
	if any, err := ages.Any(t.Context()); !any || err != nil {
		t.Errorf("Any = %v, %v", any, err)
	}
	if latest, err := ages.Latest(t.Context()); err != nil || nameOf(latest) != "eve" {
		t.Errorf("Latest = %+v, %v", latest, err)
	}
	if oldest, err := ages.Oldest(t.Context()); err != nil || nameOf(oldest) != "ada" {
		t.Errorf("Oldest = %+v, %v", oldest, err)
	}
	only, err := s.Query(quiver.Query{Args: quiver.Args{"name": "carla"}}).Only(t.Context())
	if err != nil || nameOf(only) != "carla" {
		t.Errorf("Only = %+v, %v", only, err)
	}
	if _, err := ages.Only(t.Context()); !errors.Is(err, quiver.ErrMany) {
		t.Errorf("Only of many = %v", err)
	}
	groups, err := ages.GroupBy(t.Context(), func(r *quiver.Record) string { return fmt.Sprint(len(nameOf(r))) })
	if err != nil || len(groups) != 3 || len(groups["3"]) != 3 {
		t.Errorf("GroupBy = %v, %v", groups, err)
	}
	none := s.Query(quiver.Query{Name: "none"})
	if any, err := none.Any(t.Context()); any || err != nil {
		t.Errorf("Any of none = %v, %v", any, err)
	}
	for name, one := range map[string]func(context.Context) (*quiver.Record, error){"Only": none.Only, "Latest": none.Latest, "Oldest": none.Oldest} {
		if _, err := one(t.Context()); !errors.Is(err, quiver.ErrNotFound) {
			t.Errorf("%s of none = %v", name, err)
		}
	}
}

func TestResultsAreLoaded(t *testing.T) {
	b := mem.New(nil)
	s := openStore(t, b)
	people(t, s, "ada", "carla", "dora")
	var got []int
	for age, err := range quiver.Results[int](t.Context(), s.Query(quiver.Query{Name: "age"})) {
		if err != nil {
			t.Error(err)
		}
		got = append(got, age)
	}
	slices.Sort(got)
	if !slices.Equal(got, []int{3, 4, 5}) {
		t.Errorf("the results are %v", got)
	}
	if err := s.Values.Evict(t.Context(), mustDigest(t, 5)); err != nil {
		t.Fatal(err)
	}
	lost, there := 0, 0
	for _, err := range quiver.Results[int](t.Context(), s.Query(quiver.Query{})) {
		if errors.Is(err, quiver.ErrNotFound) {
			lost++
		} else if err == nil {
			there++
		} else {
			t.Error(err)
		}
	}
	if lost != 2 || there != 2 { // a lost one, and the call that has none
		t.Errorf("%d results are there and %d not", there, lost)
	}
}

// TestADamagedRecordIsPassedOverCountedAndToldOfOnce holds that a query is no exception to what becomes of damage.
func TestADamagedRecordIsPassedOverCountedAndToldOfOnce(t *testing.T) {
	b := mem.New(nil)
	people(t, openStore(t, b), "ada", "bob")
	only, err := openStore(t, b).Query(quiver.Query{Args: quiver.Args{"name": "ada"}}).Only(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := only.Key()
	if err != nil {
		t.Fatal(err)
	}
	name := layout.RecordSpace.Name(key)
	spoil(t, b, name)
	c := newClient(b, quiver.Options{})
	for range 2 {
		if names := namesIn(t, c.Query(quiver.Query{Name: "age"})); names != "bob" {
			t.Errorf("the query yields %q", names)
		}
	}
	if lines := c.log.take(); len(lines) != 1 || !strings.Contains(lines[0], name) {
		t.Errorf("it was told %q", lines)
	}
	if n := c.Stats().PassedOver; n != 2 {
		t.Errorf("%d were counted, want 2", n)
	}
	strict := newClient(b, quiver.Options{Strict: true})
	var damaged *quiver.DamagedError
	if _, err := strict.Query(quiver.Query{}).Count(t.Context()); !errors.As(err, &damaged) {
		t.Errorf("a strict query: %v", err)
	}
}

func TestErrorsEndASelection(t *testing.T) {
	b := mem.New(nil)
	people(t, openStore(t, b), "ada", "bob")
	for name, use := range map[string]func(quiver.Selection) error{
		"Count":   func(c quiver.Selection) error { _, err := c.Count(t.Context()); return err },
		"Any":     func(c quiver.Selection) error { _, err := c.Any(t.Context()); return err },
		"Only":    func(c quiver.Selection) error { _, err := c.Only(t.Context()); return err },
		"Latest":  func(c quiver.Selection) error { _, err := c.Latest(t.Context()); return err },
		"GroupBy": func(c quiver.Selection) error { _, err := c.GroupBy(t.Context(), nameOf); return err },
		"Evict":   func(c quiver.Selection) error { _, err := c.Evict(t.Context()); return err },
		"SortBy":  func(c quiver.Selection) error { _, err := c.SortBy(byName).Count(t.Context()); return err },
		"Filter": func(c quiver.Selection) error {
			_, err := c.Filter(func(*quiver.Record) bool { return true }).Count(t.Context())
			return err
		},
		"Transfer": func(c quiver.Selection) error {
			_, err := c.Transfer(t.Context(), openStore(t, mem.New(nil)), nil)
			return err
		},
		"Results": func(c quiver.Selection) (last error) {
			for _, last = range quiver.Results[int](t.Context(), c) {
			}
			return last
		},
	} {
		faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.ListFolders, Key: "index/", Do: buckettest.Fail(bucket.ErrRefused)})
		s := openStore(t, bucket.Wrap(b, faults.Inject))
		if err := use(s.Query(quiver.Query{})); !errors.Is(err, bucket.ErrRefused) {
			t.Errorf("%s ends with %v", name, err)
		}
		faults.Done(t)
	}
}

func TestEvictRemovesTheCallsOfASelection(t *testing.T) {
	s := openStore(t, mem.New(nil))
	people(t, s, "ada", "bob", "carla")
	n, err := s.Query(quiver.Query{Name: "age"}).Filter(func(r *quiver.Record) bool { return nameOf(r) != "bob" }).Evict(t.Context())
	if n != 2 || err != nil {
		t.Errorf("Evict = %d, %v", n, err)
	}
	if left := namesIn(t, s.Query(quiver.Query{Name: "age"})); left != "bob" {
		t.Errorf("left are %q", left)
	}
}

func TestTransferCopiesCallsWithWhatTheyName(t *testing.T) {
	from, to := openStore(t, mem.New(nil)), openStore(t, mem.New(nil))
	people(t, from, "ada", "bob", "carla")
	part := mustPut(t, from, []byte(strings.Repeat("part", 500_000)))
	withPart := &quiver.Record{Call: quiver.Call{Name: "parts"}, Result: mustPut(t, from, "whole"), Parts: []digest.Digest{part}}
	if _, err := from.Calls.Save(t.Context(), withPart, nil); err != nil {
		t.Fatal(err)
	}
	all := from.Query(quiver.Query{})
	var last quiver.Transfer
	for _, c := range []struct {
		options quiver.TransferOptions
		want    quiver.Transfer
	}{
		{quiver.TransferOptions{DryRun: true}, quiver.Transfer{Seen: 5, Copied: 5}},
		{quiver.TransferOptions{Progress: func(p quiver.Transfer) { last = p }}, quiver.Transfer{Seen: 5, Copied: 5}},
		{quiver.TransferOptions{}, quiver.Transfer{Seen: 5, Present: 5}},
		{quiver.TransferOptions{Move: true, DryRun: true}, quiver.Transfer{Seen: 5, Present: 5, Moved: 5}},
	} {
		got, err := all.Transfer(t.Context(), to, &c.options)
		if err != nil || got != c.want {
			t.Errorf("%+v: %+v, %v, want %+v", c.options, got, err, c.want)
		}
	}
	if last.Seen != 5 {
		t.Errorf("the progress ends with %+v", last)
	}
	for r, err := range all.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		key, err := r.Key()
		if err != nil {
			t.Fatal(err)
		}
		copied, err := to.Calls.Load(t.Context(), key)
		if err != nil || copied.Result != r.Result || !copied.Saved.Equal(r.Saved) {
			t.Errorf("the copy of %s is %+v, %v", r.Name, copied, err)
		}
		for _, d := range append(append([]digest.Digest{}, r.Parts...), r.Result) {
			if there, err := to.Values.Contains(t.Context(), d); !d.IsZero() && (!there || err != nil) {
				t.Errorf("a value of %s is not there: %v", r.Name, err)
			}
		}
	}
	if name, err := blobstoreLoad(t, to, mustDigest(t, "carla")); err != nil || name != "carla" {
		t.Errorf("an argument is %q, %v", name, err)
	}
	if done, err := all.Transfer(t.Context(), to, &quiver.TransferOptions{Move: true}); err != nil || done.Moved != 5 {
		t.Errorf("moved: %+v, %v", done, err)
	}
	if n, err := all.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d calls are left, %v", n, err)
	}
}

func blobstoreLoad(t *testing.T, s *quiver.Store, d digest.Digest) (text string, err error) {
	t.Helper()
	err = s.Values.Load(t.Context(), d, &text)
	return text, err
}

func TestTransferLeavesAnotherResultUnlessToldToOverwrite(t *testing.T) {
	from, to := openStore(t, mem.New(nil)), openStore(t, mem.New(nil))
	for s, result := range map[*quiver.Store]string{from: "ours", to: "theirs"} {
		r := &quiver.Record{Call: quiver.Call{Name: "f"}, Result: mustPut(t, s, result)}
		if _, err := s.Calls.Save(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		options quiver.TransferOptions
		want    quiver.Transfer
		left    string
	}{
		{quiver.TransferOptions{Move: true}, quiver.Transfer{Seen: 1, Conflict: 1}, "theirs"},
		{quiver.TransferOptions{Overwrite: true}, quiver.Transfer{Seen: 1, Copied: 1}, "ours"},
	} {
		got, err := from.Query(quiver.Query{}).Transfer(t.Context(), to, &c.options)
		if err != nil || got != c.want {
			t.Errorf("%+v: %+v, %v, want %+v", c.options, got, err, c.want)
		}
		r, err := to.Query(quiver.Query{}).Only(t.Context())
		if err != nil || r.Result != mustDigest(t, c.left) {
			t.Errorf("%+v: left is %+v, %v", c.options, r, err)
		}
	}
}

// TestATransferLeavesNoCallWithoutItsResult crashes a transfer at each of its requests to the store it writes to.
func TestATransferLeavesNoCallWithoutItsResult(t *testing.T) {
	from := openStore(t, mem.New(nil))
	people(t, from, "ada", "bob")
	requests := buckettest.EachCrash(t, func(t *testing.T, crash *buckettest.Faults) {
		b := mem.New(nil)
		_, err := from.Query(quiver.Query{}).Transfer(t.Context(), openStore(t, bucket.Wrap(b, crash.Inject)), &quiver.TransferOptions{Parallel: 1})
		if err == nil && crash.Crashed() {
			t.Error("the client crashed, and was told that all is well")
		}
		to := openStore(t, b)
		check := func(want int) {
			n := 0
			for r, err := range to.Query(quiver.Query{Name: "age"}).All(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if there, err := to.Values.Contains(t.Context(), r.Result); !there || err != nil {
					t.Errorf("the result of a call is not there: %v", err)
				}
				n++
			}
			if n < want {
				t.Errorf("%d calls of %d", n, want)
			}
		}
		check(0)
		if _, err := from.Query(quiver.Query{}).Transfer(t.Context(), to, nil); err != nil {
			t.Error(err)
		}
		check(2)
	})
	if requests < 10 {
		t.Errorf("only %d requests", requests)
	}
}

// TestACallWhoseResultIsDamagedStays has a second call, which is moved all the same.
func TestACallWhoseResultIsDamagedStays(t *testing.T) {
	b := mem.New(nil)
	from, to := openStore(t, b), openStore(t, mem.New(nil))
	people(t, from, "ada", "carla")
	name := layout.ValueSpace.Name(mustDigest(t, 3))
	spoil(t, b, name)
	var missing error
	got, err := from.Query(quiver.Query{Name: "age"}).Transfer(t.Context(), to, &quiver.TransferOptions{Move: true, Missing: func(_ *quiver.Record, err error) { missing = err }})
	if want := (quiver.Transfer{Seen: 2, Copied: 1, Missing: 1, Moved: 1}); err != nil || got != want {
		t.Errorf("Transfer = %+v, %v", got, err)
	}
	if damaged, ok := errors.AsType[*quiver.DamagedError](missing); !ok || damaged.Object != name {
		t.Errorf("missing is said to be: %v", missing)
	}
	for s, want := range map[*quiver.Store]int{from: 1, to: 1} {
		if n, err := s.Query(quiver.Query{Name: "age"}).Count(t.Context()); n != want || err != nil {
			t.Errorf("%d calls are there, %v", n, err)
		}
	}
}

// TestAStoreIsNotMovedIntoItself has two clients of one bucket, as two names of a store have.
func TestAStoreIsNotMovedIntoItself(t *testing.T) {
	b := mem.New(nil)
	from, to := openStore(t, b), openStore(t, b)
	people(t, from, "ada")
	got, err := from.Query(quiver.Query{}).Transfer(t.Context(), to, &quiver.TransferOptions{Move: true})
	if err == nil || !strings.Contains(err.Error(), "one store under two names") || got != (quiver.Transfer{}) {
		t.Errorf("Transfer = %+v, %v", got, err)
	}
	if n, err := from.Query(quiver.Query{}).Count(t.Context()); n != 2 || err != nil {
		t.Errorf("%d calls are left, %v", n, err)
	}
}

// TestATransferThatVerifiesHealsTheOtherStore has a call in both stores, and its result damaged in the other.
func TestATransferThatVerifiesHealsTheOtherStore(t *testing.T) {
	b := mem.New(nil)
	from, to := openStore(t, mem.New(nil)), openStore(t, b)
	for _, s := range []*quiver.Store{from, to} {
		people(t, s, "ada")
	}
	name := layout.ValueSpace.Name(mustDigest(t, 3))
	spoil(t, b, name)
	got, err := from.Query(quiver.Query{}).Transfer(t.Context(), to, &quiver.TransferOptions{Verify: true})
	if want := (quiver.Transfer{Seen: 2, Present: 2}); err != nil || got != want {
		t.Errorf("Transfer = %+v, %v", got, err)
	}
	var n int
	if err := openStore(t, b).Values.Load(t.Context(), mustDigest(t, 3), &n); err != nil || n != 3 {
		t.Errorf("the result is %d, %v", n, err)
	}
}

// TestADamagedRecordIsNotTransferred tells it from one that was evicted.
func TestADamagedRecordIsNotTransferred(t *testing.T) {
	b := mem.New(nil)
	from, to := openStore(t, b), openStore(t, mem.New(nil))
	people(t, from, "ada")
	if _, err := from.Fold(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r, err := from.Query(quiver.Query{Name: "age"}).Only(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	name := layout.RecordSpace.Name(key)
	spoil(t, b, name)
	told := 0
	got, err := from.Query(quiver.Query{Name: "age"}).Transfer(t.Context(), to, &quiver.TransferOptions{Missing: func(*quiver.Record, error) { told++ }})
	if want := (quiver.Transfer{Seen: 1, Missing: 1}); err != nil || got != want || told != 1 {
		t.Errorf("Transfer = %+v, %v, told %d times", got, err, told)
	}
}

// TestAMoveBringsTheResultThatTheOtherStoreHasLost has a call in both stores, and its result in one.
func TestAMoveBringsTheResultThatTheOtherStoreHasLost(t *testing.T) {
	b := mem.New(nil)
	from, to := openStore(t, mem.New(nil)), openStore(t, b)
	for _, s := range []*quiver.Store{from, to} {
		people(t, s, "ada")
	}
	if err := b.Delete(t.Context(), layout.ValueSpace.Name(mustDigest(t, 3))); err != nil {
		t.Fatal(err)
	}
	got, err := from.Query(quiver.Query{Name: "age"}).Transfer(t.Context(), to, &quiver.TransferOptions{Move: true})
	if want := (quiver.Transfer{Seen: 1, Present: 1, Moved: 1}); err != nil || got != want {
		t.Errorf("Transfer = %+v, %v", got, err)
	}
	if there, err := to.Values.Contains(t.Context(), mustDigest(t, 3)); !there || err != nil {
		t.Errorf("its result is there: %v, %v", there, err)
	}
}

func ExampleSelection() {
	ctx := context.Background()
	s, err := quiver.New(ctx, mem.New(nil), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, project := range []string{"alpha", "alpha", "beta"} {
		r := &quiver.Record{Call: quiver.Call{Name: "train", Version: callindex.IntVersion(int64(i))}, Metadata: quiver.Metadata{"tags": {"project": project}}}
		if _, err := s.Calls.Save(ctx, r, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	n, err := s.Query(quiver.Query{Metadata: quiver.Metadata{"tags": {"project": "alpha"}}}).Count(ctx)
	fmt.Println(n, err)
	// Output: 2 <nil>
}
