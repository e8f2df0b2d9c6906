package execution_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/digest"
)

func TestWhatTheKeyIsMadeOf(t *testing.T) {
	w := newWorld(t)
	script := "#!/bin/sh\nprintf x >>$COUNT\n"
	w.write("script", script)
	if err := os.Chmod("script", 0o755); err != nil {
		t.Fatal(err)
	}
	w.write("in/file", "1")
	w.write("in/skipped.o", "1")
	w.write("in/out/made", "1")
	w.write("file", "1")
	t.Setenv("ASKED", "1")
	t.Setenv("UNASKED", "1")
	o := execution.Options{In: []string{"in"}, Exclude: []string{"*.o"}, Env: []string{"ASKED", "UNSET"}, Out: []string{"in/out"}}
	argv := []string{"./script", "file", "in/out/made", "in", "missing"}
	w.wantSilence(w.run(o, argv...))
	runs := 1
	try := func(name string, changes bool) {
		t.Helper()
		w.wantSilence(w.run(o, argv...))
		if changes {
			runs++
		}
		if w.ran() != runs {
			t.Fatalf("%s: counts %v, want %v", name, w.ran() == runs+1, changes)
		}
	}
	try("nothing", false)
	w.write("script", script+"# edited\n")
	try("an edited script", true)
	w.write("file", "2")
	try("an edited file of the command line", true)
	w.write("in/file", "2")
	try("an edited input", true)
	w.write("in/skipped.o", "2")
	try("an edited file that is excluded", false)
	w.write("in/.git/HEAD", "2")
	try("the repository", false)
	t.Setenv("UNASKED", "2")
	try("a variable that was not asked for", false)
	t.Setenv("ASKED", "2")
	try("a variable", true)
	t.Setenv("ASKED", "")
	try("an empty variable", true)
	if err := os.Unsetenv("ASKED"); err != nil {
		t.Fatal(err)
	}
	try("an unset variable", true)
	w.write("in/out/made", "2")
	try("an edited output, which is put back", false)
	w.write("missing", "now it is there")
	try("a word that names a file now", true)
	o.NoAutoIn = true
	try("words alone", true)
	w.write("file", "3")
	try("an edited file of the command line that does not count", false)
	o.CallVersion = "3"
	try("a version", true)
	o.CallVersion = "3.0"
	try("a version that is a text", true)
	o.Name = "named"
	try("a name", true)
	o.NoStdout = true
	try("without standard output", true)
	o.Tags = map[string]string{"k": "v"}
	try("a tag", false)
	o.Cwd = true
	try("the directory", true)
	o.Out = []string{"in/out", "in/out"}
	try("an output named twice", false)
	argv = append(argv, "more")
	try("a word", true)
}

func TestPatternsThatMatchNothingAreSaidUnderExplain(t *testing.T) {
	w := newWorld(t)
	w.write("in/a.o", "")
	w.write("in/.git/HEAD", "")
	w.write("other/b.x", "")
	o := execution.Options{In: []string{"in", "other"}, Exclude: []string{"*.o", "a.o", "*.x", ".git", "in/*.o", "no\n*"}, Explain: true}
	got := w.run(o, "child-cat")
	w.wantTalk(got, "--exclude in/*.o matches nothing in any --in\n", "--exclude no; * matches nothing")
	if n := strings.Count(got.stderr, "matches nothing"); n != 2 {
		t.Fatalf("%d patterns: %s", n, got.stderr)
	}
	o.Explain = false
	w.wantSilence(w.run(o, "child-cat"))
}

func TestAnInputThatIsALinkIsFollowed(t *testing.T) {
	w := newWorld(t)
	w.write("real/file", "1")
	if err := errors.Join(os.Symlink("real", "in"), os.Symlink("real/file", "word")); err != nil {
		t.Fatal(err)
	}
	argv := []string{"/bin/sh", "-c", "printf x >>$COUNT", "word"}
	run := func(o execution.Options, runs int) {
		t.Helper()
		w.wantSilence(w.run(o, argv...))
		w.wantRuns(runs)
	}
	in := execution.Options{In: []string{"in"}, NoAutoIn: true}
	run(in, 1)
	run(execution.Options{}, 2)
	run(in, 2)
	run(execution.Options{}, 2)
	w.write("real/file", "2")
	run(in, 3)
	run(execution.Options{}, 4)
}

func TestWithoutStandardOutputNothingIsReplayedOnIt(t *testing.T) {
	w := newWorld(t)
	o := execution.Options{NoStdout: true}
	w.want(w.run(o, "child-print", "out", "err", "0"), outcome{0, "out", "err"})
	w.want(w.run(o, "child-print", "out", "err", "0"), outcome{0, "", "err"})
	w.wantRuns(1)
	w.want(w.run(execution.Options{}, "child-print", "out", "err", "0"), outcome{0, "out", "err"})
	w.wantRuns(2)
}

func TestTheRecordIsReadableAndHasNoValueOfAVariable(t *testing.T) {
	w := newWorld(t)
	t.Setenv("SECRET", "sesame")
	w.write("in/a b", "")
	o := execution.Options{
		CallVersion: "3", In: []string{"in"}, Env: []string{"SECRET"}, Tags: map[string]string{"project": "alpha"},
		Stdin: true, Out: []string{"out"},
	}
	w.engine.Stdin = strings.NewReader("12345")
	w.wantSilence(w.run(o, "child-write", "out", "it's "+strings.Repeat("long ", 200)))
	store, err := w.engine.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	record := onlyRecord(t, store)
	if record.Module != "quiver/exec" || record.Version != callindex.IntVersion(3) || record.Name != filepath.Base(os.Args[0]) {
		t.Errorf("the call is %+v", record.Call)
	}
	var names []string
	for _, a := range record.Arguments {
		names = append(names, a.Name)
	}
	if got := strings.Join(names, " "); got != "argv env:SECRET in:in out stdin" {
		t.Errorf("arguments %s", got)
	}
	exec := record.Metadata["exec"]
	command, _ := exec["command"].(string)
	if len(command) > 500 || !strings.HasPrefix(command, os.Args[0]+` child-write out 'it'\''s long `) || !strings.HasSuffix(command, "…") {
		t.Errorf("command %q", command)
	}
	if exec["in"] != "in" || exec["out"] != "out" || exec["env"] != "SECRET" || record.Metadata["tags"]["project"] != "alpha" {
		t.Errorf("metadata %+v", record.Metadata)
	}
	for _, name := range []string{"timestart", "timestop", "walltime", "hostname"} {
		if record.Metadata["runtime"][name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	each(w, "", func(name string, _ bucket.Version, content []byte) {
		if strings.Contains(string(content), "sesame") {
			t.Errorf("%s has the value of a variable", name)
		}
	})
}

func onlyRecord(t *testing.T, store *quiver.Store) *callindex.Record {
	t.Helper()
	var record *callindex.Record
	for key, err := range store.Calls.List(t.Context(), digest.Digest{}) {
		if err != nil || record != nil {
			t.Fatal("more than one record, or ", err)
		}
		if record, err = store.Calls.Load(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	return record
}

func TestAFullTemporaryDirectoryStopsNothing(t *testing.T) {
	w := newWorld(t)
	w.engine.TempDir = filepath.Join(t.TempDir(), "missing")
	for n := range 2 {
		got := w.run(execution.Options{}, "child-flood", "2097152")
		if len(got.stdout) != 2<<20 || got.status != 0 {
			t.Fatalf("%d bytes, status %d", len(got.stdout), got.status)
		}
		w.wantTalk(got, "not remembered: what it printed could not be kept")
		w.wantRuns(n + 1)
	}
}
