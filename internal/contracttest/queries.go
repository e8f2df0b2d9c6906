package contracttest

import (
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
)

// fleche saves calls of two functions with arguments, results and tags.
func fleche(t *testing.T, s *subject) {
	t.Helper()
	for i := range 6 {
		name := []string{"add", "mul"}[i%2]
		r := &quiver.Record{
			Call:     quiver.Call{Name: name, Version: quiver.IntVersion(1), Arguments: []callindex.Argument{{Name: "x", Digest: mustDigest(t, i)}, {Name: "y", Digest: mustDigest(t, "y")}}},
			Result:   mustDigest(t, i*i),
			Metadata: quiver.Metadata{"tags": {"i": i, "big": i > 3}},
		}
		mustSave(t, s, r)
	}
}

// Argument values are given as they are or as digests; an unset field is a wildcard.
func testQuery(t *testing.T, s *subject) {
	fleche(t, s)
	for name, c := range map[string]struct {
		query quiver.Query
		want  int
	}{
		"all":               {quiver.Query{}, 6},
		"name":              {quiver.Query{Name: "add"}, 3},
		"argument":          {quiver.Query{Args: quiver.Args{"x": 3}}, 1},
		"argument's digest": {quiver.Query{Args: quiver.Args{"x": mustDigest(t, 3)}}, 1},
		"result":            {quiver.Query{Result: 16}, 1},
		"version":           {quiver.Query{Version: quiver.IntVersion(1), Name: "mul"}, 3},
		"text version":      {quiver.Query{Version: quiver.TextVersion("1")}, 0},
		"metadata":          {quiver.Query{Metadata: quiver.Metadata{"tags": {"big": true}}}, 2},
	} {
		if n, err := s.Query(c.query).Count(t.Context()); n != c.want || err != nil {
			t.Errorf("%s: %d calls, %v, want %d", name, n, err, c.want)
		}
	}
}

// The rules are in a table of callindex; here, that they hold for what was stored.
func testTemplate(t *testing.T, s *subject) {
	fleche(t, s)
	for name, c := range map[string]struct {
		query quiver.Query
		want  int
	}{
		"wildcard argument":          {quiver.Query{Args: quiver.Args{"x": quiver.Any}}, 6},
		"argument that is not there": {quiver.Query{Args: quiver.Args{"z": quiver.Any}}, 0},
		"metadata name":              {quiver.Query{Metadata: quiver.Metadata{"tags": {}}}, 6},
		"metadata key":               {quiver.Query{Metadata: quiver.Metadata{"tags": {"i": nil}}}, 6},
		"missing key":                {quiver.Query{Metadata: quiver.Metadata{"tags": {"j": nil}}}, 0},
		"true is not 1":              {quiver.Query{Metadata: quiver.Metadata{"tags": {"i": true}}}, 0},
		"1 is 1.0":                   {quiver.Query{Metadata: quiver.Metadata{"tags": {"i": 1.0}}}, 1},
		"all filters":                {quiver.Query{Name: "add", Args: quiver.Args{"x": 4}, Metadata: quiver.Metadata{"tags": {"big": true, "i": 4}}}, 1},
		"all but one":                {quiver.Query{Name: "mul", Args: quiver.Args{"x": 4}, Metadata: quiver.Metadata{"tags": {"big": true, "i": 4}}}, 0},
	} {
		if n, err := s.Query(c.query).Count(t.Context()); n != c.want || err != nil {
			t.Errorf("%s: %d calls, %v, want %d", name, n, err, c.want)
		}
	}
}
