// Package historytest tries the call index in histories of chance, for tests of it on any bucket.
//
// A history is what several clients do to one bucket, by chance: an operation may be interrupted before and after any of its requests by another client's, its client may crash there, its process may be frozen there, and a write may
// land long after its client has given it up. Whatever happens, every query finds what a scan of all records would have found at some moment while it ran, and nothing is lost.
package historytest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// Clock is moved by hand.
type Clock struct{ passed atomic.Int64 }

// Now implements op.Clock.
func (c *Clock) Now() time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

// Sleep implements op.Clock: it moves the clock.
func (c *Clock) Sleep(_ context.Context, d time.Duration) error {
	c.passed.Add(int64(d))
	return nil
}

// Timed gives a bucket a clock: its objects and answers have the times that they would have on a store with this clock.
func Timed(b bucket.Bucket, clock op.Clock) bucket.Bucket {
	var written sync.Map // by key
	return bucket.Wrap(b, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			now := clock.Now()
			answer, err := next(ctx, r)
			if err == nil && r.Verb == bucket.Put {
				written.Store(r.Key, now)
			}
			set := func(info *bucket.Info) {
				if t, ok := written.Load(info.Key); ok {
					info.ModTime = t.(time.Time)
				}
			}
			set(&answer.Info)
			for i := range answer.Page.Objects {
				set(&answer.Page.Objects[i])
			}
			answer.Page.Date = now
			if answer.Object != nil {
				answer.Object.Date = now
				set(&answer.Object.Info)
			}
			return answer, err
		}
	})
}

// entropy is without chance: waits are short, and ids are numbers.
type entropy struct{ n *atomic.Uint64 }

func (e entropy) Read(p []byte) (int, error) {
	n := e.n.Add(1)
	for i := range p {
		p[i] = byte(n >> (8 * (i % 8)))
	}
	return len(p), nil
}

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

// history is a bucket, its clock and its clients. Requests of one client run beside each other, so what they share is locked.
type history struct {
	bucket  bucket.Bucket
	clock   *Clock
	entropy op.Entropy

	mu      sync.Mutex
	chance  *rand.Rand
	clients []*historian
	late    []late
	saved   int
	log     []string
	failure error

	writes  sync.Mutex // one at a time, with what it makes true
	queries []*watched // under way
}

// late is a write that has not landed yet.
type late struct {
	sent time.Time
	land func()
}

// historian is a client. Its requests go through handle.
type historian struct {
	*history
	number, depth int
	store         *callindex.Store

	busy      bool
	countdown int // requests until it is interrupted; 0: never
	before    bool
	interrupt func()
	crashed   bool
	delayed   bool // the next record write lands later

	interrupted sync.WaitGroup // what interrupts it: an operation may end before, where one of its requests has failed
}

func newHistory(b bucket.Bucket, clock *Clock, seed uint64) *history {
	h := &history{bucket: b, clock: clock, entropy: entropy{new(atomic.Uint64)}, chance: rand.New(rand.NewPCG(seed, 0))}
	for n := range 3 {
		h.clients = append(h.clients, h.client(n))
	}
	return h
}

// skewed is a client's clock, which is wrong by a constant.
type skewed struct {
	op.Clock
	by time.Duration
}

func (c skewed) Now() time.Time { return c.Clock.Now().Add(c.by) }

func (h *history) client(n int) *historian {
	c := &historian{history: h, number: n}
	clock := skewed{h.clock, []time.Duration{0, time.Hour, -time.Hour}[n%3]}
	c.store = callindex.New(bucket.Wrap(h.bucket, c.handle), &callindex.Options{Clock: clock, Entropy: h.entropy})
	return c
}

// draw is a number below n, by chance.
func (h *history) draw(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.chance.IntN(n)
}

func pick[T any](h *history, from ...T) T { return from[h.draw(len(from))] }

func (h *history) logf(depth int, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, strings.Repeat("  ", depth)+h.clock.Now().Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

// fail ends the history.
func (h *history) fail(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		h.failure = fmt.Errorf(format, args...)
	}
}

func (h *history) failed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failure != nil
}

// lands is how long after it was sent a request may land: then S3 refuses its signature.
const lands = 15 * time.Minute

// handle is the middleware of a client.
func (c *historian) handle(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		sent, stale := c.clock.Now(), op.StillFresh(ctx)
		ctx = op.WhileFresh(ctx, func() error { return nil }) // it has left
		strikes := c.strikes()
		if strikes {
			defer c.interrupted.Done()
		}
		if strikes && c.before {
			c.interrupt()
		}
		switch {
		case c.dead():
			return bucket.Answer{}, refusal(r, bucket.ErrRefused, buckettest.ErrCrashed)
		case stale != nil:
			return bucket.Answer{}, refusal(r, bucket.ErrUnavailable, stale)
		case c.clock.Now().Sub(sent) > lands:
			return bucket.Answer{}, refusal(r, bucket.ErrUnavailable, errors.New("the signature has expired"))
		case r.Verb.Writes() && strings.HasPrefix(r.Key, layout.Calls) && c.delays():
			c.logf(c.depth, "client %d: %s %s is late", c.number, r.Verb, r.Key)
			c.mu.Lock()
			c.late = append(c.late, late{sent, func() {
				_, err := c.write(context.WithoutCancel(ctx), r, next)
				c.logf(c.depth, "late: %s %s: %v", r.Verb, r.Key, err)
			}})
			c.mu.Unlock()
			return bucket.Answer{}, refusal(r, bucket.ErrUnavailable, errors.New("no answer"))
		}
		answer, err := c.write(ctx, r, next)
		if strikes && !c.before {
			c.interrupt()
		}
		if c.dead() {
			if answer.Object != nil {
				answer.Object.Body.Close()
			}
			return bucket.Answer{}, refusal(r, bucket.ErrRefused, buckettest.ErrCrashed)
		}
		return answer, err
	}
}

func refusal(r *bucket.Request, kind, err error) error {
	return &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: kind, Err: err}
}

// write does a request, and notes for the queries under way what it has changed.
func (h *history) write(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
	if !r.Verb.Writes() || !strings.HasPrefix(r.Key, layout.Calls) {
		return next(ctx, r)
	}
	h.writes.Lock()
	defer h.writes.Unlock()
	answer, err := next(ctx, r)
	for _, w := range h.queries {
		w.look(h)
	}
	return answer, err
}

func (c *historian) strikes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.countdown == 0 {
		return false
	}
	c.countdown--
	if c.countdown > 0 {
		return false
	}
	c.interrupted.Add(1)
	return true
}

func (c *historian) delays() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	delayed := c.delayed
	c.delayed = false
	return delayed
}

func (c *historian) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crashed
}

// pass lets time go by. What was sent lands before it is too old to.
func (h *history) pass(d time.Duration) {
	end := h.clock.Now().Add(d)
	for {
		h.mu.Lock()
		slices.SortFunc(h.late, func(a, b late) int { return a.sent.Compare(b.sent) })
		if len(h.late) == 0 || h.late[0].sent.Add(lands).After(end) {
			h.clock.passed.Add(int64(max(0, end.Sub(h.clock.Now()))))
			h.mu.Unlock()
			return
		}
		first := h.late[0]
		h.late = h.late[1:]
		h.clock.passed.Add(int64(max(0, first.sent.Add(lands-time.Second).Sub(h.clock.Now()))))
		h.mu.Unlock()
		first.land()
	}
}

// take returns a client that is not busy, and makes it so; nil where there is none.
func (h *history) take() *historian {
	n := h.draw(len(h.clients))
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.clients[n]
	if c.busy {
		return nil
	}
	c.busy = true
	return c
}

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

// arm lets chance interrupt the client in its next operation: it may be frozen, others may do something meanwhile, and it may crash.
func (c *historian) arm() {
	if c.depth == 2 || c.draw(4) == 0 {
		return
	}
	countdown, before, late := 1+c.draw(14), c.draw(2) == 0, c.draw(5) == 0
	freeze := time.Duration(pick(c.history, 0, 0, 0, 1, 200, 400, 2000, 7200)) * time.Second
	steps := pick(c.history, 0, 1, 2, 3)
	crash := c.draw(5) == 0
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delayed, c.countdown, c.before = late, countdown, before
	c.interrupt = func() {
		if freeze > 0 {
			c.logf(c.depth, "client %d is frozen for %v", c.number, freeze)
			c.pass(freeze)
		}
		for range steps {
			c.step(c.depth + 1)
		}
		if crash {
			c.logf(c.depth, "client %d crashes", c.number)
			c.mu.Lock()
			c.crashed = true
			c.mu.Unlock()
		}
	}
}

// disarm ends the operation of a client. One that has crashed is followed by another.
func (c *historian) disarm() {
	c.mu.Lock()
	c.countdown, c.delayed = 0, false
	c.mu.Unlock()
	c.interrupted.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if c.crashed {
		c.clients[c.number] = c.client(c.number)
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

// Seed returns a seed by chance.
func Seed() uint64 {
	var random [8]byte
	if _, err := io.ReadFull(op.SystemEntropy(), random[:]); err != nil {
		panic(err) // a machine without chance
	}
	return binary.LittleEndian.Uint64(random[:]) >> 1
}

// Try lets several clients do this and that to an empty bucket whose clock is this one (see Timed), as the seed has it, and says what went wrong.
func Try(b bucket.Bucket, clock *Clock, seed uint64) error {
	h := newHistory(b, clock, seed)
	for range 1 + h.draw(25) {
		h.step(0)
	}
	h.end()
	if h.failure != nil {
		return fmt.Errorf("the history of seed %d:\n%s\n%w", seed, strings.Join(h.log, "\n"), h.failure)
	}
	return nil
}
