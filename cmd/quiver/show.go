package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show KEY…",
		Short:   "Show what is known of calls and values",
		Long:    `Show the record of each call, and the size and the codec of each value.`,
		Example: "  quiver show 3fa9c1",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, words []string) error {
			return a.withKeys(c.Context(), words, func(ctx context.Context, store *quiver.Store, keys []digest.Key) error {
				for i, key := range keys {
					if i > 0 && !a.json {
						fmt.Fprintln(a.out)
					}
					full, err := store.Expand(ctx, key)
					if err != nil {
						return err
					}
					if err := a.show(ctx, store, full); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// show shows a call, or else a value.
func (a *app) show(ctx context.Context, store *quiver.Store, key digest.Digest) error {
	record, err := store.Calls.Load(ctx, key)
	if _, damaged := errors.AsType[*quiver.DamagedError](err); damaged {
		return err
	}
	switch {
	case err == nil && a.json:
		return printJSON(a.out, singleJSON(key, record))
	case err == nil:
		return a.showRecord(key, record)
	case !errors.Is(err, quiver.ErrNotFound):
		return err
	}
	value, err := store.Values.Open(ctx, key)
	if err != nil {
		return err
	}
	defer value.Close()
	object := value.Object()
	if a.json {
		return printJSON(a.out, valueJSON{Kind: "value", Digest: key, Codec: value.Codec(), Size: value.Size(), Stored: object.Size, Saved: object.ModTime.UTC(),
			Signed: newSignedJSON(value.Signed())})
	}
	_, err = fmt.Fprintf(a.out, "value     %s\ncodec     %s\nsize      %s\nstored    %s\nsaved     %s\n", key, value.Codec(), bytesText(value.Size()),
		bytesText(object.Size), timeText(object.ModTime))
	if signed := signedText(value.Signed()); err == nil && signed != "" {
		_, err = fmt.Fprintf(a.out, "signed    %s\n", signed)
	}
	return err
}

// valueJSON is a value as --json shows it.
type valueJSON struct {
	Kind   string        `json:"kind"`
	Digest digest.Digest `json:"digest"`
	Codec  string        `json:"codec,omitempty"`
	Size   int64         `json:"size,omitempty"` // bytes, encoded
	Stored int64         `json:"stored"`         // bytes in the bucket
	Saved  time.Time     `json:"saved"`
	Signed *signedJSON   `json:"signed,omitempty"`
}

// callJSON is a record as --json shows it.
type callJSON struct {
	Kind      string               `json:"kind"`
	Key       digest.Digest        `json:"key"`
	Name      string               `json:"name"`
	Module    string               `json:"module,omitempty"`
	Version   callindex.Version    `json:"version,omitzero"`
	Code      digest.Digest        `json:"code,omitzero"`
	Arguments []callindex.Argument `json:"arguments"`
	Result    digest.Digest        `json:"result,omitzero"`
	Parts     []digest.Digest      `json:"parts,omitempty"`
	Inlined   *bool                `json:"inlined,omitempty"` // whether the record has the result; nil: of many, which the index answers for, it is not told
	Metadata  callindex.Metadata   `json:"metadata,omitempty"`
	Saved     time.Time            `json:"saved"`
	Signed    *signedJSON          `json:"signed,omitempty"`
}

func recordJSON(key digest.Digest, r *callindex.Record) callJSON {
	return callJSON{Kind: "call", Key: key, Name: r.Name, Module: r.Module, Version: r.Version, Code: r.Code,
		Arguments: append([]callindex.Argument{}, r.Arguments...), Result: r.Result, Parts: r.Parts,
		Metadata: r.Metadata, Saved: r.Saved, Signed: newSignedJSON(r.Signed())}
}

// singleJSON is a record that was read itself.
func singleJSON(key digest.Digest, r *callindex.Record) callJSON {
	line, inlined := recordJSON(key, r), r.Inline != nil
	line.Inlined = &inlined
	return line
}

// showRecord shows a record for people, a line for each thing that it has.
func (a *app) showRecord(key digest.Digest, r *callindex.Record) error {
	line := func(name string, value any) { fmt.Fprintf(a.out, "%-9s %v\n", name, value) }
	line("call", key)
	line("name", r.Name)
	if r.Module != "" {
		line("module", r.Module)
	}
	if !r.Version.IsZero() {
		line("version", r.Version)
	}
	if !r.Code.IsZero() {
		line("code", r.Code)
	}
	for _, argument := range r.Arguments {
		line("argument", argument.Name+" = "+argument.Digest.String())
	}
	if !r.Result.IsZero() {
		line("result", r.Result)
	}
	for _, part := range r.Parts {
		line("part", part)
	}
	line("saved", timeText(r.Saved))
	if signed := signedText(r.Signed()); signed != "" {
		line("signed", signed)
	}
	for _, group := range slices.Sorted(maps.Keys(r.Metadata)) {
		for _, name := range slices.Sorted(maps.Keys(r.Metadata[group])) {
			value, err := jsonText(r.Metadata[group][name])
			if err != nil {
				return err
			}
			line(group, name+" = "+value)
		}
	}
	return nil
}
