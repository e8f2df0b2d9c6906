package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
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
	cacheDir string // of the index; empty or noCache: none
	json     bool
	verbose  bool
	exit     int // of exec: the status to end with where no error says otherwise
}

// run runs the program with arguments and returns its exit status.
func (a *app) run(ctx context.Context, arguments []string) int {
	printed := &checkedOutput{Writer: a.out}
	a.out = printed
	root := a.root()
	root.SetArgs(arguments)
	command, err := root.ExecuteContextC(ctx)
	if err == nil && printed.err != nil && command.Name() != "exec" { // which looks after its streams itself
		err = fmt.Errorf("writing to standard output: %w", printed.err)
	}
	if err != nil {
		fmt.Fprintln(a.err, "quiver: "+err.Error())
		return exitStatus(err)
	}
	return a.exit
}

// checkedOutput remembers the first failure to write, which not everything that prints tells of.
type checkedOutput struct {
	io.Writer
	err error
}

func (o *checkedOutput) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "quiver",
		Short: "Remember the results of computations in a bucket",
		Long: `Quiver keeps the results of computations in a bucket, so that each is computed once.

  quiver exec -- CMD ARG…    runs a command, or gives back what it did the last time

The store is a URL (--store, or QUIVER_STORE), as file:///srv/quiver; without one it is a
directory in your cache folder, on this machine alone.

Where QUIVER_SIGNING_KEYS or QUIVER_SIGNING_KEYS_FILE has keys, what is saved is signed with the
first of them, and only what is signed with one of them is believed (docs/signing.md).

Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 ambiguous, 5 the store refused or
could not be reached, 130 interrupted. quiver exec ends as the command does; see its help.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetVersionTemplate("quiver {{.Version}}\n")
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.storeURL, "store", "", "the store's `URL` (default $QUIVER_STORE, else a directory in your cache folder)")
	flags.StringVar(&a.cacheDir, "cache-dir", a.defaultCacheDir(), "keep what queries read of the index in this `folder`, up to 1 GiB; off: nowhere; also $"+cacheVariable)
	flags.BoolVar(&a.json, "json", false, "print one JSON object a line")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say which store is in use, and more, on stderr")
	for _, command := range []*cobra.Command{
		a.execCommand(), a.putCommand(), a.getCommand(), a.showCommand(), a.lsCommand(), a.expandCommand(), a.shrinkCommand(),
		a.queryCommand(), a.foldCommand(), a.snapshotCommand(), a.checkCommand(), a.copyCommand(), a.evictCommand(), a.gcCommand(), a.leasesCommand(), a.transformCommand(), a.exportCommand(), a.statsCommand(), a.doctorCommand(), a.versionCommand(),
	} {
		root.AddCommand(command)
	}
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	wrapArguments(root)
	return root
}

// helpCommand is cobra's, but that what it does not know is an error.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		RunE: func(_ *cobra.Command, words []string) error {
			found, rest, err := root.Find(words)
			if err != nil || len(rest) > 0 {
				return usageError{fmt.Errorf("there is no command %q; quiver help lists them", strings.Join(words, " "))}
			}
			return found.Help()
		},
	}
}

// wrapArguments makes wrong arguments a usage error, in every command; one that has commands of its own and is none itself, wants one of them.
func wrapArguments(c *cobra.Command) {
	check := c.Args
	if check == nil && c.HasSubCommands() {
		check = cobra.NoArgs
	}
	if check != nil {
		c.Args = func(c *cobra.Command, arguments []string) error {
			if err := check(c, arguments); err != nil {
				return usageError{fmt.Errorf("%w%s; see %s --help", err, suggestions(c, arguments), c.CommandPath())}
			}
			return nil
		}
	}
	if !c.Runnable() {
		c.RunE = func(c *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("%s wants one of its commands; see %s --help", c.CommandPath(), c.CommandPath())}
		}
	}
	for _, child := range c.Commands() {
		wrapArguments(child)
	}
}

// suggestions are the commands that may have been meant.
func suggestions(c *cobra.Command, arguments []string) string {
	if len(arguments) == 0 || !c.HasSubCommands() {
		return ""
	}
	c.SuggestionsMinimumDistance = 2
	if names := c.SuggestionsFor(arguments[0]); len(names) > 0 {
		return "; did you mean " + strings.Join(names, " or ") + "?"
	}
	return ""
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
		return "", usageError{fmt.Errorf("this user has no cache folder (%w)", err)}
	}
	return filepath.Join(folder, "quiver"), nil
}

// requestsAtOnce is how many requests one quiver has under way.
const requestsAtOnce = 64

// open opens the store in use, whose requests go through the middleware. Nothing is sent yet. The caller closes it.
func (a *app) open(ctx context.Context, through ...bucket.Middleware) (*quiver.Store, error) {
	name, err := a.storeName()
	if err != nil {
		return nil, err
	}
	return a.openNamed(ctx, name, through...)
}

// openNamed is open of the store with this URL.
func (a *app) openNamed(ctx context.Context, name string, through ...bucket.Middleware) (*quiver.Store, error) {
	if a.verbose {
		fmt.Fprintln(a.err, "quiver: store "+name)
	}
	ring, err := a.signingKeys()
	if err != nil {
		return nil, err
	}
	b, err := openBucket(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err = bucket.Decorate(b, bucket.Decorators{Limit: requestsAtOnce})
	if err != nil {
		return nil, err
	}
	return quiver.New(ctx, bucket.Wrap(b, through...), &quiver.Options{Clock: a.clock, Signing: ring, AcceptUnsigned: a.isSet("QUIVER_ACCEPT_UNSIGNED"), Index: a.indexCache()})
}

// openBucket opens the bucket of a store. Nothing is sent yet.
func openBucket(ctx context.Context, name string) (bucket.Bucket, error) {
	b, err := all.Open(ctx, name)
	if errors.Is(err, bucket.ErrInvalid) {
		return nil, usageError{errors.New("the store: " + strings.TrimPrefix(err.Error(), bucket.ErrInvalid.Error()+": "))}
	}
	return b, err
}

// withStore runs a command's work on the store in use, interruptible, and closes the store.
func (a *app) withStore(ctx context.Context, work func(ctx context.Context, store *quiver.Store) error) error {
	name, err := a.storeName()
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	return a.onStore(ctx, name, work)
}

// onStore opens a store for some work, and closes it. Its failures are named after it.
func (a *app) onStore(ctx context.Context, name string, work func(ctx context.Context, store *quiver.Store) error) error {
	store, err := a.openNamed(ctx, name, blame(name), a.waiting())
	if err == nil {
		err = work(ctx, store)
		if closing := store.Close(); err == nil {
			err = closing
		}
	}
	_, named := errors.AsType[*storeError](err)
	switch {
	case err == nil, named:
		return err
	case ctx.Err() != nil:
		return errInterrupted
	case exitStatus(err) == exitStore, errors.Is(err, quiver.ErrForeign):
		if fault, ok := errors.AsType[*fault](err); ok {
			name = fault.store
		}
		return &storeError{name, err, a.verbose}
	}
	return err
}

// fault is a failure of the store that a request was sent to.
type fault struct {
	store string
	error
}

func (f *fault) Unwrap() error { return f.error }

// blame names the store in the failures of its requests: a command may have two.
func blame(store string) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			if exitStatus(err) == exitStore {
				err = &fault{store, err}
			}
			return answer, err
		}
	}
}

// storeError is a failure of the store itself: what it says first is what went wrong and what to do, and the whole chain only with -v.
type storeError struct {
	store   string
	err     error
	verbose bool
}

func (e *storeError) Error() string {
	if e.verbose {
		return "store " + e.store + ": " + e.err.Error()
	}
	return "store " + e.store + ": " + execution.Brief(e.err)
}

func (e *storeError) Unwrap() error { return e.err }
