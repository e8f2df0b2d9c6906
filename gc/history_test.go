package gc_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/internal/historytest"
	"github.com/quivercache/quiver/lease"
	"github.com/quivercache/quiver/op"
)

var histories = flag.Int("histories", 100, "how many histories to try")

// TestHistories has several processes use a store while gc runs, as chance has it, whose seed it prints. An operation may be interrupted before and after any of its requests: by those of others, by a freeze of up to 40 hours, and by its end. Whatever happens,
// what a record names is there.
func TestHistories(t *testing.T) {
	first := historytest.Seed()
	t.Logf("histories from seed %d on", first)
	for i := range *histories {
		if err := try(first + uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func try(seed uint64) error {
	h := newHistory(seed)
	for range 3 + h.draw(25) {
		h.step(0)
	}
	h.end()
	if h.failure != nil {
		return fmt.Errorf("the history of seed %d:\n%s\n%w", seed, strings.Join(h.log, "\n"), h.failure)
	}
	return nil
}

// history is a store and the processes that use it. Requests of one process run beside each other, so what they share is locked.
type history struct {
	*world
	elsewhere client // another store, with all values

	mu        sync.Mutex
	chance    *rand.Rand
	processes []*process
	promised  []*prepared
	log       []string
	failure   error
}

// prepared is a call that was prepared, and not ended.
type prepared struct {
	call  callindex.Call
	lease string // its id
}

// process is one that uses the store. Its requests go through handle.
type process struct {
	*history
	client
	number, depth int
	garbage       *gc.Garbage // found, and not removed yet

	busy        bool
	countdown   int // requests until it is interrupted; 0: never
	before      bool
	interrupt   func()
	crashed     bool
	interrupted sync.WaitGroup
}

// valuesOf are all values that there are in a history.
var valuesOf = []string{"a", "b", "c", "d"}

func newHistory(seed uint64) *history {
	h := &history{chance: rand.New(rand.NewPCG(seed, 1))}
	h.world = newWorld(h)
	h.elsewhere = newClient(mem.New(&mem.Options{Clock: h.clock}), h.clock, nil)
	for _, v := range valuesOf {
		must(h.elsewhere.Values.Save(context.Background(), v, nil))
	}
	for n := range 4 {
		h.processes = append(h.processes, h.begin(n))
	}
	return h
}

// begin begins a process, in place of the one of its number.
func (h *history) begin(n int) *process {
	p := &process{history: h, number: n}
	clock := skewed{h.clock, []time.Duration{0, 5 * time.Hour, -7 * time.Hour, 0}[n]}
	p.client = newClient(bucket.Wrap(h.bucket, p.handle), clock, nil)
	return p
}

// Helper implements failing.
func (h *history) Helper() {}

// Errorf implements failing: it ends the history.
func (h *history) Errorf(format string, arguments ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		h.failure = fmt.Errorf(format, arguments...)
		h.log = append(h.log, "FAILED: "+h.failure.Error())
	}
}

// Fatalf implements failing.
func (h *history) Fatalf(format string, arguments ...any) { h.Errorf(format, arguments...) }

func (h *history) failed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failure != nil
}

func (h *history) draw(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.chance.IntN(n)
}

func pick[T any](h *history, from ...T) T { return from[h.draw(len(from))] }

func (h *history) logf(depth int, format string, arguments ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, strings.Repeat("  ", depth)+h.clock.Now().Format("02 15:04:05 ")+fmt.Sprintf(format, arguments...))
}

// lands is how long after it was sent a request may land: then S3 refuses its signature.
const lands = 15 * time.Minute

// handle is the middleware of a process.
func (p *process) handle(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		refuse := func(kind, err error) (bucket.Answer, error) {
			return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: kind, Err: err}
		}
		sent, stale := p.clock.Now(), op.StillFresh(ctx)
		ctx = op.WhileFresh(ctx, func() error { return nil }) // it has left
		strikes := p.strikes()
		if strikes {
			defer p.interrupted.Done()
		}
		if strikes && p.before {
			p.interrupt()
		}
		switch {
		case p.dead():
			return refuse(bucket.ErrRefused, buckettest.ErrCrashed)
		case stale != nil:
			return refuse(bucket.ErrUnavailable, stale)
		case p.clock.Now().Sub(sent) > lands:
			return refuse(bucket.ErrUnavailable, errors.New("the signature has expired"))
		}
		answer, err := next(ctx, r)
		if strikes && !p.before {
			p.interrupt()
		}
		if p.dead() {
			if answer.Object != nil {
				answer.Object.Body.Close()
			}
			return refuse(bucket.ErrRefused, buckettest.ErrCrashed)
		}
		return answer, err
	}
}

func (p *process) strikes() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.countdown == 0 {
		return false
	}
	p.countdown--
	if p.countdown > 0 {
		return false
	}
	p.interrupted.Add(1)
	return true
}

func (p *process) dead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.crashed
}

// take returns a process that is not busy, and makes it so; nil where there is none.
func (h *history) take() *process {
	n := h.draw(len(h.processes))
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.processes[n]
	if p.busy {
		return nil
	}
	p.busy = true
	return p
}

// arm lets chance interrupt the process in its next operation: others may do something meanwhile, it may be frozen before and after that, and it may crash.
func (p *process) arm() {
	if p.depth == 3 || p.draw(4) == 0 {
		return
	}
	countdown, before := 1+p.draw(12), p.draw(3) == 0
	freezes := [2]time.Duration{}
	for i := range freezes {
		freezes[i] = time.Duration(pick(p.history, 0, 0, 0, 60, 600, 4*3600, 7*3600, 25*3600, 40*3600)) * time.Second
	}
	steps, crash := pick(p.history, 0, 1, 2, 3, 4), p.draw(8) == 0
	p.mu.Lock()
	defer p.mu.Unlock()
	p.countdown, p.before = countdown, before
	p.interrupt = func() {
		p.freeze(freezes[0])
		for range steps {
			p.step(p.depth + 1)
		}
		p.freeze(freezes[1])
		if crash {
			p.logf(p.depth, "process %d crashes", p.number)
			p.mu.Lock()
			p.crashed = true
			p.mu.Unlock()
		}
	}
}

func (p *process) freeze(d time.Duration) {
	if d > 0 {
		p.logf(p.depth, "process %d is frozen for %v", p.number, d)
		p.clock.pass(d)
	}
}

// disarm ends the operation of a process. One that has crashed is followed by another.
func (p *process) disarm() {
	p.mu.Lock()
	p.countdown = 0
	p.mu.Unlock()
	p.interrupted.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
	if p.crashed {
		p.processes[p.number] = p.begin(p.number)
		if p.garbage != nil {
			_ = p.garbage.Close()
		}
	}
}

// step does something by chance: an operation of a process, or nothing but a while.
func (h *history) step(depth int) {
	if h.failed() {
		return
	}
	p := h.take()
	if p == nil {
		return
	}
	p.depth = depth
	p.arm()
	defer p.disarm()
	what := pick(h, "compute", "compute", "compute", "compute", "replace", "bring", "many", "evict", "transform", "prepare", "commit", "commit", "fold", "find", "find", "remove", "remove", "gc", "gc", "gc", "wait")
	call := callOf(pick(h, "f", "g"), must(digest.Of(pick(h, valuesOf...))))
	value, part := pick(h, valuesOf...), pick(h, append(valuesOf, "")...)
	h.logf(depth, "process %d: %s %s %.4s: %s and %q", p.number, what, call.Name, call.Arguments[0].Digest, value, part)
	err := p.do(context.Background(), what, call, value, part)
	if err != nil {
		h.logf(depth, "process %d: %s: %v", p.number, what, err)
	}
	if !p.excused(err) {
		h.Errorf("%s: %w", what, err)
	}
	h.holds(what)
}

// excused says whether an operation may fail so. Whoever was frozen may find everything changed.
func (p *process) excused(err error) bool {
	_, held := errors.AsType[*lease.HeldError](err)
	switch {
	case err == nil, p.dead(), held, errors.Is(err, digest.ErrNotFound), errors.Is(err, bucket.ErrChanged), errors.Is(err, bucket.ErrUnavailable), errors.Is(err, lease.ErrLost):
		return true
	}
	for _, words := range []string{"save it again", "begin anew", "a segment is gone"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// record is what a computation comes to.
func record(call callindex.Call, value, part string) *callindex.Record {
	r := &callindex.Record{Call: call, Result: must(digest.Of(value))}
	if part != "" {
		r.Parts = append(r.Parts, must(digest.Of(part)))
	}
	return r
}

// saving saves what a record names, as a memoised function does beside the mark.
func (p *process) saving(values ...string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		for _, v := range values {
			if v == "" {
				continue
			}
			if _, err := p.Values.Save(ctx, v, nil); err != nil {
				return err
			}
		}
		return nil
	}
}

func (p *process) do(ctx context.Context, what string, call callindex.Call, value, part string) error {
	r := record(call, value, part)
	switch what {
	case "compute", "replace":
		_, err := p.Calls.Save(ctx, r, &callindex.SaveOptions{Replace: what == "replace", Beside: p.saving(value, part)})
		return err
	case "many":
		other := callOf(call.Name, must(digest.Of("another")))
		_, err := p.Calls.SaveAll(ctx, []*callindex.Record{r, record(other, part+value, "")}, &callindex.SaveOptions{Beside: p.saving(value, part, part+value)})
		return err
	case "bring": // as a transfer does: first the values, then the record
		for _, key := range append(r.Parts, r.Result) {
			if err := p.elsewhere.Values.CopyTo(ctx, p.Values, key, nil); err != nil {
				return err
			}
		}
		_, err := p.Calls.Save(ctx, r, nil)
		return err
	case "evict":
		return p.Calls.Evict(ctx, must(call.Key()))
	case "transform":
		_, err := p.Calls.Transform(ctx, func(r *callindex.Record) (*callindex.Record, error) {
			r.Name = map[string]string{"f": "g", "g": "f"}[r.Name]
			return r, nil
		}, &callindex.TransformOptions{Query: callindex.Query{Name: call.Name}, Parallel: 2})
		return err
	case "prepare":
		return p.prepare(ctx, call, value)
	case "commit":
		return p.commit(ctx, r, part)
	case "fold":
		_, err := p.Calls.Fold(ctx, nil)
		return err
	case "find", "gc":
		options := &gc.Options{MaxAge: time.Duration(pick(p.history, 0, 0, 2, 5)) * day, KeepLast: pick(p.history, 0, 0, 2), PerStore: p.draw(2) == 0}
		g, err := gc.Find(ctx, p.Store, options)
		if err != nil {
			return err
		}
		if p.garbage != nil {
			_ = p.garbage.Close()
		}
		if p.garbage = g; what == "gc" {
			return p.remove(ctx)
		}
	case "remove":
		return p.remove(ctx)
	case "wait":
		p.clock.pass(time.Duration(pick(p.history, 1, 5, 7, 13, 25, 40, 80)) * time.Hour)
	}
	return nil
}

// remove removes the garbage that the process has found, however long ago.
func (p *process) remove(ctx context.Context) error {
	g := p.garbage
	if g == nil {
		return nil
	}
	p.garbage = nil
	removed, err := g.Remove(ctx)
	p.logf(p.depth, "process %d has removed %+v of %+v", p.number, removed, g.Summary)
	return errors.Join(err, g.Close())
}

// prepare saves the argument of a call, and takes its lease. Whoever was frozen between looks after the argument once more.
func (p *process) prepare(ctx context.Context, call callindex.Call, argument string) error {
	d, err := p.Values.Save(ctx, argument, nil)
	if err != nil {
		return err
	}
	call = callOf(call.Name, d)
	l, err := p.Leases.Take(ctx, lease.Claim{Key: must(call.Key()), State: lease.Prepared, Term: lease.MaxTerm, Values: []digest.Digest{d}}, &lease.Waiting{Not: true})
	if err != nil {
		return err
	}
	if err := p.Values.Keep(ctx, d); err != nil {
		return errors.Join(err, l.Release(ctx))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.promised = append(p.promised, &prepared{call, l.Info().ID})
	return nil
}

// commit saves the result of a call that some process has prepared, and releases its lease.
func (p *process) commit(ctx context.Context, r *callindex.Record, part string) error {
	p.mu.Lock()
	if len(p.promised) == 0 {
		p.mu.Unlock()
		return nil
	}
	c := p.promised[0]
	p.promised = p.promised[1:]
	p.mu.Unlock()
	l, err := p.Leases.Resume(ctx, must(c.call.Key()), c.lease)
	if err != nil {
		return err
	}
	ended := *r
	ended.Call = c.call
	_, err = p.Calls.Save(ctx, &ended, &callindex.SaveOptions{Beside: func(ctx context.Context) error {
		if err := p.saving(valueOf(r.Result), part)(ctx); err != nil {
			return err
		}
		return p.Values.Keep(ctx, c.call.Arguments[0].Digest)
	}})
	return errors.Join(err, l.Release(ctx))
}

// valueOf is the value of a digest.
func valueOf(d digest.Digest) string {
	at := slices.IndexFunc(valuesOf, func(v string) bool { return must(digest.Of(v)) == d })
	return valuesOf[at]
}

// holds wants that everything is there that a record or a prepared call names.
func (h *history) holds(when string) {
	there := map[digest.Digest]bool{}
	for key, err := range newClient(h.bucket, h.clock, nil).Values.List(context.Background(), digest.Digest{}) {
		if err != nil {
			h.Errorf("%s: %w", when, err)
		}
		there[key] = true
	}
	for r, err := range newClient(h.bucket, h.clock, nil).Calls.Scan(context.Background(), digest.Digest{}) {
		if err != nil {
			h.Errorf("%s: %w", when, err)
			return
		}
		for _, d := range append(r.Parts, r.Result) {
			if !there[d] {
				h.Errorf("after %s the record of %s %.4s names %.4s, which is gone", when, r.Name, r.Arguments[0].Digest, d)
			}
		}
	}
	h.mu.Lock()
	promised := slices.Clone(h.promised)
	h.mu.Unlock()
	for _, c := range promised {
		info, err := newClient(h.bucket, h.clock, nil).Leases.Get(context.Background(), must(c.call.Key()))
		if err == nil && info.ID == c.lease && info.State == lease.Prepared && !info.Expired() && !there[c.call.Arguments[0].Digest] {
			h.Errorf("after %s the argument %.4s of a prepared call of %s is gone", when, c.call.Arguments[0].Digest, c.call.Name)
		}
	}
}

// end has a last gc, days later: then everything is gone that nothing names.
func (h *history) end() {
	for _, p := range h.processes {
		if p.garbage != nil {
			_ = p.garbage.Close()
		}
	}
	if h.failed() {
		return
	}
	h.logf(0, "the end")
	h.clock.pass(lease.MaxTerm + 3*day)
	h.collect(nil)
	h.clock.pass(2 * day)
	h.holds("the end")
	again := h.find(h.client, nil)
	if again == nil {
		return
	}
	defer again.Close()
	if s := again.Summary; s.Values+s.Calls+s.Young > 0 {
		h.Errorf("in the end gc finds %+v", s)
	}
}
