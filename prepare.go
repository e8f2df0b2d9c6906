package quiver

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

// ErrRemembered says that a call need not be prepared: Load returns its result.
var ErrRemembered = errors.New("the call is remembered already")

// Prepared is a call whose arguments are saved and whose key is fixed, and whose result comes later: by Commit, in this process or in another one that has its Token.
//
// It has a lease, by which others who compute once wait for it, and which keeps the arguments' values from gc until a day after its term. The lease is not renewed: when its term ends, others may compute the call,
// and Commit still returns the result that was first.
type Prepared[In, Out any] struct {
	function *Function[In, Out]
	token    token
	text     string // of the token
	call     *callindex.Call
	lease    *lease.Lease // nil where the call was prepared by another process
}

// token is what another process has to know of a prepared call.
type token struct {
	Key       digest.Digest        `json:"key"`
	Lease     string               `json:"lease"` // its id
	Prepared  time.Time            `json:"prepared"`
	Arguments []callindex.Argument `json:"arguments"`
	Saved     bool                 `json:"saved"` // their values
}

// Prepare saves the arguments of a call and takes its lease for a term, which should be as long as the result may take. Commit must follow, or Abandon; without either the lease expires.
//
// Where somebody else computes or has prepared the call, it is a *HeldError; where it is remembered already, ErrRemembered. A store that fails is an error.
func (f *Function[In, Out]) Prepare(ctx context.Context, in In, term time.Duration) (*Prepared[In, Out], error) {
	p, err := f.prepare(ctx, &in, term)
	if err != nil {
		return nil, fmt.Errorf("preparing a call of %s: %w", f.identity, err)
	}
	return p, nil
}

func (f *Function[In, Out]) prepare(ctx context.Context, in *In, term time.Duration) (*Prepared[In, Out], error) {
	s := f.store
	value := reflect.ValueOf(in).Elem()
	if name := f.arguments.missing(value); name != "" {
		return nil, fmt.Errorf("the argument %s is required", name)
	}
	c, key, err := f.identify(in)
	if err != nil {
		return nil, err
	}
	remembered := func(ctx context.Context) (bool, error) {
		_, _, miss, err := f.find(ctx, key)
		if miss != "" {
			return false, nil
		}
		return err == nil, err
	}
	if there, err := remembered(ctx); there || err != nil {
		return nil, cmp.Or(err, ErrRemembered)
	}
	p := &Prepared[In, Out]{function: f, call: c, token: token{Key: key, Prepared: s.clock.Now(), Arguments: c.Arguments, Saved: !f.options.OmitArguments}}
	claim := lease.Claim{Key: key, State: lease.Prepared, Term: term, Function: f.identity.String()}
	if p.token.Saved {
		arguments := f.arguments.encode(s.Values, value, func(name string, err error) {
			f.notice(ctx, "argument "+name, "an argument cannot be saved, only its digest is", "argument", name, "error", err)
		})
		bounded, cancel := context.WithTimeoutCause(ctx, f.options.TransferTime+(&saving{values: arguments}).transferTime(), errSlow)
		defer cancel()
		if err := s.putValues(bounded, arguments); err != nil {
			return nil, slow(bounded, err)
		}
		for _, e := range arguments {
			claim.Values = append(claim.Values, e.Key)
		}
	}
	bounded, cancel := context.WithTimeoutCause(ctx, f.options.LookUpTime, errSlow)
	defer cancel()
	p.lease, err = s.Leases.Take(bounded, claim, &lease.Waiting{Done: remembered, Not: true})
	if err != nil || p.lease == nil {
		return nil, cmp.Or(slow(bounded, err), ErrRemembered)
	}
	if err := s.Values.Keep(bounded, claim.Values...); err != nil { // which costs nothing, unless it took hours
		return nil, errors.Join(slow(bounded, err), p.lease.Release(bounded))
	}
	p.token.Lease = p.lease.Info().ID
	text, err := json.Marshal(p.token)
	p.text = base64.RawURLEncoding.EncodeToString(text)
	return p, err
}

// Key is the key of the call.
func (p *Prepared[In, Out]) Key() digest.Digest { return p.token.Key }

// Token is what another process needs for Function.Resume: a text of letters, digits, "-" and "_". It is no secret, and none of the arguments' values are in it.
func (p *Prepared[In, Out]) Token() string { return p.text }

// Resume returns a call that was prepared, by its token. It sends no request. A token of another function, or of another version of this one, is an error.
func (f *Function[In, Out]) Resume(text string) (*Prepared[In, Out], error) {
	wrong := func(err error) (*Prepared[In, Out], error) {
		return nil, fmt.Errorf("resuming a prepared call of %s: %w", f.identity, err)
	}
	t, err := parseToken(text)
	if err != nil {
		return wrong(fmt.Errorf("this is no token: %w", err))
	}
	c := f.identity.of(t.Arguments)
	switch key, err := c.Key(); {
	case err != nil:
		return wrong(err)
	case key != t.Key:
		return wrong(fmt.Errorf("the token is of the call %s, which is not one of this function as it is now", t.Key))
	}
	return &Prepared[In, Out]{function: f, call: c, token: t, text: text}, nil
}

func parseToken(text string) (t token, err error) {
	content, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return t, err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&t); err != nil {
		return t, err
	}
	switch _, err := decoder.Token(); {
	case err != io.EOF:
		return t, errors.New("there is something behind it")
	case !layout.IsID(t.Lease):
		return t, errors.New("it has no lease")
	}
	return t, nil
}

// Commit saves the result of the call, and returns the one that is then remembered: another's, if that was first; where that is an error that was kept, a *RememberedError. The lease is released, if it is still this call's. CacheIf is
// not asked.
//
// A store that fails is an error, strict or not: Commit may be called again. So it may after it has returned, and then returns the same.
func (p *Prepared[In, Out]) Commit(ctx context.Context, result Out) (Out, error) {
	f := p.function
	s := f.store
	wrong := func(err error) (Out, error) {
		return result, fmt.Errorf("committing a call of %s: %w", f.identity, err)
	}
	out := &result
	e, err := s.Values.Encode(content(reflect.ValueOf(out).Elem()), f.options.Codec)
	if err != nil {
		return wrong(err)
	}
	run := &Run{Call: p.call, Key: p.token.Key, Started: p.token.Prepared, Stopped: s.clock.Now()}
	saving := &saving{
		call: p.call, key: p.token.Key, values: []*blobstore.Encoded{e}, ours: outcome{value: out},
		record: &callindex.Record{Call: *p.call, Result: e.Key, Metadata: f.metadata(ctx, run)},
	}
	if len(e.Data) <= callindex.InlineLimit {
		saving.record.Inline = &callindex.Inline{Codec: e.Codec, Data: e.Data}
	}
	if p.token.Saved {
		for _, a := range p.call.Arguments {
			saving.kept = append(saving.kept, a.Digest)
		}
	}
	if !s.saves.begin() {
		return wrong(errClosed)
	}
	defer s.saves.end()
	bounded, cancel := context.WithTimeoutCause(ctx, f.options.TransferTime+saving.transferTime(), errSlow)
	defer cancel()
	if f.options.TTL > 0 { // or one that has expired would win, if it has the same result
		record, _, miss, err := f.find(bounded, p.token.Key)
		if miss == "" && err != nil {
			return wrong(slow(bounded, err))
		}
		if miss == MissExpired {
			saving.over = record
		}
	}
	o, err := f.settle(bounded, saving)
	if err != nil {
		return wrong(slow(bounded, err))
	}
	f.release(ctx, p.token.Key, p.release)
	if o.err != nil { // another process has saved an error
		return result, o.err
	}
	return *o.value.(*Out), nil
}

// Abandon gives the call up, and releases its lease. That somebody else has it by now is no failure.
func (p *Prepared[In, Out]) Abandon(ctx context.Context) error {
	bounded, cancel := context.WithTimeoutCause(ctx, p.function.options.LookUpTime, errSlow)
	defer cancel()
	if err := p.release(bounded); err != nil {
		return fmt.Errorf("abandoning a call of %s: %w", p.function.identity, slow(bounded, err))
	}
	return nil
}

// release releases the lease, unless it is somebody else's.
func (p *Prepared[In, Out]) release(ctx context.Context) (err error) {
	l := p.lease
	if l == nil {
		l, err = p.function.store.Leases.Resume(ctx, p.token.Key, p.token.Lease)
	}
	if err == nil {
		err = l.Release(ctx)
	}
	if errors.Is(err, lease.ErrLost) {
		return nil
	}
	return err
}
