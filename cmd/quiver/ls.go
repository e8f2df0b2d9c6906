package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

func (a *app) lsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "ls",
		Short: "List values, calls or functions",
	}
	c.AddCommand(a.lsValuesCommand(), a.lsCallsCommand(), a.lsFunctionsCommand())
	return c
}

// count is a number that is not negative.
type count int

// Set implements pflag.Value.
func (n *count) Set(text string) error {
	number, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return fmt.Errorf("%q is not a number of things", text)
	}
	*n = count(number)
	return nil
}

func (n *count) String() string { return strconv.Itoa(int(*n)) }

// Type implements pflag.Value.
func (*count) Type() string { return "number" }

func (a *app) lsValuesCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "values",
		Short: "List the values: digest, size in the bucket, when saved",
		Long:  `List the values in the order of their digests: a request for each 1,000.`,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				rows := newTable(a.out, "value", "stored", "saved")
				defer func() { a.render(rows) }()
				n := 0
				for entry, err := range store.Values.Entries(ctx, digest.Digest{}) {
					if err != nil {
						return err
					}
					if a.json {
						err = printJSON(a.out, valueJSON{Kind: "value", Digest: entry.Digest, Stored: entry.Size, Saved: entry.ModTime.UTC()})
					} else {
						rows.AppendRow(table.Row{short(entry.Digest), bytesText(entry.Size), timeText(entry.ModTime)})
					}
					if n++; err != nil || n == limit {
						return err
					}
				}
				return nil
			})
		},
	}
	limitFlag(c, &limit)
	return c
}

func (a *app) lsCallsCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "calls",
		Short: "List the calls: key, name, version, result, when saved, what it was",
		Long: `List the calls in the order of their keys. Each record is read: a request for each call, and one
for each 1,000. A damaged record is named on stderr, and the exit status is 1.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				return a.printCalls(store.Calls.Scan(ctx, digest.Digest{}), limit)
			})
		},
	}
	limitFlag(c, &limit)
	return c
}

// page is how many calls are printed together: the first are seen before the last are read.
const page = 1000

// printCalls prints calls, at most so many as the limit says; 0 means all. Records that cannot be read are named on stderr.
func (a *app) printCalls(calls iter.Seq2[*quiver.Record, error], limit int) error {
	rows := newTable(a.out, "call", "name", "version", "result", "saved", "what")
	defer func() { a.render(rows) }()
	n, odd := 0, 0
	for r, err := range calls {
		if isOdd(err) {
			fmt.Fprintln(a.err, "quiver: "+err.Error())
			odd++
			continue
		}
		if err != nil {
			return err
		}
		key, err := r.Key()
		if err != nil {
			return err
		}
		if a.json {
			err = printJSON(a.out, recordJSON(key, r))
		} else {
			rows.AppendRow(table.Row{short(key), r.Name, r.Version, short(r.Result), timeText(r.Saved), preview(r)})
			if rows.Length() == page {
				a.render(rows)
				rows.ResetRows()
				rows.ResetHeaders()
			}
		}
		if n++; err != nil || n == limit {
			return err
		}
	}
	if odd > 0 {
		return fmt.Errorf("records that could not be read: %d", odd)
	}
	return nil
}

// isOdd says whether an error is about a single record rather than about the store.
func isOdd(err error) bool {
	_, damaged := errors.AsType[*quiver.DamagedError](err)
	_, newer := errors.AsType[*quiver.NewerFormatError](err)
	return damaged || newer
}

// preview is the command line that a record of quiver exec keeps for people.
func preview(r *callindex.Record) string {
	const width = 60
	text, _ := r.Metadata["exec"]["command"].(string)
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}

// render prints a table that has rows; with --json there are none.
func (a *app) render(t table.Writer) {
	if t.Length() > 0 {
		t.Render()
	}
}

func limitFlag(c *cobra.Command, limit *int) {
	c.Flags().Var((*count)(limit), "limit", "list so many at the most; 0 means all")
}
