package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// ReadAll reads a small object whole, in one request, and closes it. An object larger than limit bytes fails with ErrInvalid.
func ReadAll(ctx context.Context, b Bucket, key string, limit int64) ([]byte, Info, error) {
	object, err := b.Get(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	defer object.Body.Close()
	if object.Size > limit {
		return nil, object.Info, &Error{Verb: Get, Key: key, Kind: ErrInvalid,
			Err: fmt.Errorf("the object has %d bytes, more than the %d that it may have", object.Size, limit)}
	}
	content := make([]byte, object.Size)
	if _, err := io.ReadFull(object.Body, content); err != nil {
		return nil, object.Info, bodyError(key, err)
	}
	if n, err := io.ReadFull(object.Body, make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return nil, object.Info, bodyError(key, errors.Join(fmt.Errorf("the body does not end after its %d bytes", object.Size), err))
	}
	return content, object.Info, nil
}

// bodyError gives the failure of a body the kind it has if the provider gave it none.
func bodyError(key string, err error) error {
	if Kind(err) != nil {
		return err
	}
	return &Error{Verb: Get, Key: key, Kind: ErrUnavailable, Err: fmt.Errorf("reading the body: %w", err)}
}

// All walks a listing page by page, one request each. It stops asking when the caller stops, and ends after its first error. To resume,
// set After to the last key seen. Limit is the number of keys a page.
func All(ctx context.Context, b Bucket, options ListOptions) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for {
			page, err := b.List(ctx, options)
			if err != nil {
				yield(Info{}, err)
				return
			}
			for _, info := range page.Objects {
				if !yield(info, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			options.Token = page.Next
		}
	}
}
