package historytest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// truth reads all records that match, as texts by their keys.
func (h *history) truth(t *callindex.Template) map[digest.Digest]string {
	there := map[digest.Digest]string{}
	for r, err := range callindex.New(h.bucket, &callindex.Options{Clock: h.clock, Entropy: h.entropy}).Scan(context.Background(), digest.Digest{}) {
		if err != nil {
			h.fail("scan: %w", err)
			return there
		}
		if t.Match(r) {
			there[must(r.Key())] = text(r)
		}
	}
	return there
}

// text is all that a query yields of a record.
func text(r *callindex.Record) string {
	return fmt.Sprint(r.Call, r.Result, r.Parts, string(must(json.Marshal(r.Metadata))), r.Saved)
}

// must returns what cannot fail.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// watched is a query under way: what each call was at any time since it began.
type watched struct {
	template *callindex.Template
	states   map[digest.Digest]map[string]bool // the empty text: it was not there, or did not match
}

// look notes what is true now.
func (w *watched) look(h *history) {
	now := h.truth(w.template)
	for key := range now {
		if w.states[key] == nil { // it was not there when the query began
			w.states[key] = map[string]bool{"": true}
		}
	}
	for key, states := range w.states {
		states[now[key]] = true
	}
}

// query asks by chance, and holds the answer against all that was true while it was asked.
func (h *history) query(c *historian) error {
	q := h.template()
	w := &watched{must(q.Template(nil)), map[digest.Digest]map[string]bool{}}
	h.writes.Lock()
	for key, state := range h.truth(w.template) {
		w.states[key] = map[string]bool{state: true}
	}
	h.queries = append(h.queries, w)
	h.writes.Unlock()
	got := map[digest.Digest]string{}
	for r, err := range c.store.Query(context.Background(), q) {
		if err != nil {
			w.end(h)
			return err
		}
		key := must(r.Key())
		if _, twice := got[key]; twice {
			h.fail("query %+v yields %s twice", q, key)
		}
		got[key] = text(r)
	}
	w.end(h)
	for key, state := range got {
		if !w.states[key][state] {
			h.fail("query %+v yields of %s\n%s\nwhich it was not; it was %q", q, key, state, slices.Collect(maps.Keys(w.states[key])))
		}
	}
	for key, states := range w.states {
		if got[key] == "" && !states[""] {
			h.fail("query %+v does not yield %s, which was there all the time: %q", q, key, slices.Collect(maps.Keys(states)))
		}
	}
	return nil
}

func (w *watched) end(h *history) {
	h.writes.Lock()
	defer h.writes.Unlock()
	h.queries = slices.DeleteFunc(h.queries, func(other *watched) bool { return other == w })
}

// end lets all that is late land, and compares all that is there with what a query finds: before a fold, after it, and after a sweep. Then no mark is left, and nothing is wrong.
func (h *history) end() {
	h.logf(0, "the end")
	h.pass(2 * time.Hour)
	s := h.client(0).store
	ctx := context.Background()
	compare := func(when string) {
		want := h.truth(must(callindex.Query{}.Template(nil)))
		got := map[digest.Digest]string{}
		for r, err := range s.Query(ctx, callindex.Query{}) {
			if err != nil {
				h.fail("%s: query: %w", when, err)
				return
			}
			got[must(r.Key())] = text(r)
		}
		if !maps.Equal(got, want) {
			h.fail("%s there is\n%v\nand a query yields\n%v", when, want, got)
		}
	}
	compare("before a fold")
	if _, err := s.Fold(ctx, nil); err != nil {
		h.fail("the last fold: %w", err)
	}
	for info, err := range bucket.All(ctx, h.bucket, bucket.ListOptions{Prefix: layout.Index}) {
		if m, b := layout.ParseMark(info.Key); err != nil || m != nil || b != nil {
			h.fail("after a fold there is %s, %w", info.Key, err)
		}
	}
	compare("after a fold")
	h.pass(48 * time.Hour)
	if _, err := s.Sweep(ctx); err != nil {
		h.fail("the last sweep: %w", err)
	}
	compare("after a sweep")
	for f, err := range s.Check(ctx, &callindex.CheckOptions{ReadData: true}) {
		h.fail("a check finds %+v, %w", f, err)
	}
	functions, err := s.Functions(ctx)
	var calls int64
	for _, f := range functions {
		calls += f.Calls
	}
	if there := int64(len(h.truth(must(callindex.Query{}.Template(nil))))); err != nil || calls != there {
		h.fail("the functions have %d calls, %d are there; %w", calls, there, err)
	}
}
