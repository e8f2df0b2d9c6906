package quiver_test

import (
	"context"
	"encoding/json"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket/mem"
)

// metadataOf calls a function that takes a while, and returns what its record says.
func metadataOf(t *testing.T, c *client, takes time.Duration, recorders []quiver.Recorder) quiver.Metadata {
	t.Helper()
	f := memoise(t, c.Store, version1, func(_ context.Context, n int) (int, error) { pause(takes); return n, nil },
		&quiver.FuncOptions[int]{Recorders: recorders})
	expectCall(t, f, 1, 1)
	key, err := f.Key(1)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Calls.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return r.Metadata
}

func TestTheRuntimeIsRecordedUnlessToldOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, start := newClient(mem.New(nil), quiver.Options{}), time.Now()
		m := metadataOf(t, c, 1500*time.Millisecond, nil)
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"timestart": start.UTC().Format(time.RFC3339Nano), "timestop": start.Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano),
			"walltime": json.Number("1.5"), "hostname": host}
		if !reflect.DeepEqual(m["runtime"], want) || len(m) != 2 {
			t.Errorf("recorded %v, want %v", m, want)
		}
		metadataOf(t, c, 1500*time.Millisecond, nil)
		if s := c.Stats(); s.Hits != 1 || s.TimeKept != 1500*time.Millisecond {
			t.Errorf("%+v", s)
		}
		if m := metadataOf(t, newClient(mem.New(nil), quiver.Options{}), 0, []quiver.Recorder{}); len(m) != 1 {
			t.Errorf("recorded %v, want only the function", m)
		}
	})
}

func TestEnvironmentTagsAndYourOwnAreRecorded(t *testing.T) {
	t.Setenv("QUIVER_TEST_STAGE", "blue")
	t.Setenv("QUIVER_TEST_SECRET", "x")
	c := newClient(mem.New(nil), quiver.Options{})
	var seen *quiver.Run
	m := metadataOf(t, c, 0, []quiver.Recorder{
		quiver.EnvironmentRecorder("QUIVER_TEST_STAGE", "QUIVER_TEST_UNSET"),
		quiver.TagsRecorder(map[string]any{"project": "alpha", "attempt": 3}),
		{Group: "mine", Record: func(_ context.Context, run *quiver.Run) map[string]any {
			seen = run
			return map[string]any{"x": []int{1}}
		}},
		{Group: "nothing", Record: func(context.Context, *quiver.Run) map[string]any { return nil }},
		{Group: "bad", Record: func(context.Context, *quiver.Run) map[string]any { return map[string]any{"f": func() {}} }},
	})
	delete(m, "function")
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"environment":{"QUIVER_TEST_STAGE":"blue","QUIVER_TEST_UNSET":null},"mine":{"x":[1]},"tags":{"attempt":3,"project":"alpha"}}`
	if string(text) != want {
		t.Errorf("recorded %s, want %s", text, want)
	}
	if lines := c.log.take(); len(lines) != 1 || !strings.Contains(lines[0], "group=bad") {
		t.Errorf("logged: %q", lines)
	}
	if seen == nil || seen.Call.Name != "f" || seen.Key.IsZero() || seen.Err != nil || seen.Stopped.Before(seen.Started) {
		t.Errorf("the recorder was given %+v", seen)
	}
}

// TestTheCommitIsThatOfTheBuild: the Go command notes it in programs, not in tests.
func TestTheCommitIsThatOfTheBuild(t *testing.T) {
	group := quiver.GitGroup(&debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-22T10:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}})
	if want := map[string]any{"commit": "abc", "time": "2026-11-22T10:00:00Z", "modified": true}; !reflect.DeepEqual(group, want) {
		t.Errorf("recorded %v, want %v", group, want)
	}
	if group := quiver.GitGroup(&debug.BuildInfo{}); group != nil {
		t.Errorf("recorded %v of a build without git", group)
	}
	m := metadataOf(t, newClient(mem.New(nil), quiver.Options{}), 0, []quiver.Recorder{quiver.GitRecorder()})
	info, ok := debug.ReadBuildInfo()
	if !ok || (quiver.GitGroup(info) == nil) != (m["git"] == nil) {
		t.Errorf("recorded %v", m)
	}
}
