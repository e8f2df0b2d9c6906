package main

import (
	"context"
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
	var count, settled bool
	c := &cobra.Command{
		Use:   "query",
		Short: "Find calls by function, arguments, result, metadata and time",
		Long: `Find the calls that match all flags, as they are now. The index answers for all that is folded into it, by a few requests for a
function; a call that is not folded yet, and that may match, takes one of its own, and how many are not is said on stderr (quiver fold).
--settled asks the index alone, as of the last fold.

The order is that in which calls are found: what is folded first, the calls of a function together. So the first are printed before the last
are read, and --limit ends the reading. It changes with every fold; --sort key, newest and oldest do not, and read all that match first.

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
				var account callindex.Account
				q.Order, q.Limit, q.Settled, q.Account = order, limit, settled, &account
				calls := store.Query(q)
				switch {
				case group != nil:
					err = a.printGroups(ctx, calls, groupBy, group)
				case count:
					err = a.printCount(ctx, calls)
				default:
					err = a.printCalls(calls.All(ctx), 0)
				}
				if err == nil {
					a.tellAccount(q, account)
				}
				return err
			})
		},
	}
	flags.register(c)
	limitFlag(c, &limit)
	c.Flags().StringVar(&sort, "sort", "found", "`order`: found, key, newest or oldest")
	c.Flags().BoolVar(&settled, "settled", false, "ask for what is folded alone, and say on stderr as of when that is")
	c.Flags().BoolVar(&count, "count", false, "print how many calls match")
	c.Flags().StringVar(&groupBy, "group-by", "", "print how many calls there are for each `FIELD`: name, module, version, result, arg:NAME, tag:KEY or meta:GROUP.KEY")
	return c
}

var orders = map[string]callindex.Order{"found": callindex.AsFound, "key": callindex.ByKey, "newest": callindex.Newest, "oldest": callindex.Oldest}

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
		text, err := jsonText(value)
		if err != nil {
			return err.Error()
		}
		return text
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
	counts := map[string]int{}
	for r, err := range calls.All(ctx) {
		if err != nil {
			return err
		}
		counts[by(r)]++
	}
	rows := newTable(a.out, field, "calls")
	for _, group := range slices.Sorted(maps.Keys(counts)) {
		if a.json {
			if err := printJSON(a.out, struct {
				Group string `json:"group"`
				Count int    `json:"count"`
			}{group, counts[group]}); err != nil {
				return err
			}
			continue
		}
		rows.AppendRow(table.Row{group, counts[group]})
	}
	a.render(rows)
	return nil
}
