package buckettest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
)

func readingCases() []Case {
	return []Case{
		{Name: "Get returns what was put, and describes it", Reads: true, run: func(p *probe) {
			p.create("a", "hello")
			p.holds("a", "hello")
			object, err := p.get("a")
			p.must(err)
			if object.Version == "" {
				p.failf("Get returns no version")
			}
			if object.ModTime.IsZero() {
				p.failf("Get returns no time of change")
			}
			for verb, info := range map[bucket.Verb]bucket.Info{bucket.Get: object.Info, bucket.Stat: p.stat("a")} {
				// Both are told in whole seconds, and a server may renew the one a little after the other.
				if !info.Date.IsZero() && info.Date.Before(info.ModTime.Truncate(time.Second).Add(-time.Second)) {
					p.failf("%s: the store's clock said %v, and the object is of %v", verb, info.Date, info.ModTime)
				}
			}
		}},
		{Name: "Get of an object without bytes yields none", Reads: true, run: func(p *probe) {
			p.create("empty", "")
			p.holds("empty", "")
		}},
		{Name: "Get of a missing object fails with ErrNotFound", Reads: true, run: func(p *probe) {
			_, err := p.get("a")
			p.fails(bucket.ErrNotFound, err)
			_, err = p.get("no/such/folder/a")
			p.fails(bucket.ErrNotFound, err)
		}},
		{Name: "a folder is no object", Reads: true, run: func(p *probe) {
			p.create("a/b/c", "inside")
			p.lacksObject("a")
			p.lacksObject("a/b")
			p.lacksObject("a/b/c/d")
		}},
		{Name: "Stat says what Get says", Reads: true, run: func(p *probe) {
			p.create("a", "hello")
			object, err := p.get("a")
			p.must(err)
			if info := p.stat("a"); info.Key != object.Key || info.Size != object.Size || info.Version != object.Version || !info.ModTime.Equal(object.ModTime) {
				p.failf("Stat says %+v, Get says %+v", info, object.Info)
			}
			p.replace("a", "hello again")
			if info := p.stat("a"); info.Size != int64(len("hello again")) || info.Version == object.Version {
				p.failf("Stat says %+v of a replaced object that had been %+v", info, object.Info)
			}
		}},
		{Name: "Stat of a missing object fails with ErrNotFound", Reads: true, run: func(p *probe) {
			_, err := p.b.Stat(p.ctx, p.key("a"))
			p.fails(bucket.ErrNotFound, err)
		}},
		{Name: "a body yields every byte, and io.EOF for ever", Reads: true, run: func(p *probe) {
			content := strings.Repeat(allBytes(), 4096) + "end" // 1 MiB and 3
			p.create("large", content)
			object, err := p.b.Get(p.ctx, p.key("large"))
			p.must(err)
			defer object.Body.Close()
			var read bytes.Buffer
			for _, size := range []int{1, 7, 4096, 100_000} {
				n, err := object.Body.Read(make([]byte, size))
				if err != nil && err != io.EOF {
					p.failf("reading at most %d bytes: %w", size, err)
				}
				read.WriteString(content[read.Len():][:n])
			}
			rest, err := io.ReadAll(object.Body)
			p.must(err)
			read.Write(rest)
			if read.String() != content {
				p.failf("the body is %s, not %s", short(read.String()), short(content))
			}
			for range 2 {
				if n, err := object.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					p.failf("after its end the body yields %d bytes and %v", n, err)
				}
			}
			p.holds("large", content)
		}},
		{Name: "a body may be closed before its end", Reads: true, run: func(p *probe) {
			p.create("large", strings.Repeat("x", 1<<20))
			for range 20 {
				object, err := p.b.Get(p.ctx, p.key("large"))
				p.must(err)
				_, err = io.ReadFull(object.Body, make([]byte, 10))
				p.must(err)
				p.must(object.Body.Close())
			}
		}},
		{Name: "a body that was opened before its object went is old or fails", Reads: true, run: func(p *probe) {
			old := strings.Repeat("old", 100_000)
			p.create("a", old)
			object, err := p.b.Get(p.ctx, p.key("a"))
			p.must(err)
			defer object.Body.Close()
			p.replace("a", strings.Repeat("new", 100_000))
			p.must(p.writer.Delete(p.ctx, p.key("a")))
			switch content, err := io.ReadAll(object.Body); {
			case err == nil && string(content) != old:
				p.failf("the body is %s", short(string(content)))
			case err != nil && !errors.Is(err, bucket.ErrUnavailable):
				p.failf("the body fails with %w", err)
			}
		}},
	}
}

func allBytes() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}

// lacksObject demands that there is no object, where there may be a folder.
func (p *probe) lacksObject(name string) {
	_, err := p.get(name)
	p.fails(bucket.ErrNotFound, err)
	_, err = p.b.Stat(p.ctx, p.key(name))
	p.fails(bucket.ErrNotFound, err)
	p.fails(bucket.ErrNotFound, p.writer.Delete(p.ctx, p.key(name)))
}
