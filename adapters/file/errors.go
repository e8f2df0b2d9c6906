package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/quivercache/quiver/bucket"
)

var errClosed = errors.New("the bucket is closed")

// problem is a failure that says of which kind it is and what to do about it.
type problem struct {
	kind error
	err  error
	hint string
}

func (p *problem) Error() string { return p.err.Error() }

func (p *problem) Unwrap() error { return p.err }

// answer makes the error of a request what the contract wants it to be.
func (b *Bucket) answer(verb bucket.Verb, key string, err error) error {
	if err == nil {
		return nil
	}
	hint, kind := b.explain(err)
	if errors.Is(kind, err) {
		err = nil
	}
	return &bucket.Error{Verb: verb, Key: key, Kind: kind, Hint: hint, Err: err}
}

// explain finds what to do about a failure, and its kind.
func (b *Bucket) explain(err error) (hint string, kind error) {
	var errno syscall.Errno
	if p, ok := errors.AsType[*problem](err); ok {
		return p.hint, p.kind
	}
	if kind := bucket.Kind(err); kind != nil {
		return "", kind
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "", bucket.ErrUnavailable
	case errors.Is(err, errClosed), errors.Is(err, os.ErrClosed):
		return "", bucket.ErrInvalid
	case isFull(err):
		return "the disk is full or a quota is used up: make room for " + b.dir, bucket.ErrRefused
	case isReadOnly(err):
		return "the filesystem of " + b.dir + " is mounted read-only", bucket.ErrRefused
	case errors.Is(err, fs.ErrPermission):
		return "give this user the rights to the files in " + b.dir, bucket.ErrRefused
	case isTooLong(err):
		return "the filesystem takes no such long names: at most 255 characters between two slashes", bucket.ErrRefused
	case isTooMany(err):
		return "too many files are open: close the objects that were read, or raise the limit", bucket.ErrUnavailable
	case !errors.As(err, &errno):
		return "a symbolic link may lead out of " + b.dir, bucket.ErrRefused
	}
	return "", bucket.ErrUnavailable
}
