package manifest_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/internal/sealed"
	"github.com/quivercache/quiver/layout"
)

var update = flag.Bool("update", false, "write testdata anew")

var start = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func id(n int) string { return fmt.Sprintf("%032x", n) }

// aSegment is a segment of one function.
func aSegment(n int, name string, rows int64) manifest.Segment {
	key := digest.OfBytes([]byte(name))
	return manifest.Segment{
		ID: id(n), Rows: rows, Table: manifest.Object{Size: 1000 + int64(n), SHA256: key},
		Filter: manifest.Filter{Object: manifest.Object{Size: 500, SHA256: key}, Head: 100},
		First:  manifest.Position{Name: name, Key: digest.Digest{}}, Last: manifest.Position{Name: name, Module: "m", Key: key},
		Names: []string{name}, Saved: manifest.Span{First: start, Last: start.Add(time.Hour)},
	}
}

func applied(t testing.TB, m *manifest.Manifest, write int, c manifest.Change) *manifest.Manifest {
	t.Helper()
	next, err := m.Apply(id(write), c)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// example has all that a manifest may have.
func example(t testing.TB) *manifest.Manifest {
	m := manifest.First(5, id(1000))
	m = applied(t, m, 1001, manifest.Change{Folded: start, Now: start, Add: []manifest.Segment{aSegment(1, "a", 10), aSegment(2, "b", 20), aSegment(3, "ü<>&", 5)},
		Count: []manifest.Function{{Name: "a", Calls: 10, Saved: start, Spent: time.Second}, {Name: "b", Calls: 20, Saved: start, Spent: time.Hour}, {Name: "ü<>&", Calls: 5, Saved: start}}})
	object := manifest.Deletions{ID: id(50), Object: manifest.Object{Size: 5000, SHA256: digest.OfBytes([]byte("d"))}}
	m = applied(t, m, 1002, manifest.Change{Folded: start.Add(time.Hour), Now: start.Add(time.Hour), Add: []manifest.Segment{aSegment(4, "b", 1)},
		Delete: map[string]manifest.Deleting{id(1): {Rows: 2, Deletions: manifest.Deletions{Data: []byte{1, 2, 3}}}, id(2): {Rows: 1, Deletions: object}},
		Count:  []manifest.Function{{Name: "a", Calls: -2, Spent: -time.Millisecond}, {Name: "b", Calls: -1}, {Name: "b", Calls: 1, Saved: start.Add(time.Minute)}}})
	return applied(t, m, 1003, manifest.Change{Now: start.Add(2 * time.Hour), Replace: []string{id(3)}, Add: []manifest.Segment{aSegment(5, "ü<>&", 5)}})
}

func TestAChangeMakesTheNextManifest(t *testing.T) {
	m := example(t)
	if m.Seq != 4 || m.Write != id(1003) || !m.Folded.Equal(start.Add(time.Hour)) || m.Current() != 8+19+5+1 {
		t.Errorf("seq %d, write %s, folded %v, %d current rows", m.Seq, m.Write, m.Folded, m.Current())
	}
	want := []manifest.Function{{Name: "a", Calls: 8, Saved: start, Spent: time.Second - time.Millisecond}, {Name: "b", Calls: 20, Saved: start.Add(time.Minute), Spent: time.Hour}, {Name: "ü<>&", Calls: 5, Saved: start}}
	if !reflect.DeepEqual(m.Functions, want) {
		t.Errorf("functions %v", m.Functions)
	}
	if want := []manifest.Retired{{ID: id(3), At: start.Add(2 * time.Hour)}}; !reflect.DeepEqual(m.Retired, want) {
		t.Errorf("retired %v", m.Retired)
	}
	for n, lists := range map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 50: true, 6: false} {
		if m.Lists(id(n)) != lists {
			t.Errorf("it lists %d: %v", n, !lists)
		}
	}
}

func TestAManifestIsNotChangedByTheNext(t *testing.T) {
	m := example(t)
	before, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	applied(t, m, 2000, manifest.Change{Now: start, Delete: map[string]manifest.Deleting{id(2): {Rows: 5, Deletions: manifest.Deletions{Data: []byte{9}}}}, Count: []manifest.Function{{Name: "b", Calls: -4}}})
	if after, err := m.Encode(); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the manifest has changed, or %v", err)
	}
}

func TestWhatIsDeletedWhollyOrReplacedIsRetiredForADay(t *testing.T) {
	m := example(t)
	then := start.Add(3 * time.Hour)
	m = applied(t, m, 2000, manifest.Change{Now: then, Delete: map[string]manifest.Deleting{id(2): {Rows: 20}}, Count: []manifest.Function{{Name: "b", Calls: -19}}})
	if slices.ContainsFunc(m.Segments, func(s manifest.Segment) bool { return s.ID == id(2) }) || !m.Lists(id(2)) || !m.Lists(id(50)) {
		t.Error("a segment without a current row, or its deletions, is not retired")
	}
	m = applied(t, m, 2001, manifest.Change{Now: then.Add(manifest.Retention - time.Second)})
	if !m.Lists(id(2)) || m.Lists(id(3)) {
		t.Errorf("after a day all but a second it has %v", m.Retired)
	}
	if m = applied(t, m, 2002, manifest.Change{Now: then.Add(manifest.Retention)}); m.Lists(id(2)) {
		t.Errorf("after a day it has %v", m.Retired)
	}
}

func TestAChangeForAnotherManifestIsRefused(t *testing.T) {
	m := example(t)
	for name, c := range map[string]manifest.Change{
		"deletions of a segment that is not there": {Delete: map[string]manifest.Deleting{id(77): {Rows: 1, Deletions: manifest.Deletions{Data: []byte{1}}}}},
		"the replacing of one":                     {Replace: []string{id(3)}},
		"a segment twice":                          {Add: []manifest.Segment{aSegment(1, "a", 1)}, Count: []manifest.Function{{Name: "a", Calls: 1}}},
		"rows that no function counts":             {Add: []manifest.Segment{aSegment(9, "a", 1)}},
		"a count without rows":                     {Count: []manifest.Function{{Name: "z", Calls: 1}}},
		"more deletions than rows":                 {Delete: map[string]manifest.Deleting{id(4): {Rows: 2, Deletions: manifest.Deletions{Data: []byte{1}}}}, Count: []manifest.Function{{Name: "b", Calls: -2}}},
		"a segment without rows":                   {Add: []manifest.Segment{aSegment(9, "a", 0)}},
		"deletions that are nowhere":               {Delete: map[string]manifest.Deleting{id(2): {Rows: 2}}, Count: []manifest.Function{{Name: "b", Calls: -1}}},
	} {
		if next, err := m.Apply(id(2000), c); err == nil {
			t.Errorf("%s: %+v", name, next)
		}
	}
	if _, err := m.Apply("no id", manifest.Change{}); err == nil {
		t.Error("a write id that is none")
	}
}

func TestAManifestIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := manifest.First(layout.Shard(rapid.IntRange(0, 63).Draw(t, "shard")), id(1))
		for n := range rapid.IntRange(0, 5).Draw(t, "changes") {
			rows := rapid.Int64Range(1, 1<<20).Draw(t, "rows")
			name := rapid.String().Draw(t, "name")
			s := aSegment(n+10, strings.ToValidUTF8(name, "?"), rows)
			s.Names = nil
			next, err := m.Apply(id(n+2), manifest.Change{Now: start, Folded: start, Add: []manifest.Segment{s}, Count: []manifest.Function{{Name: s.First.Name, Calls: rows, Spent: time.Duration(n), Saved: start}}})
			if err != nil {
				t.Fatal(err)
			}
			m = next
		}
		body, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := manifest.Decode(m.Shard, body)
		if err != nil {
			t.Fatal(err)
		}
		again, err := got.Encode()
		if err != nil || !bytes.Equal(again, body) {
			t.Errorf("%s became %s, %v", body, again, err)
		}
	})
}

func TestNoChangedByteOfAManifestIsBelieved(t *testing.T) {
	body, err := example(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		changed := slices.Clone(body)
		changed[i] ^= 1
		if _, err := manifest.Decode(5, changed); !errors.Is(err, manifest.ErrDamaged) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := manifest.Decode(5, body[:i]); !errors.Is(err, manifest.ErrDamaged) {
			t.Fatalf("cut after %d: %v", i, err)
		}
	}
	if _, err := manifest.Decode(6, body); !errors.Is(err, manifest.ErrDamaged) {
		t.Errorf("of another shard: %v", err)
	}
}

func TestALaterFormatIsNotDamage(t *testing.T) {
	_, err := manifest.Decode(5, sealed.Seal([]byte(`{"format":2,"segments":"elsewhere"`)))
	newer, ok := errors.AsType[*manifest.NewerError](err)
	if !ok || newer.Found != 2 || errors.Is(err, manifest.ErrDamaged) {
		t.Errorf("%v", err)
	}
}

func TestTheFirstFormatStaysReadable(t *testing.T) {
	path := filepath.Join("testdata", "format", "v1", "manifest.json")
	want, err := example(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Decode(5, body)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, example(t)) {
		t.Errorf("it is read as %+v", m)
	}
}

func FuzzDecode(f *testing.F) {
	body, err := example(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body[:len(body)-sealed.Size])
	f.Add([]byte(`{"format":1,"shard":"05","seq":1,"write":"` + id(1) + `","segments":[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := manifest.Decode(5, sealed.Seal(slices.Clone(text)))
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := manifest.Decode(5, again); err != nil || twice.Current() != m.Current() {
			t.Errorf("what was read is written as %s: %v", again, err)
		}
	})
}
