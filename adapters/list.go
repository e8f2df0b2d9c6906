package adapters

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

// List implements bucket.Bucket, in one request.
func (b *Bridge) List(ctx context.Context, options bucket.ListOptions) (bucket.Page, error) {
	r := asked{verb: bucket.List, key: options.Prefix + "*"}
	if err := b.check(ctx, r, bucket.CheckList(options)); err != nil {
		return bucket.Page{}, err
	}
	if beginsNoKey(options.Prefix) {
		return bucket.Page{}, nil
	}
	at := b.place(options)
	listing := Listing{Prefix: plain(options.Prefix), After: plain(options.After), Token: at.token, Size: at.size}
	if b.o.FromStart {
		listing.After = ""
	}
	ctx, seen := b.request(ctx)
	got, err := b.provider.List(ctx, listing)
	if err != nil {
		return bucket.Page{}, b.explain(ctx, r, seen, err)
	}
	page := bucket.Page{Objects: got.Objects[:0], Date: seen.date()}
	for _, info := range got.Objects {
		if info.Key <= at.after || !strings.HasPrefix(info.Key, options.Prefix) {
			continue
		}
		if len(page.Objects) == at.limit {
			page.Next = token(page.Objects[at.limit-1].Key, at.token)
			return page, nil
		}
		page.Objects = append(page.Objects, info)
	}
	if got.Next != "" {
		page.Next = token(at.after, got.Next)
	}
	return page, nil
}

// ListFolders implements bucket.FolderLister, in one request.
func (b *Bridge) ListFolders(ctx context.Context, options bucket.ListOptions) (bucket.FolderPage, error) {
	r := asked{verb: bucket.ListFolders, key: options.Prefix + "*"}
	if err := b.check(ctx, r, bucket.CheckFolders(options)); err != nil {
		return bucket.FolderPage{}, err
	}
	at := b.place(options)
	ctx, seen := b.request(ctx)
	got, err := b.provider.Folders(ctx, Listing{Prefix: options.Prefix, Token: at.token, Size: at.size})
	if err != nil {
		return bucket.FolderPage{}, b.explain(ctx, r, seen, err)
	}
	// fake-gcs-server tells of a folder again on each page that has a key in it.
	page := bucket.FolderPage{Folders: slices.DeleteFunc(got.Folders, func(folder string) bool { return folder <= at.after })}
	if got.Next != "" {
		last := at.after
		if n := len(page.Folders); n > 0 {
			last = page.Folders[n-1]
		}
		page.Next = token(last, got.Next)
	}
	return page, nil
}

// beginsNoKey says whether no key begins with a prefix. MinIO refuses to look for it.
func beginsNoKey(prefix string) bool {
	return strings.Contains("/"+prefix, "//") || strings.Contains(prefix, "./")
}

// plain is the part of a prefix or a key before a path segment that is a dot or two, which MinIO refuses to look for, or is empty.
func plain(prefix string) string {
	at := 0
	for segment := range strings.SplitSeq(prefix, "/") {
		if segment == "." || segment == ".." || segment == "" && at < len(prefix) {
			return prefix[:at]
		}
		at += len(segment) + 1
	}
	return prefix
}

// place is where in a listing a page begins: in a page of the service, after a key.
type place struct {
	token string // of the service's page, empty at the first
	after string // keys up to it are passed over
	limit int    // keys that the page may have
	size  int    // keys to ask for
}

// place is where the page of these options begins. Where the service always begins at the first key, a page with After is cut out of the service's largest one.
func (b *Bridge) place(options bucket.ListOptions) place {
	at := place{token: options.Token, after: options.After, limit: cmp.Or(options.Limit, b.o.PageSize)}
	at.size = min(at.limit, b.o.PageSize)
	if b.o.FromStart && options.After != "" {
		at.size = b.o.PageSize
	}
	if last, token, ok := strings.Cut(options.Token, " "); ok {
		at.after, at.token = last, token
	}
	return at
}

// token is the token of the page that begins after a key in the service's page of a token: no key that the service gives is lost, also where it gives more of
// them than it was asked for.
func token(last, token string) string { return last + " " + token }
