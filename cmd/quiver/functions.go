package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
)

func (a *app) lsFunctionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "functions",
		Short: "List the functions: name, calls, last saved, time spent",
		Long: `List the functions by their names, as of the last fold: a request for all, and one for each shard. The time spent is what
the calls took that say so (runtime.walltime in their metadata).`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), a.printFunctions)
		},
	}
}

func (a *app) printFunctions(ctx context.Context, store *quiver.Store) error {
	functions, err := store.Calls.Functions(ctx)
	if err != nil {
		return err
	}
	rows := newTable(a.out, "function", "calls", "last saved", "spent")
	for _, f := range functions {
		if a.json {
			if err := printJSON(a.out, struct {
				Name  string    `json:"name"`
				Calls int64     `json:"calls"`
				Saved time.Time `json:"saved"`
				Spent float64   `json:"spent_seconds"`
			}{f.Name, f.Calls, f.Saved.UTC(), f.Spent.Seconds()}); err != nil {
				return err
			}
			continue
		}
		rows.AppendRow(table.Row{f.Name, f.Calls, timeText(f.Saved), f.Spent.Round(time.Millisecond)})
	}
	a.render(rows)
	if len(functions) == 0 {
		fmt.Fprintln(a.err, "quiver: no call is folded into the index; quiver fold does it")
		return nil
	}
	fmt.Fprintln(a.err, "quiver: as of the last fold; quiver fold brings it up to date")
	return nil
}
