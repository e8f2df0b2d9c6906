package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

// client is one of many clients of a bucket in memory: closing it leaves the others be.
type client struct{ *mem.Bucket }

func (client) Close() error { return nil }

// plain is a client without extras.
type plain struct{ bucket.Bucket }

// handle is what a broken bucket does with a request; next is the right way.
type handle func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error)

func around(h handle) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) { return h(ctx, r, next) }
	}
}

// where breaks some requests only.
func where(which func(r *bucket.Request) bool, h handle) bucket.Middleware {
	return around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		if which(r) {
			return h(ctx, r, next)
		}
		return next(ctx, r)
	})
}

func verbs(verbs ...bucket.Verb) func(r *bucket.Request) bool {
	return func(r *bucket.Request) bool { return slices.Contains(verbs, r.Verb) }
}

var (
	reads    = verbs(bucket.Get, bucket.Stat, bucket.GetRange)
	deletes  = verbs(bucket.Delete, bucket.DeleteIf, bucket.Removal, bucket.DeleteAll)
	lists    = verbs(bucket.List)
	anything = func(*bucket.Request) bool { return true }
	creates  = func(r *bucket.Request) bool { return r.Condition.Absent() }
	swaps    = func(r *bucket.Request) bool { return r.Condition.Version() != "" }
	large    = func(r *bucket.Request) bool { return r.Body != nil && r.Body.Size() > 8<<20 }
)

// failing answers with an error of a kind.
func failing(kind error) handle {
	return func(_ context.Context, r *bucket.Request, _ bucket.Handler) (bucket.Answer, error) {
		return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: kind}
	}
}

// overwriting puts whatever the condition.
func overwriting(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
	for {
		stat, err := next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key})
		put := *r
		put.Condition = bucket.IfAbsent()
		if err == nil {
			put.Condition = bucket.IfMatch(stat.Info.Version)
		}
		answer, err := next(ctx, &put)
		if !errors.Is(err, bucket.ErrExists) && !errors.Is(err, bucket.ErrChanged) {
			return answer, err
		}
	}
}

// pausing looks whether the condition holds, lets others go on, and then writes.
func pausing(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
	stat, err := next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key})
	switch {
	case r.Condition.Absent() && err == nil:
		return failing(bucket.ErrExists)(ctx, r, next)
	case !r.Condition.Absent() && (err != nil || stat.Info.Version != r.Condition.Version()):
		return failing(bucket.ErrChanged)(ctx, r, next)
	}
	if err := op.SystemClock().Sleep(ctx, time.Millisecond); err != nil {
		return bucket.Answer{}, err
	}
	return overwriting(ctx, r, next)
}

// answering changes what was answered.
func answering(change func(r *bucket.Request, answer bucket.Answer, err error) (bucket.Answer, error)) handle {
	return func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		return change(r, answer, err)
	}
}

// hidingWhatIsMissing is a store whose role may not list.
var hidingWhatIsMissing = answering(func(r *bucket.Request, answer bucket.Answer, err error) (bucket.Answer, error) {
	if errors.Is(err, bucket.ErrNotFound) {
		return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrRefused}
	}
	return answer, err
})

// spoiling changes a byte in the middle of what is not quite small.
var spoiling = answering(func(r *bucket.Request, answer bucket.Answer, err error) (bucket.Answer, error) {
	if answer.Object == nil || answer.Object.Size < 4096 {
		return answer, err
	}
	content, err := io.ReadAll(answer.Object.Body)
	if err != nil {
		return bucket.Answer{}, err
	}
	content[len(content)/2] ^= 1
	object := *answer.Object
	object.Body = io.NopCloser(bytes.NewReader(content))
	return bucket.Answer{Object: &object}, nil
})

// disordered lists backwards.
var disordered = answering(func(r *bucket.Request, answer bucket.Answer, err error) (bucket.Answer, error) {
	slices.Reverse(answer.Page.Objects)
	return answer, err
})

// listingLate shows an object only when it is a second old.
func listingLate() bucket.Middleware {
	clock := op.SystemClock()
	return where(lists, answering(func(_ *bucket.Request, answer bucket.Answer, err error) (bucket.Answer, error) {
		answer.Page.Objects = slices.DeleteFunc(answer.Page.Objects, func(info bucket.Info) bool { return clock.Now().Sub(info.ModTime) < time.Second })
		return answer, err
	}))
}

// rememberingMisses is a cache before the store, which keeps that an object is missing.
func rememberingMisses() bucket.Middleware {
	var missed sync.Map
	return where(reads, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		if _, ok := missed.Load(r.Key); ok {
			return failing(bucket.ErrNotFound)(ctx, r, next)
		}
		answer, err := next(ctx, r)
		if errors.Is(err, bucket.ErrNotFound) {
			missed.Store(r.Key, true)
		}
		return answer, err
	})
}

// losingAnswers does every seventh write and says that it has not answered.
func losingAnswers() bucket.Middleware {
	var puts atomic.Int64
	return where(verbs(bucket.Put), func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		if puts.Add(1)%7 == 0 {
			return failing(bucket.ErrUnavailable)(ctx, r, next)
		}
		return answer, err
	})
}

// falling answers so many requests and then in a way of its own.
func falling(after int64, into handle) bucket.Middleware {
	var requests atomic.Int64
	return where(func(*bucket.Request) bool { return requests.Add(1) > after }, into)
}

// hanging does not answer.
func hanging(ctx context.Context, _ *bucket.Request, _ bucket.Handler) (bucket.Answer, error) {
	<-ctx.Done()
	return bucket.Answer{}, ctx.Err()
}

// ignoringTheVersion deletes whatever there is.
func ignoringTheVersion(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
	return next(ctx, &bucket.Request{Verb: bucket.Delete, Key: r.Key})
}

// deletingLater looks whether the version is still the one, lets others go on, and then deletes.
func deletingLater(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
	stat, err := next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key})
	if err != nil || stat.Info.Version != r.Version {
		return failing(bucket.ErrChanged)(ctx, r, next)
	}
	if err := op.SystemClock().Sleep(ctx, time.Millisecond); err != nil {
		return bucket.Answer{}, err
	}
	return ignoringTheVersion(ctx, r, next)
}

// looksBeforeItDeletes has replacements arrive while deletes have looked, and have not deleted yet.
func looksBeforeItDeletes() bucket.Middleware {
	return around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		if r.Verb == bucket.DeleteIf {
			return deletingLater(ctx, r, next)
		}
		if swaps(r) {
			if err := op.SystemClock().Sleep(ctx, time.Millisecond/2); err != nil {
				return bucket.Answer{}, err
			}
		}
		return next(ctx, r)
	})
}

// distant takes its time.
func distant(d time.Duration) bucket.Middleware {
	return around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		if err := op.SystemClock().Sleep(ctx, d); err != nil {
			return bucket.Answer{}, err
		}
		return next(ctx, r)
	})
}

// ofAnotherTime says that objects were changed an hour ago.
var ofAnotherTime = answering(func(r *bucket.Request, answer bucket.Answer, err error) (bucket.Answer, error) {
	answer.Info.ModTime = answer.Info.ModTime.Add(-time.Hour)
	return answer, err
})

// undated tells no time.
var undated = answering(func(r *bucket.Request, answer bucket.Answer, err error) (bucket.Answer, error) {
	answer.Page.Date = time.Time{}
	return answer, err
})
