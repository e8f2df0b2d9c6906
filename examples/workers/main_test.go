package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets a test start this very program as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("WORKERS_TEST_IS_THE_PROGRAM") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// workers runs the program over some lines, and returns what it prints, sorted, and what it says that it did.
func workers(t *testing.T, store, lines string) (printed []string, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"-store", store, "-workers", "4"}, strings.NewReader(lines), &stdout, &stderr); err != nil {
		t.Fatal(err, stderr.String())
	}
	printed = strings.Split(strings.TrimSpace(stdout.String()), "\n")
	slices.Sort(printed)
	return printed, stderr.String()
}

func newStore(t *testing.T) string { return "file://" + filepath.ToSlash(t.TempDir()) }

// numbers are the lines of some numbers above one million million.
func numbers(count int) string {
	var lines strings.Builder
	for i := range count {
		fmt.Fprintln(&lines, 1_000_000_000_000+i)
	}
	return lines.String()
}

func TestEachNumberIsComputedOnce(t *testing.T) {
	store := newStore(t)
	first, said := workers(t, store, numbers(60))
	if want := "60 answered, 0 failed: 60 computed, 0 remembered"; !strings.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	again, said := workers(t, store, numbers(60))
	if want := "60 answered, 0 failed: 0 computed, 60 remembered"; !strings.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if !slices.Equal(again, first) {
		t.Errorf("printed %q, the first time %q", again, first)
	}
	twice, said := workers(t, newStore(t), numbers(30)+numbers(30))
	if want := "60 answered, 0 failed: 30 computed"; !strings.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	for _, line := range twice {
		if !slices.Contains(first, line) {
			t.Errorf("printed %q, and without repetitions nothing like it", line)
		}
	}
}

// TestWhatIsInterruptedIsContinued, by a signal to a process whose input has not ended; what it had answered is remembered, and the rest is computed.
func TestWhatIsInterruptedIsContinued(t *testing.T) {
	store := newStore(t)
	process := exec.CommandContext(t.Context(), os.Args[0], "-store", store, "-workers", "4")
	process.Env = append(os.Environ(), "WORKERS_TEST_IS_THE_PROGRAM=1")
	var said bytes.Buffer
	process.Stderr = &said
	stdin, err1 := process.StdinPipe()
	stdout, err2 := process.StdoutPipe()
	if err1 != nil || err2 != nil || process.Start() != nil {
		t.Fatal(err1, err2)
	}
	if _, err := io.WriteString(stdin, numbers(40)); err != nil { // a pipe holds them all
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	answered := 0
	for lines.Scan() {
		if answered++; answered == 5 {
			if err := process.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := process.Wait()
	if process.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "run it again to go on: interrupt") {
		t.Fatalf("ended with %v, and said %q", err, &said)
	}
	if answered < 5 || !strings.Contains(said.String(), fmt.Sprintf("%d answered, 0 failed: %d computed", answered, answered)) {
		t.Errorf("%d were printed, and it said %q", answered, &said)
	}
	_, went := workers(t, store, numbers(60))
	if want := fmt.Sprintf("60 answered, 0 failed: %d computed, %d remembered", 60-answered, answered); !strings.Contains(went, want) {
		t.Errorf("said %q, want %q", went, want)
	}
}

func TestFactorsArePrimeAndMultiplyToTheNumber(t *testing.T) {
	isPrime := func(n uint64) bool {
		for d := uint64(2); d*d <= n; d++ {
			if n%d == 0 {
				return false
			}
		}
		return n > 1
	}
	for n := uint64(1); n < 5000; n++ {
		factors, err := factor(t.Context(), number{n})
		product := uint64(1)
		for _, f := range factors {
			product *= f
			if !isPrime(f) {
				t.Errorf("%d of %d is not prime", f, n)
			}
		}
		if err != nil || product != n || !slices.IsSorted(factors) {
			t.Errorf("factor(%d) = %v, %v", n, factors, err)
		}
	}
	if factors, err := factor(t.Context(), number{1<<64 - 1}); err != nil || !slices.Equal(factors, []uint64{3, 5, 17, 257, 641, 65537, 6700417}) {
		t.Errorf("the largest number: %v, %v", factors, err)
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	store := newStore(t)
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{"-store", store}, strings.NewReader("91\nninety\n0\n-7\n 14\n"), &stdout, &stderr)
	if err == nil || !strings.Contains(err.Error(), "3 lines have no answer") {
		t.Error(err)
	}
	for _, want := range []string{"line 2: \"ninety\" is not", "line 3: \"0\" is not", "line 4: \"-7\" is not", "2 answered, 3 failed: 2 computed"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("said %q, want %q", &stderr, want)
		}
	}
	for _, want := range []string{"91: 7 13\n", "14: 2 7\n"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("printed %q, want %q", &stdout, want)
		}
	}
	for _, arguments := range [][]string{{}, {"-store", "nonsense://"}, {"-store", store, "-workers", "0"}, {"-store", store, "file"}} {
		if err := run(t.Context(), arguments, strings.NewReader(""), io.Discard, io.Discard); err == nil {
			t.Errorf("%q: no error", arguments)
		}
	}
	full := failingWriter{io.ErrShortWrite}
	if err := run(t.Context(), []string{"-store", store}, strings.NewReader("91\n14\n"), full, io.Discard); err == nil || !strings.Contains(err.Error(), full.err.Error()) {
		t.Errorf("an output that takes nothing: %v", err)
	}
	if err := run(t.Context(), []string{"-store", store}, strings.NewReader(strings.Repeat(strconv.Itoa(7), 1<<17)), io.Discard, io.Discard); err == nil ||
		!strings.Contains(err.Error(), "reading the numbers") {
		t.Errorf("a line without end: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
