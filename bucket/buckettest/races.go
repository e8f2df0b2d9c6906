package buckettest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/quivercache/quiver/bucket"
)

func raceCases() []Case {
	return []Case{
		{Name: "of many that create one object one wins", run: func(p *probe) {
			const writers, keys = 8, 100
			var winners [keys]atomic.Int64 // who won, from 1
			p.together(writers, func(w int) {
				for k := range keys {
					content := fmt.Sprintf("writer %d", w+1)
					switch err := p.put(strconv.Itoa(k), content, bucket.IfAbsent()); {
					case err == nil && !winners[k].CompareAndSwap(0, int64(w+1)):
						p.failf("two writers have made %s", p.key(strconv.Itoa(k)))
					case err != nil:
						p.fails(bucket.ErrExists, err)
						if got, _ := p.read(strconv.Itoa(k)); got == content {
							p.failf("a writer who was refused has written %s", p.key(strconv.Itoa(k)))
						}
					}
				}
			})
			for k := range keys {
				p.holds(strconv.Itoa(k), fmt.Sprintf("writer %d", winners[k].Load()))
			}
		}},
		{Name: "of many that replace one version one wins", run: func(p *probe) {
			const writers, swaps = 16, 50
			p.create("counter", "0")
			p.together(writers, func(int) {
				for range swaps {
					p.increment("counter")
				}
			})
			p.holds("counter", strconv.Itoa(writers*swaps))
		}},
		{Name: "readers beside writers see whole objects", run: func(p *probe) {
			const size, swaps = 64 << 10, 60
			content := func(n int) string { return strings.Repeat(string(rune('a'+n%26)), size) }
			p.create("a", content(0))
			var done atomic.Bool
			var whole atomic.Int64
			p.together(4, func(i int) {
				if i == 0 {
					defer done.Store(true)
					for n := range swaps {
						p.must(p.put("a", content(n+1), bucket.IfMatch(p.stat("a").Version)))
					}
					return
				}
				for !done.Load() {
					if p.readsWhole("a", size) {
						whole.Add(1)
					}
				}
			})
			if whole.Load() == 0 {
				p.failf("no reader could read beside the writer")
			}
		}},
	}
}

// increment adds one to a number, by reading and swapping until it wins.
func (p *probe) increment(name string) {
	for {
		text, info := p.read(name)
		n, err := strconv.Atoi(text)
		p.must(err)
		runtime.Gosched() // where a store is fast, let others in
		err = p.put(name, strconv.Itoa(n+1), bucket.IfMatch(info.Version))
		if err == nil {
			return
		}
		p.fails(bucket.ErrChanged, err)
	}
}

// readsWhole reads an object once, which must be of this size and of one character. A store may cut a body whose object was replaced: then it says false.
func (p *probe) readsWhole(name string, size int) bool {
	got, _, err := bucket.ReadAll(p.ctx, p.b, p.key(name), most)
	switch {
	case errors.Is(err, bucket.ErrUnavailable):
		return false
	case err != nil:
		p.failf("reading beside a writer: %w", err)
	case len(got) != size || bytes.Count(got, got[:1]) != size:
		p.failf("the object of %d bytes that begins with %s is none that was put", len(got), short(string(got)))
	}
	return true
}
