package bucket

import "context"

// ReadOnly refuses every write, with ErrRefused, before it is sent.
func ReadOnly() Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, r *Request) (Answer, error) {
			if r.Verb.Writes() {
				return Answer{}, &Error{Verb: r.Verb, Key: r.Name(), Kind: ErrRefused, Hint: "the store was opened read-only"}
			}
			return next(ctx, r)
		}
	}
}
