package lineartest

import (
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

// Records lets clients save, replace, load, look for and evict the records of a few calls. Each has a store of its own.
func Records(b bucket.Bucket, o Options) *History {
	h := newHistory(o, registers)
	h.run(b, layout.Calls, func(c *client) func() {
		r := newRecorder(c)
		c.unanswered = r.note
		return r.do
	})
	last := newRecorder(h.observer(b))
	for n := range h.options.Keys {
		last.load(must(call(n).Key()))
	}
	return h
}

// recorder is a client of records.
type recorder struct {
	*client
	store  *callindex.Store
	saves  int
	saving register // by the operation that is under way
}

func newRecorder(c *client) *recorder {
	return &recorder{client: c, store: callindex.New(c.bucket, &callindex.Options{Clock: c.options.Clock})}
}

func call(n int) *callindex.Call {
	return &callindex.Call{Name: "linear", Version: callindex.IntVersion(1), Arguments: []callindex.Argument{{Name: "x", Digest: must(digest.Of(n))}}}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// nameOf is what a register calls a digest.
func nameOf(d digest.Digest) register { return register(d.String()[:6]) }

func (r *recorder) do() {
	c := call(r.draw(r.options.Keys))
	key := must(c.Key())
	switch r.draw(8) {
	case 0, 1:
		r.save(c, key, nil)
	case 2:
		r.save(c, key, &callindex.SaveOptions{Replace: true})
	case 3, 4, 5:
		r.load(key)
	case 6:
		contains(r.client, r.store.Keys, key)
	case 7:
		evict(r.client, key, r.store.Evict)
	}
}

// note notes a write without an answer.
func (r *recorder) note(request *bucket.Request, sent moment) {
	key, _ := layout.RecordSpace.Parse(request.Key)
	step := any(emptied{unanswered: true})
	if request.Verb == bucket.Put {
		step = written{r.saving, request.Condition.Absent()}
	}
	r.add(r.number, key.String(), sent.tick, open, step)
}

func (r *recorder) save(c *callindex.Call, key digest.Digest, options *callindex.SaveOptions) {
	r.saves++
	record := &callindex.Record{Call: *c, Result: digest.OfBytes(fmt.Append(nil, "save ", r.saves, " of client ", r.number))}
	r.saving = nameOf(record.Result)
	begun := r.tick()
	winner, err := r.store.Save(context.Background(), record, options)
	switch {
	case err != nil:
		r.expected(err)
	case options == nil:
		r.add(r.number, key.String(), begun, r.tick(), saved{r.saving, nameOf(winner.Result)})
	default:
		r.add(r.number, key.String(), begun, r.tick(), replaced{nameOf(winner.Result)})
	}
}

func (r *recorder) load(key digest.Digest) {
	begun := r.tick()
	record, err := r.store.Load(context.Background(), key)
	if err != nil {
		missed(r.client, key, begun, err)
		return
	}
	r.add(r.number, key.String(), begun, r.tick(), seen{nameOf(record.Result)})
}

// missed notes what comes of an entry that was not seen.
func missed(c *client, key digest.Digest, begun int64, err error) {
	_, damaged := errors.AsType[*keyspace.DamagedError](err)
	if errors.Is(err, digest.ErrNotFound) && !damaged {
		c.add(c.number, key.String(), begun, c.tick(), seen{empty})
		return
	}
	c.expected(err)
}

func contains(c *client, keys *keyspace.Keys, key digest.Digest) {
	begun := c.tick()
	there, err := keys.Contains(context.Background(), key)
	if err != nil {
		c.expected(err)
		return
	}
	c.add(c.number, key.String(), begun, c.tick(), existed{there})
}

func evict(c *client, key digest.Digest, evict func(context.Context, digest.Key) error) {
	begun := c.tick()
	if err := evict(context.Background(), key); err != nil {
		missed(c, key, begun, err)
		return
	}
	c.add(c.number, key.String(), begun, c.tick(), existed{true}, emptied{})
}
