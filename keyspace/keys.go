package keyspace

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// Keys are the keys of one storage. It may be used by many goroutines.
//
// Contract: KeyManagement.
type Keys struct {
	bucket  bucket.Bucket
	space   layout.Keyspace
	context op.Context
}

// New returns the keys of a keyspace in a bucket. The context is entered around every operation; nil means none.
func New(b bucket.Bucket, space layout.Keyspace, context op.Context) *Keys {
	if context == nil {
		context = op.None()
	}
	return &Keys{b, space, context}
}

// Do enters the operation context for a key.
func (k *Keys) Do(ctx context.Context, key digest.Key, intent op.Intent, operation func(context.Context) error) error {
	return k.context.Do(ctx, Text(key), intent, operation)
}

// Text is a key as people write it.
func Text(key digest.Key) string { return fmt.Sprint(key) }

// List yields every key after a digest in ascending order; the zero Digest means from the start. A listing that broke off is resumed after the last
// key seen. It costs one request for each 1,000 keys, and none after the caller stops. Objects that are not named by a digest are passed over.
//
// Contract: KeyManagement.list.
func (k *Keys) List(ctx context.Context, after digest.Digest) iter.Seq2[digest.Digest, error] {
	return func(yield func(digest.Digest, error) bool) {
		for entry, err := range k.Entries(ctx, after) {
			if !yield(entry.Digest, err) {
				return
			}
		}
	}
}

// Entry is a key with what a listing tells of its object.
type Entry struct {
	Digest digest.Digest
	bucket.Info
}

// Entries yields what List does, with the size and the time of each object.
func (k *Keys) Entries(ctx context.Context, after digest.Digest) iter.Seq2[Entry, error] {
	options := bucket.ListOptions{Prefix: k.space.Folder()}
	if !after.IsZero() {
		options.After = k.space.Name(after)
	}
	return k.scan(ctx, options)
}

// scan yields the entries of a listing.
func (k *Keys) scan(ctx context.Context, options bucket.ListOptions) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for info, err := range bucket.All(ctx, k.bucket, options) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if d, ok := k.space.Parse(info.Key); ok && !yield(Entry{d, info}, nil) {
				return
			}
		}
	}
}

// firstTwo returns the two smallest keys with a prefix, in one request.
func (k *Keys) firstTwo(ctx context.Context, hex string) ([]digest.Digest, error) {
	var found []digest.Digest
	for entry, err := range k.scan(ctx, bucket.ListOptions{Prefix: k.space.Prefix(hex), Limit: 2}) {
		if err != nil {
			return nil, err
		}
		if found = append(found, entry.Digest); len(found) == 2 {
			break
		}
	}
	return found, nil
}

// Contains says whether there is an entry. A full digest costs one HEAD, a prefix one LIST of two keys. An unknown or too short prefix is false;
// an ambiguous one is a *digest.AmbiguousError, a malformed one digest.ErrMalformed.
//
// Contract: KeyManagement.contains.
func (k *Keys) Contains(ctx context.Context, key digest.Key) (there bool, err error) {
	full, _, isFull, err := digest.Split(key)
	if errors.Is(err, digest.ErrTooShort) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !isFull {
		_, err := k.Expand(ctx, key)
		if errors.Is(err, digest.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	err = k.Do(ctx, full, op.Read, func(ctx context.Context) error {
		_, err := k.bucket.Stat(ctx, k.space.Name(full))
		there = err == nil
		if errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		return err
	})
	return there, err
}

// Expand returns the digest that a key stands for: a full digest as it is, without a request; a prefix by one LIST of two keys. An unknown prefix
// is digest.ErrNotFound, one of several keys a *digest.AmbiguousError.
//
// Contract: KeyManagement.expand.
func (k *Keys) Expand(ctx context.Context, key digest.Key) (full digest.Digest, err error) {
	full, short, isFull, err := digest.Split(key)
	if err != nil || isFull {
		return full, err
	}
	err = k.Do(ctx, short, op.Read, func(ctx context.Context) error {
		candidates, err := k.firstTwo(ctx, string(short))
		if err != nil {
			return err
		}
		full, err = digest.Resolve(short, candidates)
		return err
	})
	return full, err
}
