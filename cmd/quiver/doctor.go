package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/cmd/quiver/internal/doctor"
)

func (a *app) doctorCommand() *cobra.Command {
	var options doctor.Options
	c := &cobra.Command{
		Use:   "doctor [URL]",
		Short: "Examine whether a bucket keeps to what Quiver needs",
		Long: fmt.Sprintf(`Examine the bucket at a URL, by default that of the store in use, with several clients at once: races, conditions,
rights, listings, the clock. Each check says in a sentence what holds, or what does not and what that costs; docs/doctor.md
says what to do about it.

It works in a random folder under quiver-doctor/, touches nothing else, and removes what it wrote. It sends at most %d
requests, or ten thousand and more with --full, and 65 MiB unless --no-large leaves the large uploads out.

Exit status: 0 all that Quiver needs holds, 1 something does not, 5 the store refused or could not be reached.`, doctor.MostRequests),
		Example: "  quiver doctor 's3://bucket/team?region=eu-central-1'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, words []string) error {
			name, err := a.storeName()
			if len(words) == 1 {
				name, err = words[0], nil
			}
			if err != nil {
				return err
			}
			return a.examine(c.Context(), name, options)
		},
	}
	c.Flags().BoolVar(&options.NoLarge, "no-large", false, "leave the large uploads out")
	c.Flags().BoolVar(&options.Full, "full", false, "hold the bucket to every sentence of the contract, too")
	return c
}

// examine examines the bucket of a name and prints what came of it.
func (a *app) examine(ctx context.Context, name string, options doctor.Options) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the cleaning up, too
	options.Clock = a.clock
	options.Begin = func(check string) { a.beginCheck(ctx, check) }
	var printing error
	options.Found = func(f doctor.Finding) { printing = errors.Join(printing, a.printFinding(f)) }
	options.Location = location(name)
	if conditional := withParameter(name, "conditional_delete=true"); conditional != "" {
		options.Conditional = func(ctx context.Context) (bucket.Bucket, error) { return all.Open(ctx, conditional) }
	}
	report, err := doctor.Run(ctx, func(ctx context.Context) (bucket.Bucket, error) { return openBucket(ctx, name) }, &options)
	if err == nil {
		a.eraseProgress()
		if err := errors.Join(printing, a.printReport(report)); err != nil {
			return err
		}
		err = report.Err()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errInterrupted
	case report != nil: // which has said why
		return fmt.Errorf("%w; docs/doctor.md says what to do", err)
	case exitStatus(err) == exitStore:
		return &storeError{name, err, a.verbose}
	}
	return err
}

// location is where the bucket of a name is: a URL without its parameters, or a directory, which takes every character as it is; with a slash at the end.
func location(name string) string {
	if strings.Contains(name, "://") {
		name, _, _ = strings.Cut(name, "?")
	}
	return strings.TrimSuffix(name, "/") + "/"
}

// withParameter is a URL with one more parameter, empty where the name of a store is that of a directory, which takes every character as it is.
func withParameter(name, parameter string) string {
	_, rest, isURL := strings.Cut(name, "://")
	switch {
	case !isURL:
		return ""
	case strings.Contains(rest, "?"):
		return name + "&" + parameter
	}
	return name + "?" + parameter
}

// beginCheck says on a terminal what is being done, on a line that goes again.
func (a *app) beginCheck(ctx context.Context, check string) {
	a.eraseProgress()
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(a.err, "quiver: interrupted; removing what was written")
	case isTerminal(a.err):
		fmt.Fprint(a.err, "quiver: "+check+" …")
	}
}

func (a *app) eraseProgress() {
	if isTerminal(a.err) {
		fmt.Fprint(a.err, "\r\x1b[K")
	}
}

func (a *app) printFinding(f doctor.Finding) error {
	a.eraseProgress()
	if a.json {
		return printJSON(a.out, f)
	}
	mark := "FAIL"
	switch {
	case f.Holds == doctor.Holds:
		mark = "ok"
	case f.Holds == doctor.Unknown:
		mark = "?"
	case !f.Needed:
		mark = "note"
	}
	_, err := fmt.Fprintf(a.out, "%-5s %-19s %s\n", mark, f.Check, f.Detail)
	if err == nil && f.Holds == doctor.Broken {
		_, err = fmt.Fprintf(a.out, "%25s costs: %s\n", "", f.Cost)
	}
	return err
}

// summaryJSON is the last line of --json.
type summaryJSON struct {
	Summary struct {
		Fit      bool     `json:"fit"`     // all holds that Quiver needs, as far as the store can tell
		Broken   []string `json:"broken"`  // checks that are needed and do not hold
		Missing  []string `json:"missing"` // checks that would be nice and do not hold
		Unknown  []string `json:"unknown"` // checks that could not be told
		Folder   string   `json:"folder"`
		Left     int      `json:"left"` // objects in it
		Requests int64    `json:"requests"`
		Sent     int64    `json:"sent_bytes"`
		Received int64    `json:"received_bytes"`
		Seconds  float64  `json:"seconds"`
	} `json:"summary"`
}

func (a *app) printReport(r *doctor.Report) error {
	if a.json {
		var line summaryJSON
		s := &line.Summary
		s.Fit, s.Broken, s.Missing = r.Err() == nil, r.Names(doctor.Broken, true), r.Names(doctor.Broken, false)
		s.Unknown = append(r.Names(doctor.Unknown, true), r.Names(doctor.Unknown, false)...)
		s.Folder, s.Left = r.Folder, len(r.Left)
		s.Requests, s.Sent, s.Received, s.Seconds = r.Usage.Requests, r.Usage.Sent, r.Usage.Received, r.Took.Seconds()
		return printJSON(a.out, line)
	}
	if r.Err() == nil {
		fmt.Fprintln(a.out, "\nThis store holds all that Quiver needs.")
	}
	_, err := fmt.Fprintf(a.out, "%s, %s sent, %s received, %.1f s, in %s\n", counted(r.Usage.Requests, "request"), bytesText(r.Usage.Sent), bytesText(r.Usage.Received),
		r.Took.Seconds(), r.Folder)
	return err
}
