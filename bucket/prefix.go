package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Under is b with all keys under a prefix that ends with a slash, as "team/": a bucket in the bucket. Errors name keys without it. Fails with ErrInvalid.
func Under(b Bucket, prefix string) (Bucket, error) {
	key, ok := strings.CutSuffix(prefix, "/")
	if !ok {
		return nil, fmt.Errorf("%w: prefix %q does not end with a slash", ErrInvalid, prefix)
	}
	if err := CheckKey(key); err != nil {
		return nil, fmt.Errorf("prefix %q: %w", prefix, err)
	}
	next := ask(b)
	return &wrapped{inner: b, prefix: prefix, handle: func(ctx context.Context, r *Request) (Answer, error) {
		answer, err := next(ctx, under(prefix, r))
		if err != nil {
			return answer, named(err, prefix, r)
		}
		return without(prefix, answer), nil
	}}, nil
}

// under is the request with its keys under the prefix.
func under(prefix string, r *Request) *Request {
	inner := *r
	switch r.Verb {
	case List, ListFolders, ListUploads:
		inner.List.Prefix = prefix + r.List.Prefix
		if r.List.After != "" {
			inner.List.After = prefix + r.List.After
		}
	case DeleteAll:
		inner.Keys = make([]string, len(r.Keys))
		for i, key := range r.Keys {
			inner.Keys[i] = prefix + key
		}
	default:
		inner.Key = prefix + r.Key
	}
	return &inner
}

// without is the answer with the prefix cut off its keys.
func without(prefix string, answer Answer) Answer {
	if answer.Object != nil {
		answer.Object.Key = strings.TrimPrefix(answer.Object.Key, prefix)
	}
	answer.Info.Key = strings.TrimPrefix(answer.Info.Key, prefix)
	for i := range answer.Page.Objects {
		answer.Page.Objects[i].Key = strings.TrimPrefix(answer.Page.Objects[i].Key, prefix)
	}
	for i := range answer.Folders.Folders {
		answer.Folders.Folders[i] = strings.TrimPrefix(answer.Folders.Folders[i], prefix)
	}
	for i := range answer.Uploads.Uploads {
		answer.Uploads.Uploads[i].Key = strings.TrimPrefix(answer.Uploads.Uploads[i].Key, prefix)
	}
	return answer
}

// named is the error with the key as the caller knows it: of a bulk delete the one that failed.
func named(err error, prefix string, r *Request) error {
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	renamed := *failure
	renamed.Key = r.Name()
	if key, under := strings.CutPrefix(failure.Key, prefix); under && r.Verb == DeleteAll {
		renamed.Key = key
	}
	return &renamed
}
