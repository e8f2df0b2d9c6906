package docs_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

var update = flag.Bool("update", false, "write the tables of costs.md instead of comparing with them")

// The operations that the examples are made of.
const (
	opening = "a process asks for its first call: more than for others"
	hit     = "a hit, on a result of up to 8 KiB"
	hitMore = "a hit, on a larger result"
	miss    = "a miss, computed and saved: one argument, one result"
	missOne = "a miss, with `Once`"
	folding = "`quiver fold`, for each of 1,000 calls that were saved since"
	idle    = "`quiver fold`, nothing to do"
)

// operations are the lines of the table: what is there before, what is done, and on how many things.
var operations = []struct {
	name   string
	before func(s *shop)
	do     func(s *shop)
	of     float64
}{
	{opening, oneCall, func(s *shop) { s.call(0, nil) }, 1},
	{hit, oneCall, func(s *shop) { s.call(0, nil) }, 1},
	{hitMore, bigCall, func(s *shop) { s.call(-1, nil) }, 1},
	{miss, nothing, func(s *shop) { s.call(1, nil) }, 1},
	{"a miss, with `OmitArguments`", nothing, func(s *shop) { s.call(1, &quiver.FuncOptions[string]{OmitArguments: true}) }, 1},
	{missOne, nothing, func(s *shop) { s.call(1, &quiver.FuncOptions[string]{Once: time.Minute}) }, 1},
	{"`Refresh`, `--refresh`: computed anew and replaced", oneCall, func(s *shop) {
		_, err := s.function(nil).Refresh(s.Context(), input{0})
		s.must(err)
	}, 1},
	{"a call is evicted", oneCall, func(s *shop) { s.must(s.store.Calls.Evict(s.Context(), s.key(0))) }, 1},
	{"a value is evicted", func(s *shop) {
		_, err := s.store.Values.Save(s.Context(), "a value", nil)
		s.must(err)
	}, func(s *shop) {
		key, err := digest.Of("a value")
		s.must(err)
		s.must(s.store.Values.Evict(s.Context(), key))
	}, 1},
	{"a short key, wherever one is given", oneCall, func(s *shop) {
		_, err := s.store.Calls.Expand(s.Context(), s.key(0).Abbreviate(16))
		s.must(err)
	}, 1},
	{"a query by function: all its 1,000 calls, not folded", shared, func(s *shop) { s.query(quiver.Query{Name: "f"}, many) }, 1},
	{folding, shared, (*shop).fold, many},
	{idle, shared, (*shop).fold, 1},
	{"a query by function: all its 1,000 calls, folded", shared, func(s *shop) { s.query(quiver.Query{Name: "f"}, many) }, 1},
	{"a query by function and argument: one of its 1,000 calls, folded", shared, func(s *shop) { s.query(quiver.Query{Name: "f", Args: quiver.Args{"N": 7}}, 1) }, 1},
	{"`quiver check`, for each of 1,000 calls", shared, func(s *shop) {
		for finding, err := range s.store.Check(s.Context(), nil) {
			s.must(err)
			s.Errorf("%+v", finding)
		}
	}, many},
}

// measure runs the operations, all but the opening in a store that has answered and taken something before. It returns also how many bytes a call takes below each folder,
// folded: calls with one number for an argument and a small result.
func measure(t *testing.T) (bills map[string]bill, bytes map[string]float64) {
	bills = map[string]bill{}
	stock := empty(t)
	for n := range many {
		stock.call(n, nil)
	}
	for _, o := range operations {
		s := stock.again()
		if o.before != nil {
			s = empty(t)
			o.before(s)
			s = s.again()
		}
		if o.name != opening {
			_, err := s.store.Calls.Contains(s.Context(), s.key(0))
			s.must(err)
			_, err = s.store.Values.Save(s.Context(), "the first write", nil)
			s.must(err)
			s.count()
		}
		o.do(s)
		bills[o.name] = billOf(s.meter, o.of)
		if o.before != nil { // which closes the bucket, too
			s.must(s.store.Close())
		}
	}
	bills[opening] = bills[opening].and(bills[hit].times(-1))
	return bills, stock.size()
}

// size is the bytes below each folder, for each of the many calls, when what was merged is swept.
func (s *shop) size() map[string]float64 {
	s = s.again()
	s.clock.time = s.clock.time.Add(48 * time.Hour)
	_, err := s.store.Sweep(s.Context())
	s.must(err)
	bytes := map[string]float64{}
	for options := (bucket.ListOptions{Limit: bucket.MaxPage}); ; {
		page, err := s.bucket.List(s.Context(), options)
		s.must(err)
		for _, object := range page.Objects {
			folder, _, _ := strings.Cut(object.Key, "/")
			bytes[folder+"/"] += float64(object.Size) / many
		}
		if page.Next == "" {
			return bytes
		}
		options.Token = page.Next
	}
}

// TestTheTablesOfCostsAreWhatTheCodeSays makes the tables of costs.md anew from the requests that operations send and from the prices;
// go test ./docs -run Costs -update writes them.
func TestTheTablesOfCostsAreWhatTheCodeSays(t *testing.T) {
	content, err := os.ReadFile("costs.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	bills, bytes := measure(t)
	for name, table := range map[string]string{"prices": pricesTable(), "operations": operationsTable(bills), "storage": storageTable(bytes), "fleet": fleetTable(bills, bytes)} {
		begin, end := "<!-- "+name+": made by costs_test.go -->\n", "<!-- end -->"
		head, rest, found := strings.Cut(text, begin)
		old, tail, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("costs.md has no place for the table of %s", name)
		}
		if old != table && !*update {
			t.Errorf("the table of %s in costs.md is out of date; go test ./docs -run Costs -update writes it:\n%s", name, table)
		}
		text = head + begin + table + end + tail
	}
	if *update {
		if err := os.WriteFile("costs.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// header is the head of a table whose last columns are the clouds.
func header(cells ...string) string {
	for _, c := range clouds {
		cells = append(cells, c.name)
	}
	return row(cells...) + strings.Repeat("|---", len(cells)) + "|\n"
}

// each is a line with an amount of money for each cloud.
func each(amount func(c cloud) float64, cells ...string) string {
	for _, c := range clouds {
		cells = append(cells, money(amount(c)))
	}
	return row(cells...)
}

func pricesTable() string {
	of := []string{"of"}
	for _, c := range clouds {
		of = append(of, c.what)
	}
	return header("") + row(of...) +
		each(func(c cloud) float64 { return 1e6 * c.Write }, "a million writes: PUT, LIST, COPY") +
		each(func(c cloud) float64 { return 1e6 * c.Read }, "a million reads: GET, HEAD") +
		row("DELETE", "free", "free", "free") +
		each(func(c cloud) float64 { return 1000 * c.month }, "1,000 GiB stored for a month") +
		each(func(c cloud) float64 { return 1000 * c.GiB }, "1,000 GiB sent to the internet")
}

func operationsTable(bills map[string]bill) string {
	text := header("operation", "reads", "writes", "deletes")
	for _, o := range operations {
		b := bills[o.name]
		text += each(func(c cloud) float64 { return 1e6 * b.at(c) }, o.name, figure(b.reads), figure(b.writes), figure(b.deletes))
	}
	return text
}

func storageTable(bytes map[string]float64) string {
	text, sum := header("below", "bytes of a call"), 0.0
	for _, folder := range []string{layout.Values, layout.Calls, layout.Index} {
		sum += bytes[folder]
		text += each(func(c cloud) float64 { return 1e6 * bytes[folder] / (1 << 30) * c.month }, "`"+folder+"`", figure(bytes[folder]))
	}
	return text + each(func(c cloud) float64 { return 1e6 * sum / (1 << 30) * c.month }, "all", figure(sum))
}

// The fleet of the example: a day's calls, nine of ten of which are remembered, and a fold every 15 minutes.
const (
	workers = 1000
	perDay  = 10_000
	hitRate = 0.9
	folds   = 24 * 4
	month   = 30 // days
)

func fleetTable(bills map[string]bill, bytes map[string]float64) string {
	total, computed := float64(workers*perDay), workers*perDay*(1-hitRate)
	text, sum := header("a day"), bill{}
	add := func(name string, b bill) {
		sum = sum.and(b)
		text += each(b.at, name)
	}
	add(figure(total-computed)+" hits", bills[hit].times(total-computed))
	add(figure(computed)+" misses, computed and saved", bills[miss].times(computed))
	add("1,000 processes that start", bills[opening].times(workers))
	add(figure(folds)+" folds of what was saved", bills[folding].times(computed).and(bills[idle].times(folds)))
	text += each(sum.at, "**all**") + each(func(c cloud) float64 { return 1e6 * sum.at(c) / total }, "a million calls of these")
	size := 0.0
	for _, folder := range bytes {
		size += folder
	}
	gib := size * computed * month / (1 << 30)
	return text + each(func(c cloud) float64 { return month * sum.at(c) }, "**a month of that**") +
		each(func(c cloud) float64 { return gib * c.month }, "what a month has saved ("+figure(gib)+" GiB), for each month that it stays") +
		each(func(c cloud) float64 { return bills[missOne].and(bills[miss].times(-1)).times(computed).at(c) }, "with `Once`, a day: more") +
		each(func(c cloud) float64 { return bills[hitMore].and(bills[hit].times(-1)).times(total - computed).at(c) }, "with results above 8 KiB, a day: more")
}
