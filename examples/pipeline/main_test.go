package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // Go's own copy of the database, compiled by others

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket/mem"
)

func database(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("tzdata.zi")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// part is the database of two regions alone, which is enough to count with.
func part(t *testing.T) string {
	t.Helper()
	blocks := strings.Split(database(t), "\nZ ")
	zones := slices.DeleteFunc(blocks[1:], func(block string) bool {
		return !strings.HasPrefix(block, "Europe/") && !strings.HasPrefix(block, "Australia/")
	})
	return blocks[0] + "\nZ " + strings.Join(zones, "\nZ ") + "\n"
}

// replaced is a text with one row in the place of another.
func replaced(t *testing.T, text, row, other string) string {
	t.Helper()
	if strings.Count(text, row+"\n") != 1 {
		t.Fatalf("the database does not have the row %q once", row)
	}
	return strings.Replace(text, row+"\n", other+"\n", 1)
}

// filled is a store that has the report on a database.
func filled(t *testing.T, text string) (*quiver.Store, []string) {
	t.Helper()
	store, err := quiver.New(t.Context(), mem.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	lines, _ := evaluated(t, current, store, text)
	return store, lines
}

func evaluated(t *testing.T, d definitions, store *quiver.Store, text string) ([]string, runs) {
	t.Helper()
	lines, runs, err := d.evaluate(t.Context(), store, text)
	if err != nil {
		t.Fatal(err)
	}
	return lines, runs
}

func TestTheSecondRunComputesNothing(t *testing.T) {
	store := "file://" + filepath.ToSlash(t.TempDir())
	var printed []string
	for _, want := range []string{"clean ran 1 times, recount 407, summary 9\n", "clean ran 0 times, recount 0, summary 0\n"} {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), []string{"-store", store, "tzdata.zi"}, &stdout, &stderr); err != nil || stderr.String() != want {
			t.Fatalf("%v, said %q, want %q", err, &stderr, want)
		}
		printed = append(printed, stdout.String())
	}
	const europe = "Europe        52 zones,  41 with summer time in 2025,   0 that never had it; the most: Europe/Isle_of_Man, in 107 years\n"
	if printed[0] != printed[1] || strings.Count(printed[0], "\n") != 9 || !strings.Contains(printed[0], europe) {
		t.Errorf("printed %q, and again %q", printed[0], printed[1])
	}
}

func TestOneRowRecomputesWhatDependsOnIt(t *testing.T) {
	text := part(t)
	store, _ := filled(t, text)
	underE := int64(0) // zones that the European Union's rules are for
	for _, zone := range strings.Split(text, "\nZ ")[1:] {
		if strings.Contains(zone, " E ") {
			underE++
		}
	}
	if underE < 30 {
		t.Fatalf("%d zones under the rules of the European Union", underE)
	}
	for _, c := range []struct {
		change string
		text   string
		want   runs
	}{
		{"nothing", text, runs{}},
		{"a comment", "# For an example.\n" + text, runs{clean: 1}},
		{"a time of day in the European rules, which no step looks at", replaced(t, text, "R E 1981 ma - Mar lastSu 1u 1 S", "R E 1981 ma - Mar lastSu 2u 1 S"), runs{clean: 1}},
		{"a year of Queensland's rules, which are for Brisbane and Lindeman", replaced(t, text, "R AQ 1989 1991 - O lastSu 2s 1 D", "R AQ 1988 1991 - O lastSu 2s 1 D"),
			runs{clean: 1, recount: 2, summary: 1}},
		{"a year of the European rules, in which all of its zones had others", replaced(t, text, "R E 1977 1980 - Ap Su>=1 1u 1 S", "R E 1976 1980 - Ap Su>=1 1u 1 S"),
			runs{clean: 1, recount: underE}},
		{"another zone", text + "Z Antarctica/Example 1 - CET\n", runs{clean: 1, recount: 1, summary: 1}},
		{"nothing again", text, runs{}},
	} {
		if _, runs := evaluated(t, current, store, c.text); runs != c.want {
			t.Errorf("%s: %v, want %v", c.change, runs, c.want)
		}
	}
}

func TestAVersionRecomputesItsStepAndWhatFollowsFromIt(t *testing.T) {
	text := part(t)
	store, first := filled(t, text)
	plusOne := func(ctx context.Context, z zone) (history, error) {
		h, err := recount(ctx, z)
		h.Years++
		return h, err
	}
	for _, c := range []struct {
		change string
		do     func(*definitions)
		want   runs
		same   bool // the report
	}{
		{"nothing", func(*definitions) {}, runs{}, true},
		{"clean's version", func(d *definitions) { d.clean.version = 2 }, runs{clean: 1}, true},
		{"recount's version, and its results are the same", func(d *definitions) { d.recount.version = 2 }, runs{recount: 63}, true},
		{"recount's version, and its results are others", func(d *definitions) { d.recount = definition[zone, history]{3, plusOne} }, runs{recount: 63, summary: 2}, false},
		{"summary's version", func(d *definitions) { d.summary.version = 2 }, runs{summary: 2}, true},
		{"all are as they were", func(*definitions) {}, runs{}, true},
	} {
		changed := current
		c.do(&changed)
		lines, runs := evaluated(t, changed, store, text)
		if runs != c.want || slices.Equal(lines, first) != c.same {
			t.Errorf("%s: %v, want %v; the report is the same: %v", c.change, runs, c.want, !c.same)
		}
	}
}

// TestGoKnowsTheSameLastYears, from its tables of the moments at which clocks are turned; before 1970 these are of fewer zones.
func TestGoKnowsTheSameLastYears(t *testing.T) {
	data, err := clean(t.Context(), source{database(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range data.Zones {
		h, err := recount(t.Context(), z)
		if err != nil {
			t.Fatal(err)
		}
		place, err := time.LoadLocation(z.Name)
		if err != nil {
			t.Fatal(err)
		}
		last := 0
		for _, turn := time.Date(1970, 1, 1, 0, 0, 0, 0, place).ZoneBounds(); !turn.IsZero() && turn.Year() <= data.Year; _, turn = turn.ZoneBounds() {
			if turn.IsDST() {
				last = turn.Year()
			}
		}
		if h.Last >= 1970 && last != h.Last || h.Last < 1970 && last != 0 {
			t.Errorf("%s: the last year is %d for Go, and for the pipeline %d", z.Name, last, h.Last)
		}
	}
}

func TestYearsAreCountedOnce(t *testing.T) {
	for _, c := range []struct {
		rows string
		want history
	}{
		{"Z A/B 1 - X", history{"A/B", 0, 0}},
		{"R x 1950 1952 - Mar 1 0 1 S\nR x 1950 1952 - O 1 0 0 -\nZ A/B 1 x X", history{"A/B", 3, 1952}},
		{"R x 1950 o - Mar 1 0 1 S\nR x 1950 o - Ap 1 0 2 S\nZ A/B 1 x X", history{"A/B", 1, 1950}},
		{"R x 1950 ma - Mar 1 0 1 S\nZ A/B 1 - X 1990 Jun\n1 x X", history{"A/B", 35, 2025}},
		{"R x 1950 1995 - Mar 1 0 1 S\nZ A/B 1 x X 1960 Mar\n1 1 X 1962\n1 - X", history{"A/B", 11, 1960}},
		{"R x 2030 2032 - Mar 1 0 1 S\nZ A/B 1 x X", history{"A/B", 0, 0}},
		{"R x 1990 ma - O 1 0 -1 -\nZ A/B 1 x X 2000\n1 -1 X 2001\n1 0 X", history{"A/B", 11, 2000}},
	} {
		data, err := clean(t.Context(), source{"# version 2025b\n" + c.rows + "\nL A/B C/D\nZ EST -5 - EST\nZ Etc/GMT 0 - GMT\n"})
		if err != nil || len(data.Zones) != 1 {
			t.Fatalf("%s: %v, %v", c.rows, data, err)
		}
		if got, err := recount(t.Context(), data.Zones[0]); err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.rows, got, err, c.want)
		}
	}
}

func TestDaysAreFoundByTheirNames(t *testing.T) {
	for _, c := range []struct {
		month, on string
		want      int
	}{
		{"Ja", "1", 20250101}, {"D", "31", 20251231}, {"Mar", "lastSu", 20250330}, {"Mar", "Su>=8", 20250309}, {"Jun", "Su>=1", 20250601}, {"O", "Sa<=30", 20251025},
		{"O", "lastTh", 20251030}, {"Ap", "Su<=1", 20250330},
		{"May", "x", 0}, {"May", "32", 0}, {"May", "lastX", 0}, {"May", "last", 0}, {"May", "Su>=", 0}, {"May", "X<=8", 0}, {"X", "1", 0}, {"", "1", 0},
	} {
		if got, err := date(2025, c.month, c.on); got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("%s %s: %d, %v, want %d", c.month, c.on, got, err, c.want)
		}
	}
}

func TestWhatIsNoDatabaseIsSaid(t *testing.T) {
	for _, text := range []string{
		"", "1 - CET\n", "# version 2025b\nR E 1977\n", "# version 2025b\nR E x 1980 - Ap 1 0 1 S\n", "# version 2025b\nR E 1977 x - Ap 1 0 1 S\n", "# version 2025b\nZ A/B 1\n",
		"# version 2025b\nZ A/B 1 - X soon\n", "# version 2025b\nZ A/B 1 - X 1990 Never\n", "# version 2025b\nR E 1977 1980 - X 1 0 1 S\n",
		"# version soon\n", "# version \n", "Z A/B 1 - X\n",
	} {
		if data, err := clean(t.Context(), source{text}); err == nil {
			t.Errorf("%q: %v", text, data)
		}
	}
	store := "file://" + filepath.ToSlash(t.TempDir())
	for _, arguments := range [][]string{
		{}, {"tzdata.zi"}, {"-store", store}, {"-store", "nonsense://", "tzdata.zi"}, {"-store", store, "no such file"}, {"-store", store, "main.go"},
	} {
		if err := run(t.Context(), arguments, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%q: no error", arguments)
		}
	}
}
