package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/cmd/quiver/internal/export"
	"github.com/quivercache/quiver/digest"
)

func (a *app) exportCommand() *cobra.Command {
	var flags queryFlags
	var format, output string
	var settled bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Write calls into a Parquet, JSON Lines or CSV file, for other tools",
		Long: `Write the calls that match all flags, as they are now, into one file: a call a row, in the order in which quiver query finds them. The
columns are those of docs/export.md. A file appears when it is whole; until then, and where that fails, what it was before stays.

  parquet  for DuckDB, Spark, Athena, BigQuery and their like
  jsonl    one JSON object a line: what quiver query --json prints
  csv      with a header; lists and metadata are JSON in a cell

With --output and --json, what was written is said as JSON on standard output.

` + queryHelp,
		Example: `  quiver export -o calls.parquet
  quiver export --name train --since 7d --format csv | head
  duckdb -c "SELECT name, count(*) FROM 'calls.parquet' GROUP BY name"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if output == "-" {
				output = ""
			}
			format, err := exportFormat(format, output)
			if err != nil {
				return err
			}
			if output == "" && format == "parquet" && isTerminal(a.out) {
				return usageError{errors.New("a Parquet file is nothing for a terminal; name a file with -o FILE")}
			}
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				q, err := flags.query(ctx, store, a.clock.Now())
				if err != nil {
					return err
				}
				var account callindex.Account
				q.Settled, q.Account = settled, &account
				done, err := a.export(store.Query(q).All(ctx), format, output)
				if err != nil {
					return err
				}
				a.tellAccount(q, account)
				return a.tellExport(done)
			})
		},
	}
	flags.register(c)
	c.Flags().StringVar(&format, "format", "", "`FORMAT` of the file: parquet, jsonl or csv (default: what FILE ends with)")
	c.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE`, whole or not at all; - or none: to standard output")
	c.Flags().BoolVar(&settled, "settled", false, "export what is folded alone, and say on stderr as of when that is")
	return c
}

// formats begin a file of each format.
var formats = map[string]func(io.Writer) export.Writer{
	"parquet": export.Parquet,
	"jsonl":   func(w io.Writer) export.Writer { return jsonLines{w} },
	"csv":     export.CSV,
}

// exportFormat is the format that was asked for, or else the one that the file's name ends with.
func exportFormat(format, file string) (string, error) {
	asked := format
	if asked == "" {
		format = strings.ToLower(strings.TrimPrefix(filepath.Ext(file), "."))
	}
	switch {
	case formats[format] != nil:
		return format, nil
	case asked != "":
		return "", usageError{fmt.Errorf("--format %q is none of parquet, jsonl, csv", asked)}
	}
	return "", usageError{errors.New("in which format? Give --format parquet, jsonl or csv, or an -o FILE that ends with .parquet, .jsonl or .csv")}
}

// jsonLines writes calls as quiver query --json prints them.
type jsonLines struct{ out io.Writer }

// Write implements export.Writer.
func (l jsonLines) Write(key digest.Digest, r *quiver.Record) error {
	return printJSON(l.out, recordJSON(key, r))
}

// Close implements export.Writer.
func (jsonLines) Close() error { return nil }

// exported is what an export came to.
type exported struct {
	Calls  int    `json:"calls"`
	Format string `json:"format"`
	File   string `json:"file"` // empty: standard output
	Bytes  int64  `json:"bytes"`
}

// export writes calls to a file, or to standard output where it has no name.
func (a *app) export(calls iter.Seq2[*quiver.Record, error], format, file string) (done exported, err error) {
	done = exported{Format: format, File: file}
	write := func(w io.Writer) error {
		return a.exportTo(&writing{w, file, &done.Bytes}, calls, &done)
	}
	if file == "" {
		err = write(a.out)
	} else {
		err = writeWhole(file, write)
	}
	return done, err
}

// exportTo writes calls and counts them.
func (a *app) exportTo(w io.Writer, calls iter.Seq2[*quiver.Record, error], done *exported) error {
	progress := &progressBar{}
	if done.File != "" || !isTerminal(a.out) {
		progress = a.progress("calls")
	}
	defer progress.end()
	buffered := bufio.NewWriterSize(w, 1<<16)
	written := formats[done.Format](buffered)
	for r, err := range calls {
		if err != nil {
			return err
		}
		key, err := r.Key()
		if err != nil {
			return err
		}
		if err := written.Write(key, r); err != nil {
			return err
		}
		done.Calls++
		progress.at(done.Calls)
	}
	if err := written.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

// tellExport says what was written.
func (a *app) tellExport(done exported) error {
	to := ""
	if done.File != "" {
		to = " to " + done.File
	}
	switch {
	case done.Calls == 0:
		fmt.Fprintf(a.err, "quiver: no call matches: what was written%s has no rows\n", to)
	case !a.json || done.File == "":
		fmt.Fprintf(a.err, "quiver: %s exported%s\n", counted(int64(done.Calls), "call"), to)
	}
	if a.json && done.File != "" {
		return printJSON(a.out, done)
	}
	return nil
}

// writing counts what is written, and says where that failed.
type writing struct {
	io.Writer
	file  string // empty: standard output
	bytes *int64
}

func (w *writing) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	*w.bytes += int64(n)
	return n, writingFailed(w.file, err)
}
