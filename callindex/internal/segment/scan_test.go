package segment_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
)

// wants is what a predicate means, row by row.
func wants(p *segment.Predicate, r *segment.Row) bool {
	switch {
	case p.Name != "" && p.Name != r.Name,
		p.Module != "" && p.Module != r.Module,
		p.Version.Kind != segment.NoVersion && p.Version != r.Version,
		!p.Code.IsZero() && p.Code != r.Code,
		p.Result != nil && *p.Result != r.Result,
		p.Keys != nil && !slices.Contains(p.Keys, r.Key),
		r.Key.Compare(p.First) < 0,
		!p.Last.IsZero() && r.Key.Compare(p.Last) > 0,
		p.After != nil && r.Position().Compare(*p.After) <= 0,
		p.Since != nil && r.Saved < *p.Since,
		p.Until != nil && r.Saved >= *p.Until:
		return false
	}
	for _, wanted := range p.Arguments {
		if !slices.ContainsFunc(r.Arguments, func(a segment.Argument) bool {
			return a.Name == wanted.Name && (wanted.Digest.IsZero() || a.Digest == wanted.Digest)
		}) {
			return false
		}
	}
	return true
}

// maybe sets a member of a predicate, more often not: to what a row has, that many predicates match some row, or to something else.
func maybe[V any](t *rapid.T, name string, has V, other *rapid.Generator[V], set func(V)) {
	switch rapid.IntRange(0, 7).Draw(t, "which "+name) {
	case 6:
		set(has)
	case 7:
		set(other.Draw(t, name))
	}
}

// predicate draws a predicate.
func predicate(t *rapid.T, rows []*segment.Row) *segment.Predicate {
	p := new(segment.Predicate)
	like := rapid.SampledFrom(rows).Draw(t, "like")
	almost := like.Key
	almost[31]++ // most keys are told apart by their first bytes
	keys := rapid.OneOf(rapid.Just(like.Key), rapid.Just(almost), rapid.Custom(func(t *rapid.T) digest.Digest { return nth("key", rapid.IntRange(0, 45).Draw(t, "key")) }))
	times := rapid.OneOf(rapid.SampledFrom([]int64{math.MinInt64, 0, math.MaxInt64, like.Saved - 1, like.Saved + 1}), rapid.Int64Range(999, 1011))
	position := rapid.Custom(func(t *rapid.T) *segment.Position { at := oddRow().Draw(t, "row").Position(); return &at })
	at := like.Position()
	maybe(t, "name", like.Name, rapid.SampledFrom(append(names, "fab")), func(v string) { p.Name = v })
	maybe(t, "module", like.Module, rapid.SampledFrom(append(modules, "mb")), func(v string) { p.Module = v })
	maybe(t, "version", like.Version, rapid.SampledFrom(append(versions, segment.Version{Kind: segment.IntegerVersion, Integer: 4})), func(v segment.Version) { p.Version = v })
	maybe(t, "code", like.Code, few("code"), func(v digest.Digest) { p.Code = v })
	maybe(t, "result", like.Result, few("result"), func(v digest.Digest) { p.Result = &v })
	maybe(t, "keys", []digest.Digest{like.Key, almost}, rapid.SliceOfN(keys, 0, 20), func(v []digest.Digest) { p.Keys = v })
	maybe(t, "first", like.Key, keys, func(v digest.Digest) { p.First = v })
	maybe(t, "last", like.Key, keys, func(v digest.Digest) { p.Last = v })
	maybe(t, "since", like.Saved, times, func(v int64) { p.Since = &v })
	maybe(t, "until", like.Saved, times, func(v int64) { p.Until = &v })
	maybe(t, "after", &at, position, func(v *segment.Position) { p.After = v })
	maybe(t, "arguments", like.Arguments, rapid.Custom(func(t *rapid.T) []segment.Argument {
		var wanted []segment.Argument
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(append(arguments, "z")), 1, 2).Draw(t, "names") {
			wanted = append(wanted, segment.Argument{Name: name, Digest: rapid.OneOf(few("argument"), rapid.Just(digest.Digest{})).Draw(t, "argument")})
		}
		return wanted
	}), func(v []segment.Argument) { p.Arguments = v })
	return p
}

// TestScanYieldsJustTheRowsThatAreWanted compares row groups that are pruned, filtered and scanned with what a predicate means.
func TestScanYieldsJustTheRowsThatAreWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, w := oddSegment(t)
		var skip *segment.Deletions
		for i := range rows {
			if rapid.IntRange(0, 9).Draw(t, "is deleted") == 9 {
				skip = skip.With(int64(i))
			}
		}
		for range 4 {
			checkScan(t, rows, w, predicate(t, rows), skip)
		}
	})
}

func checkScan(t *rapid.T, rows []*segment.Row, w *written, p *segment.Predicate, skip *segment.Deletions) {
	h, table := w.open(t)
	var want []*segment.Row
	var wantNumbers []int64
	for i, r := range rows {
		if wants(p, r) && !skip.Has(int64(i)) {
			want, wantNumbers = append(want, r), append(wantNumbers, int64(i))
		}
	}
	var groups []int
	for _, g := range table.Prune(p) {
		if block(t, w, h, g).MayHaveAll(p.Numbers()) && (p.Keys == nil || len(block(t, w, h, g).Keys(p.Keys)) > 0) {
			groups = append(groups, g)
		}
	}
	for how, groups := range map[string][]int{"pruned and filtered": groups, "all": all(table)} {
		numbers, got, err := scan(table, groups, p, skip)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(numbers, wantNumbers) || !slices.EqualFunc(got, want, func(a, b *segment.Row) bool { return reflect.DeepEqual(a, b) }) {
			t.Fatalf("%s: rows %d, want %d, of %+v", how, numbers, wantNumbers, p)
		}
	}
}

// block is the filter of a row group.
func block(t fatal, w *written, h *segment.Head, group int) *segment.Filter {
	at := h.Block(group)
	f, err := segment.ParseBlock(w.filter[at.Offset:at.End()])
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestPruningLeavesTheRowGroupsOfAFunction holds that metadata spare reading: a function's rows are in few row groups, and a position or a time rules most out.
func TestPruningLeavesTheRowGroupsOfAFunction(t *testing.T) {
	rows := make([]*segment.Row, 100)
	for i := range rows {
		rows[i] = &segment.Row{Name: string(rune('a' + i/10)), Module: "m", Key: nth("key", i), Saved: int64(i)}
	}
	rows = ordered(rows)
	var table, filter bytes.Buffer
	if _, err := segment.WriteWith(&table, &filter, len(rows), sequence(rows), 10, 10); err != nil {
		t.Fatal(err)
	}
	_, opened := (&written{table: table.Bytes(), filter: filter.Bytes()}).open(t)
	since, until := int64(25), int64(40)
	after, last := rows[69].Position(), rows[99].Position()
	for name, c := range map[string]struct {
		p    segment.Predicate
		want []int
	}{
		"all":                     {segment.Predicate{}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"a name":                  {segment.Predicate{Name: "c"}, []int{2}},
		"a name that is not":      {segment.Predicate{Name: "cc"}, nil},
		"a module that is not":    {segment.Predicate{Module: "n"}, nil},
		"since":                   {segment.Predicate{Since: &since}, []int{2, 3, 4, 5, 6, 7, 8, 9}},
		"until":                   {segment.Predicate{Until: &until}, []int{0, 1, 2, 3}},
		"after a position":        {segment.Predicate{After: &after}, []int{7, 8, 9}},
		"after the last position": {segment.Predicate{After: &last}, nil},
		"a key":                   {segment.Predicate{Name: "e", Keys: []digest.Digest{rows[40].Key}}, []int{4}},
		"no key":                  {segment.Predicate{Keys: []digest.Digest{}}, nil},
		"keys above":              {segment.Predicate{First: digest.Digest{0xff, 0xff, 0xff}}, nil},
		"keys below":              {segment.Predicate{Last: digest.Digest{31: 1}}, nil},
	} {
		if got := opened.Prune(&c.p); !slices.Equal(got, c.want) {
			t.Errorf("%s: row groups %d, want %d", name, got, c.want)
		}
	}
}

// TestARowOutlivesItsYield holds that what a row refers to is not used again.
func TestARowOutlivesItsYield(t *testing.T) {
	rows := fleet(2000, 5)
	_, table := write(t, rows).open(t)
	for range 2 {
		_, got, err := scan(table, all(table), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got {
			r.Arguments = append(r.Arguments, segment.Argument{Name: "another"})
			r.Metadata = append(r.Metadata, "another"...)
			r.Parts = append(r.Parts, digest.Digest{1})
		}
		for i, r := range got {
			r.Arguments, r.Metadata, r.Parts = r.Arguments[:len(r.Arguments)-1], r.Metadata[:len(r.Metadata)-len("another")], nil
			if !reflect.DeepEqual(r, rows[i]) {
				t.Fatalf("row %d has become %+v", i, r)
			}
		}
	}
}

// TestScanReadsARowGroupAtOnce counts reads: each is a request where the table is in a bucket.
func TestScanReadsARowGroupAtOnce(t *testing.T) {
	w := write(t, fleet(5000, 5))
	h, err := segment.ParseHead(w.filter)
	if err != nil {
		t.Fatal(err)
	}
	at := &counted{Reader: bytes.NewReader(w.table)}
	table := segment.OpenTable(h, at)
	if _, _, err := scan(table, []int{1}, &segment.Predicate{Name: "project.stage000"}, nil); err != nil {
		t.Fatal(err)
	}
	if want := []segment.Range{table.Range(1)}; !slices.Equal(at.reads, want) {
		t.Errorf("a scan reads %v, want %v", at.reads, want)
	}
}

type counted struct {
	*bytes.Reader
	reads []segment.Range
}

func (c *counted) ReadAt(b []byte, offset int64) (int, error) {
	c.reads = append(c.reads, segment.Range{Offset: offset, Length: int64(len(b))})
	return c.Reader.ReadAt(b, offset)
}

func TestScanEndsWhereItIsToldTo(t *testing.T) {
	_, table := write(t, fleet(100, 5)).open(t)
	n := 0
	if err := table.Scan(0, nil, nil, func(int64, *segment.Row) bool { n++; return n < 3 }); err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestAFailureOfTheStoreIsNoDamage holds that only bytes are damaged.
func TestAFailureOfTheStoreIsNoDamage(t *testing.T) {
	w := write(t, fleet(100, 5))
	h, _ := w.open(t)
	for _, failure := range []error{errors.New("no connection"), io.ErrUnexpectedEOF} {
		table := segment.OpenTable(h, failing{failure})
		if _, _, err := scan(table, []int{0}, nil, nil); !errors.Is(err, failure) || errors.Is(err, segment.ErrDamaged) {
			t.Errorf("%v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }
