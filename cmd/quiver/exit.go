package main

import (
	"errors"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/digest"
)

// The exit statuses of all commands but exec, which ends as its command does.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitAmbiguous   = 4
	exitStore       = 5 // refused or unreachable
	exitExec        = execution.Failed
	exitInterrupted = 130
)

var errInterrupted = errors.New("interrupted")

// usageError is an error in what was asked rather than in doing it.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitStatus is the status that an error ends the program with.
func exitStatus(err error) int {
	_, usage := errors.AsType[usageError](err)
	_, ambiguous := errors.AsType[*quiver.AmbiguousError](err)
	_, exec := errors.AsType[failedExec](err)
	switch {
	case err == nil:
		return exitDone
	case exec:
		return exitExec
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case usage, errors.Is(err, digest.ErrMalformed), errors.Is(err, digest.ErrTooShort):
		return exitUsage
	case ambiguous:
		return exitAmbiguous
	case errors.Is(err, quiver.ErrNotFound):
		return exitNotFound
	}
	for _, kind := range []error{bucket.ErrRefused, bucket.ErrNoBucket, bucket.ErrThrottled, bucket.ErrUnavailable} {
		if errors.Is(err, kind) {
			return exitStore
		}
	}
	return exitFailed
}
