package bucket

import (
	"context"
	"strings"
)

// Folders lists the folders right under a prefix, which is empty or ends with a slash: the beginnings of keys up to the slash after the prefix, as "index/00/" and
// "index/25/" under "index/". Each is there once, in ascending byte order. It takes one request a page where the bucket is a FolderLister, else about one for each
// folder.
func Folders(ctx context.Context, b Bucket, prefix string) ([]string, error) {
	options := ListOptions{Prefix: prefix}
	lister, ok := As[FolderLister](b)
	if !ok {
		return skip(ctx, b, options)
	}
	var folders []string
	for {
		page, err := lister.ListFolders(ctx, options)
		if err != nil {
			return nil, err
		}
		folders = append(folders, page.Folders...)
		if options.Token = page.Next; page.Next == "" {
			return folders, nil
		}
	}
}

const (
	glance = 10  // keys a page: enough to pass over some objects that are in no folder, or in small ones
	beyond = "~" // follows all that a key may go on with
)

// skip finds folders in a plain listing, which goes on beyond the folder in which a page ends.
func skip(ctx context.Context, b Bucket, options ListOptions) ([]string, error) {
	if err := CheckFolders(options); err != nil {
		return nil, &Error{Verb: ListFolders, Key: options.Prefix + "*", Kind: ErrInvalid, Err: err}
	}
	options.Limit = glance
	var folders []string
	for {
		page, err := b.List(ctx, options)
		if err != nil {
			return nil, err
		}
		options.Token = page.Next
		for i, info := range page.Objects {
			name, _, inside := strings.Cut(strings.TrimPrefix(info.Key, options.Prefix), "/")
			if !inside {
				continue
			}
			folder := options.Prefix + name + "/"
			if len(folders) == 0 || folders[len(folders)-1] != folder {
				folders = append(folders, folder)
			}
			if i == len(page.Objects)-1 {
				options.Token, options.After = "", max(folder+beyond, info.Key) // a key that is not Quiver's may be greater
			}
		}
		if page.Next == "" {
			return folders, nil
		}
	}
}
