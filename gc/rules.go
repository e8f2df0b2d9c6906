package gc

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/quivercache/quiver/callindex"
)

// rule says which calls are too old or too many: those that were saved before a time, for each function another one.
type rule struct {
	before     time.Time            // zero: none
	ofFunction map[string]time.Time // by name
}

// evicts says whether a call is to be evicted: not by what a record says that cannot be believed.
func (r rule) evicts(t *callindex.Traced) bool {
	return !t.Damaged && (t.Saved.Before(r.before) || t.Saved.Before(r.ofFunction[t.Name]))
}

// rule makes the rule of the options. Limits on the number and on the bytes take a trace of their own.
func (g *Garbage) rule(ctx context.Context) (rule, error) {
	var r rule
	o := &g.options
	if o.MaxAge > 0 {
		r.before = g.now.Add(-o.MaxAge)
	}
	if o.KeepLast == 0 && o.MaxBytes == 0 {
		return r, nil
	}
	var last lasts
	g.keep(g.prepared, always)
	err := g.traceAll(ctx, func(t *callindex.Traced) error {
		switch {
		case t.Damaged: // it stays, and keeps no other from staying
			g.keep(t.Values, always)
			return nil
		case o.KeepLast == 0:
		case o.PerStore:
			last.add("", t.Saved, o.KeepLast)
		default:
			last.add(t.Name, t.Saved, o.KeepLast)
		}
		if o.MaxBytes > 0 {
			g.keep(t.Values, minuteOf(t.Saved))
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	if o.PerStore {
		r.before = later(r.before, last.before()[""])
	} else {
		r.ofFunction = last.before()
	}
	if o.MaxBytes > 0 {
		before, err := g.beyond(o.MaxBytes)
		if err != nil {
			return r, err
		}
		r.before = later(r.before, before)
	}
	g.values.forget() // what calls name that are to be evicted
	return r, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// lasts are the times of the newest calls, by a name.
type lasts struct {
	mu sync.Mutex
	of map[string]*newest
}

// newest are at most so many times, the oldest of them first, as a heap.
type newest struct {
	most  int
	times []time.Time
}

func (n *newest) Len() int           { return len(n.times) }
func (n *newest) Less(i, j int) bool { return n.times[i].Before(n.times[j]) }
func (n *newest) Swap(i, j int)      { n.times[i], n.times[j] = n.times[j], n.times[i] }
func (n *newest) Push(t any)         { n.times = append(n.times, t.(time.Time)) }

// Pop implements heap.Interface.
func (n *newest) Pop() any {
	last := n.times[len(n.times)-1]
	n.times = n.times[:len(n.times)-1]
	return last
}

// add adds a call, of which the newest so many are kept.
func (l *lasts) add(name string, saved time.Time, most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string]*newest{}
	}
	n := l.of[name]
	if n == nil {
		n = &newest{most: most}
		l.of[name] = n
	}
	switch {
	case len(n.times) < most:
		heap.Push(n, saved)
	case saved.After(n.times[0]):
		n.times[0] = saved
		heap.Fix(n, 0)
	}
}

// before returns the time of the oldest of the newest, where there may be older ones.
func (l *lasts) before() map[string]time.Time {
	times := map[string]time.Time{}
	for name, n := range l.of {
		if len(n.times) == n.most {
			times[name] = n.times[0]
		}
	}
	return times
}

// minuteOf is a time in whole minutes since 1970.
func minuteOf(t time.Time) uint32 { return uint32(min(max(t.Unix()/60, 0), always-1)) }

// beyond returns the time before which calls were saved that are to be evicted, so that the values that are named later have no more than so many bytes. It goes by the newest call that names a value. What prepared calls name, and what is too young to
// be removed, does not count: no eviction makes it less.
func (g *Garbage) beyond(most int64) (time.Time, error) {
	named := map[uint32]int64{} // bytes, by the minute
	err := g.values.all(func(i int, e entry) error {
		if minute := g.values.latest[i].Load(); g.values.isFound(i) && minute != always {
			named[minute] += e.size
		}
		return nil
	})
	if err != nil {
		return time.Time{}, err
	}
	var sum int64
	for _, minute := range slices.Backward(slices.Sorted(maps.Keys(named))) {
		if sum += named[minute]; sum > most {
			return time.Unix((int64(minute)+1)*60, 0), nil
		}
	}
	return time.Time{}, nil
}
