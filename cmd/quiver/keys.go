package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/digest"
)

// withKeys runs a command's work with keys as people write them, of which malformed ones never reach the store.
func (a *app) withKeys(ctx context.Context, words []string, work func(ctx context.Context, store *quiver.Store, keys []digest.Key) error) error {
	keys := make([]digest.Key, len(words))
	for i, word := range words {
		key, err := digest.ParseKey(word)
		if err != nil {
			return err
		}
		keys[i] = key
	}
	return a.withStore(ctx, func(ctx context.Context, store *quiver.Store) error { return work(ctx, store, keys) })
}

func (a *app) expandCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "expand KEY…",
		Short: "Print the full digest of each short one",
		Long: `Print the full digest that each short one stands for, among values and calls together.

A short digest has 4 characters at least. One that several digests begin with is ambiguous
(exit status 4), and the message says how many characters are needed.`,
		Example: "  quiver expand 3fa9c1",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, words []string) error {
			return a.withKeys(c.Context(), words, func(ctx context.Context, store *quiver.Store, keys []digest.Key) error {
				for i, key := range keys {
					full, err := store.Expand(ctx, key)
					if err != nil {
						return err
					}
					if err := a.printKey(words[i], full); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (a *app) shrinkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "shrink KEY…",
		Short: "Print the shortest prefix that names each key alone",
		Long: `Print the shortest prefix, of at least 4 characters, that names each key alone among
values and calls together, in the order of the keys.`,
		Example: "  quiver shrink 3fa9c1d2e4",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, words []string) error {
			return a.withKeys(c.Context(), words, func(ctx context.Context, store *quiver.Store, keys []digest.Key) error {
				prefixes, err := store.Shrink(ctx, keys...)
				if err != nil {
					return err
				}
				for i, prefix := range prefixes {
					if err := a.printKey(words[i], prefix); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// printKey prints what a key was turned into.
func (a *app) printKey(given string, answer digest.Key) error {
	if a.json {
		return printJSON(a.out, struct {
			Given string `json:"given"`
			Key   string `json:"key"`
		}{given, answer.String()})
	}
	_, err := fmt.Fprintln(a.out, answer)
	return err
}
