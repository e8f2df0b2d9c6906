package execution_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/op"
)

func TestASecondRunIsReplayedAndNotExecuted(t *testing.T) {
	w := newWorld(t)
	want := outcome{0, "to out\n\xff", "to err"}
	for range 3 {
		w.want(w.run(execution.Options{}, "child-print", "to out\n\xff", "to err", "0"), want)
		w.wantRuns(1)
	}
	if len(w.events) != 3 || w.events[0].Miss != "not remembered yet" || !w.events[1].Hit || w.events[1].Saved < 0 {
		t.Fatalf("counted %+v", w.events)
	}
}

func TestFiveMebibytesAreReplayedByteForByte(t *testing.T) {
	w := newWorld(t)
	first := w.run(execution.Options{}, "child-flood", "5242880")
	second := w.run(execution.Options{}, "child-flood", "5242880")
	w.wantRuns(1)
	if len(first.stdout) != 5<<20 {
		t.Fatalf("%d bytes came through", len(first.stdout))
	}
	if first != second {
		t.Fatal("the replay is not the run")
	}
}

func TestOutputsOfAllSizesAreRestored(t *testing.T) {
	w := newWorld(t)
	o := execution.Options{Out: []string{"out", "single"}}
	script := []string{"/bin/sh", "-c", `"$0" child-tree out && "$0" child-write single one`, os.Args[0]}
	o.NoAutoIn = true
	w.wantSilence(w.run(o, script...))
	before := listing(t, "out") + listing(t, "single")
	for _, damage := range []func() error{
		func() error { return os.RemoveAll("out") },
		func() error { return errors.Join(os.Remove("out/small"), os.WriteFile("out/extra", nil, 0o666)) },
		func() error { return errors.Join(os.RemoveAll("out"), os.WriteFile("out", []byte("a file"), 0o666)) },
		func() error { return errors.Join(os.Remove("single"), os.Mkdir("single", 0o777)) },
		func() error { return os.Chmod("out/tool", 0o666) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		w.wantSilence(w.run(o, script...))
		w.wantRuns(2) // the two of the first run
		if after := listing(t, "out") + listing(t, "single"); after != before {
			t.Fatalf("restored\n%s\nnot\n%s", after, before)
		}
	}
	if names := names(t, "."); names != "out single" {
		t.Fatalf("left behind: %s", names)
	}
}

func TestAnOutputThatIsThereAlreadyIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	o := execution.Options{Out: []string{"out"}}
	w.wantSilence(w.run(o, "child-write", "out", "content"))
	old := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes("out", old, old); err != nil {
		t.Fatal(err)
	}
	w.wantSilence(w.run(o, "child-write", "out", "content"))
	w.wantRuns(1)
	if info, err := os.Stat("out"); err != nil || !info.ModTime().Equal(old) {
		t.Fatalf("it was written again: %v, %v", info, err)
	}
}

func TestADirectoryWithARepositoryInsideIsNotReplaced(t *testing.T) {
	w := newWorld(t)
	o := execution.Options{Out: []string{"out"}}
	w.wantSilence(w.run(o, "child-tree", "out"))
	w.write("out/.git/HEAD", "precious")
	w.write("out/small", "changed")
	if err := os.Remove("out/deep/link"); err != nil {
		t.Fatal(err)
	}
	w.wantTalk(w.run(o, "child-tree", "out"), "cannot be written here", ".git")
	w.wantRuns(2)
	if w.read("out/.git/HEAD") != "precious" {
		t.Fatal("it is lost")
	}
}

func TestWhatIsNotRemembered(t *testing.T) {
	for name, c := range map[string]struct {
		options execution.Options
		argv    []string
		talk    string // empty: silence
	}{
		"a failure":              {argv: []string{"child-print", "", "", "3"}},
		"a missing out":          {options: execution.Options{Out: []string{"out"}}, argv: []string{"child-print", "", "", "0"}, talk: "not remembered: --out out: the command did not write it"},
		"a changed input":        {options: execution.Options{In: []string{"in"}}, argv: []string{"child-append", "in/file", "more"}, talk: "not remembered: an input changed while the command ran: in:in"},
		"a vanished input":       {options: execution.Options{In: []string{"in"}}, argv: []string{"/bin/sh", "-c", "rm -r in; echo x >>$COUNT; mkdir -p again; cp -r again in-again; rm -rf in-again"}, talk: "cannot be checked again"},
		"a special out":          {options: execution.Options{Out: []string{"pipe"}}, argv: []string{"/bin/sh", "-c", "printf x >>$COUNT; rm -f pipe; mkfifo pipe"}, talk: "a named pipe"},
		"a file that appeared":   {argv: []string{"/bin/sh", "-c", "printf x >>$COUNT; rm -f in/file; echo >undeclared", "undeclared"}, talk: "in:undeclared"},
		"a command not found":    {argv: []string{"no-such-command-anywhere"}, talk: "cannot run no-such-command-anywhere"},
		"a file not executable":  {argv: []string{"./in/file"}, talk: "cannot run ./in/file"},
		"a directory as command": {argv: []string{"./in"}, talk: "cannot run ./in"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("in/file", "content")
			for i := range 2 {
				_ = os.Remove("undeclared")
				w.write("in/file", "content")
				got := w.run(c.options, c.argv...)
				if (c.talk == "") != (got.stderr == "") || !strings.Contains(got.stderr, c.talk) {
					t.Fatalf("run %d: status %d, stderr %q", i, got.status, got.stderr)
				}
				if w.events[i].Hit {
					t.Fatal("it was remembered")
				}
			}
		})
	}
}

func TestStatusesOfWhatCannotRun(t *testing.T) {
	w := newWorld(t)
	w.write("text", "no script")
	w.write("script", "no interpreter named")
	if err := os.Chmod("script", 0o777); err != nil {
		t.Fatal(err)
	}
	w.write("orphan", "#!/no/such/interpreter -x\r\necho")
	if err := os.Chmod("orphan", 0o777); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]struct {
		status int
		talk   string
	}{
		"./text": {126, "permission denied"}, "./script": {126, "exec format error"}, "/": {126, "it is a directory"},
		"./missing": {127, "no such file"}, "missing-in-path": {127, "not found"},
		"./orphan": {127, `its interpreter is missing: its first line is "#!/no/such/interpreter -x\r"`},
	} {
		got := w.run(execution.Options{}, command)
		if got.status != want.status {
			t.Errorf("%s: status %d, want %d (%s)", command, got.status, want.status, got.stderr)
		}
		w.wantTalk(got, "cannot run "+command+": ", want.talk)
	}
}

func TestFailuresAreRememberedWhenAskedFor(t *testing.T) {
	w := newWorld(t)
	argv := []string{"child-print", "o", "e", "7"}
	keeping := execution.Options{KeepFailures: true}
	for range 2 {
		w.want(w.run(keeping, argv...), outcome{7, "o", "e"})
	}
	w.wantRuns(1)
	w.want(w.run(execution.Options{}, argv...), outcome{7, "o", "e"})
	w.wantRuns(2)
	if e := w.events[2]; e.Miss != "a remembered failure" {
		t.Fatalf("counted %+v", e)
	}
}

func TestOwnFailuresAre125(t *testing.T) {
	w := newWorld(t)
	w.write("in", "x")
	for name, o := range map[string]execution.Options{
		"missing input":          {In: []string{"missing"}},
		"input under an out":     {In: []string{"in"}, Out: []string{"in"}},
		"nested outs":            {Out: []string{"a", "a/b"}},
		"working directory":      {Out: []string{"."}},
		"directory above":        {Out: []string{".."}},
		"empty out":              {Out: []string{""}},
		"empty in":               {In: []string{""}},
		"malformed pattern":      {In: []string{"in"}, Exclude: []string{"[a"}},
		"pattern with a slash":   {In: []string{"in"}, Exclude: []string{"sub/"}},
		"pattern without an in":  {Exclude: []string{"*.o"}},
		"variable with value":    {Env: []string{"A=b"}},
		"negative time":          {TTL: -1},
		"device among the input": {In: []string{"/dev/null"}},
	} {
		got := w.run(o, "child-print", "", "", "0")
		if got.status != execution.Failed {
			t.Errorf("%s: %+v", name, got)
		}
		w.wantTalk(got, "quiver: ")
	}
	w.wantRuns(0)
}

func TestStandardInputIsReadAndCountsOnlyWhenAskedFor(t *testing.T) {
	w := newWorld(t)
	large := strings.Repeat("0123456789abcdef", 100<<10)
	for i, c := range []struct {
		input  string
		stdin  bool
		stdout string
		runs   int
	}{
		{"one", true, "one", 1}, {"one", true, "one", 1}, {"two", true, "two", 2}, {"", true, "", 3},
		{"one", false, "", 4}, {"two", false, "", 4}, {large, true, large, 5}, {large, true, large, 5},
	} {
		w.engine.Stdin = strings.NewReader(c.input)
		if got := w.run(execution.Options{Stdin: c.stdin}, "child-cat"); got.stdout != c.stdout || got.status != 0 || got.stderr != "" {
			t.Fatalf("%d: %d bytes instead of %d, %s", i, len(got.stdout), len(c.stdout), got.stderr)
		}
		w.wantRuns(c.runs)
	}
}

func TestDisabledTheCommandJustRuns(t *testing.T) {
	w := newWorld(t)
	w.engine.Store = func(context.Context) (*quiver.Store, error) { panic("asked for the store") }
	w.engine.Stdin = strings.NewReader("input")
	for n := range 2 {
		w.want(w.run(execution.Options{Disable: true, Stdin: true, In: []string{"missing"}}, "child-cat"), outcome{0, "input", ""})
		w.wantRuns(n + 1)
		w.engine.Stdin = strings.NewReader("input")
	}
}

func TestWhatIsExpiredOrRefreshedIsReplaced(t *testing.T) {
	w := newWorld(t)
	argv := []string{"child-cat"}
	clock := &movedClock{Clock: op.SystemClock()}
	w.engine.Clock = clock
	w.wantSilence(w.run(execution.Options{}, argv...))
	w.wantSilence(w.run(execution.Options{TTL: time.Hour}, argv...))
	w.wantRuns(1)
	clock.by = 2 * time.Hour
	w.wantSilence(w.run(execution.Options{TTL: 24 * time.Hour}, argv...))
	w.wantRuns(1)
	w.wantTalk(w.run(execution.Options{TTL: time.Hour, Explain: true}, argv...), "miss (older than --ttl)", "remembered, computed in")
	w.wantRuns(2)
	w.wantSilence(w.run(execution.Options{TTL: time.Hour}, argv...)) // the new record is in the place of the old one
	w.wantRuns(2)
	w.wantTalk(w.run(execution.Options{Refresh: true, Explain: true}, argv...), "miss (asked to run anew)", "remembered")
	w.wantRuns(3)
	w.wantTalk(w.run(execution.Options{Explain: true}, argv...), "hit, key ", "computed ", " on here in ")
	w.wantRuns(3)
}

type movedClock struct {
	op.Clock
	by time.Duration
}

func (c *movedClock) Now() time.Time { return c.Clock.Now().Add(c.by) }

func TestTalkBeginsALineOfItsOwn(t *testing.T) {
	w := newWorld(t)
	got := w.run(execution.Options{Explain: true}, "child-print", "", "unfinished", "1")
	if !strings.Contains(got.stderr, "unfinished\nquiver: not remembered: the command ended with status 1") {
		t.Fatalf("%q", got.stderr)
	}
}
