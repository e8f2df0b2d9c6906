package quiver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/lease"
)

// FuncOptions are the settings of a memoised function; nil, or a zero field, means the default.
type FuncOptions[Out any] struct {
	// Ignore names fields of In that do not count for the key: the function gets them, and its result must not depend on them. Of an embedded
	// struct, "Base" is all of its fields, "Base.A" is one.
	Ignore []string
	// Require names fields of In that must not be zero. A call where one is runs, but is neither looked up nor remembered.
	Require []string

	// CacheIf says whether a result is to be remembered; default all are.
	CacheIf func(Out) bool
	// KeepErrors remembers errors too, except those of an ended context. A remembered one comes back as a *RememberedError.
	KeepErrors bool
	// TTL is how old a remembered result may be, by the time it was saved and this program's clock; default any age. Who reads decides: the record itself never expires.
	TTL time.Duration

	// Once has one of many processes run the function for a call, while the others wait for its result. It is the term of a lease, as 30 s, which the process renews as long as it is at work: when it dies, another takes over after that. 0 means
	// that each process runs the function. In each case the first result is kept. A call that is run costs two PUTs more; who waits sends at most 5 requests and one for each second, and fewer as time goes by. What is not remembered, as a failure, is
	// run by the next who waits. Refresh runs the function at once, and so does a store that takes nothing.
	Once time.Duration
	// OnceWait is how long to wait for others before running the function all the same, which is an error with Options.Strict, a *HeldError; default a day. A caller waits as long as its ctx allows at the most.
	OnceWait time.Duration

	// OmitArguments does not save the values of arguments, only their digests. Such a call cannot be run again by Rerun.
	OmitArguments bool
	// Codec encodes results; default that of the store.
	Codec blobstore.Codec
	// Recorders make the metadata of records; default RuntimeRecorder. An empty list that is not nil means none.
	Recorders []Recorder

	// LookUpTime is how long the store may take to say what it remembers; default 10 s.
	LookUpTime time.Duration
	// TransferTime is how long it may take to load a result that is not in its record, and to save one, besides a second for each MiB sent; default 60 s.
	TransferTime time.Duration
}

const (
	defaultLookUpTime   = 10 * time.Second
	defaultTransferTime = time.Minute
)

// Function is a function whose results are remembered in a store. It may be called by many goroutines.
type Function[In, Out any] struct {
	store     *Store
	fn        func(context.Context, In) (Out, error)
	identity  *identity
	arguments *arguments
	options   FuncOptions[Out]
}

// Func memoises a function: its results are remembered in a store, for every process that uses the store.
//
// The key of a call is made of the definition, of the types In and Out in full, and of the arguments: the fields of In where In is a struct that is digested by its
// fields, under their names in the digest (package digest), else one argument "in". What the function depends on otherwise must be part of the version.
// A type parameter of the function that is neither in In nor in Out must be part of the name.
//
// It is an error where the definition has no name, or neither a version nor a code digest; where Ignore or Require names an unknown field; and where In has a field that can have
// no digest.
func Func[In, Out any](store *Store, def Def, fn func(context.Context, In) (Out, error), options *FuncOptions[Out]) (*Function[In, Out], error) {
	wrong := func(err error) (*Function[In, Out], error) { return nil, fmt.Errorf("function %s: %w", def.Name, err) }
	if store == nil || fn == nil {
		return wrong(errors.New("there is no store, or no function"))
	}
	f := &Function[In, Out]{store: store, fn: fn}
	if options != nil {
		f.options = *options
	}
	o := &f.options
	if o.LookUpTime <= 0 {
		o.LookUpTime = defaultLookUpTime
	}
	if o.TransferTime <= 0 {
		o.TransferTime = defaultTransferTime
	}
	if o.OnceWait <= 0 {
		o.OnceWait = defaultOnceWait
	}
	if o.Once != 0 && (o.Once < lease.MinTerm || o.Once > lease.MaxTerm) {
		return wrong(fmt.Errorf("a lease holds for %v to %v, not for %v (FuncOptions.Once)", lease.MinTerm, lease.MaxTerm, o.Once))
	}
	if o.Recorders == nil {
		o.Recorders = []Recorder{RuntimeRecorder()}
	}
	if err := checkRecorders(o.Recorders); err != nil {
		return wrong(err)
	}
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	var err error
	if f.identity, err = identify(def, in, out); err != nil {
		return wrong(err)
	}
	if f.arguments, err = takeApart(in, store.scheme, o.Ignore, o.Require); err != nil {
		return wrong(err)
	}
	return f, nil
}

// Call returns the result of the function, from the store or by running it.
//
// Concurrent calls of one key in one process share one computation. Each caller waits until its own ctx ends, and the function's ctx, which has the values of the first
// caller's but no deadline, ends when the last of them has gone. Each gets a result of its own, which shares no memory with the others'. An error goes to those who wait and is
// forgotten. A panic goes to the caller who came first, and to the others as a *PanicError. What is in In must not change before the function has returned.
//
// Of several processes that compute a call at the same time the first one's result is kept, and all return it.
//
// A store that is down does not keep the function from running: the failure is counted and logged, and for 30 s functions leave the store alone. A record or value
// that is damaged or lost is counted and logged, and replaced. With Options.Strict all of these are errors instead.
//
// A result that cannot be saved, because its codec does not keep it whole, is a *SaveError, beside the result itself for the caller whose call was run; so is,
// with Options.Strict, one that the store did not take. Arguments without a digest are an *IndigestibleError, and the function is not run.
func (f *Function[In, Out]) Call(ctx context.Context, in In) (Out, error) {
	return f.call(ctx, &in, false)
}

// Refresh runs the function, whatever is remembered, and replaces that by the result.
func (f *Function[In, Out]) Refresh(ctx context.Context, in In) (Out, error) {
	return f.call(ctx, &in, true)
}

// Key is the key of a call.
func (f *Function[In, Out]) Key(in In) (digest.Digest, error) {
	_, key, err := f.identify(&in)
	return key, err
}

// Contains says whether a call is remembered: by one HEAD, or one GET where there is a TTL. It does not look at the result.
func (f *Function[In, Out]) Contains(ctx context.Context, in In) (bool, error) {
	_, key, err := f.identify(&in)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.options.LookUpTime, errSlow)
	defer cancel()
	if f.options.TTL == 0 {
		there, err := f.store.Calls.Contains(ctx, key)
		return there, slow(ctx, err)
	}
	r, err := f.store.Calls.Load(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && !f.expired(r), slow(ctx, err)
}

// Load returns the remembered result of a call, and never runs the function. ErrNotFound: there is none, it has expired, or it is damaged or lost, which is then a
// *DamagedError or names the value. A remembered error is a *RememberedError.
func (f *Function[In, Out]) Load(ctx context.Context, in In) (out Out, err error) {
	_, key, err := f.identify(&in)
	if err != nil {
		return out, err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, f.options.LookUpTime, errSlow)
	defer cancel()
	r, err := f.store.Calls.Load(bounded, key)
	if err != nil {
		return out, slow(bounded, err)
	}
	o, _, err := f.read(ctx, r, key)
	if err != nil {
		return out, err
	}
	if o.err != nil {
		return out, o.err
	}
	return *o.value.(*Out), nil
}

// Query returns the remembered calls of this function that a query wants, whose name, module, version and code are those of the function. Arguments are asked for
// by their names in the digest. Nothing is read yet.
func (f *Function[In, Out]) Query(q Query) Selection {
	c := &f.identity.call
	q.Name, q.Module, q.Version, q.Code = c.Name, c.Module, c.Version, c.Code
	return f.store.Query(q)
}

// Rerun runs the function again with the stored arguments of a remembered call, and returns what it returns. The store is left as it is. Ignored fields of In are
// zero. It fails where the call is of another function, and with ErrNotFound where it, or the value of an argument, is not there.
func (f *Function[In, Out]) Rerun(ctx context.Context, key digest.Key) (out Out, err error) {
	var in In
	if err := f.recall(ctx, key, &in); err != nil {
		return out, fmt.Errorf("running %s again: %w", f.identity, err)
	}
	return f.fn(ctx, in)
}

// recall loads the arguments of a remembered call.
func (f *Function[In, Out]) recall(ctx context.Context, key digest.Key, in *In) error {
	ctx, cancel := context.WithTimeoutCause(ctx, f.options.LookUpTime+f.options.TransferTime, errSlow)
	defer cancel()
	r, err := f.store.Calls.Load(ctx, key)
	if err != nil {
		return slow(ctx, err)
	}
	if !f.identity.owns(&r.Call) {
		return fmt.Errorf("call %v is not one of it as it is now, but of %s (version %v, code %v)", key, r.Name, r.Version, r.Code)
	}
	return slow(ctx, f.arguments.load(ctx, f.store.Values, &r.Call, reflect.ValueOf(in).Elem()))
}

// identify returns the call of an In, and its key.
func (f *Function[In, Out]) identify(in *In) (*callindex.Call, digest.Digest, error) {
	arguments, err := f.arguments.digests(reflect.ValueOf(in).Elem())
	if err != nil {
		return nil, digest.Digest{}, fmt.Errorf("calling %s: %w", f.identity, err)
	}
	c := f.identity.of(arguments)
	key, err := c.Key()
	return c, key, err
}

// call answers a call together with all who make it at the same time.
func (f *Function[In, Out]) call(ctx context.Context, in *In, refresh bool) (out Out, err error) {
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	if name := f.arguments.missing(reflect.ValueOf(in).Elem()); name != "" {
		f.notice(ctx, "require "+name, "the call is not remembered, since a required argument is zero", "argument", name)
		f.store.tally.count(func(s *Stats) { s.Unsaved++ })
		run := &Run{}
		f.compute(ctx, run, *in, &out)
		return out, run.Err
	}
	c, key, err := f.identify(in)
	if err != nil {
		return out, err
	}
	if f.store.isUnderway(ctx, key) {
		return out, fmt.Errorf("%s calls itself with the same arguments, and would wait for itself for ever", f.identity)
	}
	flight, first := f.store.flights.join(flightKey{key, refresh})
	f.store.tally.count(func(s *Stats) { s.Waiting++ })
	if first {
		f.lead(ctx, flight, &request[In]{in: in, call: c, key: key, refresh: refresh})
	}
	err = flight.wait(ctx)
	f.store.tally.count(func(s *Stats) {
		s.Waiting--
		if err == nil && !first {
			s.Shared++
		}
	})
	if err != nil {
		return out, err
	}
	return f.deliver(flight, first)
}

// lead sees to a flight. It asks the store in the caller's own goroutine, which costs a hit least, and leaves the rest to the flight's.
func (f *Function[In, Out]) lead(ctx context.Context, flight *flight, r *request[In]) {
	if !r.refresh && flight.try(func() (outcome, bool) { return f.lookUp(ctx, r) }) {
		return
	}
	flight.fly(f.store.enter(ctx, r.key), func(ctx context.Context) outcome {
		if !r.refresh && !r.lookedUp { // the caller's time has ended, others' has not
			if o, answered := f.lookUp(ctx, r); answered {
				return o
			}
		}
		return f.once(ctx, r)
	})
}

// deliver gives a caller its own copy of the outcome.
func (f *Function[In, Out]) deliver(flight *flight, first bool) (out Out, err error) {
	o := &flight.outcome
	switch {
	case o.panicked != nil && first:
		f.store.notices.logger.Error("quiver: a function panicked", "function", f.identity.String(), "panic", o.panicked.Value, "stack", string(o.panicked.Stack))
		panic(o.panicked.Value)
	case o.panicked != nil:
		return out, o.panicked
	case o.exited && first:
		runtime.Goexit()
	case o.exited:
		return out, errExited
	}
	if value := flight.take(); value != nil {
		return *value.(*Out), o.err
	}
	if o.encoded == nil {
		return out, cmp.Or(o.err, o.unshared)
	}
	own := *o.encoded
	own.Data = bytes.Clone(own.Data)
	if err := f.store.Values.Decode(&own, &out); err != nil {
		return out, err
	}
	return out, o.err
}

// notice tells of something about this function, once.
func (f *Function[In, Out]) notice(ctx context.Context, about, message string, attributes ...any) {
	f.store.notices.once(ctx, f.identity.String()+" "+about, message, append([]any{"function", f.identity.String()}, attributes...)...)
}
