package buckettest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync/atomic"

	"github.com/quivercache/quiver/bucket"
)

func sourceCases() []Case {
	return []Case{
		{Name: "a body may be as large as it likes", run: func(p *probe) {
			for _, size := range []int{0, 1, 4095, 65_536, 1<<20 + 1} {
				content := strings.Repeat("0123456789abcdef", size/16+1)[:size]
				p.must(p.put("a", content, bucket.IfAbsent()))
				p.holds("a", content)
				p.must(p.b.Delete(p.ctx, p.key("a")))
			}
		}},
		{Name: "a body may have a size that is not known", run: func(p *probe) {
			for _, content := range []string{"", "x", strings.Repeat("unknown ", 50_000)} {
				p.must(p.send("a", &source{content: content, size: -1}, bucket.IfAbsent()))
				p.holds("a", content)
				p.must(p.b.Delete(p.ctx, p.key("a")))
			}
		}},
		{Name: "a body may be a section of something larger", run: func(p *probe) {
			p.must(p.b.Put(p.ctx, p.key("a"), bucket.Section(strings.NewReader("hello, and more"), 5), bucket.IfAbsent()))
			p.holds("a", "hello")
		}},
		{Name: "every body that is opened is closed", run: func(p *probe) {
			good := &source{content: "hello", size: 5}
			p.must(p.send("a", good, bucket.IfAbsent()))
			p.fails(bucket.ErrExists, p.send("a", good, bucket.IfAbsent()))
			bad := &source{content: "hello", size: 5, failAt: 2}
			p.failsWithoutAnswer(p.send("b", bad, bucket.IfAbsent()))
			for _, s := range []*source{good, bad} {
				if opened, closed := s.opened.Load(), s.closed.Load(); opened != closed || opened == 0 {
					p.failf("a body was opened %d times and closed %d times", opened, closed)
				}
			}
		}},
		{Name: "a body that fails makes no object", run: func(p *probe) {
			p.makesNone(func() *source { return &source{content: "hello", size: 5, failAt: 1} })
			p.makesNone(func() *source { return &source{content: "hello", size: -1, failAt: 1} })
			long := strings.Repeat("hello", 50_000)
			p.makesNone(func() *source { return &source{content: long, size: int64(len(long)), failAt: len(long) - 1} })
			p.makesNone(func() *source { return &source{content: long, size: -1, failAt: len(long)} })
		}},
		{Name: "a body that cannot be opened makes no object", run: func(p *probe) {
			p.makesNone(func() *source { return &source{content: "hello", size: 5, failOpen: true} })
		}},
		{Name: "a body shorter than announced makes no object", run: func(p *probe) {
			p.makesNone(func() *source { return &source{content: "hello", size: 6} })
			p.makesNone(func() *source { return &source{content: "", size: 1} })
			p.makesNone(func() *source { return &source{content: strings.Repeat("x", 99_999), size: 100_000} })
		}},
		{Name: "a body longer than announced makes no object", run: func(p *probe) {
			p.makesNone(func() *source { return &source{content: "hello", size: 4} })
			p.makesNone(func() *source { return &source{content: "hello", size: 0} })
			p.makesNone(func() *source { return &source{content: strings.Repeat("x", 100_001), size: 100_000} })
		}},
	}
}

// makesNone demands that a bad body neither makes an object nor harms one.
func (p *probe) makesNone(bad func() *source) {
	p.failsWithoutAnswer(p.send("none", bad(), bucket.IfAbsent()))
	p.lacks("none")
	p.must(p.put("kept", "as it was", bucket.IfAbsent()))
	p.failsWithoutAnswer(p.send("kept", bad(), bucket.IfMatch(p.stat("kept").Version)))
	p.holds("kept", "as it was")
	p.must(p.b.Delete(p.ctx, p.key("kept")))
}

func (p *probe) send(name string, s *source, condition bucket.Condition) error {
	return p.b.Put(p.ctx, p.key(name), s, condition)
}

// source is a body that may lie about its size and may fail.
type source struct {
	content  string
	size     int64
	failAt   int // after so many bytes; 0: never
	failOpen bool

	opened, closed atomic.Int64
}

var errBody = errors.New("the body is bad")

func (s *source) Size() int64 { return s.size }

func (s *source) Open() (io.ReadCloser, error) {
	if s.failOpen {
		return nil, errBody
	}
	s.opened.Add(1)
	var r io.Reader = bytes.NewReader([]byte(s.content))
	if s.failAt > 0 {
		r = io.MultiReader(io.LimitReader(r, int64(s.failAt)), failingReader{})
	}
	return &countedBody{Reader: r, closed: &s.closed}, nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errBody }

// countedBody counts its first closing.
type countedBody struct {
	io.Reader
	closed *atomic.Int64
	once   atomic.Bool
}

func (b *countedBody) Close() error {
	if b.once.CompareAndSwap(false, true) {
		b.closed.Add(1)
	}
	return nil
}
