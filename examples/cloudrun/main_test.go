package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quivercache/quiver/lease"
)

// TestMain lets a test start this very program as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("CLOUDRUN_TEST_IS_THE_PROGRAM") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const files, different = 8, 7 // the old town is the centre

func newStore(t *testing.T) string { return "file://" + filepath.ToSlash(t.TempDir()) + "?sync=false" }

// process is a task that is started as Cloud Run starts it.
func process(t *testing.T, store string, index, count int, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(t.Context(), os.Args[0], arguments...)
	command.Env = append(os.Environ(), "CLOUDRUN_TEST_IS_THE_PROGRAM=1", "QUIVER_STORE="+store, fmt.Sprint("CLOUD_RUN_TASK_INDEX=", index), fmt.Sprint("CLOUD_RUN_TASK_COUNT=", count))
	return command
}

var summary = regexp.MustCompile(`task \d+ of \d+: (\d+) of (\d+) files: (\d+) computed, (\d+) remembered\n`)

// counts are the numbers that tasks say at their ends, added up.
type counts struct{ done, files, computed, remembered int }

func (c *counts) add(t *testing.T, said string) {
	t.Helper()
	match := summary.FindStringSubmatch(said)
	if match == nil {
		t.Fatalf("said %q", said)
	}
	for i, n := range []*int{&c.done, &c.files, &c.computed, &c.remembered} {
		number, err := strconv.Atoi(match[i+1])
		if err != nil {
			t.Fatal(err)
		}
		*n += number
	}
}

// job runs all tasks of a job at once, and returns the lines that they print, sorted.
func job(t *testing.T, store string, tasks int, arguments ...string) ([]string, counts) {
	t.Helper()
	var wg sync.WaitGroup
	stdout, stderr, failed := make([]bytes.Buffer, tasks), make([]bytes.Buffer, tasks), make([]error, tasks)
	for i := range tasks {
		wg.Go(func() {
			command := process(t, store, i, tasks, arguments...)
			command.Stdout, command.Stderr = &stdout[i], &stderr[i]
			failed[i] = command.Run()
		})
	}
	wg.Wait()
	var lines []string
	var sum counts
	for i := range tasks {
		if failed[i] != nil {
			t.Fatalf("task %d: %v\n%s", i, failed[i], &stderr[i])
		}
		lines = append(lines, strings.Split(strings.TrimSpace(stdout[i].String()), "\n")...)
		sum.add(t, stderr[i].String())
	}
	slices.Sort(lines)
	return lines, sum
}

func TestOfAllTasksOneComputesEachResultAndTheNextRunNone(t *testing.T) {
	store := newStore(t)
	first, did := job(t, store, 4, "-attempts", "100", "stops")
	if did != (counts{files, files, different, files - different}) {
		t.Errorf("the first run: %+v", did)
	}
	again, did := job(t, store, 3, "-attempts", "100", "stops")
	if did != (counts{files, files, 0, files}) {
		t.Errorf("the second run: %+v", did)
	}
	if len(first) != files || !slices.Equal(first, again) {
		t.Errorf("printed %q, the second time %q", first, again)
	}
}

func TestOfTwoTasksThatComeToTheSamePlanAtOnceOneComputesIt(t *testing.T) {
	folder := t.TempDir()
	stops, err := os.ReadFile("stops/centre.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"centre.csv", "old-town.csv"} {
		if err := os.WriteFile(filepath.Join(folder, name), stops, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, did := job(t, newStore(t), 2, "-attempts", "4000", folder); did != (counts{2, 2, 1, 1}) {
		t.Errorf("%+v", did)
	}
}

// interrupted starts the only task of a job, sends it a signal after its first line, and returns what it has said.
func interrupted(t *testing.T, store string, signal syscall.Signal) string {
	t.Helper()
	command := process(t, store, 0, 1, "-attempts", "2000", "stops")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Errorf("the first line: %v", err)
	}
	if err := command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err == nil {
		t.Error("it was done before the signal")
	}
	return stderr.String()
}

func TestASignalEndsATaskAfterItsFileAndLeavesNoLease(t *testing.T) {
	location := newStore(t)
	began := time.Now()
	said := interrupted(t, location, syscall.SIGTERM)
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("it ended after %v", took)
	}
	var did counts
	if did.add(t, said); did.done == 0 || did.done == files || !strings.Contains(said, "stopped by a signal") {
		t.Errorf("said %q", said)
	}
	store, err := open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	leases := 0
	for l, err := range store.Leases.List(t.Context()) {
		if leases++; err != nil || l.State != lease.Released {
			t.Errorf("%+v, %v", l.Info, err)
		}
	}
	if leases == 0 {
		t.Error("there never was a lease")
	}
}

func TestWhatAKilledTaskHasDoneIsFoundAgain(t *testing.T) {
	location := newStore(t)
	interrupted(t, location, syscall.SIGKILL)
	store, err := open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for l, err := range store.Leases.List(t.Context()) { // as if the term of the one that it held had passed
		if err != nil {
			t.Fatal(err)
		}
		if l.State == lease.Held {
			if _, err := store.Leases.Break(t.Context(), l.Key); err != nil {
				t.Fatal(err)
			}
		}
	}
	said, err := process(t, location, 0, files, "-attempts", "2000", "stops").CombinedOutput() // the share that begins with the first file
	var did counts
	if did.add(t, string(said)); err != nil || did != (counts{1, 1, 0, 1}) {
		t.Errorf("%v, %q", err, said)
	}
}

func TestAPlanVisitsEachStopOnceByTheShortestWay(t *testing.T) {
	square := []stop{{0, 0}, {10, 10}, {10, 0}, {0, 10}, {5, 0}}
	r, err := plan(t.Context(), delivery{square, 10})
	if err != nil || r.Length != 40 {
		t.Errorf("%+v, %v", r, err)
	}
	slices.Sort(r.Order)
	if !slices.Equal(r.Order, []int{0, 1, 2, 3, 4}) {
		t.Errorf("%+v", r)
	}
	stops, err := read("stops/west.csv")
	if err != nil || len(stops) != 100 {
		t.Fatal(len(stops), err)
	}
	few, err1 := plan(t.Context(), delivery{stops, 1})
	many, err2 := plan(t.Context(), delivery{stops, 20})
	again, err3 := plan(t.Context(), delivery{stops, 20})
	if err := errors.Join(err1, err2, err3); err != nil || !slices.Equal(again.Order, many.Order) {
		t.Errorf("%v, then %v: %v", many, again, err)
	}
	if many.Length >= few.Length || math.Abs(length(stops, many.Order)-many.Length) > 1e-6 {
		t.Errorf("%v with one attempt, %v with 20", few.Length, many.Length)
	}
}

func TestTasksShareAllFiles(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e"}
	for count := 1; count <= 6; count++ {
		var shared []string
		for index := range count {
			shared = append(shared, task{index, count}.share(all)...)
		}
		if slices.Sort(shared); !slices.Equal(shared, all) {
			t.Errorf("%d tasks: %q", count, shared)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	store, empty := newStore(t), t.TempDir()
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "a.csv"), []byte("1,two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{}, {"-store", store}, {"-store", "nonsense://", "stops"}, {"-store", store, empty}, {"-store", store, broken}, {"-store", store, "-attempts", "0", "stops"},
	} {
		if err := run(t.Context(), arguments, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%q: no error", arguments)
		}
	}
	for _, c := range [][2]string{{"4", "4"}, {"-1", "4"}, {"one", "4"}, {"0", "four"}, {"1", ""}} {
		if _, err := taskOf(func(name string) string {
			return map[string]string{"CLOUD_RUN_TASK_INDEX": c[0], "CLOUD_RUN_TASK_COUNT": c[1]}[name]
		}); err == nil {
			t.Errorf("%q: no error", c)
		}
	}
}
