// Package makefile has no Go code: its tests run the Makefile as it stands, and count the commands that were executed.
package makefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// quiver is the command, as a user builds it.
var quiver string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "quiver-makefile-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := 1
	quiver = filepath.Join(dir, "quiver")
	if output, err := exec.Command("go", "build", "-o", quiver, "../../cmd/quiver").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the command: %v: %s", err, output)
	} else {
		status = m.Run()
	}
	_ = os.RemoveAll(dir) // a temporary folder
	os.Exit(status)
}

// bench is a place to build in: checkouts that share a store, and tools that note when they are executed.
type bench struct {
	t    *testing.T
	dir  string
	log  string
	vars []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, dir: dir, log: filepath.Join(dir, "log")}
	tools := filepath.Join(dir, "tools")
	if err := os.Mkdir(tools, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cc", "sh"} {
		program, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("the example needs make, a C compiler and a shell: %v", err)
		}
		note := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = --version ]; then echo \"$COMPILER\"; exit; fi\necho %s \"$@\" >>'%s'\nexec '%s' \"$@\"\n", name, b.log, program)
		if err := os.WriteFile(filepath.Join(tools, name), []byte(note), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.vars = append(os.Environ(), "PATH="+tools+string(filepath.ListSeparator)+os.Getenv("PATH"), "COMPILER=cc 1",
		"QUIVER_STORE=file://"+filepath.ToSlash(filepath.Join(dir, "store")), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "MAKEFLAGS=", "CC=cc", "CFLAGS=-O2")
	return b
}

// checkout returns a new copy of the example.
func (b *bench) checkout(name string) string {
	b.t.Helper()
	dir := filepath.Join(b.dir, name)
	if err := errors.Join(os.CopyFS(filepath.Join(dir, "src"), os.DirFS("src")), copyFile("Makefile", filepath.Join(dir, "Makefile"))); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// make runs make in a checkout, and returns what each tool that was executed was told to write.
func (b *bench) make(dir string, words ...string) (executed []string) {
	b.t.Helper()
	if err := os.Remove(b.log); err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
	command := exec.CommandContext(b.t.Context(), "make", append([]string{"QUIVER=" + quiver}, words...)...)
	command.Dir, command.Env = dir, b.vars
	if output, err := command.CombinedOutput(); err != nil {
		b.t.Fatalf("%v: %s", err, output)
	}
	log, err := os.ReadFile(b.log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "build/") && (!strings.HasSuffix(word, ".o") || strings.Contains(line, " -c ")) {
				executed = append(executed, word)
			}
		}
	}
	slices.Sort(executed)
	return executed
}

// edit replaces a text in a file of a checkout.
func (b *bench) edit(dir, name, old, replacement string) {
	b.t.Helper()
	path := filepath.Join(dir, "src", name)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		b.t.Fatalf("%s: %v, no %q", name, err, old)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, replacement)), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// nth runs the program that was built.
func (b *bench) nth(dir, n string) string {
	b.t.Helper()
	output, err := exec.CommandContext(b.t.Context(), filepath.Join(dir, "build", "nth"), n).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v: %s", err, output)
	}
	return strings.TrimSpace(string(output))
}

func TestACleanCheckoutExecutesNothingThatAnotherHas(t *testing.T) {
	b := newBench(t)
	one := b.checkout("one")
	all := []string{"build/main.o", "build/nth", "build/primes.o", "build/table.h"}
	if executed := b.make(one); !slices.Equal(executed, all) {
		t.Fatalf("the first time it executed %q", executed)
	}
	b.make(one, "clean")
	if _, err := os.Stat(filepath.Join(one, "build")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("build is there after make clean: ", err)
	}
	two := b.checkout("a folder of another name/two")
	for _, dir := range []string{one, two} {
		if executed := b.make(dir, "-j3"); len(executed) != 0 {
			t.Errorf("%s: it executed %q again", dir, executed)
		}
		if got := b.nth(dir, "100"); got != "541" {
			t.Errorf("%s: the 100th prime is %s", dir, got)
		}
	}
}

func TestWhatChangedIsExecutedAndWhatFollowsOnlyIfItDiffers(t *testing.T) {
	b := newBench(t)
	for i, c := range []struct {
		change   string
		do       func(dir string)
		words    []string
		executed []string
	}{
		{"nothing has been built", func(string) {}, nil, []string{"build/main.o", "build/nth", "build/primes.o", "build/table.h"}},
		{"a comment in a source", func(dir string) { b.edit(dir, "main.c", "int main", "/* the nth prime */\nint main") }, nil, []string{"build/main.o"}},
		{"a message in a source", func(dir string) { b.edit(dir, "main.c", "usage:", "Usage:") }, nil, []string{"build/main.o", "build/nth"}},
		{"a comment in a header", func(dir string) { b.edit(dir, "primes.h", "int primes", "/* from 2 on */\nint primes") }, nil, []string{"build/main.o", "build/primes.o"}},
		{"a comment in the generator", func(dir string) { b.edit(dir, "table.awk", "LIMIT.", "LIMIT, in C.") }, nil, []string{"build/table.h"}},
		{"what is generated", func(dir string) { b.edit(dir, "table.sh", "20000", "30000") }, nil, []string{"build/nth", "build/primes.o", "build/table.h"}},
		{"a flag", func(string) {}, []string{"CFLAGS=-O0"}, []string{"build/main.o", "build/nth", "build/primes.o"}},
		{"the compiler", func(string) { b.vars = append(b.vars, "COMPILER=cc 2") }, nil, []string{"build/main.o", "build/nth", "build/primes.o"}},
	} {
		dir := b.checkout(fmt.Sprint(i))
		c.do(dir)
		if executed := b.make(dir, c.words...); !slices.Equal(executed, c.executed) {
			t.Errorf("%s: executed %q, want %q", c.change, executed, c.executed)
		}
		if got := b.nth(dir, "1000"); got != "7919" {
			t.Errorf("%s: the 1000th prime is %s", c.change, got)
		}
	}
}

func TestAFailureIsMakesFailureAndIsNotRemembered(t *testing.T) {
	b := newBench(t)
	dir := b.checkout("broken")
	b.edit(dir, "main.c", "return 0", "return nothing")
	for range 2 {
		command := exec.CommandContext(t.Context(), "make", "QUIVER="+quiver, "build/main.o")
		command.Dir, command.Env = dir, b.vars
		if output, err := command.CombinedOutput(); err == nil || !strings.Contains(string(output), "nothing") {
			t.Fatalf("%v: %s", err, output)
		}
	}
	log, err := os.ReadFile(b.log)
	if err != nil || strings.Count(string(log), "build/main.o") != 2 {
		t.Errorf("%v, executed: %s", err, log)
	}
	b.edit(dir, "main.c", "return nothing", "return 0")
	if executed := b.make(dir, "build/main.o"); !slices.Equal(executed, []string{"build/main.o"}) {
		t.Errorf("mended, it executed %q", executed)
	}
}
