package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/gc"
)

func (a *app) gcCommand() *cobra.Command {
	var options quiver.GCOptions
	var dryRun, yes bool
	by := "function"
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove what nothing needs: values without calls, and, if told to, old calls",
		Long: `Find what nothing needs, say what it is and what it costs, and remove it:

  values that no call names, a day after they were written; also those that were put by
  themselves (quiver put)
  segments of the index that are in use no more
  leases, a day after they were released or have expired
  uploads that were never ended

On a terminal you are asked before anything is removed; elsewhere nobody is. There is no way back.

--max-age, --keep-last and --max-size evict calls too, and so the values that they alone name.
What counts is when a call was saved. A hit writes nothing, so nobody knows when a call was last
of use: one that is old and used each day goes like any other, and is computed again.

gc may run beside everything else, and several at once: whoever is about to save a call sees to
it that the values which it names stay. That holds on AWS, Google Cloud and Azure. Where a store
deletes without looking at the version, as MinIO does (quiver doctor tells), some milliseconds
are left in which a value may go just when a call begins to name it; that call is then a miss,
and computed again.

Interrupted and run again, it goes on with what is left. Objects that Quiver did not write stay.
It needs the right to read, list, write and delete.

Exit status: 0 done, or there was nothing to do; 1 failed, or you said no; 2 usage;
5 the store refused or could not be reached.`,
		Example: "  quiver gc --dry-run\n  quiver gc --max-age 90d --yes\n  quiver gc --keep-last 3 --max-size 50GB",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch by {
			case "function":
			case "store":
				options.PerStore = true
			default:
				return usageError{fmt.Errorf("--by %s: calls are counted by function or by store", by)}
			}
			if c.Flags().Changed("keep-last") && options.KeepLast == 0 {
				return usageError{errors.New("--keep-last 0 would evict all calls: quiver evict does that")}
			}
			if c.Flags().Changed("by") && options.KeepLast == 0 {
				return usageError{errors.New("--by says how --keep-last counts, which is missing")}
			}
			if options.MinAge != 0 && options.MinAge < gc.MinAge {
				return usageError{fmt.Errorf("--min-age cannot be less than %s: whoever is about to name a value relies on its staying that long", hours(gc.MinAge.Hours()))}
			}
			a.cacheDir = noCache // which would be read once
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				return a.gc(ctx, store, options, dryRun, yes)
			})
		},
	}
	flags := c.Flags()
	flags.BoolVar(&dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	flags.BoolVarP(&yes, "yes", "y", false, "do not ask")
	flags.Var((*age)(&options.MinAge), "min-age", "how old values that no call names must be, a `time`; default and least 1d")
	flags.Var((*age)(&options.MaxAge), "max-age", "evict calls that were saved longer ago than this `time`: 90d, 12w")
	flags.Var((*size)(&options.MaxBytes), "max-size", "evict the oldest calls until the values take no more than this `size`: 50GB, 200GiB")
	flags.Var((*count)(&options.KeepLast), "keep-last", "evict all but the newest so many calls of each function")
	flags.StringVar(&by, "by", by, "what --keep-last counts `by`: function, or store, which is all functions together")
	return c
}

func hours(n float64) string { return fmt.Sprintf("%.0f hours", n) }

// size is a number of bytes as people write it: 50GB, 200GiB.
type size int64

// Set implements pflag.Value.
func (s *size) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > 1<<62 {
		return errors.New("a size is a number and a unit, as 500MB, 50GB or 200GiB")
	}
	*s = size(n)
	return nil
}

func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return bytesText(int64(*s))
}

// Type implements pflag.Value.
func (*size) Type() string { return "size" }

var errSaidNo = errors.New("nothing was removed")

func (a *app) gc(ctx context.Context, store *quiver.Store, options quiver.GCOptions, dryRun, yes bool) error {
	finding := &gcProgress{app: a}
	options.Progress = finding.show
	garbage, err := store.FindGarbage(ctx, &options)
	a.eraseProgress()
	if err != nil {
		return err
	}
	defer garbage.Close()
	if err := a.printGarbage(garbage.Summary, dryRun); err != nil || dryRun || isNothing(garbage.Summary) {
		return err
	}
	if !yes && isTerminal(a.err) && !a.agrees("Remove it? [y/N] ") {
		return errSaidNo
	}
	finding.total = garbage.Calls + garbage.Values + garbage.Leases + garbage.Uploads
	removed, err := garbage.Remove(ctx)
	a.eraseProgress()
	if failed := a.printRemoved(removed); err == nil {
		err = failed
	}
	return err
}

// isNothing says whether there is no garbage.
func isNothing(g gc.Summary) bool {
	return g.Calls+g.Values+g.Segments+g.Leases+g.Uploads == 0
}

// agrees asks a question on the terminal.
func (a *app) agrees(question string) bool {
	fmt.Fprint(a.err, question)
	answer, _ := bufio.NewReader(a.in).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// gcProgress shows on a terminal how far gc has come.
type gcProgress struct {
	*app
	total int // that is to be removed; 0: it is being looked for
}

func (g *gcProgress) show(p gc.Progress) {
	if !isTerminal(g.err) {
		return
	}
	g.eraseProgress()
	if g.total > 0 {
		fmt.Fprintf(g.err, "quiver: removed: %d of %d …", p.Removed, g.total)
		return
	}
	fmt.Fprintf(g.err, "quiver: listed: %d, calls read: %d …", p.Listed, p.Traced)
}

// listPrices are those of S3 Standard in its cheapest region, as an estimate: other clouds' are alike.
var listPrices = bucket.Prices{Write: 0.005 / 1000, Read: 0.0004 / 1000}

// monthOfGiB is what a GiB costs there in a month.
const monthOfGiB = 0.023

// costOf is about what it costs to remove garbage, and what it costs to keep it for a month, in dollars.
func costOf(g gc.Summary) (remove, month float64) {
	reads, writes := g.Calls+g.Values, g.Calls // a mark is a write, and a delete costs nothing
	return float64(reads)*listPrices.Read + float64(writes)*listPrices.Write, float64(g.ValueBytes+g.SegBytes) / (1 << 30) * monthOfGiB
}

// gcJSON is what gc found, as --json shows it.
type gcJSON struct {
	Calls      int     `json:"calls"`
	Values     int     `json:"values"`
	ValueBytes int64   `json:"value_bytes"`
	Segments   int     `json:"segments"`
	SegBytes   int64   `json:"segment_bytes"`
	Leases     int     `json:"leases"`
	Uploads    int     `json:"uploads"`
	KeptCalls  int     `json:"kept_calls"`
	KeptValues int     `json:"kept_values"`
	KeptBytes  int64   `json:"kept_bytes"`
	Young      int     `json:"young_values"`
	Dollars    float64 `json:"dollars"`
	Month      float64 `json:"dollars_a_month"`
	DryRun     bool    `json:"dry_run"`
}

func (a *app) printGarbage(g gc.Summary, dryRun bool) error {
	if g.Unlisted != nil {
		fmt.Fprintln(a.err, "quiver: unfinished uploads were not looked for: "+execution.Brief(g.Unlisted))
	}
	remove, month := costOf(g)
	if a.json {
		return printJSON(a.out, struct {
			Garbage gcJSON `json:"garbage"`
		}{gcJSON{g.Calls, g.Values, g.ValueBytes, g.Segments, g.SegBytes, g.Leases, g.Uploads, g.KeptCalls, g.KeptValues, g.KeptBytes, g.Young, remove, month, dryRun}})
	}
	what := "to remove"
	if dryRun {
		what = "would be removed"
	}
	text := fmt.Sprintf("%s: calls %d; values %d (%s); objects of the index %d (%s); leases %d; unfinished uploads %d\n",
		what, g.Calls, g.Values, bytesText(g.ValueBytes), g.Segments, bytesText(g.SegBytes), g.Leases, g.Uploads)
	if !isNothing(g) {
		text += fmt.Sprintf("that takes requests for about $%.2f, and saves about $%.2f a month (at the list prices of S3)\n", remove, month)
	}
	text += fmt.Sprintf("what stays: calls %d; values %d (%s), of them %d that nothing names and that are not old enough\n", g.KeptCalls, g.KeptValues, bytesText(g.KeptBytes), g.Young)
	_, err := fmt.Fprint(a.out, text)
	return err
}

func (a *app) printRemoved(r gc.Removed) error {
	if a.json {
		type removed struct {
			Calls      int   `json:"calls"`
			Values     int   `json:"values"`
			ValueBytes int64 `json:"value_bytes"`
			InUse      int   `json:"in_use"`
			Foreign    int   `json:"foreign"`
			Segments   int   `json:"segments"`
			Leases     int   `json:"leases"`
			Uploads    int   `json:"uploads"`
		}
		return printJSON(a.out, struct {
			Removed removed `json:"removed"`
		}{removed(r)})
	}
	_, err := fmt.Fprintf(a.out, "removed: calls %d; values %d (%s); objects of the index %d; leases %d; unfinished uploads %d\n",
		r.Calls, r.Values, bytesText(r.ValueBytes), r.Segments, r.Leases, r.Uploads)
	if err == nil && r.InUse > 0 {
		_, err = fmt.Fprintf(a.out, "stays, since it was saved again meanwhile or cannot be believed: %d\n", r.InUse)
	}
	if err == nil && r.Foreign > 0 {
		_, err = fmt.Fprintf(a.out, "stays, since it does not begin as values of Quiver do: %d; quiver check --read-data says which\n", r.Foreign)
	}
	return err
}
