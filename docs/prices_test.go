package docs_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"strconv"
	"testing"

	"github.com/quivercache/quiver/bucket"
)

// cloud is what a cloud takes by its list.
type cloud struct {
	name, what string
	bucket.Prices
	month float64 // for a GiB that is stored
	looks bool    // its DELETE does not tell whether there was an object, so the adapter looks first
}

// clouds are the list prices of 2025, the first step of each. S3's are what quiver gc reckons with, which a test holds.
var clouds = []cloud{
	{"AWS S3", "Standard, us-east-1", bucket.Prices{Write: 0.005 / 1000, Read: 0.0004 / 1000, GiB: 0.09}, 0.023, true},
	{"Google Cloud Storage", "Standard, us-central1", bucket.Prices{Write: 0.005 / 1000, Read: 0.0004 / 1000, GiB: 0.12}, 0.020, false},
	{"Azure Blob Storage", "Hot, LRS, flat names, East US", bucket.Prices{Write: 0.05 / 10_000, Read: 0.004 / 10_000, GiB: 0.087}, 0.018, false},
}

// bill is requests by what they cost.
type bill struct{ reads, writes, deletes, looks float64 }

// billOf is what a meter has counted, of work on so many things, by the meter's own prices.
func billOf(m *bucket.Meter, of float64) bill {
	reads, writes := m.Dollars(bucket.Prices{Read: 1}), m.Dollars(bucket.Prices{Write: 1})
	return bill{reads / of, writes / of, (float64(m.Total().Requests) - reads - writes) / of, float64(m.Usage()[bucket.Delete].Requests) / of}
}

func (b bill) times(n float64) bill {
	return bill{n * b.reads, n * b.writes, n * b.deletes, n * b.looks}
}

func (b bill) and(c bill) bill {
	return bill{b.reads + c.reads, b.writes + c.writes, b.deletes + c.deletes, b.looks + c.looks}
}

// at is what a cloud takes for the requests.
func (b bill) at(c cloud) float64 {
	if c.looks {
		b.reads += b.looks
	}
	return b.reads*c.Read + b.writes*c.Write
}

// figure is a number for people: its thousands apart, and three digits where it is small.
func figure(n float64) string {
	text := strconv.FormatFloat(n, 'f', 0, 64)
	if n < 100 {
		text = strconv.FormatFloat(n, 'g', 3, 64)
	}
	for at := len(text) - 3; at > 0 && n >= 1000; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func money(d float64) string {
	switch {
	case d > 0 && d < 0.1:
		return "$" + strconv.FormatFloat(d, 'g', 2, 64)
	case d < 100:
		return fmt.Sprintf("$%.2f", d)
	}
	return "$" + figure(d)
}

// TestThePricesAreThoseOfGC reads the prices that quiver gc reckons with, and the benchmarks.
func TestThePricesAreThoseOfGC(t *testing.T) {
	of := pricesIn(t, "../cmd/quiver/gc.go")
	for name, want := range map[string]float64{"Write": clouds[0].Write, "Read": clouds[0].Read, "monthOfGiB": clouds[0].month} {
		if of[name] != want {
			t.Errorf("cmd/quiver/gc.go: %s is %v, and %v in the table of prices", name, of[name], want)
		}
	}
	of = pricesIn(t, "../bench/folding.go")
	for name, want := range map[string]float64{"Write": clouds[0].Write, "Read": clouds[0].Read} {
		if of[name] != want {
			t.Errorf("bench/folding.go: %s is %v, and %v in the table of prices", name, of[name], want)
		}
	}
}

// pricesIn are the constants of a file that are prices: those of a bucket.Prices by field, and monthOfGiB.
func pricesIn(t *testing.T, path string) map[string]float64 {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	evaluate := func(name string, e ast.Expr) {
		value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(e))
		if err != nil {
			t.Fatal(err)
		}
		found[name], _ = constant.Float64Val(value.Value)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if n.Type != nil && types.ExprString(n.Type) == "bucket.Prices" {
				for _, field := range n.Elts {
					if pair, ok := field.(*ast.KeyValueExpr); ok {
						evaluate(types.ExprString(pair.Key), pair.Value)
					}
				}
			}
		case *ast.ValueSpec:
			if n.Names[0].Name == "monthOfGiB" {
				evaluate("monthOfGiB", n.Values[0])
			}
		}
		return true
	})
	return found
}
