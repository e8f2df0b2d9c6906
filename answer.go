package quiver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

// request is a call that is to be answered.
type request[In any] struct {
	in      *In
	call    *callindex.Call
	key     digest.Digest
	refresh bool

	lookedUp  bool
	storeless bool              // the store was not asked, or failed
	over      *callindex.Record // what was found will not do, and is to be replaced
}

// run answers a call by running the function, and saves what comes of it.
func (f *Function[In, Out]) run(ctx context.Context, r *request[In]) outcome {
	if ctx.Err() != nil {
		return outcome{err: context.Cause(ctx)}
	}
	var arguments []*blobstore.Encoded
	if !f.options.OmitArguments && !f.store.readOnly { // before the function can change what they hold
		arguments = f.arguments.encode(f.store.Values, reflect.ValueOf(r.in).Elem(), func(name string, err error) {
			f.notice(ctx, "argument "+name, "an argument cannot be saved, only its digest is", "argument", name, "error", err)
		})
	}
	out := new(Out)
	run := &Run{Call: r.call, Key: r.key}
	f.compute(ctx, run, *r.in, out)
	s := &saving{call: r.call, key: r.key, over: r.over, replace: r.refresh, values: arguments}
	if run.Err != nil || ctx.Err() != nil { // what was told to stop may have left something out
		s.ours = outcome{value: out, err: cmp.Or(run.Err, context.Cause(ctx))}
		if !f.keeps(ctx, run.Err) {
			f.store.tally.count(func(s *Stats) { s.Unsaved++ })
			return s.ours
		}
		s.record = &callindex.Record{Call: *r.call, Metadata: f.metadata(ctx, run)}
		s.record.Metadata[errorGroup] = describeError(run.Err)
		return f.save(ctx, s)
	}
	s.ours = outcome{value: out, encode: func() (*blobstore.Encoded, error) {
		return f.store.Values.Encode(content(reflect.ValueOf(out).Elem()), f.options.Codec)
	}}
	if f.options.CacheIf != nil && !f.options.CacheIf(*out) {
		f.store.tally.count(func(s *Stats) { s.Unsaved++ })
		return s.ours
	}
	if f.store.readOnly {
		return s.ours
	}
	e, err := s.ours.encode()
	if err != nil {
		s.ours.err = err
		return s.ours
	}
	s.ours.encoded = e
	s.values = append(s.values, e)
	s.record = &callindex.Record{Call: *r.call, Result: e.Key, Metadata: f.metadata(ctx, run)}
	if len(e.Data) <= callindex.InlineLimit {
		s.record.Inline = &callindex.Inline{Codec: e.Codec, Data: e.Data}
	}
	return f.save(ctx, s)
}

// compute runs the function.
func (f *Function[In, Out]) compute(ctx context.Context, run *Run, in In, out *Out) {
	returned := false
	defer func() {
		f.store.tally.count(func(s *Stats) {
			s.Computed++
			if !returned || run.Err != nil {
				s.Errors++
			}
		})
	}()
	run.Started = f.store.clock.Now()
	*out, run.Err = f.fn(ctx, in)
	run.Stopped = f.store.clock.Now()
	returned = true
}

// keeps says whether an error is to be remembered. What an ended context made of the call says nothing about it.
func (f *Function[In, Out]) keeps(ctx context.Context, err error) bool {
	return f.options.KeepErrors && ctx.Err() == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

func (f *Function[In, Out]) metadata(ctx context.Context, run *Run) callindex.Metadata {
	m := record(ctx, f.options.Recorders, run, func(group string, err error) {
		f.notice(ctx, "metadata "+group, "a group of metadata has no JSON, and is left out", "group", group, "error", err)
	})
	m[functionGroup] = f.identity.metadata
	return m
}

// lookUp asks the store for a call. Where that does not answer it, the function must run; but where the ctx has ended meanwhile, the store must be asked again.
func (f *Function[In, Out]) lookUp(ctx context.Context, r *request[In]) (o outcome, answered bool) {
	s := f.store
	if !s.strict && !s.outage.mayRead(s.clock.Now()) {
		s.tally.count(func(s *Stats) { s.Skipped++ })
		r.lookedUp, r.storeless = true, true
		return o, false
	}
	record, o, miss, err := f.find(ctx, r.key)
	if ctx.Err() != nil && err != nil {
		return o, false
	}
	r.lookedUp = true
	if r.storeless = miss == "" && err != nil; r.storeless {
		f.failed(ctx, lookingUp, r.key, err)
		return outcome{err: fmt.Errorf("looking up a call of %s: %w", f.identity, err)}, s.strict
	}
	s.outage.hasRead()
	switch miss {
	case "":
		s.tally.count(func(s *Stats) { s.Hits++; s.TimeKept += walltime(record) })
		return o, true
	case MissDamaged, MissLost, MissUnfit:
		if !s.strict {
			f.notice(ctx, r.key.String(), "what is remembered cannot be used, and is computed again", "call", r.key, "miss", miss, "error", err)
			break
		}
		s.tally.miss(miss)
		return outcome{err: fmt.Errorf("looking up a call of %s: %w; Refresh replaces it", f.identity, err)}, true
	}
	s.tally.miss(miss)
	r.over = record
	return o, false
}

// find loads the record of a call, and what it remembers: in time, or not at all.
func (f *Function[In, Out]) find(ctx context.Context, key digest.Digest) (r *callindex.Record, o outcome, miss Miss, err error) {
	bounded, cancel := context.WithTimeoutCause(ctx, f.options.LookUpTime, errSlow)
	defer cancel()
	r, err = f.store.Calls.Load(bounded, key)
	switch {
	case err == nil:
		o, miss, err = f.read(ctx, r, key)
		return r, o, miss, err
	case isDamage(err):
		return nil, o, MissDamaged, err
	case errors.Is(err, ErrNotFound):
		return nil, o, MissNew, err
	}
	return nil, o, "", slow(bounded, err)
}

func isDamage(err error) bool {
	_, damaged := errors.AsType[*keyspace.DamagedError](err)
	return damaged
}

// slow says that it was the time of the look-up or the save that ended, where it was.
func slow(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSlow) {
		return fmt.Errorf("%w: %w", errSlow, err)
	}
	return err
}

// read returns what a record remembers of its call: a value or a kept error; or why that will not do, which err explains.
func (f *Function[In, Out]) read(ctx context.Context, r *callindex.Record, key digest.Digest) (o outcome, miss Miss, err error) {
	if f.expired(r) {
		return o, MissExpired, fmt.Errorf("call %s was saved at %s, longer ago than %s: %w", key, r.Saved.Format(time.RFC3339), f.options.TTL, ErrNotFound)
	}
	if failure := rememberedError(r); failure != nil {
		if !f.options.KeepErrors {
			return o, MissError, fmt.Errorf("call %s is remembered to have failed (%w): %w", key, failure, ErrNotFound)
		}
		return outcome{err: failure}, "", nil
	}
	e, err := f.load(ctx, r)
	if err == nil {
		out := new(Out)
		if err = f.store.Values.Decode(e, out); err == nil {
			return outcome{value: out, encoded: e}, "", nil
		}
	}
	_, unfit := errors.AsType[*blobstore.DecodeError](err)
	switch {
	case isDamage(err):
		return o, MissDamaged, err
	case errors.Is(err, blobstore.ErrMalformed):
		return o, MissDamaged, &keyspace.DamagedError{Object: layout.RecordSpace.Name(key), Reason: "its result cannot be read", Err: err}
	case errors.Is(err, ErrNotFound):
		return o, MissLost, fmt.Errorf("the result of call %s: %w", key, err)
	case unfit:
		return o, MissUnfit, err
	}
	return o, "", err
}

// load returns the result of a record, with a request only where it is not in the record. What is in the record was checked with it.
func (f *Function[In, Out]) load(ctx context.Context, r *callindex.Record) (*blobstore.Encoded, error) {
	switch {
	case r.Result.IsZero():
		return nil, fmt.Errorf("the record names no result: %w", ErrNotFound)
	case r.Inline != nil:
		return &blobstore.Encoded{Key: r.Result, Codec: r.Inline.Codec, Data: r.Inline.Data}, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.options.TransferTime, errSlow)
	defer cancel()
	e, err := f.store.Values.LoadEncoded(ctx, r.Result)
	return e, slow(ctx, err)
}

func (f *Function[In, Out]) expired(r *callindex.Record) bool {
	return f.options.TTL > 0 && f.store.clock.Now().Sub(r.Saved) > f.options.TTL
}

// walltime is how long the function ran, where the record says so.
func walltime(r *callindex.Record) time.Duration {
	number, _ := r.Metadata[runtimeGroup][walltimeKey].(json.Number)
	seconds, err := number.Float64()
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// What may fail.
const (
	lookingUp = "looking up"
	toSave    = "saving"
	toLease   = "taking the lease of"
)

// failed counts and tells of a look-up or a save that failed; where that is likely to go on, it begins a pause.
func (f *Function[In, Out]) failed(ctx context.Context, doing string, key digest.Digest, err error) {
	s := f.store
	s.tally.count(func(s *Stats) { s.Failures++ })
	switch {
	case s.strict: // it is an error, and the store is asked every time
	case !isOutage(err):
		f.notice(ctx, doing+" "+key.String(), doing+" a call failed, and the function runs without", "call", key, "error", err)
	case s.outage.hasFailed(s.clock.Now(), doing != lookingUp, err):
		s.notices.logger.WarnContext(ctx, "quiver: the store failed; functions run without it and ask it again from time to time", "function", f.identity.String(), "error", err)
	}
}

// errorGroup is the group of metadata that a kept error is remembered in: text and type. Such a record has no result.
const errorGroup = "error"

// errorLimit is how many bytes of an error's text are kept.
const errorLimit = 64 << 10

// A RememberedError is the error that a function returned when it was run, in this process or another.
type RememberedError struct {
	Text string // what its Error method returned
	Type string // its type, as %T prints it
}

func (e *RememberedError) Error() string { return e.Text }

func describeError(err error) map[string]any {
	text := err.Error()
	text = text[:min(len(text), errorLimit)]
	return map[string]any{"text": strings.ToValidUTF8(text, "\uFFFD"), "type": fmt.Sprintf("%T", err)}
}

// rememberedError is the error that a record keeps, nil where it keeps none.
func rememberedError(r *callindex.Record) *RememberedError {
	group, failed := r.Metadata[errorGroup]
	if !failed || !r.Result.IsZero() {
		return nil
	}
	text, _ := group["text"].(string)
	kind, _ := group["type"].(string)
	return &RememberedError{Text: text, Type: cmp.Or(kind, "error")}
}
