package quiver

import (
	"context"
	"errors"
	"reflect"

	"github.com/quivercache/quiver/callindex"
)

// Redigest files remembered calls of the function's name and module under the keys that its calls have as it is now: their arguments are loaded and digested again, by today's
// hooks, tags, Ignore and definition; those that the function does not count any more are left out. It is for after a change that altered keys and not results, of which it
// keeps what was remembered.
//
// Options.Query says which calls, as by an older version; its Name and Module are those of the function. A call whose arguments were not saved, or are lost, stays as
// it is. Otherwise it is a transformation: conditional, parallel, with a dry run.
func (f *Function[In, Out]) Redigest(ctx context.Context, options *callindex.TransformOptions) (callindex.Transform, error) {
	o := callindex.TransformOptions{}
	if options != nil {
		o = *options
	}
	o.Query.Name, o.Query.Module = f.identity.call.Name, f.identity.call.Module
	return f.store.Calls.Transform(ctx, func(r *Record) (*Record, error) {
		var in In
		_, err := f.arguments.fill(ctx, f.store.Values, &r.Call, reflect.ValueOf(&in).Elem())
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		now, _, err := f.identify(&in)
		if err != nil {
			return nil, err
		}
		r.Call = *now
		return r, nil
	}, &o)
}
