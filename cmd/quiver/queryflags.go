package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// queryHelp is what the help of every command that takes a query says about it.
const queryHelp = `WHICH CALLS. All flags must hold; without any, all calls match.

  --arg NAME          has an argument of this name, whatever its value
  --arg NAME=VALUE    has this argument: 3 is an integer, 3.0 and 3e0 are floats, "3" is a string, true a
                      boolean, null nothing, [1, 2] a list, {"a": 1} a map; any other text is a string
  --arg NAME=@DIGEST  has the argument with this digest, which may be short if it is one of a value
  --result VALUE      has this result; VALUE or @DIGEST as above
  --meta GROUP        has metadata of this name
  --meta GROUP.KEY    has this key in it
  --meta GROUP.KEY=JSON  has this JSON value there; text that is no JSON is a string
  --tag KEY[=TEXT]    short for --meta tags.KEY, its value being a text
  --since, --until T  saved at T or later; saved before T: 2026-11-22, 2026-11-22T10:00:00Z, or an age as 1d`

// queryFlags are the flags that make up a query.
type queryFlags struct {
	name, module, version, code, result string
	args, meta, tags                    []string
	since, until                        string
	maxPending                          int
}

func (q *queryFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&q.name, "name", "", "calls of the function of this `name`")
	flags.StringVar(&q.module, "module", "", "of this `module`; that of quiver exec is quiver/exec")
	flags.StringVar(&q.version, "call-version", "", "of this `version`: an integer if it is one, else a text; \"3\" in quotes is the text")
	flags.StringVar(&q.code, "code", "", "with this code `digest`")
	flags.StringArrayVar(&q.args, "arg", nil, "with this argument (`NAME[=VALUE|=@DIGEST]`)")
	flags.StringVar(&q.result, "result", "", "with this result (`VALUE|@DIGEST`)")
	flags.StringArrayVar(&q.meta, "meta", nil, "with this metadata (`GROUP[.KEY[=JSON]]`)")
	flags.StringArrayVar(&q.tags, "tag", nil, "with this tag (`KEY[=TEXT]`)")
	flags.StringVar(&q.since, "since", "", "saved at this `time` or later")
	flags.StringVar(&q.until, "until", "", "saved before this `time`")
	flags.Var((*count)(&q.maxPending), "max-pending", "give up where more calls of a shard are not folded yet; 0 means 50,000")
}

// isEmpty says whether no flag was given: all calls would match.
func (q *queryFlags) isEmpty() bool {
	return q.name+q.module+q.version+q.code+q.result+q.since+q.until == "" && len(q.args)+len(q.meta)+len(q.tags) == 0
}

// query turns the flags into a query. The store is asked only for short digests.
func (q *queryFlags) query(ctx context.Context, store *quiver.Store, now time.Time) (quiver.Query, error) {
	query := quiver.Query{Name: q.name, Module: q.module, Args: quiver.Args{}, Metadata: quiver.Metadata{}, MaxPending: q.maxPending}
	var err error
	if query.Version, err = parseVersion(q.version); err != nil {
		return query, err
	}
	if q.code != "" {
		if query.Code, err = digest.Parse(q.code); err != nil {
			return query, fmt.Errorf("--code: %w", err)
		}
	}
	if q.result != "" {
		if query.Result, err = parseValue(ctx, store, q.result); err != nil {
			return query, fmt.Errorf("--result: %w", err)
		}
	}
	for _, arg := range q.args {
		name, value, hasValue := strings.Cut(arg, "=")
		query.Args[name] = quiver.Any
		if hasValue {
			if query.Args[name], err = parseValue(ctx, store, value); err != nil {
				return query, fmt.Errorf("--arg %s: %w", name, err)
			}
		}
	}
	for _, meta := range q.meta {
		path, value, hasValue := strings.Cut(meta, "=")
		group, key, hasKey := strings.Cut(path, ".")
		if group == "" || hasKey && key == "" || hasValue && !hasKey {
			return query, usageError{fmt.Errorf("--meta %q is not of the form GROUP, GROUP.KEY or GROUP.KEY=JSON", meta)}
		}
		want(query.Metadata, group, key, jsonOrText(value, hasValue))
	}
	for _, tag := range q.tags {
		key, value, hasValue := strings.Cut(tag, "=")
		if key == "" {
			return query, usageError{fmt.Errorf("--tag %q is not of the form KEY or KEY=TEXT", tag)}
		}
		var text any
		if hasValue {
			text = value
		}
		want(query.Metadata, "tags", key, text)
	}
	if query.Since, err = parseTime("since", q.since, now); err != nil {
		return query, err
	}
	query.Until, err = parseTime("until", q.until, now)
	return query, err
}

// want adds a wish to metadata; an empty key wants the group alone.
func want(m quiver.Metadata, group, key string, value any) {
	if m[group] == nil {
		m[group] = map[string]any{}
	}
	if key != "" {
		m[group][key] = value
	}
}

// parseVersion reads a version; one in quotes is a text.
func parseVersion(text string) (quiver.Version, error) {
	if !strings.HasPrefix(text, `"`) {
		return callindex.ParseVersion(text), nil
	}
	var unquoted string
	if err := json.Unmarshal([]byte(text), &unquoted); err != nil {
		return quiver.Version{}, usageError{fmt.Errorf("--call-version %s: %w", text, err)}
	}
	return callindex.TextVersion(unquoted), nil
}

// parseValue reads a value, or the digest of one, as queryHelp says.
func parseValue(ctx context.Context, store *quiver.Store, text string) (any, error) {
	if hex, ok := strings.CutPrefix(text, "@"); ok {
		key, err := digest.ParseKey(hex)
		if err != nil {
			return nil, err
		}
		return store.Values.Expand(ctx, key)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return text, nil
	}
	return typed(value)
}

// typed turns the numbers in what JSON reads as into Go's: those with a point or an exponent are floats.
func typed(value any) (any, error) {
	switch v := value.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return v.Float64()
		}
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return n, nil
		}
		return nil, fmt.Errorf("%s is no integer of 64 bits", v)
	case []any:
		for i := range v {
			var err error
			if v[i], err = typed(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			var err error
			if v[key], err = typed(v[key]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// jsonOrText is a JSON value, or the text where it is none; nil where there is no value.
func jsonOrText(text string, there bool) any {
	if !there {
		return nil
	}
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text
}

// parseTime reads a point in time, or an age before now.
func parseTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	var before age
	if err := before.Set(text); err != nil {
		return time.Time{}, usageError{fmt.Errorf("--%s %q is neither a time, as 2026-11-22 or 2026-11-22T10:00:00Z, nor an age, as 90s, 12h or 1d", flag, text)}
	}
	return now.Add(-time.Duration(before)), nil
}

var errWhichCalls = usageError{errors.New("which calls? Give flags that choose calls, or --all, and not both")}
