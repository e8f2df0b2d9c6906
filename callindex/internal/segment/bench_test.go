package segment_test

import (
	"sync"
	"testing"

	"github.com/quivercache/quiver/callindex/internal/segment"
)

const benchRows = 1 << 20

var benchData = sync.OnceValue(func() []*segment.Row { return fleet(benchRows, 200) })

var benchSegment *written

func theSegment(b *testing.B) *written {
	if benchSegment == nil {
		benchSegment = write(b, benchData())
	}
	return benchSegment
}

func BenchmarkWrite(b *testing.B) {
	rows := benchData()
	for b.Loop() {
		w := write(b, rows)
		b.ReportMetric(float64(len(w.table))/benchRows, "table-B/row")
		b.ReportMetric(float64(len(w.filter))/benchRows, "filter-B/row")
		b.ReportMetric(float64(w.summary.Head), "head-B")
	}
}

func BenchmarkOpen(b *testing.B) {
	w := theSegment(b)
	for b.Loop() {
		w.open(b)
	}
}

func benchScan(b *testing.B, p *segment.Predicate) {
	w := theSegment(b)
	_, table := w.open(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = 0
		for _, g := range table.Prune(p) {
			if err := table.Scan(g, p, nil, func(int64, *segment.Row) bool { n++; return true }); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(n), "rows")
}

func BenchmarkAll(b *testing.B) { benchScan(b, &segment.Predicate{}) }

func BenchmarkFunction(b *testing.B) { benchScan(b, &segment.Predicate{Name: "project.stage003"}) }

func BenchmarkArgument50(b *testing.B) {
	benchScan(b, &segment.Predicate{Arguments: []segment.Argument{{Name: "model", Digest: nth("model", 7)}}})
}

func BenchmarkUniqueArgument(b *testing.B) {
	benchScan(b, &segment.Predicate{Arguments: []segment.Argument{benchData()[benchRows/2].Arguments[0]}})
}

func BenchmarkPoint(b *testing.B) {
	w := theSegment(b)
	h, table := w.open(b)
	row := benchData()[benchRows/2]
	p := &segment.Predicate{Name: row.Name, Arguments: row.Arguments[:1]}
	b.ReportAllocs()
	n, read := 0, 0
	for b.Loop() {
		n, read = 0, 0
		for _, g := range table.Prune(p) {
			at := h.Block(g)
			f, err := segment.ParseBlock(w.filter[at.Offset:at.End()])
			if err != nil {
				b.Fatal(err)
			}
			if !f.MayHaveAll(p.Numbers()) {
				continue
			}
			read++
			if err := table.Scan(g, p, nil, func(int64, *segment.Row) bool { n++; return true }); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(n), "rows")
	b.ReportMetric(float64(read), "groups")
}
