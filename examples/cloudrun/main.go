// Command cloudrun is a Cloud Run job that plans a delivery round for each file of stops. Its tasks share the files among them, and remember each plan in a store: a task
// that is tried again, and tomorrow's run, plan only what is new.
package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // ten seconds before Cloud Run ends the task
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cloudrun:", err)
		os.Exit(1) // the task is tried again, as often as the job says
	}
}

// grace is how long what is under way may take after a signal, of the ten seconds that Cloud Run gives: it is then saved, and its lease released.
const grace = 8 * time.Second

var errStopped = errors.New("stopped by a signal: what is computed is remembered, and the next run goes on")

// line is what is printed for a file.
type line struct {
	File   string  `json:"file"`
	Length float64 `json:"length"`
	Order  []int   `json:"order"`
}

// run does one task's share, and says what was computed.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("cloudrun", flag.ContinueOnError)
	flags.SetOutput(stderr)
	url := flags.String("store", os.Getenv("QUIVER_STORE"), "the store's `URL`, as gs://bucket/prefix (default $QUIVER_STORE)")
	attempts := flags.Int("attempts", 500, "how many rounds to try for each file")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *url == "" || flags.NArg() != 1 || *attempts < 1 {
		return errors.New("usage: cloudrun -store URL [-attempts 500] DIRECTORY")
	}
	task, err := taskOf(os.Getenv)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(flags.Arg(0), "*.csv")) // in the same order for every task
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there are no files *.csv in %s", flags.Arg(0))
	}
	files = task.share(files)
	store, err := open(ctx, *url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }() // which waits until leases are released, so that nobody waits for their term
	plan, err := quiver.Func(store, quiver.Def{Name: "plan", Module: "examples/cloudrun", Version: quiver.IntVersion(1)}, plan, &quiver.FuncOptions[round]{Once: 15 * time.Second})
	if err != nil {
		return err
	}
	calls, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { cancel(errStopped) }) })()
	done := 0
	defer func() {
		stats := store.Stats()
		fmt.Fprintf(stderr, "task %d of %d: %d of %d files: %d computed, %d remembered\n", task.index+1, task.count, done, len(files), stats.Computed, stats.Hits)
	}()
	output := json.NewEncoder(stdout)
	for _, file := range files {
		if ctx.Err() != nil {
			return errStopped
		}
		stops, err := read(file)
		if err != nil {
			return err
		}
		r, err := plan.Call(calls, delivery{stops, *attempts})
		if err != nil {
			return fmt.Errorf("planning the round of %s: %w", file, err)
		}
		if err := output.Encode(line{filepath.Base(file), r.Length, r.Order}); err != nil {
			return err
		}
		done++
	}
	return nil
}

// task is one of the tasks of a job.
type task struct{ index, count int }

// taskOf returns the task that Cloud Run has started this process as; elsewhere, the only one.
func taskOf(getenv func(string) string) (task, error) {
	index, err1 := strconv.Atoi(cmp.Or(getenv("CLOUD_RUN_TASK_INDEX"), "0"))
	count, err2 := strconv.Atoi(cmp.Or(getenv("CLOUD_RUN_TASK_COUNT"), "1"))
	if err1 != nil || err2 != nil || index < 0 || index >= count {
		return task{}, errors.New("CLOUD_RUN_TASK_INDEX must be a number from 0 to CLOUD_RUN_TASK_COUNT - 1, as Cloud Run sets them; unset both elsewhere")
	}
	return task{index, count}, nil
}

// share returns the task's files: every count-th.
func (t task) share(files []string) []string {
	var mine []string
	for i := t.index; i < len(files); i += t.count {
		mine = append(mine, files[i])
	}
	return mine
}

func open(ctx context.Context, url string) (*quiver.Store, error) {
	b, err := all.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	if b, err = bucket.Decorate(b, bucket.Decorators{}); err != nil {
		return nil, err
	}
	return quiver.New(ctx, b, nil)
}

// read reads a file of stops: two whole numbers a line, metres to the east and to the north.
func read(path string) ([]stop, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows := csv.NewReader(file)
	rows.FieldsPerRecord = 2
	var stops []stop
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return stops, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		x, err1 := strconv.Atoi(row[0])
		y, err2 := strconv.Atoi(row[1])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		stops = append(stops, stop{x, y})
	}
}
