package quiver

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// Def is what tells a function from others. Together with its signature and its arguments it makes the key of a call.
type Def struct {
	Name    string        // required
	Module  string        // what the name belongs to, as the path of a package; empty: none
	Version Version       // by hand: change it when the results change
	Code    digest.Digest // or by machine: BinaryDigest, say. One of the two is required
}

// IntVersion is the version of a function as an integer; 3 is not "3".
func IntVersion(n int64) Version { return callindex.IntVersion(n) }

// TextVersion is the version of a function as a text.
func TextVersion(text string) Version { return callindex.TextVersion(text) }

// The metadata that every record of a memoised function has: a group "function" with "signature", and "code" where the definition gives one. The code digest of
// the record is made of both.
const (
	functionGroup = "function"
	signatureKey  = "signature"
	codeKey       = "code"
)

// identity is what all calls of a function have in common.
type identity struct {
	call     callindex.Call // without arguments
	metadata map[string]any
}

// identify makes the identity of a function that takes in and returns out. The record's code digest is that of the code digest given and of the signature: two
// functions that differ in one of them share no record.
func identify(d Def, in, out reflect.Type) (*identity, error) {
	if d.Version.IsZero() && d.Code.IsZero() {
		return nil, errors.New("it has neither a version nor a code digest, one of which must change when its results do: set Def.Version, or Def.Code to BinaryDigest()")
	}
	signature := signatureOf(in, out)
	id := &identity{metadata: map[string]any{signatureKey: fmt.Sprintf("func(context.Context, %v) (%v, error)", in, out)}}
	given := ""
	if !d.Code.IsZero() {
		given = d.Code.String()
		id.metadata[codeKey] = given
	}
	code, err := digest.Of([]string{given, signature})
	if err != nil {
		return nil, err
	}
	id.call = callindex.Call{Name: d.Name, Module: d.Module, Version: d.Version, Code: code}
	_, err = id.call.Key()
	return id, err
}

// of returns the call with some arguments.
func (id *identity) of(arguments []callindex.Argument) *callindex.Call {
	c := id.call
	c.Arguments = arguments
	return &c
}

// owns says whether a call is one of this function.
func (id *identity) owns(c *callindex.Call) bool {
	return c.Name == id.call.Name && c.Module == id.call.Module && c.Version == id.call.Version && c.Code == id.call.Code
}

func (id *identity) String() string {
	if id.call.Module == "" {
		return id.call.Name
	}
	return id.call.Module + "." + id.call.Name
}

// underway are the calls that a context is part of, so that a call which waits for itself is noticed.
type underway struct {
	store *Store
	key   digest.Digest
	outer *underway
}

type underwayKey struct{}

// isUnderway says whether a context is part of a call.
func (s *Store) isUnderway(ctx context.Context, key digest.Digest) bool {
	u, _ := ctx.Value(underwayKey{}).(*underway)
	for ; u != nil; u = u.outer {
		if u.store == s && u.key == key {
			return true
		}
	}
	return false
}

// enter makes a context part of a call.
func (s *Store) enter(ctx context.Context, key digest.Digest) context.Context {
	outer, _ := ctx.Value(underwayKey{}).(*underway)
	return context.WithValue(ctx, underwayKey{}, &underway{s, key, outer})
}
