package historytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// call is a call of a function with an argument.
func call(name string, argument int) callindex.Call {
	return callindex.Call{Name: name, Version: callindex.IntVersion(1), Arguments: []callindex.Argument{{Name: "x", Digest: must(digest.Of(argument))}}}
}

// Functions are those of the histories: the first two share a shard.
var Functions = func() []string {
	names := []string{"train"}
	for i := 0; len(names) < 2; i++ {
		if name := fmt.Sprint("score", i); layout.FunctionOf(name).Shard() == layout.FunctionOf("train").Shard() {
			names = append(names, name)
		}
	}
	return append(names, "elsewhere")
}()

// step does something by chance: an operation of a client, or nothing but a while.
func (h *history) step(depth int) {
	c := h.take()
	if c == nil || h.failed() {
		return
	}
	c.depth = depth
	c.arm()
	defer c.disarm()
	function, argument := pick(h, Functions...), h.draw(4)
	ctx := context.Background()
	what := pick(h, "save", "save", "save", "save", "replace", "replace", "evict", "evict", "save many", "transform", "fold", "fold", "fold", "fold one", "sweep", "check", "query", "query", "query", "wait", "wait")
	h.logf(depth, "client %d: %s %s %d", c.number, what, function, argument)
	var err error
	switch what {
	case "save", "replace":
		_, err = c.store.Save(ctx, h.record(function, argument), &callindex.SaveOptions{Replace: what == "replace"})
	case "save many":
		records := []*callindex.Record{h.record(function, argument), h.record(function, (argument+1)%4), h.record(function, (argument+2)%4)}
		_, err = c.store.SaveAll(ctx, records, nil)
	case "evict":
		gone := call(function, argument)
		err = c.store.Evict(ctx, must(gone.Key()))
	case "transform":
		_, err = c.store.Transform(ctx, func(r *callindex.Record) (*callindex.Record, error) {
			r.Name = Functions[(slices.Index(Functions, r.Name)+1)%len(Functions)]
			return r, nil
		}, &callindex.TransformOptions{Query: callindex.Query{Name: function, Args: callindex.Args{"x": argument}}})
	case "fold":
		_, err = c.store.Fold(ctx, nil)
	case "fold one":
		_, err = c.store.Fold(ctx, &callindex.FoldOptions{Function: function})
	case "sweep":
		_, err = c.store.Sweep(ctx)
	case "check":
		for f, failure := range c.store.Check(ctx, nil) {
			if err = failure; err == nil && f.Kind != callindex.OldMark && f.Kind != callindex.Orphan {
				h.fail("a check finds %+v", f)
			}
		}
	case "query":
		err = h.query(c)
	case "wait":
		h.pass(time.Duration(pick(h, 1, 60, 240, 310, 900, 1900, 3600, 90000)) * time.Second)
	}
	if err != nil {
		h.logf(depth, "client %d: %s: %v", c.number, what, err)
		if !c.dead() && !errors.Is(err, digest.ErrNotFound) && !errors.Is(err, bucket.ErrChanged) && !errors.Is(err, bucket.ErrUnavailable) {
			h.fail("%s: %w", what, err)
		}
	}
}

// record is a record with a result of its own.
func (h *history) record(function string, argument int) *callindex.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.saved++
	return &callindex.Record{
		Call: call(function, argument), Result: must(digest.Of(h.saved)),
		Metadata: callindex.Metadata{"tags": {"n": h.saved % 3}, "runtime": {"walltime": float64(h.saved) / 8}},
	}
}

// template makes a query.
func (h *history) template() callindex.Query {
	q := callindex.Query{}
	if h.draw(2) == 0 {
		q.Name = pick(h, Functions...)
	}
	h.mu.Lock()
	saved := h.saved
	h.mu.Unlock()
	switch h.draw(6) {
	case 0, 1:
		q.Args = callindex.Args{"x": h.draw(5)}
	case 2:
		q.Result = max(0, saved-h.draw(4))
	case 3:
		q.Metadata = callindex.Metadata{"tags": {"n": h.draw(3)}}
	case 4:
		q.Since = h.clock.Now().Add(-time.Duration(h.draw(7200)) * time.Second)
	}
	return q
}
