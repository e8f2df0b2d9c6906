package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// check looks at one thing.
type check struct {
	name   string
	needed bool
	after  []string // the checks that must hold, or this one is not tried
	limit  time.Duration
	cost   string // where it does not hold
	run    func(ctx context.Context) (detail string, err error)
}

// The checks that others rest on, or that mean something to the whole.
const (
	reach     = "reach"
	mayList   = "may-list"
	missing   = "missing-key"
	mayPut    = "may-put"
	mayGet    = "may-get"
	mayDelete = "may-delete"
	cleanup   = "cleanup"
)

// checks are all of them, in order.
func (x *examination) checks() []check {
	return slices.Concat(x.rightChecks(), x.readChecks(), x.listChecks(), x.writeChecks(), x.deleteChecks(), x.storeChecks(), x.contractChecks())
}

// unmet is the sentence on what does not hold.
type unmet struct{ error }

func unmetf(format string, args ...any) error { return unmet{fmt.Errorf(format, args...)} }

// untold is the sentence on why it could not be told whether something holds, where that is nobody's failure.
type untold struct{ error }

func untoldf(format string, args ...any) error { return untold{fmt.Errorf(format, args...)} }

// unreached is an error that says that the store is not there for this role, though it may have answered.
type unreached struct{ error }

func (e unreached) Unwrap() error { return e.error }

// try makes a check. It returns the store's error, too, where that kept it from a verdict.
func (x *examination) try(ctx context.Context, c check) (Finding, error) {
	f := Finding{Check: c.name, Holds: Unknown, Needed: c.needed, Cost: c.cost}
	for _, name := range c.after {
		if x.verdicts[name] != Holds {
			f.Detail = "not tried: it rests on " + name
			return f, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	detail, err := c.run(ctx)
	if err == nil {
		f.Holds, f.Detail, f.Cost = Holds, detail, ""
		return f, nil
	}
	f.Detail = plain(err)
	if _, ok := errors.AsType[untold](err); ok {
		return f, nil
	}
	if outage(err) {
		if c.name == reach {
			f.Holds = Broken // that is what it asks
		}
		return f, err
	}
	f.Holds = Broken
	return f, nil
}

// plain is an error for people: of a request that failed without the key, which means nothing to anybody but the doctor.
func plain(err error) string {
	text := err.Error()
	if failure, ok := errors.AsType[*bucket.Error](err); ok {
		text = strings.Replace(text, string(failure.Verb)+" "+failure.Key+": ", string(failure.Verb)+": ", 1)
	}
	return text
}

// outage says whether an error is the lack of an answer, rather than one that should not be.
func outage(err error) bool {
	if _, ok := errors.AsType[unmet](err); ok {
		return false
	}
	_, away := errors.AsType[unreached](err)
	return away || errors.Is(err, bucket.ErrUnavailable) || errors.Is(err, bucket.ErrThrottled) || errors.Is(err, bucket.ErrNoBucket) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
