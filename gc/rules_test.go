package gc_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/layout"
)

// modelCall is a call of the model.
type modelCall struct {
	name   string
	saved  time.Time
	key    digest.Digest
	values []digest.Digest
}

// model is a store as the rules see it.
type model struct {
	calls  []modelCall
	values map[digest.Digest]modelValue
}

type modelValue struct {
	written time.Time
	size    int64
}

// populate fills a store by chance.
func populate(r *rapid.T, w *world) *model {
	m := &model{values: map[digest.Digest]modelValue{}}
	begun := w.clock.Now()
	values := rapid.IntRange(1, 12).Draw(r, "values")
	var all []digest.Digest
	for i := range values {
		w.clock.pass(time.Duration(rapid.IntRange(0, 40).Draw(r, "hours")) * time.Hour)
		key := w.value(fmt.Sprint(i, strings.Repeat("x", rapid.IntRange(0, 3).Draw(r, "size")*100)))
		all = append(all, key)
	}
	pick := func(most int) (some []digest.Digest) {
		return rapid.SliceOfN(rapid.SampledFrom(all), 0, most).Draw(r, "names")
	}
	for i := range rapid.IntRange(0, 15).Draw(r, "calls") {
		name := rapid.SampledFrom([]string{"f", "g", "h"}).Draw(r, "function")
		saved := begun.Add(time.Duration(rapid.IntRange(0, 20).Draw(r, "saved")) * 20 * time.Hour)
		argument := must(digest.Of(i))
		record := &callindex.Record{Call: callOf(name, argument), Parts: pick(2)}
		if named := pick(1); len(named) > 0 {
			record.Result = named[0]
		}
		if named := pick(1); len(named) > 0 {
			record.Arguments = append(record.Arguments, callindex.Argument{Name: "y", Digest: named[0]})
		}
		key, err := record.Key()
		if err != nil {
			r.Fatalf("%v", err)
		}
		if _, err := w.Calls.Save(context.Background(), record, &callindex.SaveOptions{Saved: saved}); err != nil {
			r.Fatalf("%v", err)
		}
		c := modelCall{name: name, saved: saved, key: key, values: append(slices.Clone(record.Parts), record.Result)}
		for _, a := range record.Arguments {
			c.values = append(c.values, a.Digest)
		}
		m.calls = append(m.calls, c)
		if rapid.IntRange(0, 5).Draw(r, "fold") == 0 {
			w.fold()
		}
	}
	w.clock.pass(time.Duration(rapid.IntRange(0, 400).Draw(r, "idle")) * time.Hour)
	for _, key := range all {
		info, err := w.bucket.Stat(context.Background(), layout.ValueSpace.Name(key))
		if err != nil {
			r.Fatalf("%v", err)
		}
		m.values[key] = modelValue{info.ModTime, info.Size}
	}
	return m
}

// namedBy are the values that calls name.
func (m *model) namedBy(calls []modelCall) map[digest.Digest]bool {
	named := map[digest.Digest]bool{}
	for _, c := range calls {
		for _, v := range c.values {
			named[v] = true
		}
	}
	return named
}

func (m *model) bytes(named map[digest.Digest]bool) (n int64) {
	for key := range named {
		n += m.values[key].size
	}
	return n
}

// evicted are the calls that the options say are too old or too many, one after another.
func (m *model) evicted(o *gc.Options, now time.Time) map[digest.Digest]bool {
	evicted := map[digest.Digest]bool{}
	for _, c := range m.calls {
		newer := 0
		for _, other := range m.calls {
			if (o.PerStore || other.name == c.name) && other.saved.After(c.saved) {
				newer++
			}
		}
		tooMany := o.KeepLast > 0 && newer >= o.KeepLast
		tooOld := o.MaxAge > 0 && c.saved.Before(now.Add(-o.MaxAge))
		if tooMany || tooOld {
			evicted[c.key] = true
		}
	}
	if o.MaxBytes == 0 {
		return evicted
	}
	// The oldest minute goes as long as the rest is too much.
	rest := slices.SortedFunc(slices.Values(m.calls), func(a, b modelCall) int { return cmp.Compare(a.saved.Unix()/60, b.saved.Unix()/60) })
	for len(rest) > 0 && m.bytes(m.namedBy(rest)) > o.MaxBytes {
		minute := rest[0].saved.Unix() / 60
		for len(rest) > 0 && rest[0].saved.Unix()/60 == minute {
			evicted[rest[0].key] = true
			rest = rest[1:]
		}
	}
	return evicted
}

func TestTheRulesEvictWhatTheModelEvicts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(r)
		m := populate(r, w)
		o := &gc.Options{
			MaxAge:   time.Duration(rapid.SampledFrom([]int{0, 0, 1, 100, 300}).Draw(r, "max age")) * time.Hour,
			KeepLast: rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(r, "keep last"),
			PerStore: rapid.Bool().Draw(r, "per store"),
			MaxBytes: int64(rapid.SampledFrom([]int{0, 0, 1, 200, 500, 1500}).Draw(r, "max bytes")),
			MinAge:   rapid.SampledFrom([]time.Duration{0, 2 * day}).Draw(r, "min age"),
		}
		now := w.clock.Now()
		evicted := m.evicted(o, now)
		kept := slices.DeleteFunc(slices.Clone(m.calls), func(c modelCall) bool { return evicted[c.key] })
		named := m.namedBy(kept)
		want := gc.Summary{Calls: len(evicted), KeptCalls: len(kept)}
		gone := map[digest.Digest]bool{}
		for key, v := range m.values {
			switch old := v.written.Before(now.Add(-max(o.MinAge, gc.MinAge))); {
			case !named[key] && old:
				gone[key] = true
				want.Values++
				want.ValueBytes += v.size
				continue
			case !named[key]:
				want.Young++
			}
			want.KeptValues++
			want.KeptBytes += v.size
		}
		g := w.find(w.client, o)
		got := g.Summary
		got.Segments, got.SegBytes = 0, 0
		if got != want {
			r.Errorf("%+v finds\n%+v, not\n%+v", *o, got, want)
		}
		removed := w.remove(g)
		if removed.Calls != want.Calls || removed.Values != want.Values || removed.ValueBytes != want.ValueBytes || removed.InUse != 0 || removed.Foreign != 0 {
			r.Errorf("removed is %+v", removed)
		}
		for key := range m.values {
			if w.hasValue(key) == gone[key] {
				r.Errorf("value %s is there: %t", key, !gone[key])
			}
		}
		for _, c := range m.calls {
			if w.has(layout.RecordSpace.Name(c.key)) == evicted[c.key] {
				r.Errorf("the call of %s, saved %v, is there: %t", c.name, c.saved, !evicted[c.key])
			}
		}
		// Again, there is nothing to do: what the rules leave is as they want it.
		again := w.find(w.client, o)
		defer again.Close()
		if again.Calls != 0 || again.Values != 0 {
			r.Errorf("again it finds %+v", again.Summary)
		}
	})
}

func TestCallsOfOneTimeAreKeptTogether(t *testing.T) {
	w := newWorld(t)
	saved := w.clock.Now()
	save := func(name string, n int, at time.Time) {
		record := &callindex.Record{Call: callOf(name, must(digest.Of(n)))}
		if _, err := w.Calls.Save(t.Context(), record, &callindex.SaveOptions{Saved: at}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 {
		save("f", n, saved)
		save("f", 10+n, saved.Add(-time.Nanosecond))
	}
	save("g", 0, saved.Add(-time.Hour))
	for _, c := range []struct {
		options gc.Options
		evicted int
	}{{gc.Options{KeepLast: 1}, 3}, {gc.Options{KeepLast: 3}, 3}, {gc.Options{KeepLast: 4}, 0}, {gc.Options{KeepLast: 4, PerStore: true}, 1}, {gc.Options{KeepLast: 7, PerStore: true}, 0}} {
		g := w.find(w.client, &c.options)
		is(t, fmt.Sprintf("%+v", c.options), g.Calls, c.evicted)
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAFloodOfNamelessValuesEvictsNothing: --max-size goes by what evictions can change.
func TestAFloodOfNamelessValuesEvictsNothing(t *testing.T) {
	w := newWorld(t)
	kept := w.value("kept")
	w.call(&callindex.Record{Call: callOf("f", kept), Result: kept})
	w.clock.pass(2 * day)
	for n := range 20 {
		w.value(fmt.Sprint("flood ", n))
	}
	summary, _ := w.collect(&gc.Options{MaxBytes: 1000})
	is(t, "calls to evict", summary.Calls, 0)
	is(t, "young values", summary.Young, 20)
}
