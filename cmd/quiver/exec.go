package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/cmd/quiver/internal/stats"
)

const execHelp = `Run a command and remember what it did, or give back what it did the last time.

The first run streams through. When the same command line is run again, the command is not
executed: its standard output and standard error are printed, each byte for byte, the files
and directories under --out are put back, and quiver ends with the command's exit status.

WHAT IS THE SAME. The key is made of the name, --call-version, the words of the command line,
the set of --out names, each --in (its path as written, and its tree), each --env, standard
input with --stdin, the working directory with --cwd, and whether --no-stdout was given.
A word of the command line that names an existing regular file counts by content too, so an
edited script is a miss (not with --no-auto-in; nor if it is or lies under an --out). A program
that is found through PATH counts by its name alone: give it a --call-version, or an --in.
A tree is names, contents, executable bits and the texts of links; .git is left out. Sockets,
pipes and devices are an error. An --in that is itself a link is followed; an --out is not.
--exclude leaves out what a pattern matches by its base name or by its whole path below the
--in; it may have * (not across /), ? and [a-z]. What is or lies under an --out is left out too.
--explain names the patterns that match nothing.

THE COMMAND has pipes and no terminal, and a session of its own. Without --stdin it reads the
null device; with it, all of standard input is read before the command starts. SIGINT, SIGTERM,
SIGHUP and SIGQUIT are passed on to all of its processes, once each, and quiver waits for it.
A process that it leaves behind may hold its output open for one second more. Standard output is
the command's alone: --json changes nothing here. One that is closed (>&-) is as the null device.

NOT REMEMBERED are a run that ends with another exit status than 0 (unless --keep-failures), or
by a signal, or that was sent one, or whose output was closed early; and, with a sentence on
standard error, one whose inputs changed meanwhile or that did not write an --out. A remembered
failure is used only where --keep-failures is given again. Of two runs of the same at once, each
prints what it did, and the first to end is remembered; --explain tells the other one so.

A REPLAY prints standard output before standard error: how the two were interleaved is not
remembered. Outputs are built beside their targets and renamed into place; one that is already
as it was remembered is left alone. A directory that has a .git inside is never replaced.

ONE OF MANY: with --once, who comes while another runs the same waits for the outcome, says for
whom, and gives it back; who finds the lease of 30 seconds (--once=5m) not renewed takes over.
quiver leases lists who is at what. After --once-wait the command runs all the same. Of two runs
the first to end is remembered, with a lease or without.

A DRY RUN asks whether what a replay needs is there, and does not read it: what is there but
damaged is noticed by the replay alone, which then runs the command.

THE STORE has 3 seconds to say what it remembers, then the command runs without it: that is
neither a hit nor a miss. It then has 5 seconds more to take the outcome, where it had answered 30,
and time for the bytes. A dead store never stops the command, unless --strict is given.
QUIVER_DISABLE=1 just runs the command, QUIVER_REFRESH=1 is --refresh for all; 0, no, false and
off are as if they were not set.

RECORDS keep the command line, cut to 500 bytes, and the names of inputs, outputs and variables;
never the value of a variable.

Exit status: the command's own; 128 + n if signal n ended it; 125 if quiver itself failed,
126 if the command is not executable, 127 if it was not found.`

// onceWait is how long --once waits, if nobody says otherwise.
const onceWait = 24 * time.Hour

// failedExec is a failure of quiver exec's own, which has a status that no other command has.
type failedExec struct{ error }

func (e failedExec) Unwrap() error { return e.error }

func (a *app) execCommand() *cobra.Command {
	var o execution.Options
	var tags []string
	c := &cobra.Command{
		Use:   "exec [flags] -- CMD ARG…",
		Short: "Run a command, or give back what it did the last time",
		Long:  execHelp,
		Example: `  quiver exec --in src --out build -- make all
  quiver exec --env LANG --ttl 1d -- ./report.sh 2026-11
  sort big.txt | quiver exec --stdin -- uniq -c`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, words []string) (err error) {
			o.Argv = words
			if o.Tags, err = parseTags("tag", tags); err != nil {
				return wrongFlag(err)
			}
			a.exit = a.execute(c.Context(), o)
			return nil
		},
	}
	flags := c.Flags()
	flags.SetInterspersed(false) // the command's flags are its own
	flags.StringVar(&o.Name, "name", "", "`name` of the call (default: the base name of CMD)")
	flags.StringVar(&o.CallVersion, "call-version", "", "`version` of the command: an integer, or any text")
	flags.StringArrayVar(&o.In, "in", nil, "the outcome depends on this file or directory (`path`)")
	flags.StringArrayVar(&o.Exclude, "exclude", nil, "leave out of every --in what this `pattern` matches")
	flags.StringArrayVar(&o.Env, "env", nil, "the outcome depends on the variable of this `name`")
	flags.StringArrayVar(&o.Out, "out", nil, "the command writes this file or directory (`path`)")
	flags.BoolVar(&o.Stdin, "stdin", false, "the command reads standard input, and depends on it")
	flags.BoolVar(&o.Cwd, "cwd", false, "the outcome depends on the working directory")
	flags.Var((*age)(&o.TTL), "ttl", "use what was remembered for this `time` only: 90s, 15m, 12h, 1d, 2w")
	flags.StringArrayVar(&tags, "tag", nil, "keep `k=v` in the record, for queries")
	flags.BoolVar(&o.NoStdout, "no-stdout", false, "neither remember nor replay standard output")
	flags.BoolVar(&o.NoAutoIn, "no-auto-in", false, "words that name files do not count by content")
	flags.BoolVar(&o.KeepFailures, "keep-failures", false, "remember and replay other exit statuses than 0 too")
	flags.BoolVar(&o.Explain, "explain", false, "say on stderr whether it was a hit, its key, when and where it was computed")
	o.OnceWait = onceWait
	flags.Var((*age)(&o.Once), "once", "let one of many run the command while the others wait, by a lease of this `time` (default 30s) that is renewed")
	flags.Lookup("once").NoOptDefVal = "30s"
	flags.Var((*age)(&o.OnceWait), "once-wait", "wait for another run so long, then run the command here too, or fail with --strict (`time`)")
	flags.BoolVar(&o.DryRun, "dry-run", false, "say on stderr what would happen, and do nothing")
	flags.BoolVar(&o.Refresh, "refresh", false, "run the command and remember it anew")
	flags.BoolVar(&o.Strict, "strict", false, "fail where the store fails, or lost what it had")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return wrongFlag(err) })
	return c
}

func wrongFlag(err error) error { return failedExec{fmt.Errorf("%w; see quiver exec --help", err)} }

// execute runs a command line with this process's surroundings, and returns the status to end with.
func (a *app) execute(ctx context.Context, o execution.Options) int {
	o.Disable = a.isSet("QUIVER_DISABLE")
	o.Refresh = o.Refresh || a.isSet("QUIVER_REFRESH")
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "unknown"
	}
	var storeless atomic.Bool // the settings name no store that there could be, so there is none to count for
	name, _ := a.storeName()  // opening it tells why there is none
	engine := &execution.Engine{
		Stdin: a.in, Stdout: a.out, Stderr: a.err,
		Store: func(ctx context.Context) (*quiver.Store, error) {
			store, err := a.open(ctx)
			if _, usage := errors.AsType[usageError](err); usage {
				storeless.Store(true)
			}
			return store, err
		},
		StoreName: name,
		Clock:     a.clock,
		LookupEnv: os.LookupEnv,
		Hostname:  hostname,
		Count: func(e stats.Event) {
			if !storeless.Load() {
				a.countEvent(ctx, e)
			}
		},
	}
	return engine.Run(ctx, o)
}

// isSet says whether a variable switches something on.
func (a *app) isSet(name string) bool {
	switch strings.ToLower(a.getenv(name)) {
	case "", "0", "no", "false", "off":
		return false
	}
	return true
}

// countEvent counts an event in the statistics of this machine, which the command does not depend on.
func (a *app) countEvent(ctx context.Context, e stats.Event) {
	err := func() error {
		folder, err := a.cacheFolder()
		if err != nil {
			return err
		}
		store, err := a.storeName()
		if err != nil {
			return err
		}
		if strings.HasPrefix(store, ".") { // a relative directory is another one elsewhere
			if store, err = filepath.Abs(store); err != nil {
				return err
			}
		}
		return stats.In(folder, a.clock.Now).Add(ctx, store, e)
	}()
	if err != nil && a.verbose {
		fmt.Fprintln(a.err, "quiver: not counted: "+err.Error())
	}
}

// parseTags reads the k=v pairs of a flag.
func parseTags(flag string, pairs []string) (map[string]string, error) {
	tags := map[string]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--%s %q is not of the form k=v, as in --%s project=alpha", flag, pair, flag)
		}
		if _, twice := tags[name]; twice {
			return nil, fmt.Errorf("--%s %s is given twice", flag, name)
		}
		tags[name] = value
	}
	return tags, nil
}

// age is a time as people write it: 90s, 15m, 12h, 1d, 2w, or a sum as 1d12h.
type age time.Duration

var units = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

var errAge = errors.New("a time is a number and a unit, as 90s, 15m, 12h, 1d or 2w")

// Set implements pflag.Value.
func (a *age) Set(text string) error {
	var sum float64
	for rest := text; ; {
		digits := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if digits <= 0 {
			return errAge
		}
		number, err := strconv.ParseFloat(rest[:digits], 64)
		unit, known := units[rest[digits]]
		if err != nil || !known {
			return errAge
		}
		sum += number * float64(unit)
		if rest = rest[digits+1:]; rest == "" {
			break
		}
	}
	if sum < 1 || sum > float64(1<<62) {
		return errors.New("a time is more than nothing and less than 140 years")
	}
	*a = age(sum)
	return nil
}

func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

// Type implements pflag.Value.
func (*age) Type() string { return "time" }
