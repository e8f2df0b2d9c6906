package buckettest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
)

func listingCases() []Case {
	return []Case{
		{Name: "List of nothing is an empty page, and the last", Reads: true, run: func(p *probe) {
			page, err := p.b.List(p.ctx, bucket.ListOptions{Prefix: p.folder})
			p.must(err)
			if len(page.Objects) != 0 || page.Next != "" {
				p.failf("the page is %+v", page)
			}
		}},
		{Name: "List yields keys in ascending byte order", Reads: true, run: func(p *probe) {
			p.createOrdered()
			p.lists(bucket.ListOptions{Prefix: p.folder}, ordered...)
		}},
		{Name: "List describes objects as Stat does", Reads: true, run: func(p *probe) {
			p.create("a", "hello")
			p.create("b/c", "")
			for _, listed := range p.infos(bucket.ListOptions{Prefix: p.folder}) {
				info, err := p.b.Stat(p.ctx, listed.Key)
				p.must(err)
				sameTime := listed.ModTime.Truncate(time.Second).Equal(info.ModTime.Truncate(time.Second))
				if listed.Size != info.Size || listed.Version != "" && listed.Version != info.Version || !sameTime {
					p.failf("List says %+v, Stat says %+v", listed, info)
				}
			}
		}},
		{Name: "a prefix is any part of a key", Reads: true, run: func(p *probe) {
			p.createOrdered()
			for _, prefix := range []string{"b", "b/", "b/c", "b/c/d", "b0", "b.", "c/d/e", "c/d/eg/h", "a", "x", "b/c/d/e", "b//", "../", "./"} {
				p.lists(bucket.ListOptions{Prefix: p.folder + prefix}, within(prefix, "")...)
			}
		}},
		{Name: "After leaves out the keys up to it, there or not", Reads: true, run: func(p *probe) {
			p.createOrdered()
			for _, after := range []string{"a", "a0", "b", "b-c", "b/", "b/b", "b/c", "b/c/", "b/c/d", "b0", "b_c", "c/d/", "c/d/ef", "c/d/eg/z", "c/e", "d", "zzz", "."} {
				p.lists(bucket.ListOptions{Prefix: p.folder, After: p.folder + after}, within("", after)...)
				p.lists(bucket.ListOptions{Prefix: p.folder + "b/", After: p.folder + after}, within("b/", after)...)
				p.lists(bucket.ListOptions{Prefix: p.folder + "c/d/e", After: p.folder + after, Limit: 1}, within("c/d/e", after)...)
			}
		}},
		{Name: "After before the prefix leaves out nothing", Reads: true, run: func(p *probe) {
			p.createOrdered()
			p.lists(bucket.ListOptions{Prefix: p.folder + "c/", After: "-"}, within("c/", "")...)
			p.lists(bucket.ListOptions{Prefix: p.folder + "c/", After: p.folder}, within("c/", "")...)
		}},
		{Name: "pages have at most Limit keys and miss none", Reads: true, run: func(p *probe) {
			p.createOrdered()
			for limit := 1; limit <= len(ordered)+1; limit++ {
				p.walks(bucket.ListOptions{Prefix: p.folder, Limit: limit}, ordered)
				p.walks(bucket.ListOptions{Prefix: p.folder, After: p.folder + "b/b", Limit: limit}, within("", "b/b"))
			}
			p.walks(bucket.ListOptions{Prefix: p.folder + "x", Limit: 2}, nil)
			p.walks(bucket.ListOptions{Prefix: p.folder + "b-", Limit: 2}, within("b-", ""))
		}},
		{Name: "a page without Limit has at most MaxPage keys", Reads: true, run: func(p *probe) {
			var names []string
			for i := range bucket.PageSize + 1 {
				names = append(names, fmt.Sprintf("%04d", i))
			}
			const writers = 16
			p.together(writers, func(w int) {
				for i := w; i < len(names); i += writers {
					p.create(names[i], "")
				}
			})
			p.walks(bucket.ListOptions{Prefix: p.folder}, names)
			p.lists(bucket.ListOptions{Prefix: p.folder + "099", Limit: 2}, names[990:1000]...)
		}},
		{Name: "a walk yields once what is there all the time", Reads: true, run: func(p *probe) {
			p.createOrdered()
			options, seen := bucket.ListOptions{Prefix: p.folder, Limit: 2}, []string{}
			for n := 0; ; n++ {
				page, err := p.b.List(p.ctx, options)
				p.must(err)
				for _, info := range page.Objects {
					if name := strings.TrimPrefix(info.Key, p.folder); slices.Contains(ordered, name) {
						seen = append(seen, name)
					}
				}
				if options.Token = page.Next; page.Next == "" {
					break
				}
				p.create(fmt.Sprintf("a-new-%d", n), "")
				p.create(fmt.Sprintf("z-new-%d", n), "")
				if n%2 == 1 {
					p.must(p.writer.Delete(p.ctx, p.key(fmt.Sprintf("a-new-%d", n-1))))
				}
				if n > 100 {
					p.failf("the walk does not end")
				}
			}
			if !slices.Equal(seen, ordered) {
				p.failf("the walk yields %q, not %q", seen, ordered)
			}
		}},
		{Name: "List shows at once what was put, and no more what was deleted", Reads: true, run: func(p *probe) {
			for i := range 20 {
				name := fmt.Sprintf("%02d/a", i)
				p.create(name, "")
				p.lists(bucket.ListOptions{Prefix: p.key(name)}, name)
				p.must(p.writer.Delete(p.ctx, p.key(name)))
				p.lists(bucket.ListOptions{Prefix: p.key(name)})
			}
			p.lists(bucket.ListOptions{Prefix: p.folder})
		}},
		{Name: "a listing that cannot be is refused", Reads: true, run: func(p *probe) {
			for _, options := range []bucket.ListOptions{{Limit: -1}, {Limit: bucket.MaxPage + 1}, {Prefix: "Upper"}, {Prefix: "with space"}, {Prefix: "nul\x00"}} {
				options.Prefix = p.folder + options.Prefix
				_, err := p.b.List(p.ctx, options)
				p.fails(bucket.ErrInvalid, err)
			}
		}},
	}
}

// ordered are keys whose order is not that of their path segments, ascending. None is a folder of another.
var ordered = []string{"a", "a-b", "a.b", "b-c", "b.c", "b/a/z", "b/b", "b/c-", "b/c/d", "b/c0", "b0", "b_c", "ba", "c/d/e", "c/d/ef", "c/d/eg/h", "c/d/eh"}

// createOrdered makes the objects in another order than that of their keys.
func (p *probe) createOrdered() {
	for i := range ordered {
		p.create(ordered[(i*5+3)%len(ordered)], ordered[i])
	}
}

// within are the ordered names with a prefix and after a name.
func within(prefix, after string) []string {
	return slices.DeleteFunc(slices.Clone(ordered), func(name string) bool { return !strings.HasPrefix(name, prefix) || name <= after })
}

// walks demands that a walk by tokens yields these names, each page within its limit and each key greater than the one before.
func (p *probe) walks(options bucket.ListOptions, want []string) {
	limit := options.Limit
	if limit == 0 {
		limit = bucket.MaxPage
	}
	var names []string
	for pages := 0; ; pages++ {
		page, err := p.b.List(p.ctx, options)
		p.must(err)
		if len(page.Objects) > limit {
			p.failf("a page has %d keys, more than %d", len(page.Objects), limit)
		}
		for _, info := range page.Objects {
			names = append(names, strings.TrimPrefix(info.Key, p.folder))
		}
		if options.Token = page.Next; page.Next == "" {
			break
		}
		if pages > len(want)+1 {
			p.failf("the walk does not end: %d pages for %d keys", pages, len(want))
		}
	}
	if !slices.Equal(names, want) {
		p.failf("with prefix %q, after %q and %d keys a page the walk yields %q, not %q", options.Prefix, options.After, limit, names, want)
	}
}
