package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
)

// copying is how quiver copy goes about.
type copying struct {
	from, to string // stores
	flags    queryFlags
	options  quiver.TransferOptions
	readData bool
}

func (a *app) copyCommand() *cobra.Command {
	var o copying
	c := &cobra.Command{
		Use:   "copy SRC DST",
		Short: "Copy calls and their values to another store",
		Long: `Copy the calls that match from the store SRC to the store DST, with the values of their arguments and results: two URLs or directories, of
one cloud or of two. A call keeps its time. One that DST has already with another result stays as it is there, and is counted: --overwrite
replaces it. Interrupted and run again, it goes on where it broke off: what is there is not copied again.

Values of 1 MiB and more are copied by the store's own server, where both stores are in S3 or both in Google Cloud Storage and one role may
read the one and write the other. They do not come through this machine, and are not checked: --read-data has all values read, and compares
their SHA-256, in DST too. A call that is damaged, or whose result is missing or damaged, is named on stderr and not copied; the status is then 1.

--move evicts from SRC each call that is in DST, with the same result and all its values. The values in SRC stay.

Signing keys are those of both stores (docs/signing.md): what is copied is signed anew where it was not signed with one of them.

` + queryHelp,
		Example: `  quiver copy s3://team/dev s3://team/prod --name train --tag release=7
  quiver copy ~/.cache/quiver/store gs://team --dry-run`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, stores []string) error {
			if c.Flags().Changed("store") {
				return usageError{errors.New("quiver copy takes its two stores as arguments, not by --store")}
			}
			o.from, o.to = stores[0], stores[1]
			ctx, stop := interruptible(c.Context())
			defer stop()
			return a.copy(ctx, &o)
		},
	}
	o.flags.register(c)
	c.Flags().BoolVar(&o.options.Overwrite, "overwrite", false, "replace calls that DST has already")
	c.Flags().BoolVar(&o.options.Move, "move", false, "evict from SRC what is in DST then")
	c.Flags().BoolVar(&o.options.DryRun, "dry-run", false, "say what would be copied, and change nothing")
	c.Flags().BoolVar(&o.readData, "read-data", false, "read and check all values, in both stores, and bring to DST what is missing or damaged there")
	c.Flags().Var((*count)(&o.options.Parallel), "parallel", "copy so many calls at once; 0 means 32")
	return c
}

// copy copies from the one store, which the query is of, to the other.
func (a *app) copy(ctx context.Context, o *copying) error {
	if err := differ(ctx, o.from, o.to); err != nil {
		return err
	}
	return a.onStore(ctx, o.from, func(ctx context.Context, from *quiver.Store) error {
		// One that is none of Quiver's says so here, where DST cannot be taken for it.
		if _, err := from.Calls.Contains(ctx, digest.Digest{}); err != nil {
			return err
		}
		return a.onStore(ctx, o.to, func(ctx context.Context, to *quiver.Store) error { return a.transfer(ctx, from, to, o) })
	})
}

func (a *app) transfer(ctx context.Context, from, to *quiver.Store, o *copying) error {
	query, err := o.flags.query(ctx, from, a.clock.Now())
	if err != nil {
		return err
	}
	progress := a.progress("calls")
	options := o.options
	options.ByServer, options.Verify = !o.readData, o.readData
	if options.Parallel == 0 {
		options.Parallel = 32
	}
	options.Progress = func(t quiver.Transfer) { progress.at(t.Seen) }
	options.Missing = func(r *quiver.Record, err error) {
		key, keyErr := r.Key()
		fmt.Fprintf(a.err, "quiver: not copied: call %s of %s: %v\n", short(key), r.Name, errors.Join(err, keyErr))
	}
	done, err := from.Query(query).Transfer(ctx, to, &options)
	progress.end()
	if err != nil {
		return err
	}
	if err := a.printTransfer(done, o.options); err != nil {
		return err
	}
	if done.Missing > 0 {
		return fmt.Errorf("calls that were not copied, since they or their results are missing or damaged: %d; they heal when they are computed again", done.Missing)
	}
	return nil
}

func (a *app) printTransfer(t quiver.Transfer, o quiver.TransferOptions) error {
	if a.json {
		return printJSON(a.out, struct {
			Seen      int  `json:"seen"`
			Copied    int  `json:"copied"`
			Present   int  `json:"present"`
			Conflicts int  `json:"conflicts"`
			Missing   int  `json:"missing"`
			Gone      int  `json:"gone"`
			Moved     int  `json:"moved"`
			DryRun    bool `json:"dry_run"`
		}{t.Seen, t.Copied, t.Present, t.Conflict, t.Missing, t.Gone, t.Moved, o.DryRun})
	}
	would := ""
	if o.DryRun {
		would = " would be"
	}
	fmt.Fprintf(a.out, "%s:%s copied %d, there already %d", counted(int64(t.Seen), "call"), would, t.Copied, t.Present)
	if o.Move {
		fmt.Fprintf(a.out, ", evicted from SRC %d", t.Moved)
	}
	fmt.Fprintln(a.out)
	if t.Seen == 0 {
		fmt.Fprintln(a.err, "quiver: no call of SRC matches: is it the store that was meant?")
	}
	if t.Conflict > 0 {
		fmt.Fprintf(a.out, "%d have another result in DST and stay as they are there; --overwrite replaces them\n", t.Conflict)
	}
	if t.Gone > 0 {
		fmt.Fprintf(a.out, "%d have no record any more: somebody has evicted them meanwhile, or it was lost; quiver check tells\n", t.Gone)
	}
	return nil
}

// differ refuses to copy a store to itself.
func differ(ctx context.Context, from, to string) error {
	var at [2]string
	for i, name := range []string{from, to} {
		b, err := openBucket(ctx, name)
		if err != nil {
			return err
		}
		at[i] = locationOf(b)
		if err := b.Close(); err != nil {
			return err
		}
	}
	if at[0] == at[1] {
		return usageError{fmt.Errorf("%s and %s are one store", from, to)}
	}
	return nil
}

// locationOf is where a bucket is.
func locationOf(b bucket.Bucket) string {
	locator, ok := bucket.As[bucket.Locator](b)
	if !ok {
		return ""
	}
	at := locator.Locate("a")
	return at.Endpoint + " " + at.String()
}
