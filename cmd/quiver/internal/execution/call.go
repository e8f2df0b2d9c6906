package execution

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// module sets commands apart from the functions of programs.
const module = "quiver/exec"

// noStdout is the argument of a call that does not remember standard output.
const noStdout = "no-stdout"

// identity finds out what a command line's key is made of.
type identity struct {
	*Options
	outs      *outs
	directory string
	stdin     digest.Digest // of its content; zero: not asked for
	lookupEnv func(name string) (value string, set bool)
	idle      []string // the --exclude patterns that have matched nothing yet
}

// call returns the call that the command line is, as its inputs are now: argv first, the other arguments sorted by name.
func (id *identity) call(ctx context.Context) (*callindex.Call, error) {
	values := map[string]any{"out": id.outs.names}
	for _, name := range id.Env {
		values[argumentName("env", name)] = nil
		if value, set := id.lookupEnv(name); set {
			values[argumentName("env", name)] = value
		}
	}
	if !id.stdin.IsZero() {
		values["stdin"] = id.stdin
	}
	if id.Cwd {
		values["cwd"] = id.directory
	}
	if id.NoStdout {
		values[noStdout] = true
	}
	if err := id.addInputs(ctx, values); err != nil {
		return nil, err
	}
	call := &callindex.Call{Name: id.name(), Module: module, Version: callindex.ParseVersion(id.CallVersion)}
	for name, value := range values {
		d, err := digest.Of(value)
		if err != nil {
			return nil, fmt.Errorf("digesting %s: %w", name, err)
		}
		call.Arguments = append(call.Arguments, callindex.Argument{Name: name, Digest: d})
	}
	slices.SortFunc(call.Arguments, func(a, b callindex.Argument) int { return cmp.Compare(a.Name, b.Name) })
	argv, err := digest.Of(id.Argv)
	if err != nil {
		return nil, fmt.Errorf("digesting the command line: %w", err)
	}
	call.Arguments = slices.Insert(call.Arguments, 0, callindex.Argument{Name: "argv", Digest: argv})
	return call, nil
}

// name is what the command is called in the records.
func (id *identity) name() string {
	name := id.Name
	if name == "" {
		name = filepath.Base(id.Argv[0])
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// argumentName is the name of an argument that has a name of its own. Records are JSON: a name that is no text is written in hex.
func argumentName(kind, name string) string {
	if utf8.ValidString(name) {
		return kind + ":" + name
	}
	return kind + "-hex:" + hex.EncodeToString([]byte(name))
}

// addInputs adds the tree digest of each input: of each --in, and of each word of the command line that names a regular file.
func (id *identity) addInputs(ctx context.Context, values map[string]any) error {
	for _, name := range id.In {
		d, err := id.input(ctx, name)
		if err != nil {
			return fmt.Errorf("--in %s: %w", name, err)
		}
		values[argumentName("in", name)] = d
	}
	if id.NoAutoIn {
		return nil
	}
	for _, word := range id.Argv {
		argument := argumentName("in", word)
		if _, done := values[argument]; done || !id.isFile(word) {
			continue
		}
		d, err := id.input(ctx, word)
		if err != nil {
			return fmt.Errorf("%s, which is part of the command line: %w; with --no-auto-in its content does not count", word, err)
		}
		values[argument] = d
	}
	return nil
}

// isFile says whether a word of the command line names a regular file that the command does not write itself. A word that names nothing that
// this process can see is just a word.
func (id *identity) isFile(word string) bool {
	if word == "" {
		return false
	}
	info, err := os.Stat(word)
	return err == nil && info.Mode().IsRegular() && !id.isOut(word)
}

// isOut says whether a name, or what it links to, is or lies under an --out.
func (id *identity) isOut(name string) bool {
	absolute := resolve(name)
	if id.outs.cover(absolute) {
		return true
	}
	real, err := filepath.EvalSymlinks(absolute)
	return err == nil && id.outs.cover(real)
}

// input returns the tree digest of an input, which is followed where it is a link. What is or lies under an --out is left out.
func (id *identity) input(ctx context.Context, name string) (digest.Digest, error) {
	if id.isOut(name) {
		return digest.Digest{}, errors.New("it is or lies under an --out; a file cannot be an input and an output")
	}
	real, err := filepath.EvalSymlinks(resolve(name))
	if err != nil {
		return digest.Digest{}, readable(err)
	}
	t := tree{exclude: id.Exclude, matched: id.match, skip: id.outs.cover}
	d, err := t.describe(ctx, real)
	return d, readable(err)
}

// match notes that a pattern matches something.
func (id *identity) match(pattern string) {
	id.idle = slices.DeleteFunc(id.idle, func(p string) bool { return p == pattern })
}

// readable says what to do about an input that cannot be read.
func readable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; an input must be there, and stay while it is read", err)
	case errors.Is(err, errSpecial):
		return fmt.Errorf("%w; --exclude leaves it out", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; an input must be readable", err)
	}
	return err
}

// checkPatterns refuses --exclude patterns that are malformed, or such that they would match nothing.
func checkPatterns(patterns []string) error {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("--exclude %q is not a pattern; it may have *, ? and [a-z], as in *.o or build/*", pattern)
		}
		if strings.HasSuffix(pattern, "/") {
			return fmt.Errorf("--exclude %q would match nothing: without the slash it leaves out a directory and all that is in it", pattern)
		}
	}
	return nil
}

// changed names the first input that is not what it was, or was not there; empty: none.
func changed(before, after *callindex.Call) string {
	was := map[string]digest.Digest{}
	for _, a := range before.Arguments {
		was[a.Name] = a.Digest
	}
	for _, a := range after.Arguments {
		if was[a.Name] != a.Digest {
			return a.Name
		}
		delete(was, a.Name)
	}
	for name := range was {
		return name
	}
	return ""
}
