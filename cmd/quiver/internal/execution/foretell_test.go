package execution_test

import (
	"os"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
)

func TestADryRunSaysWhatWouldHappenAndDoesNothing(t *testing.T) {
	w := newWorld(t)
	o := execution.Options{Out: []string{"out"}}
	dry := o
	dry.DryRun = true
	w.wantTalk(w.run(dry, "child-write", "out", "x"), "would run the command: miss (not remembered yet), key ")
	w.wantRuns(0)
	w.wantSilence(w.run(o, "child-write", "out", "x"))
	if err := os.Remove("out"); err != nil {
		t.Fatal(err)
	}
	w.wantTalk(w.run(dry, "child-write", "out", "x"), "would replay: hit, key ", "exit status 0", "writes out")
	w.wantRuns(1)
	if names(t, ".") != "" {
		t.Fatal("something was written")
	}
}

func TestADryRunAsksForTheValuesThatAReplayFetches(t *testing.T) {
	w := newWorld(t)
	var recorder buckettest.Recorder
	w.middleware = []bucket.Middleware{recorder.Record}
	o := execution.Options{Out: []string{"out"}}
	w.wantSilence(w.run(o, "child-tree", "out"))
	dry := o
	dry.DryRun = true
	recorder.Take()
	w.wantTalk(w.run(dry, "child-tree", "out"), "would replay")
	recorder.Expect(t, "get quiver.json", "get calls/*") // what is there already is not fetched
	if err := os.RemoveAll("out"); err != nil {
		t.Fatal(err)
	}
	w.wantTalk(w.run(dry, "child-tree", "out"), "would replay")
	recorder.Expect(t, "get quiver.json", "get calls/*", "stat values/*", "stat values/*")
	w.wantRuns(1)
}

func TestADryRunForetellsWhatKeepsAReplayFrom(t *testing.T) {
	o := execution.Options{Out: []string{"out"}}
	lose := func(w *world) {
		each(w, "values/", func(name string, _ bucket.Version, _ []byte) {
			if err := w.bucket.Delete(w.Context(), name); err != nil {
				w.Fatal(err)
			}
		})
		if err := os.RemoveAll("out"); err != nil {
			w.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		harm func(w *world)
		talk string
	}{
		"lost values": {lose, "would run the command: miss (damaged or lost): value "},
		"a store that fails at the values": {func(w *world) {
			if err := os.RemoveAll("out"); err != nil {
				w.Fatal(err)
			}
			fault := buckettest.Fault{Verb: bucket.Stat, Key: "values/*", Nth: 1, Do: buckettest.Fail(bucket.ErrRefused)}
			w.middleware = []bucket.Middleware{buckettest.NewFaults(fault).Inject}
		}, "would run the command without the store: the store failed: " + bucket.ErrRefused.Error()},
		"a repository in the way": {func(w *world) {
			w.write("out/.git/HEAD", "")
			w.write("out/small", "changed")
		}, "would run the command: miss (cannot be written here): "},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.wantSilence(w.run(o, "child-tree", "out"))
			c.harm(w)
			dry := o
			dry.DryRun = true
			got := w.run(dry, "child-tree", "out")
			w.wantTalk(got, c.talk, "; key ")
			if got.status != 0 || strings.Contains(got.stderr, "the command runs") {
				t.Fatalf("%+v", got)
			}
			w.wantRuns(1)
		})
	}
	w := newWorld(t)
	w.wantSilence(w.run(o, "child-tree", "out"))
	lose(w)
	strict := execution.Options{Out: o.Out, DryRun: true, Strict: true}
	if got := w.run(strict, "child-tree", "out"); got.status != execution.Failed {
		t.Fatalf("strict: %+v", got)
	}
}
