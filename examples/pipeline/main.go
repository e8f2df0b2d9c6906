// Command pipeline says where in the world there is summer time, by the time zone database, in three memoised steps: when the database changes, or a step does, it computes
// what that changes and nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
}

// run prints the report on a file, and says which steps ran.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("pipeline", flag.ContinueOnError)
	flags.SetOutput(stderr)
	url := flags.String("store", os.Getenv("QUIVER_STORE"), "the store's `URL`, as file:///srv/quiver (default $QUIVER_STORE)")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *url == "" || flags.NArg() != 1 {
		return errors.New("usage: pipeline -store URL FILE")
	}
	text, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return err
	}
	store, err := open(ctx, *url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	lines, runs, err := current.evaluate(ctx, store, string(text))
	if err != nil {
		return err
	}
	for _, line := range lines {
		fmt.Fprintln(stdout, line)
	}
	fmt.Fprintln(stderr, runs)
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
