package segment_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex/internal/segment"
	"github.com/quivercache/quiver/digest"
)

// written is a segment in memory.
type written struct {
	table, filter []byte
	summary       segment.Summary
}

// fatal is a test, of whichever kind.
type fatal interface {
	Helper()
	Fatal(...any)
}

func write(t fatal, rows []*segment.Row) *written {
	t.Helper()
	var table, filter bytes.Buffer
	s, err := segment.Write(&table, &filter, len(rows), sequence(rows))
	if err != nil {
		t.Fatal(err)
	}
	return &written{table.Bytes(), filter.Bytes(), s}
}

// open returns a segment's head and table.
func (w *written) open(t fatal) (*segment.Head, *segment.Table) {
	t.Helper()
	h, err := segment.ParseHead(w.filter)
	if err != nil {
		t.Fatal(err)
	}
	return h, segment.OpenTable(h, bytes.NewReader(w.table))
}

// sequence yields rows as Write wants them, each in the same place.
func sequence(rows []*segment.Row) iter.Seq2[*segment.Row, error] {
	return func(yield func(*segment.Row, error) bool) {
		var place segment.Row
		for _, r := range rows {
			place = *r
			if !yield(&place, nil) {
				return
			}
		}
	}
}

// scan returns the rows of some row groups that are wanted, by their numbers.
func scan(table *segment.Table, groups []int, p *segment.Predicate, skip *segment.Deletions) (numbers []int64, rows []*segment.Row, err error) {
	for _, g := range groups {
		err = table.Scan(g, p, skip, func(number int64, r *segment.Row) bool {
			kept := *r
			numbers, rows = append(numbers, number), append(rows, &kept)
			return true
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return numbers, rows, nil
}

// all are the numbers of all row groups.
func all(table *segment.Table) []int {
	groups := make([]int, table.Groups())
	for i := range groups {
		groups[i] = i
	}
	return groups
}

// newRandom is chance that a test can repeat.
func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func randomDigest(r *rand.Rand) (d digest.Digest) {
	for i := 0; i < len(d); i += 8 {
		binary.LittleEndian.PutUint64(d[i:], r.Uint64())
	}
	return d
}

// nth is the digest of a number.
func nth(kind string, n int) digest.Digest { return sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, n)) }

// fleet is n rows as a fleet of programs saves them: names after Zipf, 4 arguments (one unique, one of 50 values, two of few), a unique result, small metadata.
func fleet(n, functions int) []*segment.Row {
	r := newRandom(1)
	cumulative := make([]float64, functions)
	total := 0.0
	for i := range cumulative {
		total += 1 / float64(i+1)
		cumulative[i] = total
	}
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	rows := make([]*segment.Row, n)
	for i := range rows {
		function, _ := slices.BinarySearch(cumulative, r.Float64()*total)
		saved := start.Add(time.Duration(float64(i) * 1e9 * (1 + r.Float64())))
		took := time.Duration(math.Exp(r.NormFloat64()+3) * 1e7)
		row := &segment.Row{
			Name: fmt.Sprintf("project.stage%03d", function), Module: "project", Key: randomDigest(r),
			Version: segment.Version{Kind: segment.IntegerVersion, Integer: int64(function%3 + 1)},
			Arguments: []segment.Argument{
				{Name: "input", Digest: randomDigest(r)}, {Name: "model", Digest: nth("model", r.IntN(50))},
				{Name: "rate", Digest: nth("rate", r.IntN(5))}, {Name: "verbose", Digest: nth("verbose", r.IntN(2))},
			},
			Result: randomDigest(r), Saved: saved.UnixNano(), Seq: int64(i / 10000),
			Metadata: fmt.Appendf(nil, `{"runtime":{"timestart":%q,"timestop":%q}}`, saved.Add(-took-time.Millisecond).Format(time.RFC3339Nano), saved.Add(-time.Millisecond).Format(time.RFC3339Nano)),
		}
		binary.LittleEndian.PutUint64(row.Write[:], r.Uint64())
		binary.LittleEndian.PutUint64(row.Write[8:], r.Uint64())
		rows[i] = row
	}
	return ordered(rows)
}

// ordered sorts rows and drops those whose position another has.
func ordered(rows []*segment.Row) []*segment.Row {
	slices.SortStableFunc(rows, func(a, b *segment.Row) int { return a.Position().Compare(b.Position()) })
	return slices.CompactFunc(rows, func(a, b *segment.Row) bool { return a.Position() == b.Position() })
}

// few are digests of which draws have few, so that rows share some.
func few(kind string) *rapid.Generator[digest.Digest] {
	return rapid.Custom(func(t *rapid.T) digest.Digest { return nth(kind, rapid.IntRange(0, 5).Draw(t, kind)) })
}

// The texts of odd rows: prefixes of each other, with zero bytes, not ASCII.
var (
	names     = []string{"f", "fa", "f\x00", "f.g", "ü", "日本", strings.Repeat("n", 300)}
	modules   = []string{"", "", "m", "ma", "m\x00", "Ω"}
	arguments = []string{"x", "xy", "y", "é", strings.Repeat("a", 300)}
)

// oddRow draws rows of all kinds that there are.
func oddRow() *rapid.Generator[*segment.Row] {
	saved := rapid.OneOf(rapid.SampledFrom([]int64{math.MinInt64, -1, 0, 1, math.MaxInt64}), rapid.Int64Range(1000, 1010))
	return rapid.Custom(func(t *rapid.T) *segment.Row {
		r := &segment.Row{
			Name: rapid.SampledFrom(names).Draw(t, "name"), Module: rapid.SampledFrom(modules).Draw(t, "module"), Key: nth("key", rapid.IntRange(0, 40).Draw(t, "key")),
			Version: rapid.SampledFrom(versions).Draw(t, "version"), Saved: saved.Draw(t, "saved"), Seq: rapid.Int64Range(-1, 3).Draw(t, "seq"),
		}
		if rapid.Bool().Draw(t, "has a code") {
			r.Code = few("code").Draw(t, "code")
		}
		if rapid.Bool().Draw(t, "has a result") {
			r.Result = few("result").Draw(t, "result")
		}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(arguments), 0, len(arguments), rapid.ID).Draw(t, "arguments") {
			r.Arguments = append(r.Arguments, segment.Argument{Name: name, Digest: few("argument").Draw(t, "argument")})
		}
		for range rapid.SampledFrom([]int{0, 0, 0, 1, 2, 100}).Draw(t, "parts") {
			r.Parts = append(r.Parts, few("part").Draw(t, "part"))
		}
		if size := rapid.SampledFrom([]int{0, 0, 2, 20, 20_000}).Draw(t, "metadata"); size > 0 {
			r.Metadata = fmt.Appendf(nil, `{"tags":{"é":%q}}`, strings.Repeat("m", size))
		}
		r.Write[15] = byte(r.Seq)
		return r
	})
}

var versions = []segment.Version{
	{}, {Kind: segment.IntegerVersion}, {Kind: segment.IntegerVersion, Integer: 3}, {Kind: segment.IntegerVersion, Integer: math.MinInt64},
	{Kind: segment.TextVersion}, {Kind: segment.TextVersion, Text: "3"}, {Kind: segment.TextVersion, Text: "v3-é"},
}

// oddSegment draws rows and a segment of them, with small row groups and pages.
func oddSegment(t *rapid.T) ([]*segment.Row, *written) {
	rows := ordered(rapid.SliceOfN(oddRow(), 1, 40).Draw(t, "rows"))
	var table, filter bytes.Buffer
	s, err := segment.WriteWith(&table, &filter, len(rows), sequence(rows), rapid.SampledFrom([]int{5, 100, 100}).Draw(t, "rows a group"), rapid.SampledFrom([]int{1, 3, 100}).Draw(t, "rows a page"))
	if err != nil {
		t.Fatal(err)
	}
	return rows, &written{table.Bytes(), filter.Bytes(), s}
}

// nths are the digests of the first numbers.
func nths(kind string, n int) []digest.Digest {
	d := make([]digest.Digest, n)
	for i := range d {
		d[i] = nth(kind, i)
	}
	return d
}
