package main

import (
	"cmp"
	"context"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// faraway is how long a request of a store in a cloud takes.
const faraway = 30 * time.Millisecond

// remote is a bucket as a program has it: each request waits, is retried and metered, and a page of a listing has 1,000 keys at the most, as S3's. The bytes of a body come
// without further wait.
func remote(b bucket.Bucket, wait time.Duration, meter *bucket.Meter) (bucket.Bucket, error) {
	return bucket.Decorate(bucket.Wrap(b, slow(wait), pages(bucket.PageSize)), bucket.Decorators{Limit: 64, Meter: meter})
}

// slow waits before each request.
func slow(wait time.Duration) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if wait > 0 {
				if err := clock.Sleep(ctx, wait); err != nil {
					return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrUnavailable, Err: err}
				}
			}
			return next(ctx, r)
		}
	}
}

// pages bounds the keys of a page.
func pages(most int) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb == bucket.List {
				bounded := *r
				bounded.List.Limit = min(cmp.Or(r.List.Limit, most), most)
				r = &bounded
			}
			return next(ctx, r)
		}
	}
}
