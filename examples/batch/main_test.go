// The tests of the array jobs of examples/batch and examples/kubernetes: what the services are given is parsed strictly into their own types, and the commands in it are run as
// they stand, by processes that share a directory.
package batch_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var programs string // the folder with the command, built, and a shell that writes down what it runs

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "batch")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	command := exec.Command("go", "build", "-C", filepath.Join("..", ".."), "-o", filepath.Join(dir, "quiver"), "./cmd/quiver")
	command.Env = append(os.Environ(), "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n%s", command, err, out)
		return 1
	}
	if err := os.WriteFile(filepath.Join(dir, "sh"), []byte(shell), 0o700); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// shell is the machine's, but that it notes which script it runs, and takes a while for one that several tasks need.
const shell = `#!/bin/sh
echo "$1" >>"$RUNS"
case $1 in baseline.sh) sleep 1 ;; esac
exec /bin/sh "$@"
`

// cluster is what an array job runs on: a folder as the image has it, for each task a copy, and a store in a directory.
type cluster struct {
	store, runs string
}

func newCluster(t *testing.T) *cluster {
	t.Setenv("PATH", programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("HOME", t.TempDir())
	return &cluster{"file://" + filepath.ToSlash(t.TempDir()) + "?sync=false", filepath.Join(t.TempDir(), "runs")}
}

// start runs a container's command to its end in a copy of the work folder, with some variables.
func (c *cluster) start(t *testing.T, words []string, variables ...string) (stdout, stderr string, err error) {
	work := t.TempDir()
	if err := os.CopyFS(work, os.DirFS(".")); err != nil {
		return "", "", err
	}
	command := exec.CommandContext(t.Context(), words[0], words[1:]...)
	command.Dir = work
	command.Env = append(append(os.Environ(), variables...), "QUIVER_STORE="+c.store, "QUIVER_CACHE_DIR=off", "RUNS="+c.runs)
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	err = command.Run()
	return out.String(), said.String(), err
}

// array runs all tasks of an array job at once, and returns what each prints.
func (c *cluster) array(t *testing.T, words []string, indexVariable string, size int) []string {
	t.Helper()
	var wg sync.WaitGroup
	printed, said, failed := make([]string, size), make([]string, size), make([]error, size)
	for i := range size {
		wg.Go(func() { printed[i], said[i], failed[i] = c.start(t, words, fmt.Sprint(indexVariable, "=", i)) })
	}
	wg.Wait()
	for i := range size {
		if failed[i] != nil {
			t.Fatalf("task %d: %v\n%s", i, failed[i], said[i])
		}
	}
	return printed
}

// ran returns how often each script has been run so far.
func (c *cluster) ran(t *testing.T) map[string]int {
	t.Helper()
	lines, err := os.ReadFile(c.runs)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for script := range strings.Lines(string(lines)) {
		counts[strings.TrimSpace(script)]++
	}
	return counts
}

// tasks are the lines of tasks.txt, and their different regions.
func tasks(t *testing.T) (stations, regions []string) {
	t.Helper()
	lines, err := os.ReadFile("tasks.txt")
	if err != nil {
		t.Fatal(err)
	}
	stations = strings.Fields(string(lines))
	for _, station := range stations {
		region, _, _ := strings.Cut(station, "/")
		if !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	return stations, regions
}

// checkArray runs an array job twice: of the tasks at once one computes what several need, and the second time none computes anything.
func checkArray(t *testing.T, words []string, indexVariable string, size int) *cluster {
	t.Helper()
	stations, regions := tasks(t)
	if size != len(stations) || len(regions) >= size {
		t.Fatalf("%d tasks for %d stations in %d regions", size, len(stations), len(regions))
	}
	c := newCluster(t)
	first := c.array(t, words, indexVariable, size)
	if ran := c.ran(t); ran["task.sh"] != size || ran["baseline.sh"] != len(regions) || ran["odd.sh"] != size {
		t.Errorf("the first job ran %v, for %d regions and %d stations", ran, len(regions), size)
	}
	for i, printed := range first {
		if printed == "" {
			t.Errorf("task %d finds nothing odd in %s", i, stations[i])
		}
	}
	again := c.array(t, words, indexVariable, size)
	if ran := c.ran(t); ran["task.sh"] != 2*size || ran["baseline.sh"] != len(regions) || ran["odd.sh"] != size {
		t.Errorf("after the second job: %v", ran)
	}
	if !slices.Equal(first, again) {
		t.Errorf("printed %q, the second time %q", first, again)
	}
	return c
}
