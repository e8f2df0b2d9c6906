package quiver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// A Recorder adds a group to the metadata of the records that a function saves. Metadata does not count for a call's key.
type Recorder struct {
	Group string // its name; "function" and "error" are taken
	// Record returns the group, an object of JSON, or nil for none. It is called after the function has run.
	Record func(ctx context.Context, run *Run) map[string]any
}

// Run is a run of a function that a record is made of.
type Run struct {
	Call             *callindex.Call
	Key              digest.Digest
	Started, Stopped time.Time
	Err              error // what the function returned
}

// The group of the RuntimeRecorder.
const (
	runtimeGroup = "runtime"
	walltimeKey  = "walltime"
)

// RuntimeRecorder records in the group "runtime" when, where and how fast the function ran: timestart and timestop (RFC 3339, UTC), walltime in seconds, hostname.
func RuntimeRecorder() Recorder {
	return Recorder{Group: runtimeGroup, Record: func(_ context.Context, run *Run) map[string]any {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		return map[string]any{
			"timestart": run.Started.UTC().Format(time.RFC3339Nano),
			"timestop":  run.Stopped.UTC().Format(time.RFC3339Nano),
			walltimeKey: run.Stopped.Sub(run.Started).Seconds(),
			"hostname":  strings.ToValidUTF8(host, "\uFFFD"),
		}
	}}
}

// EnvironmentRecorder records in the group "environment" the variables of these names, and no others; nil for one that is not set.
func EnvironmentRecorder(names ...string) Recorder {
	names = slices.Clone(names)
	return Recorder{Group: "environment", Record: func(context.Context, *Run) map[string]any {
		group := make(map[string]any, len(names))
		for _, name := range names {
			group[name] = nil
			if value, set := os.LookupEnv(name); set {
				group[name] = strings.ToValidUTF8(value, "\uFFFD")
			}
		}
		return group
	}}
}

// GitRecorder records in the group "git" what the program was built from, as the Go command has noted in it: commit, time, modified. There is no group where it has noted
// nothing, as in tests and with -buildvcs=false. Git is not run.
func GitRecorder() Recorder {
	return Recorder{Group: "git", Record: func(context.Context, *Run) map[string]any {
		info, ok := debug.ReadBuildInfo()
		if !ok {
			return nil
		}
		return gitGroup(info)
	}}
}

func gitGroup(info *debug.BuildInfo) map[string]any {
	group := map[string]any{}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			group["commit"] = setting.Value
		case "vcs.time":
			group["time"] = setting.Value
		case "vcs.modified":
			group["modified"] = setting.Value == "true"
		}
	}
	if group["commit"] == nil {
		return nil
	}
	return group
}

// TagsRecorder records tags of your own in the group "tags".
func TagsRecorder(tags map[string]any) Recorder {
	tags = maps.Clone(tags)
	return Recorder{Group: "tags", Record: func(context.Context, *Run) map[string]any { return tags }}
}

// checkRecorders refuses recorders whose groups would be lost.
func checkRecorders(recorders []Recorder) error {
	taken := map[string]bool{functionGroup: true, errorGroup: true}
	for _, r := range recorders {
		if r.Group == "" || r.Record == nil {
			return fmt.Errorf("the recorder %q needs a group and a function", r.Group)
		}
		if taken[r.Group] {
			return fmt.Errorf("the metadata group %q is taken: name the recorder's group otherwise", r.Group)
		}
		taken[r.Group] = true
	}
	return nil
}

// record makes the metadata of a run, and tells of groups that have no JSON, which are left out.
func record(ctx context.Context, recorders []Recorder, run *Run, refused func(group string, err error)) callindex.Metadata {
	m := callindex.Metadata{}
	for _, r := range recorders {
		group := r.Record(ctx, run)
		if group == nil {
			continue
		}
		if _, err := json.Marshal(group); err != nil {
			refused(r.Group, err)
			continue
		}
		m[r.Group] = group
	}
	return m
}
