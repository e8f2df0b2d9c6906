package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quivercache/quiver/op"
)

// RetryOptions bounds what one call may cost. The zero value of a field takes the default.
type RetryOptions struct {
	Attempts int           // requests a call at the most; default 4
	Attempt  time.Duration // how long one attempt may take until its answer begins; default 15 s, and 1 s for each MiB sent
	Deadline time.Duration // how long a call may take whose ctx has no deadline, the body of a Get excepted; default 60 s, and as above
	Budget   *op.Budget    // shared by the calls; default 100 repetitions
	Backoff  op.Backoff    // default 50 ms to 2 s, on the machine's clock and entropy
}

// or takes what is zero from others.
func (o RetryOptions) or(others RetryOptions) RetryOptions {
	o.Attempts = cmp.Or(o.Attempts, others.Attempts)
	o.Attempt = cmp.Or(o.Attempt, others.Attempt)
	o.Deadline = cmp.Or(o.Deadline, others.Deadline)
	o.Budget = cmp.Or(o.Budget, others.Budget)
	if o.Backoff.Base == 0 {
		o.Backoff.Base, o.Backoff.Cap = others.Backoff.Base, others.Backoff.Cap
	}
	return o
}

func (o RetryOptions) withDefaults() RetryOptions {
	o = o.or(RetryOptions{
		Attempts: 4, Attempt: 15 * time.Second, Deadline: time.Minute, Budget: op.NewBudget(100),
		Backoff: op.Backoff{Base: 50 * time.Millisecond, Cap: 2 * time.Second},
	})
	if o.Backoff.Clock == nil {
		o.Backoff.Clock = op.SystemClock()
	}
	if o.Backoff.Entropy == nil {
		o.Backoff.Entropy = op.SystemEntropy()
	}
	return o
}

// errAttempt is why an attempt was given up while its call goes on.
var errAttempt = errors.New("the attempt took too long")

// Retry sends a request again when the store was throttled or did not answer well, with a deadline for each attempt and for the call, within
// a budget. A request under op.SingleAttempt is sent once, with its deadline. A body that fails after Get returned is not repeated.
//
// A repeated write may be refused by its own first success: that ErrExists or ErrChanged is returned as it is, and the writer looks
// for its own bytes. Only the ErrNotFound of a repeated delete is known to be a success.
func Retry(options RetryOptions) Middleware {
	o := options.withDefaults()
	return func(next Handler) Handler {
		return func(ctx context.Context, r *Request) (answer Answer, err error) {
			ctx, cancel := o.within(ctx, r)
			defer cancel()
			_, bounded := ctx.Deadline() // all but a Get, whose body may outlast the call
			end := o.Backoff.Clock.Now().Add(o.Deadline)
			left := func() time.Duration { return end.Sub(o.Backoff.Clock.Now()) }
			attempts := o.Attempts
			if op.IsSingleAttempt(ctx) {
				attempts = 1
			}
			for n := 1; ; n++ {
				limit := o.Attempt + uploadTime(r)
				if !bounded {
					limit = min(limit, left())
				}
				answer, err = o.attempt(ctx, r, next, limit)
				if err == nil {
					o.Budget.Earn()
					return answer, nil
				}
				if n > 1 && (r.Verb == Delete || r.Verb == DeleteIf) && errors.Is(err, ErrNotFound) {
					return answer, nil
				}
				if n == attempts || !bounded && left() <= 0 || !Retryable(ctx, err) || !o.Budget.Spend() || o.Backoff.Wait(ctx, n) != nil {
					return answer, tried(err, n)
				}
			}
		}
	}
}

// within gives a call its deadline, unless ctx has one. A body being read is its reader's business.
func (o RetryOptions) within(ctx context.Context, r *Request) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has || reads(r.Verb) {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, o.Deadline+uploadTime(r))
}

func reads(v Verb) bool { return v == Get || v == GetRange }

func uploadTime(r *Request) time.Duration {
	if r.Verb == Copy {
		return time.Duration(r.Length>>20) * time.Second
	}
	if r.Body == nil {
		return 0
	}
	const unknown = 1 << 40 // a stream: its caller bounds it
	size := r.Body.Size()
	if size < 0 {
		size = unknown
	}
	return time.Duration(size>>20) * time.Second
}

// attempt sends the request once. The time of an attempt ends when the answer begins: the body of an object may take longer, and
// closing it releases the attempt.
func (o RetryOptions) attempt(ctx context.Context, r *Request, next Handler, limit time.Duration) (Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(errAttempt) })
	answer, err := next(ctx, r)
	if !timer.Stop() && answer.Object != nil { // its body is cut off, now or already
		cancel(errAttempt)
		answer.Object.Body.Close()
		answer, err = Answer{}, context.Cause(ctx)
	}
	if err != nil || answer.Object == nil {
		switch {
		case err == nil || answered(err):
		case errors.Is(context.Cause(ctx), errAttempt):
			// What the end of the attempt made of the request says nothing: it was not the caller who canceled.
			err = &Error{Verb: r.Verb, Key: r.Name(), Kind: ErrUnavailable, Err: fmt.Errorf("%w (%w)", errAttempt, context.DeadlineExceeded),
				Hint: "the store is silent: see that it can be reached and is not overloaded"}
		case Kind(err) == nil:
			err = &Error{Verb: r.Verb, Key: r.Name(), Kind: ErrUnavailable, Err: err}
		}
		cancel(nil)
		return answer, err
	}
	answer.Object.Body = &closer{answer.Object.Body, func() { cancel(nil) }}
	return answer, nil
}

// tried says how often a request was sent, where that was more than once.
func tried(err error, n int) error {
	failure, ok := errors.AsType[*Error](err)
	if n == 1 || !ok {
		return err
	}
	counted := *failure
	counted.Err = &repeated{n, cmp.Or(failure.Err, failure.Kind)}
	return &counted
}

// repeated is the failure of the last of several attempts. Where that is a refusal, an earlier one may have landed.
type repeated struct {
	attempts int
	err      error
}

func (r *repeated) Error() string {
	return fmt.Sprintf("%d attempts, the last one: %v", r.attempts, r.err)
}

func (r *repeated) Unwrap() error { return r.err }

// closer calls done once its body is closed.
type closer struct {
	io.ReadCloser
	done func()
}

// WriteTo leaves the copying to the body.
func (c *closer) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, c.ReadCloser) }

func (c *closer) Close() error {
	defer c.done()
	return c.ReadCloser.Close()
}
