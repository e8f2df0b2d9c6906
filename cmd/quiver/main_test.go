package main

import (
	"crypto/sha256"
	"encoding/json"
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
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or each process of the race detector's waits for a second
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":        status,
			"capture":       capture,
			"capture-key":   captureKey,
			"capture-field": captureField,
			"spoil":         spoil,
			"newer":         newer,
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

// captureKey sets a variable to the key in the last command's JSON: capture-key CALL.
func captureKey(ts *testscript.TestScript, neg bool, args []string) {
	captureField(ts, neg, append(args, "key"))
}

// captureField sets a variable to a text in the last command's JSON: capture-field RESULT result.
func captureField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture-field NAME FIELD")
	}
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &object))
	text, ok := object[args[1]].(string)
	if !ok {
		ts.Fatalf("there is no text %s in %v", args[1], object)
	}
	ts.Setenv(args[0], text)
}

// object is the file of an object in the script's store.
func object(ts *testscript.TestScript, folder, key string) string {
	names, err := filepath.Glob(ts.MkAbs(filepath.Join("store", folder, key[:2], key+"*")))
	ts.Check(err)
	if len(names) != 1 {
		ts.Fatalf("%d objects of %s", len(names), key)
	}
	return names[0]
}

// spoil damages an object behind the store's back: spoil cut|flip|empty|foreign FOLDER KEY.
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: spoil cut|flip|empty|foreign FOLDER KEY")
	}
	name := object(ts, args[1], args[2])
	body, err := os.ReadFile(name)
	ts.Check(err)
	switch args[0] {
	case "cut":
		body = body[:len(body)-1]
	case "flip":
		body[len(body)*2/3] ^= 1
	case "empty":
		body = nil
	case "foreign":
		body = []byte("a file of somebody else")
	default:
		ts.Fatalf("cannot %s an object", args[0])
	}
	ts.Check(os.WriteFile(name, body, 0o666))
}

// newer makes a record one of a later format: newer calls KEY.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: newer FOLDER KEY")
	}
	text := fmt.Sprintf(`{"format":2,"key":%q`, args[1])
	ts.Check(os.WriteFile(object(ts, args[0], args[1]), fmt.Appendf(nil, "%s,\"sha256\":\"%x\"}\n", text, sha256.Sum256([]byte(text))), 0o666))
}
