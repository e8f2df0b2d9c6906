// Command workers factors the numbers that it reads, one a line, with a pool of goroutines. The store remembers each answer, so what was interrupted is continued by
// running it again, here or on another machine.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "workers:", err)
		os.Exit(1)
	}
}

var errTimeOver = errors.New("the time is over (-within)")

// run answers the numbers of stdin, and says what was computed.
func run(ctx context.Context, arguments []string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("workers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	url := flags.String("store", os.Getenv("QUIVER_STORE"), "the store's `URL`, as file:///srv/quiver (default $QUIVER_STORE)")
	workers := flags.Int("workers", runtime.GOMAXPROCS(0), "how many numbers are factored at once")
	each := flags.Duration("each", time.Minute, "how long one number may take")
	within := flags.Duration("within", 24*time.Hour, "how long to take numbers")
	grace := flags.Duration("grace", 10*time.Second, "how long what is under way may take after that, and after an interruption")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *url == "" || flags.NArg() != 0 || *workers < 1 {
		return errors.New("usage: workers -store URL [-workers 4] < NUMBERS")
	}
	store, err := open(ctx, *url, *workers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }() // which waits for what is being saved
	factor, err := quiver.Func(store, quiver.Def{Name: "factor", Module: "examples/workers", Version: quiver.IntVersion(1)}, factor, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *within, errTimeOver)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	pool := pool{workers: *workers, each: *each, grace: *grace, call: factor.Call}
	answered, failed := 0, 0
	pool.run(ctx, read(ctx, stdin, fail), func(a answer) {
		if a.err != nil {
			failed++
			fmt.Fprintf(stderr, "workers: line %d: %v\n", a.line, a.err)
			return
		}
		answered++
		if _, err := fmt.Fprintf(stdout, "%s: %s\n", strings.TrimSpace(a.text), strings.Trim(fmt.Sprint(a.factors), "[]")); err != nil {
			fail(err)
		}
	})
	stats := store.Stats()
	fmt.Fprintf(stderr, "%d answered, %d failed: %d computed, %d remembered, %d shared, which spared %v of computing\n", answered, failed,
		stats.Computed, stats.Hits, stats.Shared, stats.TimeKept.Round(time.Millisecond))
	if ctx.Err() != nil {
		return fmt.Errorf("ended early, run it again to go on: %w", context.Cause(ctx))
	}
	if failed > 0 {
		return fmt.Errorf("%d lines have no answer", failed)
	}
	return nil
}

func open(ctx context.Context, url string, workers int) (*quiver.Store, error) {
	b, err := all.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	if b, err = bucket.Decorate(b, bucket.Decorators{Limit: 2 * workers}); err != nil { // a save sends two requests at once
		return nil, err
	}
	return quiver.New(ctx, b, nil)
}

// read sends the lines of in as they are taken. Nobody waits for it: a read from a terminal cannot be ended.
func read(ctx context.Context, in io.Reader, fail context.CancelCauseFunc) <-chan input {
	inputs := make(chan input)
	go func() {
		defer close(inputs)
		lines := bufio.NewScanner(in)
		for line := 1; lines.Scan(); line++ {
			select {
			case inputs <- input{line, lines.Text()}:
			case <-ctx.Done():
				return
			}
		}
		if err := lines.Err(); err != nil {
			fail(fmt.Errorf("reading the numbers: %w", err))
		}
	}()
	return inputs
}
