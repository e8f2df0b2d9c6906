package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	clouds []string
	json   bool
	only   string
	pairs  int // at the most
	keys   int // of a listing
	large  int64
	calls  int    // of the index
	keep   string // directory; empty: none
}

func command() *cobra.Command {
	var s settings
	root := &cobra.Command{Use: "bench", Short: "Hold Quiver against floors and peers", SilenceUsage: true, SilenceErrors: true}
	clouds := suiteCommand(&s, "clouds", "the adapters against the SDK of each cloud, on MinIO, fake-gcs-server and Azurite", benchClouds)
	flags := clouds.Flags()
	flags.StringSliceVar(&s.clouds, "on", []string{"s3", "gcs", "azure"}, "the clouds to run on")
	flags.IntVar(&s.keys, "keys", 100_000, "keys to list")
	flags.Int64Var(&s.large, "large", 1<<30, "bytes of the large object")
	root.AddCommand(clouds, indexCommand(&s), gcCommand(&s), streamCommand(), writerCommand())
	root.AddCommand(suiteCommand(&s, onceSuite, "64 processes that compute one call once, on MinIO", benchOnce), callerCommand())
	return root
}

// suiteCommand is the command of a suite, with the flags that all have.
func suiteCommand(s *settings, use, short string, run func(ctx context.Context, r *report, only *regexp.Regexp, s settings) error) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			only, err := regexp.Compile(s.only)
			if err != nil {
				return err
			}
			r := &report{out: c.OutOrStdout(), json: s.json}
			defer r.close()
			return run(c.Context(), r, only, *s)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&s.json, "json", false, "print one JSON object a line, not a table")
	flags.StringVar(&s.only, "only", "", "run the cases whose `PATTERN` matches \"suite case\"")
	flags.IntVar(&s.pairs, "pairs", 31, "pairs of a case that stays noise, at the most; at least 7 are taken")
	return c
}

func indexCommand(s *settings) *cobra.Command {
	index := suiteCommand(s, "index", "the call index against single requests, DuckDB, a scan, and an index that is swapped at each save", benchIndex)
	flags := index.Flags()
	flags.IntVar(&s.calls, "n", 1_000_000, "calls in the store")
	flags.StringVar(&s.keep, "keep", "", "keep the store in this `DIR`, and take it from there the next time")
	return index
}

func gcCommand(s *settings) *cobra.Command {
	collecting := suiteCommand(s, "gc", "the search for garbage against a listing of the values and a reading of the index", benchGC)
	flags := collecting.Flags()
	flags.IntVar(&s.calls, "n", 1_000_000, "calls in the store, each with a value")
	flags.StringVar(&s.keep, "keep", "", "keep the index in this `DIR`, and take it from there the next time")
	return collecting
}

// streamCommand is what the index suite runs in a process of its own.
func streamCommand() *cobra.Command {
	return &cobra.Command{
		Use: streamVerb + " DIR CALLS", Hidden: true, Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, arguments []string) error {
			calls, err := strconv.Atoi(arguments[1])
			if err != nil {
				return err
			}
			most, err := stream(c.Context(), arguments[0], calls)
			fmt.Fprintln(c.OutOrStdout(), most)
			return err
		},
	}
}

// writerCommand is what the index suite runs in many processes at once.
func writerCommand() *cobra.Command {
	return &cobra.Command{
		Use: writerVerb + " URL NUMBER", Hidden: true, Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, arguments []string) error {
			number, err := strconv.Atoi(arguments[1])
			if err != nil {
				return err
			}
			return write(c.Context(), arguments[0], number, c.InOrStdin(), c.OutOrStdout())
		},
	}
}
