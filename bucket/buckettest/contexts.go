package buckettest

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

func contextCases() []Case {
	return []Case{
		{Name: "under a canceled context every request fails with context.Canceled", run: func(p *probe) {
			ctx, cancel := context.WithCancel(p.ctx)
			cancel()
			p.endsWith(ctx, context.Canceled)
		}},
		{Name: "under an expired context every request fails with context.DeadlineExceeded", run: func(p *probe) {
			ctx, cancel := context.WithDeadline(p.ctx, time.Unix(1, 0))
			defer cancel()
			p.endsWith(ctx, context.DeadlineExceeded)
		}},
		{Name: "a request that may not be sent any more fails with why", run: func(p *probe) {
			late := errors.New("too late")
			p.endsWith(op.WhileFresh(p.ctx, func() error { return late }), late)
		}},
		{Name: "a body fails when its context is canceled", run: func(p *probe) {
			p.create("large", strings.Repeat("0123456789abcdef", 1<<18)) // 4 MiB
			ctx, cancel := context.WithCancel(p.ctx)
			defer cancel()
			object, err := p.b.Get(ctx, p.key("large"))
			p.must(err)
			defer object.Body.Close()
			_, err = io.ReadFull(object.Body, make([]byte, 16))
			p.must(err)
			cancel()
			if _, err := io.Copy(io.Discard, object.Body); !errors.Is(err, context.Canceled) || !errors.Is(bucket.Kind(err), bucket.ErrUnavailable) {
				p.failf("the body ends with the error %v", err)
			}
		}},
		{Name: "a body outlives the return of Get", Reads: true, run: func(p *probe) {
			content := strings.Repeat("0123456789abcdef", 1<<15) // 512 KiB
			p.create("large", content)
			ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
			defer cancel()
			object, err := p.b.Get(ctx, p.key("large"))
			p.must(err)
			defer object.Body.Close()
			read, err := io.ReadAll(object.Body)
			p.must(err)
			if string(read) != content {
				p.failf("the body is %s", short(string(read)))
			}
		}},
		{Name: "after Close every request fails", Closes: true, run: func(p *probe) {
			p.create("a", "one")
			version := p.stat("a").Version
			p.must(p.b.Close())
			for _, err := range p.everyRequest(p.ctx, version) {
				p.failsWithoutAnswer(err)
			}
		}},
	}
}

// endsWith demands that every request under a context that is done fails with its error, and does nothing.
func (p *probe) endsWith(ctx context.Context, want error) {
	p.create("a", "one")
	version := p.stat("a").Version
	for _, err := range p.everyRequest(ctx, version) {
		p.failsWithoutAnswer(err)
		if !errors.Is(err, want) || !errors.Is(bucket.Kind(err), bucket.ErrUnavailable) {
			p.failf("the error is %q, not %q beside %q", err, want, bucket.ErrUnavailable)
		}
	}
	p.holds("a", "one")
	p.lacks("b")
}

// everyRequest sends one request of each verb that the bucket has, and returns their errors.
func (p *probe) everyRequest(ctx context.Context, version bucket.Version) []error {
	_, get := p.b.Get(ctx, p.key("a"))
	_, missing := p.b.Get(ctx, p.key("b"))
	_, stat := p.b.Stat(ctx, p.key("a"))
	_, list := p.b.List(ctx, bucket.ListOptions{Prefix: p.folder})
	failures := []error{
		get, missing, stat, list,
		p.b.Put(ctx, p.key("b"), bucket.Bytes([]byte("two")), bucket.IfAbsent()),
		p.b.Put(ctx, p.key("a"), bucket.Bytes([]byte("two")), bucket.IfAbsent()),
		p.b.Put(ctx, p.key("a"), bucket.Bytes([]byte("two")), bucket.IfMatch(version)),
		p.b.Delete(ctx, p.key("a")),
		p.b.Delete(ctx, p.key("b")),
	}
	if ranges, ok := bucket.As[bucket.RangeGetter](p.b); ok {
		_, err := ranges.GetRange(ctx, p.key("a"), 0, 1)
		failures = append(failures, err)
	}
	if conditional, ok := bucket.As[bucket.ConditionalDeleter](p.b); ok {
		failures = append(failures, conditional.DeleteIf(ctx, p.key("a"), version))
	}
	if remover, ok := bucket.As[bucket.Remover](p.b); ok {
		failures = append(failures, remover.Remove(ctx, p.key("a")))
	}
	if bulk, ok := bucket.As[bucket.BulkDeleter](p.b); ok {
		failures = append(failures, bulk.DeleteAll(ctx, []string{p.key("a")}))
	}
	if folders, ok := bucket.As[bucket.FolderLister](p.b); ok {
		_, err := folders.ListFolders(ctx, bucket.ListOptions{Prefix: p.folder})
		failures = append(failures, err)
	}
	return failures
}
