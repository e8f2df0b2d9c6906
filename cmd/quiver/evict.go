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
	var flags queryFlags
	var dryRun, all bool
	c := &cobra.Command{
		Use:   "evict [KEY…]",
		Short: "Remove calls and values by their keys, or the calls that match",
		Long: `Remove the calls and values with these keys ("-" reads keys from standard input, one a line), or the calls that match
the flags. A call that is removed leaves its values. A call whose result is removed is a miss, and is computed again, unless its
record has the result too, as it has where that is small: remove the call then.

All keys are looked at before the first is removed: where one is unknown or ambiguous, nothing is removed.

` + queryHelp,
		Example: "  quiver evict 3fa9c1\n  quiver evict --name train --until 30d --dry-run\n  quiver query --tag project=alpha --json | jq -r .key | quiver evict -",
		RunE: func(c *cobra.Command, words []string) error {
			if len(words) == 0 {
				if flags.isEmpty() != all {
					return errWhichCalls
				}
				return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
					return a.evictMatching(ctx, store, &flags, dryRun)
				})
			}
			if !flags.isEmpty() || all {
				return usageError{errors.New("keys, or flags that choose calls: not both")}
			}
			words, err := a.withInput(words)
			if err != nil {
				return err
			}
			return a.withKeys(c.Context(), words, func(ctx context.Context, store *quiver.Store, keys []digest.Key) error {
				return a.evictKeys(ctx, store, keys, dryRun)
			})
		},
	}
	flags.register(c)
	c.Flags().BoolVar(&all, "all", false, "remove all calls")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	return c
}

// evictKeys removes what the keys name, once all of them were found.
func (a *app) evictKeys(ctx context.Context, store *quiver.Store, keys []digest.Key, dryRun bool) error {
	found := make([]entry, len(keys))
	for i, key := range keys {
		var err error
		if found[i], err = find(ctx, store, key); err != nil {
			return err
		}
	}
	for _, e := range found {
		if err := a.evict(ctx, store, e, dryRun); err != nil {
			return err
		}
	}
	return nil
}

// evictMatching removes the calls that match.
func (a *app) evictMatching(ctx context.Context, store *quiver.Store, flags *queryFlags, dryRun bool) error {
	query, err := flags.query(ctx, store, a.clock.Now())
	if err != nil {
		return err
	}
	progress := &progressBar{}
	if !isTerminal(a.out) { // else what is printed shows the progress
		progress = a.progress("calls")
	}
	defer progress.end()
	n := 0
	for r, err := range store.Calls.Query(ctx, query) {
		if err != nil {
			return err
		}
		key, err := r.Key()
		if err == nil {
			err = a.evict(ctx, store, entry{key, true}, dryRun)
		}
		if err != nil {
			return err
		}
		n++
		progress.at(n)
	}
	return nil
}

// evict removes an entry, or not in a dry run, and says so.
func (a *app) evict(ctx context.Context, store *quiver.Store, e entry, dryRun bool) error {
	if !dryRun {
		if err := e.evict(ctx, store); err != nil {
			return err
		}
	}
	return a.printEvicted(e, dryRun)
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
