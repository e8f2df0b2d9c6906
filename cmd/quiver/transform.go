package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
)

// edit is what quiver transform does to a record. What it was not told to set stays.
type edit struct {
	name, module, version string
	setModule, setVersion bool
	tags                  map[string]string
	dropped               []string
}

func (e *edit) apply(r *quiver.Record) (*quiver.Record, error) {
	if e.name != "" {
		r.Name = e.name
	}
	if e.setModule {
		r.Module = e.module
	}
	if e.setVersion {
		version, err := parseVersion(e.version)
		if err != nil {
			return nil, err
		}
		r.Version = version
	}
	if len(e.tags) > 0 && r.Metadata == nil {
		r.Metadata = quiver.Metadata{}
	}
	for key, value := range e.tags {
		want(r.Metadata, "tags", key, value)
	}
	for _, key := range e.dropped {
		delete(r.Metadata["tags"], key)
	}
	return r, nil
}

func (a *app) transformCommand() *cobra.Command {
	var flags queryFlags
	var e edit
	var tags []string
	var dryRun, all bool
	c := &cobra.Command{
		Use:   "transform",
		Short: "Rename functions, and set versions and tags, of the calls that match",
		Long: `Change the records of the calls that match. What counts for the key (name, module, version) files a call under
its new key: the new record is saved, then the old one is removed. Where another call has the new key already, both stay as they are.
A record that somebody else changes meanwhile is read again. Done again, it goes on where it broke off.

On a store that cannot delete with a condition (quiver doctor tells; MinIO is one) the old records stay beside the new ones, since somebody may
just be changing them. --dry-run says how many. While nobody else writes, quiver evict removes them.

` + queryHelp,
		Example: "  quiver transform --name train --set-name models.train --dry-run\n  quiver transform --all --set-tag project=alpha",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if flags.isEmpty() != all {
				return errWhichCalls
			}
			e.setModule, e.setVersion = c.Flags().Changed("set-module"), c.Flags().Changed("set-call-version")
			if c.Flags().Changed("set-name") && e.name == "" {
				return usageError{errors.New("--set-name: a call needs the name of its function")}
			}
			var err error
			if e.tags, err = parseTags("set-tag", tags); err != nil {
				return usageError{err}
			}
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				return a.transform(ctx, store, &flags, &e, dryRun)
			})
		},
	}
	flags.register(c)
	c.Flags().StringVar(&e.name, "set-name", "", "give the function this `name`")
	c.Flags().StringVar(&e.module, "set-module", "", "give it this `module`; empty: none")
	c.Flags().StringVar(&e.version, "set-call-version", "", "give it this `version`: an integer if it is one, else a text; empty: none")
	c.Flags().StringArrayVar(&tags, "set-tag", nil, "set the tag `k=v`")
	c.Flags().StringArrayVar(&e.dropped, "drop-tag", nil, "remove the tag of this `key`")
	c.Flags().BoolVar(&all, "all", false, "transform all calls")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be changed, and change nothing")
	return c
}

func (a *app) transform(ctx context.Context, store *quiver.Store, flags *queryFlags, e *edit, dryRun bool) error {
	query, err := flags.query(ctx, store, a.clock.Now())
	if err != nil {
		return err
	}
	progress := a.progress("calls")
	done, err := store.Calls.Transform(ctx, e.apply, &callindex.TransformOptions{
		Query: query, DryRun: dryRun, Progress: func(t callindex.Transform) { progress.at(t.Seen) },
	})
	progress.end()
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, struct {
			Seen      int  `json:"seen"`
			Same      int  `json:"same"`
			Changed   int  `json:"changed"`
			Moved     int  `json:"moved"`
			Gone      int  `json:"gone"`
			Conflicts int  `json:"conflicts"`
			Kept      int  `json:"kept"`
			DryRun    bool `json:"dry_run"`
		}{done.Seen, done.Same, done.Changed, done.Moved, done.Gone, done.Conflict, done.Kept, dryRun})
	}
	be, would := "", ""
	if dryRun {
		be, would = "would be ", "would "
	}
	fmt.Fprintf(a.out, "%s: %d %schanged, %d %sgiven another key, %d as they were\n", counted(int64(done.Seen), "call"), done.Changed, be, done.Moved, be, done.Same)
	if done.Conflict > 0 {
		fmt.Fprintf(a.out, "%d %sstay: another call has their new key\n", done.Conflict, would)
	}
	if done.Gone > 0 {
		fmt.Fprintf(a.out, "%d were removed by somebody else meanwhile\n", done.Gone)
	}
	if done.Kept > 0 {
		fmt.Fprintf(a.out, "%s %sstay beside the new ones: this store cannot remove them safely while others write\n", counted(int64(done.Kept), "old record"), would)
		fmt.Fprintln(a.out, "quiver evict removes them while nobody writes: by flags that find them and not the new ones, as their old --name; its --dry-run shows which")
	}
	return nil
}
