package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"quiver": func() { os.Exit(start()) },
	})
}

// TestScripts runs quiver as a user does: each script has a folder, a store and a cache folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("QUIVER_STORE", filepath.Join(env.WorkDir, "store"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":  status,
			"capture": capture,
		},
	})
}

// status runs a command and holds it to an exit status: status 3 quiver get abcd.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s ended with status %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// capture sets a variable to a field of the last command's output: capture KEY stdout 1.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture NAME stdout|stderr FIELD")
	}
	var field int
	if _, err := fmt.Sscan(args[2], &field); err != nil || field < 1 {
		ts.Fatalf("%q is no field: they are counted from 1", args[2])
	}
	fields := strings.Fields(ts.ReadFile(args[1]))
	if len(fields) < field {
		ts.Fatalf("%s has %d fields, not %d", args[1], len(fields), field)
	}
	ts.Setenv(args[0], fields[field-1])
}
