package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
)

func (a *app) checkCommand() *cobra.Command {
	var options quiver.CheckOptions
	c := &cobra.Command{
		Use:   "check",
		Short: "Compare records, index and values, and heal the index",
		Long: `Compare what the store has with what its index says of it, and print a line for each thing that is wrong. Every record is
read by a request, and all of the index; the values are listed, and read too with --read-data. Others may save and query meanwhile.

--repair heals the index: calls that it has wrong are folded anew, what is damaged in it is made again from the records, what is in use
no more is deleted. Values are not touched, nor are records, but for damaged ones, which are misses anyway. What is missing or
damaged heals when its call is computed again.

Exit status: 0 all is well, 1 something was wrong, also where it was healed, 5 the store refused or could not be reached.`,
		Example: "  quiver check --repair",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a.cacheDir = noCache // what is checked is the store
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				return a.check(ctx, store, options)
			})
		},
	}
	c.Flags().BoolVar(&options.Repair, "repair", false, "heal the index; needs the right to write and delete")
	c.Flags().BoolVar(&options.ReadData, "read-data", false, "read all values and segments whole, and compare their SHA-256")
	return c
}

func (a *app) check(ctx context.Context, store *quiver.Store, options quiver.CheckOptions) error {
	var done quiver.Checked
	options.Progress = func(c quiver.Checked) {
		done = c
		a.eraseProgress()
		if isTerminal(a.err) {
			fmt.Fprintf(a.err, "quiver: checking: %d records, %d rows, %d shards …", c.Records, c.Rows, c.Shards)
		}
	}
	defer a.eraseProgress()
	var found wrong
	for f, err := range store.Check(ctx, &options) {
		if err != nil {
			return err
		}
		found.add(f)
		if err := a.printWrong(f); err != nil {
			return err
		}
	}
	a.eraseProgress()
	if err := a.printChecked(done, found); err != nil {
		return err
	}
	return found.err(options.Repair)
}

// wrong is how many things are.
type wrong struct{ all, healed, values, index int }

func (w *wrong) add(f quiver.Finding) {
	w.all++
	if f.Healed {
		w.healed++
	}
	switch f.Kind {
	case quiver.DanglingResult, quiver.DamagedValue:
		w.values++
	case quiver.LostFormat: // which says itself what to do
	default:
		w.index++
	}
}

// err says what there is to do; nil where nothing is wrong.
func (w *wrong) err(repaired bool) error {
	if w.all == 0 {
		return nil
	}
	text := fmt.Sprintf("things that are wrong: %d", w.all)
	if w.healed > 0 {
		text = fmt.Sprintf("things that were wrong: %d, of them healed: %d", w.all, w.healed)
	}
	if w.index > 0 && !repaired {
		text += "; quiver check --repair heals the index"
	}
	if w.values > 0 {
		text += "; missing and damaged values heal when their calls are computed again"
	}
	return errors.New(text)
}

// costs says what a finding costs that does not say more itself.
var costs = map[quiver.FindingKind]string{
	callindex.UnlistedCall: "no query finds it",
	callindex.StaleRow:     "queries find it as it was, or twice",
	callindex.LostRecord:   "queries find what is not there",
	callindex.Orphan:       "no manifest lists it: it costs its storage",
	callindex.OldMark:      "it was not folded for a day: it makes queries dearer",
}

// printWrong prints a thing that is wrong.
func (a *app) printWrong(f quiver.Finding) error {
	what := costs[f.Kind]
	if damaged, ok := errors.AsType[*quiver.DamagedError](f.Err); ok {
		what = strings.TrimPrefix(damaged.Error(), f.Object+" is damaged: ")
	} else if f.Err != nil {
		what = f.Err.Error()
	}
	if a.json {
		return printJSON(a.out, struct {
			Kind   quiver.FindingKind `json:"kind"`
			Object string             `json:"object"`
			What   string             `json:"what"`
			Healed bool               `json:"healed"`
		}{f.Kind, f.Object, what, f.Healed})
	}
	a.eraseProgress()
	healed := ""
	if f.Healed {
		healed = " (healed)"
	}
	_, err := fmt.Fprintf(a.out, "%-15s %s: %s%s\n", f.Kind, f.Object, what, healed)
	return err
}

func (a *app) printChecked(done quiver.Checked, found wrong) error {
	if a.json {
		type sums struct {
			Findings int `json:"findings"`
			Healed   int `json:"healed"`
			Records  int `json:"records"`
			Rows     int `json:"rows"`
			Marks    int `json:"marks"`
			Shards   int `json:"shards"`
		}
		return printJSON(a.out, struct {
			Summary sums `json:"summary"`
		}{sums{found.all, found.healed, done.Records, done.Rows, done.Marks, done.Shards}})
	}
	verdict := "all is well"
	if found.all > 0 {
		verdict = fmt.Sprintf("findings %d, healed %d", found.all, found.healed)
	}
	_, err := fmt.Fprintf(a.out, "records %d, rows %d, marks %d, shards %d: %s\n", done.Records, done.Rows, done.Marks, done.Shards, verdict)
	return err
}
