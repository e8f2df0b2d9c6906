package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
)

func (a *app) snapshotCommand() *cobra.Command {
	var sql bool
	c := &cobra.Command{
		Use:   "snapshot",
		Short: "List the Parquet files of the index, for DuckDB and others",
		Long: `List the Parquet files that have the calls as of the last fold, a row a call, and which of their rows count no more, from the manifests
alone. --json has the numbers of those rows, from 0 on. Always read the files that are listed, never all that the bucket has: others
are out of date, or being written. They stay for a day at least; docs/export.md has more.

--sql prints what makes a view, calls, of them in DuckDB. quiver export writes one table instead.`,
		Example: `  quiver snapshot --sql > calls.sql && duckdb -init calls.sql
  quiver snapshot --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				return a.snapshot(ctx, store, sql)
			})
		},
	}
	c.Flags().BoolVar(&sql, "sql", false, "print SQL for DuckDB")
	return c
}

func (a *app) snapshot(ctx context.Context, store *quiver.Store, sql bool) error {
	files, err := store.Calls.Snapshot(ctx)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no call is folded into the index: %w; quiver fold does it", quiver.ErrNotFound)
	}
	if sql {
		_, err = fmt.Fprint(a.out, duckSQL(files))
	} else {
		err = a.printFiles(files)
	}
	if err != nil {
		return err
	}
	asOf := files[0].Folded
	for _, f := range files {
		if f.Folded.Before(asOf) {
			asOf = f.Folded
		}
	}
	fmt.Fprintf(a.err, "quiver: as of the last fold: what was saved before %s is there; quiver fold brings it up to date\n", timeText(asOf))
	return nil
}

// printFiles prints the files, as JSON with the rows that count no more.
func (a *app) printFiles(files []callindex.File) error {
	rows := newTable(a.out, "file", "size", "rows", "deleted")
	for _, f := range files {
		if a.json {
			deleted := f.Deleted
			if deleted == nil {
				deleted = []uint32{}
			}
			if err := printJSON(a.out, struct {
				File    string    `json:"file"`
				Size    int64     `json:"size"`
				SHA256  string    `json:"sha256"`
				Rows    int64     `json:"rows"`
				Deleted []uint32  `json:"deleted"`
				Folded  time.Time `json:"folded"`
			}{f.Location.String(), f.Size, f.SHA256.String(), f.Rows, deleted, f.Folded.UTC()}); err != nil {
				return err
			}
			continue
		}
		rows.AppendRow(table.Row{f.Location.String(), bytesText(f.Size), f.Rows, len(f.Deleted)})
	}
	a.render(rows)
	return nil
}

// duckColumns are what the view has of a row: digests as text.
const duckColumns = `name, module, lower(hex(key)) AS key, version_integer, version_text, lower(hex(code)) AS code,
  list_transform(arguments, lambda a: {'name': a.name, 'digest': lower(hex(a.digest))}) AS arguments,
  lower(hex(result)) AS result, list_transform(parts, lambda p: lower(hex(p))) AS parts, metadata, saved`

// duckSQL is what makes a view of the files in DuckDB.
func duckSQL(files []callindex.File) string {
	var names, deleted []string
	for _, f := range files {
		name := quotedSQL(duckName(f))
		names = append(names, name)
		if len(f.Deleted) > 0 {
			deleted = append(deleted, fmt.Sprintf("  (%s, [%s])", name, joined(f.Deleted)))
		}
	}
	var sql strings.Builder
	source := fmt.Sprintf("read_parquet([\n  %s\n], filename = true, file_row_number = true)", strings.Join(names, ",\n  "))
	if len(deleted) > 0 {
		fmt.Fprintf(&sql, "CREATE OR REPLACE TEMP TABLE deleted_rows AS\nSELECT filename, unnest(rows) AS file_row_number FROM (VALUES\n%s\n) AS files(filename, rows);\n",
			strings.Join(deleted, ",\n"))
		source += " ANTI JOIN deleted_rows USING (filename, file_row_number)"
	}
	fmt.Fprintf(&sql, "CREATE OR REPLACE TEMP VIEW calls AS\nSELECT %s\nFROM %s;\n", duckColumns, source)
	return sql.String()
}

// duckName is a file's name as DuckDB has it.
func duckName(f callindex.File) string {
	if rest, ok := strings.CutPrefix(f.Location.String(), "azblob://"); ok {
		return "az://" + rest
	}
	return f.Location.String()
}

func quotedSQL(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func joined(numbers []uint32) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.FormatUint(uint64(n), 10)
	}
	return strings.Join(texts, ",")
}
