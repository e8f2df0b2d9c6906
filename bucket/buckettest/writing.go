package buckettest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

func writingCases() []Case {
	return []Case{
		{Name: "IfAbsent creates", run: func(p *probe) {
			p.lacks("a")
			p.must(p.put("a", "one", bucket.IfAbsent()))
			p.holds("a", "one")
			p.lists(bucket.ListOptions{Prefix: p.folder}, "a")
		}},
		{Name: "IfAbsent fails with ErrExists where there is an object", run: func(p *probe) {
			p.create("a", "one")
			before := p.stat("a")
			p.fails(bucket.ErrExists, p.put("a", "two", bucket.IfAbsent()))
			p.fails(bucket.ErrExists, p.put("a", "one", bucket.IfAbsent()))
			p.fails(bucket.ErrExists, p.put("a", "", bucket.IfAbsent()))
			p.holds("a", "one")
			if after := p.stat("a"); after.Version != before.Version {
				p.failf("a refused write has changed the version from %q to %q", before.Version, after.Version)
			}
		}},
		{Name: "IfAbsent fails with ErrExists where there is an object without bytes", run: func(p *probe) {
			p.create("a", "")
			p.fails(bucket.ErrExists, p.put("a", "two", bucket.IfAbsent()))
			p.holds("a", "")
		}},
		{Name: "a write that tells its version tells the one that Stat does", run: func(p *probe) {
			condition := bucket.IfAbsent()
			for _, content := range []string{"one", "two", ""} {
				version, err := bucket.PutVersion(p.ctx, p.b, p.key("a"), bucket.Bytes([]byte(content)), condition)
				p.must(err)
				info := p.stat("a")
				if version != "" && version != info.Version {
					p.failf("the write told the version %q, Stat tells %q", version, info.Version)
				}
				condition = bucket.IfMatch(info.Version)
			}
			version, err := bucket.PutVersion(p.ctx, p.b, p.key("a"), bucket.Bytes([]byte("four")), bucket.IfAbsent())
			p.fails(bucket.ErrExists, err)
			if version != "" {
				p.failf("a refused write told the version %q", version)
			}
		}},
		{Name: "IfMatch replaces the version that was read", run: func(p *probe) {
			p.create("a", "one")
			seen := []bucket.Version{p.stat("a").Version}
			for _, content := range []string{"two", "a third content, which is longer", ""} {
				_, info := p.read("a")
				p.must(p.put("a", content, bucket.IfMatch(info.Version)))
				p.holds("a", content)
				version := p.stat("a").Version
				if slices.Contains(seen, version) {
					p.failf("other content has the version %q again", version)
				}
				seen = append(seen, version)
			}
			p.lists(bucket.ListOptions{Prefix: p.folder}, "a")
		}},
		{Name: "IfMatch fails with ErrChanged where there is another version", run: func(p *probe) {
			p.create("a", "one")
			old := p.stat("a").Version
			p.must(p.put("a", "two", bucket.IfMatch(old)))
			p.fails(bucket.ErrChanged, p.put("a", "three", bucket.IfMatch(old)))
			p.holds("a", "two")
		}},
		{Name: "IfMatch fails with ErrChanged where there is no object", run: func(p *probe) {
			p.create("a", "one")
			version := p.stat("a").Version
			p.fails(bucket.ErrChanged, p.put("b", "two", bucket.IfMatch(version)))
			p.lacks("b")
			p.must(p.b.Delete(p.ctx, p.key("a")))
			p.fails(bucket.ErrChanged, p.put("a", "two", bucket.IfMatch(version)))
			p.lacks("a")
		}},
		{Name: "IfMatch fails with ErrChanged where the object was made anew", run: func(p *probe) {
			p.create("a", "one")
			version := p.stat("a").Version
			p.must(p.b.Delete(p.ctx, p.key("a")))
			p.create("a", "two")
			p.fails(bucket.ErrChanged, p.put("a", "three", bucket.IfMatch(version)))
			p.holds("a", "two")
		}},
		{Name: "a write without a condition is refused", run: func(p *probe) {
			p.create("a", "one")
			p.fails(bucket.ErrInvalid, p.put("a", "two", bucket.Condition{}))
			p.fails(bucket.ErrInvalid, p.put("a", "two", bucket.IfMatch("")))
			p.holds("a", "one")
			p.fails(bucket.ErrInvalid, p.put("b", "two", bucket.Condition{}))
			p.lacks("b")
		}},
		{Name: "keys are taken as they are", run: func(p *probe) {
			names := []string{
				"abcdefghijklmnopqrstuvwxyz", "0123456789", "a.b_c-d", "_", "-", ".a", "..a", "-.-", "dir.d/file.json", "a/b/c/d/e/f/g/h/i/j",
				strings.Repeat("k", 200), strings.Repeat("long/", 120) + "end", "values/ab/" + strings.Repeat("ab", 32),
			}
			for _, name := range names {
				p.create(name, name)
			}
			for _, name := range names {
				p.holds(name, name)
			}
			slices.Sort(names)
			p.lists(bucket.ListOptions{Prefix: p.folder}, names...)
		}},
		{Name: "a key that cannot be is refused", run: func(p *probe) {
			p.create("a", "one")
			for _, key := range []string{
				p.folder, p.folder + "Upper", p.folder + "with space", p.folder + "a+b", p.folder + "a%2fb", p.folder + "ümlaut", p.folder + "nul\x00", p.folder + "new\nline",
				p.folder + "back\\slash", p.folder + "a//b", p.folder + "a/", p.folder + "./a", p.folder + "b/../a", p.folder + "..", p.folder + "...", p.folder + "a./b", p.folder + strings.Repeat("long/", 205) + "end", p.folder + "a:b",
			} {
				p.refusesKey(key)
			}
			p.holds("a", "one")
			p.lists(bucket.ListOptions{Prefix: p.folder}, "a")
		}},
		{Name: "the empty key is refused", run: func(p *probe) { p.refusesKey("") }},
		{Name: "an object beside a folder of its name is kept or refused", run: func(p *probe) {
			p.beside("a", "a/b")
			p.beside("c/d", "c")
		}},
		{Name: "a key can be used again after Delete", run: func(p *probe) {
			for i := range 20 {
				content := fmt.Sprint("content ", i)
				p.create("a", content)
				p.holds("a", content)
				p.must(p.b.Delete(p.ctx, p.key("a")))
				p.lacks("a")
			}
		}},
	}
}

// refusesKey demands that no request takes a key.
func (p *probe) refusesKey(key string) {
	_, err := p.b.Get(p.ctx, key)
	p.fails(bucket.ErrInvalid, err)
	_, err = p.b.Stat(p.ctx, key)
	p.fails(bucket.ErrInvalid, err)
	p.fails(bucket.ErrInvalid, p.b.Put(p.ctx, key, bucket.Bytes([]byte("x")), bucket.IfAbsent()))
	p.fails(bucket.ErrInvalid, p.b.Put(p.ctx, key, bucket.Bytes([]byte("x")), bucket.IfMatch("1")))
	p.fails(bucket.ErrInvalid, p.b.Delete(p.ctx, key))
}

// beside puts two objects of which one is a folder of the other's key. A store need not take the second, but must say so and keep the first.
func (p *probe) beside(first, second string) {
	p.create(first, "first")
	if err := p.put(second, "second", bucket.IfAbsent()); err != nil {
		p.fails(bucket.ErrRefused, err)
		p.lacksObject(second)
	} else {
		p.holds(second, "second")
	}
	p.holds(first, "first")
}

func deletingCases() []Case {
	return []Case{
		{Name: "Delete removes an object", run: func(p *probe) {
			p.create("a", "one")
			p.create("b", "two")
			p.must(p.b.Delete(p.ctx, p.key("a")))
			p.lacks("a")
			p.lists(bucket.ListOptions{Prefix: p.folder}, "b")
		}},
		{Name: "Delete of a missing object fails with ErrNotFound", run: func(p *probe) {
			p.fails(bucket.ErrNotFound, p.b.Delete(p.ctx, p.key("a")))
			p.create("a", "one")
			p.must(p.b.Delete(p.ctx, p.key("a")))
			p.fails(bucket.ErrNotFound, p.b.Delete(p.ctx, p.key("a")))
		}},
		{Name: "Delete leaves all other objects", run: func(p *probe) {
			p.createOrdered()
			p.must(p.b.Delete(p.ctx, p.key("a")))
			p.must(p.b.Delete(p.ctx, p.key("b/c/d")))
			p.lists(bucket.ListOptions{Prefix: p.folder}, slices.DeleteFunc(slices.Clone(ordered), func(name string) bool { return name == "a" || name == "b/c/d" })...)
		}},
	}
}
