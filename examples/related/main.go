// Command related says which text files say the same: for each pair the share of words that one has in the other's order. That takes the product of
// their lengths for each pair, so it is remembered, and only pairs with a file that changed are computed.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "related:", err)
		os.Exit(1)
	}
}

// run compares the Markdown files below some directories, prints the pairs with the most in common, and says what was computed.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("related", flag.ContinueOnError)
	flags.SetOutput(stderr)
	url := flags.String("store", os.Getenv("QUIVER_STORE"), "the store's `URL`, as file:///srv/quiver (default $QUIVER_STORE)")
	top := flags.Int("n", 10, "how many pairs to print")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *url == "" || flags.NArg() == 0 {
		return errors.New("usage: related -store URL DIRECTORY…")
	}
	files, err := read(flags.Args())
	if err != nil {
		return err
	}
	store, err := open(ctx, *url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	common, err := quiver.Func(store, quiver.Def{Name: "common", Module: "examples/related", Version: quiver.IntVersion(1)}, common, nil)
	if err != nil {
		return err
	}
	pairs := pairsOf(files)
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range pairs {
		group.Go(func() (err error) {
			p := &pairs[i]
			p.words, err = common.Call(inner, texts{p.one.text, p.other.text})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.share(), a.share()) })
	for _, p := range pairs[:min(*top, len(pairs))] {
		fmt.Fprintf(stdout, "%3.0f%%  %s  %s\n", 100*p.share(), p.one.name, p.other.name)
	}
	stats := store.Stats()
	fmt.Fprintf(stderr, "%d files, %d pairs: %d computed, %d remembered, which spared %v of computing\n", len(files), len(pairs), stats.Computed, stats.Hits,
		stats.TimeKept.Round(time.Millisecond))
	return nil
}

func open(ctx context.Context, url string) (*quiver.Store, error) {
	b, err := all.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	if b, err = bucket.Decorate(b, bucket.Decorators{Limit: 32}); err != nil {
		return nil, err
	}
	return quiver.New(ctx, b, nil)
}

// document is a file.
type document struct {
	name  string
	text  string
	words int
}

// read reads the Markdown files below directories.
func read(directories []string) ([]document, error) {
	var files []document
	for _, directory := range directories {
		err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".md" {
				return err
			}
			text, err := os.ReadFile(path)
			files = append(files, document{filepath.ToSlash(path), string(text), len(strings.Fields(string(text)))})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// pair is two files, and how many words they have in common.
type pair struct {
	one, other document
	words      int
}

// pairsOf returns all pairs, each with the smaller text first: it is the same pair the other way round.
func pairsOf(files []document) []pair {
	var pairs []pair
	for i, one := range files {
		for _, other := range files[i+1:] {
			if one.text > other.text {
				pairs = append(pairs, pair{one: other, other: one})
			} else {
				pairs = append(pairs, pair{one: one, other: other})
			}
		}
	}
	return pairs
}

// share is how much of the shorter file is in the longer one.
func (p pair) share() float64 {
	return float64(p.words) / float64(max(1, min(p.one.words, p.other.words)))
}

// texts are the arguments of the memoised function: the contents alone count, wherever the files are.
type texts struct{ One, Other string }

// common is the length of the longest common subsequence of two texts' words.
func common(ctx context.Context, in texts) (int, error) {
	one, other := strings.Fields(in.One), strings.Fields(in.Other)
	row := make([]int, len(other)+1) // lengths for the words of one so far
	for _, word := range one {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		before := 0 // of the row above, one column to the left
		for i, w := range other {
			above := row[i+1]
			if w == word {
				row[i+1] = before + 1
			} else {
				row[i+1] = max(above, row[i])
			}
			before = above
		}
	}
	return row[len(other)], nil
}
