package scripttest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func status(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND…")
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

func capture(ts *testscript.TestScript, args []string) {
	want(ts, args, 3, "capture NAME stdout|stderr N")
	n, err := strconv.Atoi(args[2])
	if err != nil || n < 1 {
		ts.Fatalf("%q is no field: they are counted from 1", args[2])
	}
	fields := strings.Fields(ts.ReadFile(args[1]))
	if len(fields) < n {
		ts.Fatalf("%s has %d fields, not %d", args[1], len(fields), n)
	}
	ts.Setenv(args[0], fields[n-1])
}

func captureField(ts *testscript.TestScript, args []string) {
	want(ts, args, 2, "capture-field NAME FIELD")
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &object))
	text, ok := object[args[1]].(string)
	if !ok {
		ts.Fatalf("there is no text %s in %v", args[1], object)
	}
	ts.Setenv(args[0], text)
}

func captureKey(ts *testscript.TestScript, args []string) {
	want(ts, args, 1, "capture-key NAME")
	captureField(ts, append(args, "key"))
}
