package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// streams are where a command reads and writes: data goes to out, talk to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// app is the program: what it was started with, and the flags that all commands have.
type app struct {
	streams
	getenv func(name string) string
	clock  op.Clock

	storeURL string
	json     bool
	verbose  bool
	exit     int // of exec: the status to end with where no error says otherwise
}

// run runs the program with arguments and returns its exit status.
func (a *app) run(ctx context.Context, arguments []string) int {
	root := a.root()
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(a.err, "quiver: "+err.Error())
		return exitStatus(err)
	}
	return a.exit
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "quiver",
		Short: "Remember the results of computations in a bucket",
		Long: `Quiver keeps the results of computations in a bucket, so that each is computed once.

  quiver exec -- CMD ARG…    runs a command, or gives back what it did the last time

The store is a URL (--store, or QUIVER_STORE), as file:///srv/quiver; without one it is a
directory in your cache folder, on this machine alone.

Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 ambiguous, 5 the store refused or
could not be reached, 130 interrupted. quiver exec ends as the command does; see its help.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&a.storeURL, "store", "", "the store's `URL` (default $QUIVER_STORE, else a directory in your cache folder)")
	flags.BoolVar(&a.json, "json", false, "print one JSON object a line")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say which store is in use, and more, on stderr")
	for _, command := range []*cobra.Command{
		a.execCommand(), a.putCommand(), a.getCommand(), a.showCommand(), a.lsCommand(), a.expandCommand(), a.shrinkCommand(),
		a.evictCommand(), a.statsCommand(), a.versionCommand(),
	} {
		root.AddCommand(command)
	}
	wrapArguments(root)
	return root
}

// wrapArguments makes a wrong number of arguments a usage error, in every command.
func wrapArguments(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, arguments []string) error {
			if err := check(c, arguments); err != nil {
				return usageError{fmt.Errorf("%w\nUsage: %s", err, c.UseLine())}
			}
			return nil
		}
	}
	for _, child := range c.Commands() {
		wrapArguments(child)
	}
}

// storeName returns the URL of the store in use.
func (a *app) storeName() (string, error) {
	if a.storeURL != "" {
		return a.storeURL, nil
	}
	if url := a.getenv("QUIVER_STORE"); url != "" {
		return url, nil
	}
	folder, err := a.cacheFolder()
	if err != nil {
		return "", usageError{fmt.Errorf("there is no store: %w; name one with --store URL or QUIVER_STORE, "+
			"so that all machines of a fleet use the same", err)}
	}
	return filepath.Join(folder, "store"), nil
}

// cacheFolder is Quiver's folder in the user's cache folder.
func (a *app) cacheFolder() (string, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("this user has no cache folder (%w)", err)
	}
	return filepath.Join(folder, "quiver"), nil
}

// requestsAtOnce is how many requests one quiver has under way.
const requestsAtOnce = 64

// open opens the store in use. Nothing is sent yet. The caller closes it.
func (a *app) open(ctx context.Context) (*quiver.Store, error) {
	name, err := a.storeName()
	if err != nil {
		return nil, err
	}
	if a.verbose {
		fmt.Fprintln(a.err, "quiver: store "+name)
	}
	b, err := all.Open(ctx, name)
	if errors.Is(err, bucket.ErrInvalid) {
		return nil, usageError{fmt.Errorf("--store: %w", err)}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	b, err = bucket.Decorate(b, bucket.Decorators{Limit: requestsAtOnce})
	if err != nil {
		return nil, err
	}
	return quiver.New(b, &quiver.Options{Clock: a.clock}), nil
}

// withStore runs a command's work on the store in use, interruptible, and closes the store.
func (a *app) withStore(ctx context.Context, work func(ctx context.Context, store *quiver.Store) error) (err error) {
	ctx, stop := interruptible(ctx)
	defer stop()
	store, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closing := store.Close(); err == nil {
			err = closing
		}
	}()
	if err := work(ctx, store); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", errInterrupted, err)
		}
		return err
	}
	return nil
}
