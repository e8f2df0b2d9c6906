package buckettest

import (
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// noUploadCases are of a store in which nobody has begun an upload.
func noUploadCases() []Case {
	return []Case{
		{Name: "ListUploads of nothing is an empty page, and the last", Extra: bucket.ListUploads, Reads: true, run: func(p *probe) {
			p.create("a", "an object is no upload")
			page, err := p.uploads().ListUploads(p.ctx, bucket.ListOptions{Prefix: p.folder})
			p.must(err)
			if len(page.Uploads) > 0 || page.Next != "" {
				p.failf("the page is %+v", page)
			}
		}},
		{Name: "a listing of uploads that cannot be is refused", Extra: bucket.ListUploads, Reads: true, run: func(p *probe) {
			for _, options := range []bucket.ListOptions{{Limit: -1}, {Limit: bucket.MaxPage + 1}, {After: "a"}, {Prefix: "Upper"}} {
				options.Prefix = p.folder + options.Prefix
				_, err := p.uploads().ListUploads(p.ctx, options)
				p.fails(bucket.ErrInvalid, err)
			}
		}},
		{Name: "AbortUpload of what names no upload is refused", Extra: bucket.ListUploads, run: func(p *probe) {
			p.create("a", "one")
			for _, upload := range []bucket.Upload{{Key: p.key("a")}, {Key: p.key("Upper"), ID: "1"}, {Key: p.key("../a"), ID: "1"}, {ID: "1"}} {
				p.fails(bucket.ErrInvalid, p.uploads().AbortUpload(p.ctx, upload))
			}
			p.holds("a", "one")
		}},
	}
}

// uploadCases are of a store in which somebody has.
func uploadCases() []Case {
	return []Case{
		{Name: "an upload that was begun is listed, and is no object", Extra: bucket.ListUploads, run: func(p *probe) {
			p.begun("a", "b/c")
			p.create("d", "one")
			page, err := p.uploads().ListUploads(p.ctx, bucket.ListOptions{Prefix: p.folder})
			p.must(err)
			for _, u := range page.Uploads {
				if age := page.Date.Sub(u.Begun); u.ID == "" || !page.Date.IsZero() && (age < -time.Minute || age > 24*time.Hour) {
					p.failf("at %v the store says %+v of an upload that was begun just now", page.Date, u)
				}
			}
			p.listsUploads("", "a", "b/c")
			p.lists(bucket.ListOptions{Prefix: p.folder}, "d")
			p.lacks("a")
		}},
		{Name: "an upload that was aborted is listed no more, and the others stay", Extra: bucket.ListUploads, run: func(p *probe) {
			p.begun("a", "a", "a-", "b")
			p.create("a", "one")
			of := p.walkUploads("a", 0)
			p.must(p.uploads().AbortUpload(p.ctx, of[1]))
			if left := p.walkUploads("a", 0); len(left) != 2 || left[0] != of[0] || left[1] != of[2] {
				p.failf("of the uploads %+v the second was aborted, and there are %+v", of, left)
			}
			p.must(p.uploads().AbortUpload(p.ctx, of[1]))                                        // again
			p.must(p.uploads().AbortUpload(p.ctx, bucket.Upload{Key: p.key("b"), ID: of[0].ID})) // which is another's
			p.listsUploads("", "a", "a-", "b")
			for _, u := range p.walkUploads("", 0) {
				p.must(p.uploads().AbortUpload(p.ctx, u))
			}
			p.listsUploads("")
			p.holds("a", "one")
		}},
		{Name: "pages of uploads miss none, and have those of the prefix alone", Extra: bucket.ListUploads, run: func(p *probe) {
			names := []string{"a", "a", "a", "a", "a-b", "a/b", "b/x", "b/x", "c"}
			p.begun(names...)
			for limit := range len(names) + 2 {
				var got []string
				ids := map[string]bool{}
				for _, u := range p.walkUploads("", limit) {
					got = append(got, strings.TrimPrefix(u.Key, p.folder))
					ids[u.ID] = true
				}
				if !slices.Equal(got, names) || len(ids) != len(names) {
					p.failf("with %d a page the walk yields the uploads %q with %d ids, not %q", limit, got, len(ids), names)
				}
			}
			p.listsUploads("a-", "a-b")
			p.listsUploads("b/", "b/x", "b/x")
			p.listsUploads("d")
		}},
	}
}

func (p *probe) uploads() bucket.Uploads {
	uploads, ok := bucket.As[bucket.Uploads](p.b)
	if !ok {
		p.failf("bucket.As finds no Uploads")
	}
	return uploads
}

// begun begins uploads.
func (p *probe) begun(names ...string) {
	for _, name := range names {
		if err := p.begin(p.ctx, p.key(name)); err != nil {
			p.failf("beginning an upload: %w", err)
		}
	}
}

// walkUploads walks a listing of uploads to its end.
func (p *probe) walkUploads(prefix string, limit int) []bucket.Upload {
	var uploads []bucket.Upload
	options := bucket.ListOptions{Prefix: p.key(prefix), Limit: limit}
	for pages := 0; ; pages++ {
		page, err := p.uploads().ListUploads(p.ctx, options)
		p.must(err)
		if limit > 0 && len(page.Uploads) > limit {
			p.failf("a page of at most %d uploads has %d", limit, len(page.Uploads))
		}
		uploads = append(uploads, page.Uploads...)
		if options.Token = page.Next; page.Next == "" {
			return uploads
		}
		if pages > 100 {
			p.failf("the walk does not end")
		}
	}
}

// listsUploads demands that the uploads under a prefix are those of these names, in this order.
func (p *probe) listsUploads(prefix string, want ...string) {
	var got []string
	for _, u := range p.walkUploads(prefix, 0) {
		got = append(got, strings.TrimPrefix(u.Key, p.folder))
	}
	if !slices.Equal(got, want) {
		p.failf("the uploads under %q are of %q, not of %q", prefix, got, want)
	}
}
