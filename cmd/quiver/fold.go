package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
)

func (a *app) foldCommand() *cobra.Command {
	var options quiver.FoldOptions
	var sweep bool
	c := &cobra.Command{
		Use:   "fold",
		Short: "Bring the index up to date, so that queries take few requests",
		Long: `Write what was saved and evicted since the last fold into the index of the calls. A query has to read the record of
each call that is not folded yet, where it may match; what is folded is read together, many calls by one request.

Nothing waits for a fold, and several at once do no harm. It needs the right to write and delete. Interrupted and run again, it goes
on where it broke off. What was evicted or replaced less than 30 minutes ago may stay for a later fold. docs/index.md says how often to fold.`,
		Example: "  quiver fold --sweep             # once an hour, from a schedule\n  quiver fold --function train",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				return a.fold(ctx, store, options, sweep)
			})
		},
	}
	c.Flags().StringVar(&options.Function, "function", "", "fold the calls of the function of this `name` alone")
	c.Flags().BoolVar(&options.Compact, "compact", false, "merge all segments of a shard into as few as can be: reads and writes the whole index, seldom needed")
	c.Flags().BoolVar(&sweep, "sweep", false, "then delete, in all shards, the segments that are in use no more")
	return c
}

// foldedJSON is a fold as --json shows it.
type foldedJSON struct {
	Shards   int  `json:"shards"`   // looked at
	Marks    int  `json:"marks"`    // found
	Taken    int  `json:"taken"`    // of them, into the index
	Rows     int  `json:"rows"`     // written
	Deleted  int  `json:"deleted"`  // rows that were out of date
	Damaged  int  `json:"damaged"`  // records that cannot be read
	Merged   int  `json:"merged"`   // segments, into others
	Segments int  `json:"segments"` // written of what was marked
	Swept    *int `json:"swept,omitempty"`
}

func (a *app) fold(ctx context.Context, store *quiver.Store, options quiver.FoldOptions, sweep bool) error {
	progress := a.progress("marks folded")
	options.Progress = func(f quiver.Folded) { progress.at(f.Taken) }
	done, err := store.Fold(ctx, &options)
	var swept quiver.Swept
	if err == nil && sweep {
		swept, err = store.Sweep(ctx)
	}
	progress.end()
	if err != nil {
		return err
	}
	if a.json {
		line := foldedJSON{done.Shards, done.Marks, done.Taken, done.Rows, done.Deleted, done.Damaged, done.Merged, done.Segments, nil}
		if sweep {
			line.Swept = &swept.Deleted
		}
		return printJSON(a.out, line)
	}
	fmt.Fprintf(a.out, "marks folded: %d of %d, in shards: %d; rows written: %d, deleted: %d; segments merged: %d\n",
		done.Taken, done.Marks, done.Shards, done.Rows, done.Deleted, done.Merged)
	if sweep {
		fmt.Fprintf(a.out, "objects swept: %d\n", swept.Deleted)
	}
	if done.Damaged > 0 {
		fmt.Fprintf(a.out, "records that cannot be folded: %d; quiver check says which\n", done.Damaged)
	} else if done.Taken < done.Marks {
		fmt.Fprintln(a.out, "the other marks stay for a fold in half an hour: what they announce may still be under way")
	}
	return nil
}
