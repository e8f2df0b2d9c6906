package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
)

func (a *app) queryCommand() *cobra.Command {
	var flags queryFlags
	var limit int
	var sort, groupBy string
	var count bool
	c := &cobra.Command{
		Use:   "query",
		Short: "Find calls by function, arguments, result, metadata and time",
		Long: `Find the calls that match all flags. Every record is read: a request for each call, and one for each 1,000.

` + queryHelp,
		Example: `  quiver query --name train --arg rate=0.5 --since 1d --sort newest
  quiver query --tag project=alpha --group-by name
  quiver query --name train --json | jq -r .key | quiver evict -`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			order, ok := orders[sort]
			if !ok {
				return usageError{fmt.Errorf("--sort %q is none of %s", sort, strings.Join(slices.Sorted(maps.Keys(orders)), ", "))}
			}
			group, err := parseGroup(groupBy)
			if err != nil {
				return err
			}
			if count && group != nil {
				return usageError{errors.New("--count or --group-by, not both")}
			}
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				q, err := flags.query(ctx, store, a.clock.Now())
				if err != nil {
					return err
				}
				q.Order, q.Limit = order, limit
				calls := store.Query(q)
				switch {
				case group != nil:
					return a.printGroups(ctx, calls, groupBy, group)
				case count:
					return a.printCount(ctx, calls)
				}
				return a.printCalls(calls.All(ctx), 0)
			})
		},
	}
	flags.register(c)
	limitFlag(c, &limit)
	c.Flags().StringVar(&sort, "sort", "key", "order: key, newest or oldest")
	c.Flags().BoolVar(&count, "count", false, "print how many calls match")
	c.Flags().StringVar(&groupBy, "group-by", "", "print how many calls there are for each `FIELD`: name, module, version, result, arg:NAME, tag:KEY or meta:GROUP.KEY")
	return c
}

var orders = map[string]callindex.Order{"key": callindex.ByKey, "newest": callindex.Newest, "oldest": callindex.Oldest}

// parseGroup returns what a record is grouped by; nil where that was not asked for.
func parseGroup(field string) (func(*quiver.Record) string, error) {
	kind, name, _ := strings.Cut(field, ":")
	switch {
	case field == "":
		return nil, nil
	case field == "name":
		return func(r *quiver.Record) string { return r.Name }, nil
	case field == "module":
		return func(r *quiver.Record) string { return r.Module }, nil
	case field == "version":
		return func(r *quiver.Record) string { return r.Version.String() }, nil
	case field == "result":
		return func(r *quiver.Record) string { return r.Result.String() }, nil
	case kind == "arg" && name != "":
		return func(r *quiver.Record) string {
			for _, argument := range r.Arguments {
				if argument.Name == name {
					return argument.Digest.String()
				}
			}
			return ""
		}, nil
	case kind == "tag" && name != "":
		return func(r *quiver.Record) string { return metadataText(r, "tags", name) }, nil
	case kind == "meta" && strings.Contains(name, "."):
		group, key, _ := strings.Cut(name, ".")
		return func(r *quiver.Record) string { return metadataText(r, group, key) }, nil
	}
	return nil, usageError{fmt.Errorf("--group-by %q is none of name, module, version, result, arg:NAME, tag:KEY, meta:GROUP.KEY", field)}
}

// metadataText is a value of the metadata: a text as it is, anything else as JSON, nothing as nothing.
func metadataText(r *quiver.Record, group, key string) string {
	switch value := r.Metadata[group][key].(type) {
	case nil:
		return ""
	case string:
		return value
	default:
		text, err := json.Marshal(value)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
}

func (a *app) printCount(ctx context.Context, calls quiver.Selection) error {
	n, err := calls.Count(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, struct {
			Count int `json:"count"`
		}{n})
	}
	_, err = fmt.Fprintln(a.out, n)
	return err
}

func (a *app) printGroups(ctx context.Context, calls quiver.Selection, field string, by func(*quiver.Record) string) error {
	groups, err := calls.GroupBy(ctx, by)
	if err != nil {
		return err
	}
	rows := newTable(a.out, field, "calls")
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if a.json {
			if err := printJSON(a.out, struct {
				Group string `json:"group"`
				Count int    `json:"count"`
			}{group, len(groups[group])}); err != nil {
				return err
			}
			continue
		}
		rows.AppendRow(table.Row{group, len(groups[group])})
	}
	a.render(rows)
	return nil
}
