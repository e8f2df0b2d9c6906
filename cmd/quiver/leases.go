package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/lease"
)

func (a *app) leasesCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "leases",
		Short: "List who computes what, for others who wait for it",
		Long: `List the leases of calls that are computed once (quiver exec --once, FuncOptions.Once) or prepared: who has them, where, since
when, and until when unless they are renewed, by the clocks of those who have them. A lease that was not renewed has expired, and the
next who wants it takes it. Each lease is read by a request.

A lease saves work and guards nothing: to break one costs a computation at the most.`,
		Example: "  quiver leases\n  quiver leases break 3fa9c1",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error { return a.listLeases(ctx, store, all) })
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also those that were released, until gc removes them")
	c.AddCommand(a.breakCommand())
	return c
}

// leaseJSON is a lease as --json shows it.
type leaseJSON struct {
	Key      digest.Digest `json:"key"`
	State    string        `json:"state"`
	Function string        `json:"function,omitempty"`
	Owner    string        `json:"owner,omitempty"`
	Host     string        `json:"host,omitempty"`
	Since    *time.Time    `json:"since,omitempty"`
	Until    *time.Time    `json:"until,omitempty"`
	Error    string        `json:"error,omitempty"`
}

func (a *app) listLeases(ctx context.Context, store *quiver.Store, all bool) error {
	rows := newTable(a.out, "call", "state", "function", "owner", "host", "since", "until")
	defer func() { a.render(rows) }()
	unreadable := 0
	for l, err := range store.Leases.List(ctx) {
		switch {
		case err != nil:
			return err
		case l.Err != nil:
			unreadable++
			if !a.json {
				fmt.Fprintln(a.err, "quiver: "+l.Err.Error())
				continue
			}
		case l.State == lease.Released && !all:
			continue
		}
		if a.json {
			if err := printJSON(a.out, leaseOf(l)); err != nil {
				return err
			}
			continue
		}
		rows.AppendRow(table.Row{short(l.Key), stateOf(l), l.Function, l.Owner, l.Host, timeText(l.Since), timeText(l.Until)})
	}
	if unreadable > 0 {
		return fmt.Errorf("leases that cannot be read: %d", unreadable)
	}
	return nil
}

// stateOf is the state of a lease for people.
func stateOf(l lease.Listed) string {
	switch {
	case l.Err != nil:
		return "unreadable"
	case l.State != lease.Released && l.Expired():
		return "expired"
	}
	return string(l.State)
}

func leaseOf(l lease.Listed) leaseJSON {
	j := leaseJSON{Key: l.Key, State: stateOf(l)}
	if l.Err != nil {
		j.Error = l.Err.Error()
		return j
	}
	since, until := l.Since.UTC(), l.Until.UTC()
	j.Function, j.Owner, j.Host, j.Since, j.Until = l.Function, l.Owner, l.Host, &since, &until
	return j
}

func (a *app) breakCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "break KEY…",
		Short: "Release leases in their holders' stead",
		Long: `Release leases, as those of holders that will not come back, before their terms have ended. A holder that is at work notices it, goes on,
and what it comes to is remembered unless another was first.`,
		Example: "  quiver leases break 3fa9c1",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, words []string) error {
			return a.withKeys(c.Context(), words, func(ctx context.Context, store *quiver.Store, keys []digest.Key) error {
				for _, key := range keys {
					if err := a.breakLease(ctx, store, key); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (a *app) breakLease(ctx context.Context, store *quiver.Store, key digest.Key) error {
	full, err := store.Leases.Expand(ctx, key)
	if err != nil {
		return err
	}
	was, err := store.Leases.Break(ctx, full)
	switch {
	case errors.Is(err, quiver.ErrNotFound):
		return fmt.Errorf("there is no lease of %s: %w", full, err)
	case err != nil:
		return err
	case a.json:
		return printJSON(a.out, struct {
			Key   digest.Digest `json:"key"`
			Was   string        `json:"was"`
			Owner string        `json:"owner,omitempty"`
			Host  string        `json:"host,omitempty"`
		}{full, string(was.State), was.Owner, was.Host})
	case was.State == lease.Released:
		_, err = fmt.Fprintf(a.out, "%s was released already\n", full)
	case was.Owner == "":
		_, err = fmt.Fprintf(a.out, "released %s, which could not be read\n", full)
	default:
		_, err = fmt.Fprintf(a.out, "released %s, of %s on %s\n", full, was.Owner, was.Host)
	}
	return err
}
