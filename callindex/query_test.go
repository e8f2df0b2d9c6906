package callindex_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

// numberOf is a JSON number as a record has it.
func numberOf(text string) json.Number { return json.Number(text) }

// subject is the record that the table of rules is about, as it is read from a store.
func subject(t *testing.T) *callindex.Record {
	t.Helper()
	at := func(v any) digest.Digest {
		d, err := digest.Of(v)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	return &callindex.Record{
		Call: callindex.Call{
			Name: "train", Module: "models", Version: callindex.IntVersion(3), Code: at("code"),
			Arguments: []callindex.Argument{{Name: "data", Digest: at("iris")}, {Name: "rate", Digest: at(0.5)}, {Name: "seed", Digest: at(nil)}},
		},
		Result: at("model"),
		Metadata: callindex.Metadata{
			"runtime": {"timestart": "2026-11-22T10:00:00Z", "walltime": numberOf("1.5"), "host": "w1"},
			"tags": {
				"project": "alpha", "n": numberOf("1"), "big": numberOf("12345678901234567890"), "huge": numberOf("1e400"), "tiny": numberOf("1e-9"), "flag": true, "off": false,
				"none": nil, "list": []any{numberOf("1"), "a", true}, "object": map[string]any{"a": numberOf("1")}, "text1": "1", "empty": "",
			},
			"bare": {},
		},
		Saved: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
}

// TestWhatATemplateMatches is the table of the contract's matching rules.
func TestWhatATemplateMatches(t *testing.T) {
	r := subject(t)
	type (
		Q = callindex.Query
		A = callindex.Args
		M = callindex.Metadata
	)
	tag := func(key string, value any) Q { return Q{Metadata: M{"tags": {key: value}}} }
	digestOf := func(v any) digest.Digest {
		d, err := digest.Of(v)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		name  string
		query Q
		want  bool
	}{
		{"nothing is asked", Q{}, true},
		{"name", Q{Name: "train"}, true},
		{"another name", Q{Name: "test"}, false},
		{"a part of the name", Q{Name: "trai"}, false},
		{"the name in capitals", Q{Name: "Train"}, false},
		{"module", Q{Module: "models"}, true},
		{"another module", Q{Module: "model"}, false},
		{"integer version", Q{Version: callindex.IntVersion(3)}, true},
		{"another integer version", Q{Version: callindex.IntVersion(4)}, false},
		{"text version that looks the same", Q{Version: callindex.TextVersion("3")}, false},
		{"integer version 0", Q{Version: callindex.IntVersion(0)}, false},
		{"code", Q{Code: digestOf("code")}, true},
		{"another code", Q{Code: digestOf("cod")}, false},
		{"result by value", Q{Result: "model"}, true},
		{"result by digest", Q{Result: digestOf("model")}, true},
		{"another result", Q{Result: "models"}, false},
		{"result as bytes", Q{Result: []byte("model")}, false},
		{"argument by value", Q{Args: A{"data": "iris"}}, true},
		{"argument by digest", Q{Args: A{"data": digestOf("iris")}}, true},
		{"argument by the text of its digest", Q{Args: A{"data": digestOf("iris").String()}}, false},
		{"argument of another value", Q{Args: A{"data": "mnist"}}, false},
		{"argument of another type", Q{Args: A{"rate": "0.5"}}, false},
		{"argument that is there", Q{Args: A{"data": callindex.Any}}, true},
		{"argument that is nil, and there", Q{Args: A{"seed": callindex.Any}}, true},
		{"argument that is nil", Q{Args: A{"seed": nil}}, true},
		{"argument that is not nil", Q{Args: A{"data": nil}}, false},
		{"argument that is not there", Q{Args: A{"epochs": callindex.Any}}, false},
		{"value of an argument that is not there", Q{Args: A{"epochs": 3}}, false},
		{"nil of an argument that is not there", Q{Args: A{"epochs": nil}}, false},
		{"two arguments", Q{Args: A{"data": "iris", "rate": 0.5}}, true},
		{"two arguments, one wrong", Q{Args: A{"data": "iris", "rate": 0.25}}, false},
		{"no arguments in particular", Q{Args: A{}}, true},
		{"name and argument", Q{Name: "train", Args: A{"rate": 0.5}}, true},
		{"wrong name and argument", Q{Name: "test", Args: A{"rate": 0.5}}, false},
		{"metadata name", Q{Metadata: M{"tags": {}}}, true},
		{"metadata name with nil keys", Q{Metadata: M{"tags": nil}}, true},
		{"metadata name of an empty group", Q{Metadata: M{"bare": {}}}, true},
		{"metadata name that is not there", Q{Metadata: M{"git": {}}}, false},
		{"no metadata in particular", Q{Metadata: M{}}, true},
		{"key of an empty group", Q{Metadata: M{"bare": {"x": nil}}}, false},
		{"key of a group that is not there", Q{Metadata: M{"git": {"x": nil}}}, false},
		{"text", tag("project", "alpha"), true},
		{"another text", tag("project", "beta"), false},
		{"empty text", tag("empty", ""), true},
		{"empty text for a missing key", tag("missing", ""), false},
		{"key that is there", tag("project", nil), true},
		{"key that is null, and there", tag("none", nil), true},
		{"key that is not there", tag("missing", nil), false},
		{"integer", tag("n", 1), true},
		{"integer of another width", tag("n", uint8(1)), true},
		{"integer as a float", tag("n", 1.0), true},
		{"integer as text", tag("n", "1"), false},
		{"text as integer", tag("text1", 1), false},
		{"integer as true", tag("n", true), false},
		{"another integer", tag("n", 2), false},
		{"true", tag("flag", true), true},
		{"true as 1", tag("flag", 1), false},
		{"true as false", tag("flag", false), false},
		{"false", tag("off", false), true},
		{"false as 0", tag("off", 0), false},
		{"false as null asks for the key", tag("off", nil), true},
		{"float", Q{Metadata: M{"runtime": {"walltime": 1.5}}}, true},
		{"float by another spelling", Q{Metadata: M{"runtime": {"walltime": numberOf("15e-1")}}}, true},
		{"another float", Q{Metadata: M{"runtime": {"walltime": 1.25}}}, false},
		{"large integer", tag("big", uint64(12345678901234567890)), true},
		{"large integer, one more", tag("big", uint64(12345678901234567891)), false},
		{"number beyond floats", tag("huge", numberOf("1e400")), true},
		{"another number beyond floats", tag("huge", numberOf("1e401")), false},
		{"small number by another spelling", tag("tiny", numberOf("0.000000001")), true},
		{"list", tag("list", []any{1, "a", true}), true},
		{"list of Go's", tag("list", []any{1.0, "a", true}), true},
		{"list in another order", tag("list", []any{"a", 1, true}), false},
		{"list that is shorter", tag("list", []any{1, "a"}), false},
		{"list with 1 for true", tag("list", []any{1, "a", 1}), false},
		{"element of a list", tag("list", "a"), false},
		{"object", tag("object", map[string]any{"a": 1}), true},
		{"object with more", tag("object", map[string]any{"a": 1, "b": 2}), false},
		{"object with less", tag("object", map[string]any{}), false},
		{"object with another key", tag("object", map[string]any{"b": 1}), false},
		{"text of JSON", tag("object", `{"a":1}`), false},
		{"two keys", Q{Metadata: M{"tags": {"project": "alpha", "n": 1}}}, true},
		{"two keys, one wrong", Q{Metadata: M{"tags": {"project": "alpha", "n": 2}}}, false},
		{"two groups", Q{Metadata: M{"tags": {"flag": true}, "runtime": {"host": "w1"}}}, true},
		{"two groups, one wrong", Q{Metadata: M{"tags": {"flag": true}, "runtime": {"host": "w2"}}}, false},
		{"since then", Q{Since: r.Saved}, true},
		{"since before", Q{Since: r.Saved.Add(-1)}, true},
		{"since after", Q{Since: r.Saved.Add(1)}, false},
		{"until then", Q{Until: r.Saved}, false},
		{"until after", Q{Until: r.Saved.Add(1)}, true},
		{"since and until", Q{Since: r.Saved, Until: r.Saved.Add(1)}, true},
		{"since in another zone", Q{Since: r.Saved.In(time.FixedZone("", 3600))}, true},
		{"everything", Q{Name: "train", Module: "models", Version: callindex.IntVersion(3), Code: digestOf("code"), Result: "model", Args: A{"rate": 0.5},
			Metadata: M{"tags": {"n": 1}}, Since: r.Saved}, true},
	} {
		template, err := c.query.Template(nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := template.Match(r); got != c.want {
			t.Errorf("%s: Match = %v", c.name, got)
		}
	}
	bare := &callindex.Record{Call: callindex.Call{Name: "f"}}
	for name, q := range map[string]Q{"result": {Result: digestOf("model")}, "nil result": {Result: (*int)(nil)}, "code": {Code: digestOf("x")}, "version": {Version: callindex.TextVersion("")}} {
		template, err := q.Template(nil)
		if err != nil {
			t.Fatal(err)
		}
		if template.Match(bare) {
			t.Errorf("a record without a %s matches one", name)
		}
	}
}

func TestAQueryThatCannotBeMeantIsAnError(t *testing.T) {
	w := newWorld(t)
	for name, q := range map[string]callindex.Query{
		"function as an argument": {Args: callindex.Args{"f": func() {}}},
		"channel as a result":     {Result: make(chan int)},
		"order":                   {Order: 7},
		"limit":                   {Limit: -1},
		"metadata":                {Metadata: callindex.Metadata{"x": {"y": func() {}}}},
		"not a number":            {Metadata: callindex.Metadata{"x": {"y": json.Number("one")}}},
	} {
		for r, err := range w.Query(t.Context(), q) {
			if r != nil || err == nil {
				t.Errorf("%s: yields %+v, %v", name, r, err)
			}
		}
		if _, err := w.Transform(t.Context(), nil, &callindex.TransformOptions{Query: q}); err == nil {
			t.Errorf("%s: is transformed", name)
		}
	}
	w.recorder.Expect(t)
}

// few draws from little, so that much of it is alike.
var (
	fewNames = rapid.SampledFrom([]string{"f", "g", "h"})
	fewJSON  = rapid.SampledFrom([]any{json.Number("1"), json.Number("1.0"), true, false, nil, "1", "", []any{json.Number("1")}, map[string]any{"a": true}})
	fewMeta  = rapid.MapOfN(rapid.SampledFrom([]string{"tags", "runtime"}), rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), fewJSON, 0, 2), 0, 2)
	fewTimes = rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(1_800_000_000+rapid.Int64Range(0, 4).Draw(t, "second"), 0).UTC()
	})
	fewVersions = rapid.SampledFrom([]callindex.Version{{}, callindex.IntVersion(1), callindex.TextVersion("1")})
	fewDigests  = rapid.SampledFrom([]digest.Digest{{}, digest.OfBytes([]byte("1")), digest.OfBytes([]byte("2"))})
	fewRecords  = rapid.Custom(func(t *rapid.T) *callindex.Record {
		r := &callindex.Record{
			Call: callindex.Call{Name: fewNames.Draw(t, "name"), Module: rapid.SampledFrom([]string{"", "m"}).Draw(t, "module"),
				Version: fewVersions.Draw(t, "version"), Code: fewDigests.Draw(t, "code")},
			Result: fewDigests.Draw(t, "result"), Metadata: fewMeta.Draw(t, "metadata"), Saved: fewTimes.Draw(t, "saved"),
		}
		for _, name := range []string{"x", "y"} {
			if d := fewDigests.Draw(t, name); !d.IsZero() {
				r.Arguments = append(r.Arguments, callindex.Argument{Name: name, Digest: d})
			}
		}
		return r
	})
	fewQueries = rapid.Custom(func(t *rapid.T) callindex.Query {
		maybe := func(name string) bool { return rapid.IntRange(0, 3).Draw(t, name) == 0 }
		q := callindex.Query{Order: callindex.Order(rapid.IntRange(0, 3).Draw(t, "order")), Limit: rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "limit")}
		if maybe("by name") {
			q.Name = fewNames.Draw(t, "name")
		}
		if maybe("by module") {
			q.Module = "m"
		}
		if maybe("by version") {
			q.Version = fewVersions.Draw(t, "version")
		}
		if maybe("by code") {
			q.Code = fewDigests.Draw(t, "code")
		}
		if d := fewDigests.Draw(t, "result"); maybe("by result") && !d.IsZero() {
			q.Result = d
		}
		if maybe("by argument") {
			q.Args = callindex.Args{}
			for _, name := range []string{"x", "y", "z"} {
				if maybe("argument") {
					q.Args[name] = rapid.SampledFrom([]any{callindex.Any, digest.OfBytes([]byte("1")), []byte("2")}).Draw(t, "value")
				}
			}
		}
		if maybe("by metadata") {
			q.Metadata = fewMeta.Draw(t, "metadata")
		}
		if maybe("since") {
			q.Since = fewTimes.Draw(t, "since")
		}
		if maybe("until") {
			q.Until = fewTimes.Draw(t, "until")
		}
		return q
	})
)

// TestMatchAndTheScanAgree runs random templates over stores of random records, 10,000 pairs in all.
func TestMatchAndTheScanAgree(t *testing.T) {
	const templates = 100 // a store; rapid draws 100 stores
	rapid.Check(t, func(t *rapid.T) {
		s := callindex.New(mem.New(nil), nil)
		type keyed struct {
			key digest.Digest
			r   *callindex.Record
		}
		var all []keyed
		for _, r := range rapid.SliceOfN(fewRecords, 0, 12).Draw(t, "records") {
			saved, err := s.Save(t.Context(), r, &callindex.SaveOptions{Saved: r.Saved})
			if err != nil {
				t.Fatal(err)
			}
			key, err := saved.Key()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(all, func(k keyed) bool { return k.key == key }) {
				loaded, err := s.Load(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, keyed{key, loaded})
			}
		}
		slices.SortFunc(all, func(a, b keyed) int { return a.key.Compare(b.key) })
		if rapid.Bool().Draw(t, "fold") {
			if _, err := s.Fold(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, q := range rapid.SliceOfN(fewQueries, templates, templates).Draw(t, "queries") {
			template, err := q.Template(nil)
			if err != nil {
				t.Fatal(err)
			}
			var want []keyed
			for _, k := range all {
				if template.Match(k.r) {
					want = append(want, k)
				}
			}
			slices.SortStableFunc(want, func(a, b keyed) int {
				switch q.Order {
				case callindex.Newest:
					return b.r.Saved.Compare(a.r.Saved)
				case callindex.Oldest:
					return a.r.Saved.Compare(b.r.Saved)
				}
				return cmp.Compare(0, 0)
			})
			some := len(want)
			if q.Limit > 0 {
				some = min(q.Limit, some)
			}
			if q.Order != callindex.AsFound {
				want = want[:some]
			}
			n := 0
			for r, err := range s.Query(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				key, err := r.Key()
				if err != nil {
					t.Fatal(err)
				}
				at := n
				if q.Order == callindex.AsFound {
					at = slices.IndexFunc(want, func(k keyed) bool { return k.key == key })
				}
				if at < 0 || at >= len(want) || key != want[at].key {
					t.Fatalf("%+v: call %d is %v", q, n, key)
				}
				if q.Order == callindex.AsFound {
					want = slices.Delete(want, at, at+1)
				}
				n++
			}
			if n != some {
				t.Fatalf("%+v: %d calls, want %d", q, n, some)
			}
		}
	})
}

func TestAQueryPassesOverDamageUnlessItMatters(t *testing.T) {
	b := mem.New(nil)
	var told []*keyspace.DamagedError
	var verdict error
	s := callindex.New(b, &callindex.Options{Damaged: func(d *keyspace.DamagedError) error {
		told = append(told, d)
		return verdict
	}})
	for i := range 10 {
		mustSave(t, s, record(call("f", i), i), nil)
	}
	c := call("f", 3)
	overwrite(t, b, layout.RecordSpace.Name(keyOf(t, &c)), []byte("damaged"))
	n := 0
	for _, err := range s.Query(t.Context(), callindex.Query{Name: "f"}) {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 9 || len(told) != 1 {
		t.Errorf("%d calls, and told %v", n, told)
	}
	verdict = errors.New("strict")
	var last error
	for _, err := range s.Query(t.Context(), callindex.Query{Order: callindex.Newest}) {
		last = err
	}
	if !errors.Is(last, verdict) {
		t.Errorf("a strict query ends with %v", last)
	}
}

func TestAQueryEndsWithTheStoresError(t *testing.T) {
	for _, q := range []callindex.Query{{}, {Order: callindex.Oldest, Limit: 1}} {
		w := newWorld(t)
		for i := range 50 {
			mustSave(t, w.Store, record(call("f", i), i), nil)
		}
		refusing := w.client(buckettest.NewFaults(buckettest.Fault{Verb: bucket.Get, Key: "calls/*", Nth: 20, Do: buckettest.Fail(bucket.ErrRefused)}))
		var last error
		n := 0
		for _, err := range refusing.Query(t.Context(), q) {
			last = err
			n++
		}
		if !errors.Is(last, bucket.ErrRefused) || n > 50 {
			t.Errorf("%d yields, the last with %v", n, last)
		}
	}
}

func TestALimitedQueryStopsAsking(t *testing.T) {
	w := newWorld(t)
	for i := range 300 {
		mustSave(t, w.Store, record(call("f", i), i), nil)
	}
	w.recorder.Take()
	for range 2 {
		n := 0
		for _, err := range w.Query(t.Context(), callindex.Query{Limit: 1}) {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d calls", n)
		}
	}
	if sent := len(w.recorder.Take()); sent > 2*(1+100) {
		t.Errorf("%d requests for the first of 300, twice", sent)
	}
}

func ExampleStore_Query() {
	s := callindex.New(mem.New(nil), nil)
	for i := range 3 {
		x, err := digest.Of(i)
		if err != nil {
			fmt.Println(err)
			return
		}
		r := &callindex.Record{
			Call:     callindex.Call{Name: "square", Arguments: []callindex.Argument{{Name: "x", Digest: x}}},
			Metadata: callindex.Metadata{"tags": {"even": i%2 == 0}},
		}
		if _, err := s.Save(ctx, r, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, q := range []callindex.Query{
		{Name: "square"},
		{Args: callindex.Args{"x": 2}},
		{Metadata: callindex.Metadata{"tags": {"even": true}}},
	} {
		n := 0
		for _, err := range s.Query(ctx, q) {
			if err != nil {
				fmt.Println(err)
				return
			}
			n++
		}
		fmt.Println(n)
	}
	// Output:
	// 3
	// 1
	// 2
}
