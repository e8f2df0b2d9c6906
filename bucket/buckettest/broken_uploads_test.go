package buckettest_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// brokenUploads are buckets that are broken where somebody has begun an upload.
func brokenUploads() map[string]bucket.Middleware {
	pages := func(change func(page *bucket.UploadPage)) bucket.Middleware {
		return answering(bucket.ListUploads, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			change(&answer.Uploads)
			return answer, err
		})
	}
	return map[string]bucket.Middleware{
		"uploads have no ids": pages(func(page *bucket.UploadPage) {
			for i := range page.Uploads {
				page.Uploads[i].ID = ""
			}
		}),
		"uploads are of long ago": pages(func(page *bucket.UploadPage) {
			for i := range page.Uploads {
				page.Uploads[i].Begun = time.Time{}
			}
		}),
		"an upload is an object": only(bucket.Stat, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			listed, err := next(ctx, &bucket.Request{Verb: bucket.ListUploads, List: bucket.ListOptions{Prefix: r.Key}})
			if err == nil && len(listed.Uploads.Uploads) > 0 {
				return bucket.Answer{Info: bucket.Info{Key: r.Key, Version: "1"}}, nil
			}
			return next(ctx, r)
		}),
		"nothing is aborted": only(bucket.AbortUpload, func(context.Context, *bucket.Request, bucket.Handler) (bucket.Answer, error) {
			return bucket.Answer{}, nil
		}),
		"the object is deleted too": only(bucket.AbortUpload, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if _, err := next(ctx, &bucket.Request{Verb: bucket.Removal, Key: r.Key}); err != nil {
				return bucket.Answer{}, err
			}
			return next(ctx, r)
		}),
		"all uploads of a key are aborted": only(bucket.AbortUpload, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			listed, err := next(ctx, &bucket.Request{Verb: bucket.ListUploads, List: bucket.ListOptions{Prefix: r.Key}})
			for _, u := range listed.Uploads.Uploads {
				if _, err := next(ctx, &bucket.Request{Verb: bucket.AbortUpload, Key: u.Key, Upload: u.ID}); err != nil {
					return bucket.Answer{}, err
				}
			}
			return bucket.Answer{}, err
		}),
		"an abort is not repeated": func() bucket.Middleware {
			aborted := map[string]bool{}
			return only(bucket.AbortUpload, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
				if aborted[r.Upload] {
					return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: bucket.ErrNotFound}
				}
				aborted[r.Upload] = true
				return next(ctx, r)
			})
		}(),
		"a page is the last": pages(func(page *bucket.UploadPage) { page.Next = "" }),
		"pages begin after a key": changing(bucket.ListUploads, func(r *bucket.Request) {
			if _, key, ok := strings.Cut(r.List.Token, " "); ok {
				r.List.Token = "~ " + key
			}
		}),
		"the limit is ignored":    changing(bucket.ListUploads, func(r *bucket.Request) { r.List.Limit = 0 }),
		"the prefix is ignored":   changing(bucket.ListUploads, func(r *bucket.Request) { r.List.Prefix = "" }),
		"uploads are in no order": pages(func(page *bucket.UploadPage) { slices.Reverse(page.Uploads) }),
	}
}
