package mem

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

// BeginUpload leaves an unfinished upload behind, as a writer does that dies while it uploads an object in parts. A Put never does.
func (b *Bucket) BeginUpload(key string) bucket.Upload {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun++
	u := bucket.Upload{Key: key, ID: fmt.Sprintf("%020d", b.begun), Begun: b.clock.Now()}
	at, _ := slices.BinarySearchFunc(b.uploads, u, inOrder)
	b.uploads = slices.Insert(b.uploads, at, u)
	return u
}

// inOrder is the order of uploads: by their keys, those of one key as they were begun.
func inOrder(a, b bucket.Upload) int {
	return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.ID, b.ID))
}

// ListUploads implements bucket.Uploads. Its token is the last upload of the page before.
func (b *Bucket) ListUploads(ctx context.Context, options bucket.ListOptions) (bucket.UploadPage, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.check(ctx, bucket.ListUploads, options.Prefix+"*", bucket.CheckUploads(options)); err != nil {
		return bucket.UploadPage{}, err
	}
	id, key, _ := strings.Cut(options.Token, " ")
	limit := cmp.Or(options.Limit, bucket.PageSize)
	page := bucket.UploadPage{Date: b.clock.Now()}
	for _, u := range b.uploads {
		if !strings.HasPrefix(u.Key, options.Prefix) || inOrder(u, bucket.Upload{Key: key, ID: id}) <= 0 {
			continue
		}
		if len(page.Uploads) == limit {
			last := page.Uploads[limit-1]
			page.Next = last.ID + " " + last.Key
			break
		}
		page.Uploads = append(page.Uploads, u)
	}
	return page, nil
}

// AbortUpload implements bucket.Uploads.
func (b *Bucket) AbortUpload(ctx context.Context, upload bucket.Upload) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.check(ctx, bucket.AbortUpload, upload.Key, bucket.CheckUpload(upload)); err != nil {
		return err
	}
	b.uploads = slices.DeleteFunc(b.uploads, func(u bucket.Upload) bool { return u.Key == upload.Key && u.ID == upload.ID })
	return nil
}
