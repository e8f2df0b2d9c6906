package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/quivercache/quiver/cmd/quiver/internal/stats"
)

// counts are the counts of this machine.
func (a *app) counts() (*stats.File, error) {
	folder, err := a.cacheFolder()
	if err != nil {
		return nil, err
	}
	return stats.In(folder, a.clock.Now), nil
}

func (a *app) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Show hits, misses and why, failures of the store, and the time saved, on this machine",
		Long: `Show what quiver exec did on this machine, for each store: hits; misses, with their reasons; runs without the store, which were
neither, since it failed as it was asked; runs unsaved, since it failed only then; and the time that the hits took less than
the runs they replaced. With --store, of that store alone. No store is asked.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			file, err := a.counts()
			if err != nil {
				return err
			}
			counts, err := file.Read()
			if err != nil {
				return err
			}
			rows := newTable(a.out, "store", "hits", "misses", "without store", "unsaved", "time saved", "since", "why missed")
			for _, store := range slices.Sorted(maps.Keys(counts)) {
				if a.storeURL != "" && store != a.storeURL {
					continue
				}
				c := counts[store]
				if a.json {
					if err := printJSON(a.out, struct {
						Store string `json:"store"`
						stats.Counts
					}{store, c}); err != nil {
						return err
					}
					continue
				}
				misses, reasons := int64(0), []string{}
				for _, reason := range slices.Sorted(maps.Keys(c.Misses)) {
					misses += c.Misses[reason]
					reasons = append(reasons, fmt.Sprintf("%s: %d", reason, c.Misses[reason]))
				}
				saved := time.Duration(c.Saved * float64(time.Second)).Round(time.Millisecond)
				rows.AppendRow(table.Row{store, c.Hits, misses, c.Without, c.Unsaved, saved, timeText(c.Since), strings.Join(reasons, ", ")})
			}
			a.render(rows)
			return nil
		},
	}
}
