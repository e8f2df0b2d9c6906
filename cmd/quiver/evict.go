package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/digest"
)

func (a *app) evictCommand() *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "evict KEY…",
		Short: "Remove calls and values",
		Long: `Remove the calls and values with these keys; "-" reads keys from standard input, one a line. A call that is
removed leaves its values. A call whose value is removed is a miss, and is computed again.

All keys are looked at before the first is removed: where one is unknown or ambiguous, nothing is removed.`,
		Example: "  quiver evict 3fa9c1\n  quiver ls calls --json | jq -r 'select(.name==\"train\").key' | quiver evict -",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, words []string) error {
			words, err := a.withInput(words)
			if err != nil {
				return err
			}
			return a.withKeys(c.Context(), words, func(ctx context.Context, store *quiver.Store, keys []digest.Key) error {
				found := make([]entry, len(keys))
				for i, key := range keys {
					if found[i], err = find(ctx, store, key); err != nil {
						return err
					}
				}
				for _, e := range found {
					if !dryRun {
						if err := e.evict(ctx, store); err != nil {
							return err
						}
					}
					if err := a.printEvicted(e, dryRun); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	return c
}

// withInput replaces the word "-" by the lines of standard input.
func (a *app) withInput(words []string) ([]string, error) {
	at := slices.Index(words, "-")
	if at < 0 {
		return words, nil
	}
	var lines []string
	scanner := bufio.NewScanner(a.in)
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	return slices.Replace(slices.Clone(words), at, at+1, lines...), scanner.Err()
}

// entry is a call or a value.
type entry struct {
	key  digest.Digest
	call bool
}

func (e entry) kind() string {
	if e.call {
		return "call"
	}
	return "value"
}

// find says what a key names.
func find(ctx context.Context, store *quiver.Store, key digest.Key) (entry, error) {
	full, err := store.Expand(ctx, key)
	if err != nil {
		return entry{}, err
	}
	if call, err := store.Calls.Contains(ctx, full); err != nil || call {
		return entry{full, true}, err
	}
	value, err := store.Values.Contains(ctx, full)
	if err == nil && !value {
		err = fmt.Errorf("%s: %w", full, quiver.ErrNotFound)
	}
	return entry{full, false}, err
}

// evict removes the entry. That somebody else was quicker is no failure.
func (e entry) evict(ctx context.Context, store *quiver.Store) error {
	remove := store.Values.Evict
	if e.call {
		remove = store.Calls.Evict
	}
	switch err := remove(ctx, e.key); {
	case isOdd(err):
		return fmt.Errorf("not removed: %w", err)
	case errors.Is(err, quiver.ErrNotFound):
		return nil
	default:
		return err
	}
}

func (a *app) printEvicted(e entry, dryRun bool) error {
	if a.json {
		return printJSON(a.out, struct {
			Kind    string        `json:"kind"`
			Key     digest.Digest `json:"key"`
			Removed bool          `json:"removed"`
		}{e.kind(), e.key, !dryRun})
	}
	what := "removed"
	if dryRun {
		what = "would remove"
	}
	_, err := fmt.Fprintf(a.out, "%s %s %s\n", what, e.kind(), e.key)
	return err
}
