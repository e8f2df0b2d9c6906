package callindex

import (
	"fmt"
	"unicode/utf8"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// Call is what a key is made of: a function and its arguments in declared order.
//
// Contract: DigestedCall, as far as its lookup key goes.
type Call struct {
	Name      string        // of the function; not empty
	Module    string        // empty: none
	Version   Version       // zero: none
	Code      digest.Digest // of the function's code; zero: none
	Arguments []Argument
}

// Argument is a named argument of a call, by the digest of its value.
type Argument struct {
	Name   string        `json:"name"`
	Digest digest.Digest `json:"digest"`
}

// scheme digests what keys are made of: names and digests, which need no hooks.
var scheme, _ = digest.NewScheme()

// ofNothing is the digest of nil, which stands for nil wherever it is given.
var ofNothing = digest.OfBytes(nil)

// Key is the digest of a call: of its name, module, version, code digest and arguments in declared order. An absent module is not an empty part of
// the key, an integer version is not a text version.
func (c *Call) Key() (digest.Digest, error) {
	if err := c.check(); err != nil {
		return digest.Digest{}, err
	}
	arguments := make([]any, len(c.Arguments))
	for i, a := range c.Arguments {
		arguments[i] = []any{a.Name, a.Digest}
	}
	var code any
	if !c.Code.IsZero() {
		code = c.Code
	}
	var module any
	if c.Module != "" {
		module = c.Module
	}
	return scheme.In(digest.Call, []any{c.Name, module, c.Version.Value(), code, arguments})
}

// check refuses a call that a record cannot keep as it is.
func (c *Call) check() error {
	if c.Name == "" {
		return fmt.Errorf("a call needs the name of its function")
	}
	if c.Code == ofNothing {
		return fmt.Errorf("call of %s: its code digest is that of nil, whose key is that of a call without one", c.Name)
	}
	texts := []string{c.Name, c.Module, c.Version.text}
	seen := make(map[string]bool, len(c.Arguments))
	for _, a := range c.Arguments {
		if a.Name == "" || seen[a.Name] {
			return fmt.Errorf("call of %s: an argument is named %q twice, or has no name", c.Name, a.Name)
		}
		if a.Digest.IsZero() {
			return fmt.Errorf("call of %s: argument %s has no digest", c.Name, a.Name)
		}
		seen[a.Name] = true
		texts = append(texts, a.Name)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return fmt.Errorf("call of %q: %q is not valid UTF-8, which a record cannot keep", c.Name, text)
		}
	}
	return nil
}

// function is the call's function in the names of marks.
func (c *Call) function() layout.Function { return layout.FunctionOf(c.Name) }
