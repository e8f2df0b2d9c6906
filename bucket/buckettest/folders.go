package buckettest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

func folderCases() []Case {
	return []Case{
		{Name: "Folders are the beginnings of keys up to the next slash, each once", Reads: true, run: func(p *probe) {
			p.createOrdered()
			p.hasFolders("", "b/", "c/")
			p.hasFolders("b/", "b/a/", "b/c/")
			p.hasFolders("c/", "c/d/")
			p.hasFolders("c/d/", "c/d/eg/")
			p.hasFolders("b/c/")
			p.hasFolders("a/") // an object
			p.hasFolders("x/")
		}},
		{Name: "Folders whose names begin alike are told apart, in ascending byte order", Reads: true, run: func(p *probe) {
			for _, name := range []string{"ab/x", "a/y/z", "a-b/x", "a0/a/x", "a/x", "a.b/x", "a_b/x", "a-"} {
				p.create(name, "")
			}
			p.hasFolders("", "a-b/", "a.b/", "a/", "a0/", "a_b/", "ab/")
			p.hasFolders("a/", "a/y/")
			p.hasFolders("a0/", "a0/a/")
		}},
		{Name: "Folders of nothing are none, and with its last object a folder goes", Reads: true, run: func(p *probe) {
			p.hasFolders("")
			p.create("07/marks/x", "")
			p.create("25", "")
			p.hasFolders("", "07/")
			p.hasFolders("07/", "07/marks/")
			p.must(p.writer.Delete(p.ctx, p.key("07/marks/x")))
			p.hasFolders("")
			p.hasFolders("07/")
		}},
		{Name: "Folders are found among many objects, in large folders and in small ones", Reads: true, run: func(p *probe) {
			const many = 15
			var want []string
			p.together(many, func(i int) {
				p.create(fmt.Sprintf("10-%02d", i), "")
				p.create(fmt.Sprintf("10/%02d", i), "")
				p.create(fmt.Sprintf("20/%02d/x", i), "")
			})
			for i := range many {
				want = append(want, fmt.Sprintf("20/%02d/", i))
			}
			p.hasFolders("", "10/", "20/")
			p.hasFolders("10/")
			p.hasFolders("20/", want...)
		}},
		{Name: "Folders under what is no folder are refused", Reads: true, run: func(p *probe) {
			for _, prefix := range []string{"x", "x//", "Upper/", "../", "x./", "/"} {
				_, err := bucket.Folders(p.ctx, p.b, p.folder+prefix)
				p.fails(bucket.ErrInvalid, err)
			}
		}},
		{Name: "pages of folders miss none", Extra: bucket.ListFolders, Reads: true, run: func(p *probe) {
			p.createOrdered()
			p.create("d/x", "")
			p.create("e/x/y", "")
			p.create("f", "")
			want := []string{"b/", "c/", "d/", "e/"}
			for limit := range len(ordered) {
				p.walksFolders(limit, want)
			}
		}},
		{Name: "a page of folders that cannot be is refused", Extra: bucket.ListFolders, Reads: true, run: func(p *probe) {
			for _, options := range []bucket.ListOptions{{Limit: -1}, {Limit: bucket.MaxPage + 1}, {After: "a"}, {Prefix: "x"}} {
				options.Prefix = p.folder + options.Prefix
				_, err := p.lister().ListFolders(p.ctx, options)
				p.fails(bucket.ErrInvalid, err)
			}
		}},
	}
}

// hasFolders demands these folders under a prefix in the case's folder.
func (p *probe) hasFolders(prefix string, want ...string) {
	got, err := bucket.Folders(p.ctx, p.b, p.key(prefix))
	p.must(err)
	if names := p.names(got); !slices.Equal(names, want) {
		p.failf("the folders under %q are %q, not %q", prefix, names, want)
	}
}

// walksFolders demands that a walk by tokens yields these folders.
func (p *probe) walksFolders(limit int, want []string) {
	var got []string
	options := bucket.ListOptions{Prefix: p.folder, Limit: limit}
	for pages := 0; ; pages++ {
		page, err := p.lister().ListFolders(p.ctx, options)
		p.must(err)
		got = append(got, p.names(page.Folders)...)
		if options.Token = page.Next; page.Next == "" {
			break
		}
		if pages > 2*len(ordered) {
			p.failf("the walk does not end")
		}
	}
	if !slices.Equal(got, want) {
		p.failf("with %d a page the walk yields the folders %q, not %q", limit, got, want)
	}
}

// names are keys without the case's folder.
func (p *probe) names(keys []string) []string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = strings.TrimPrefix(key, p.folder)
	}
	return names
}

func (p *probe) lister() bucket.FolderLister {
	lister, ok := bucket.As[bucket.FolderLister](p.b)
	if !ok {
		p.failf("bucket.As finds no FolderLister")
	}
	return lister
}
