package execution

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/quivercache/quiver/callindex"
)

// lines is a stream that knows whether it stands at the start of a line.
type lines struct {
	io.Writer
	inside bool
}

func (l *lines) Write(b []byte) (int, error) {
	if len(b) > 0 {
		l.inside = b[len(b)-1] != '\n'
	}
	return l.Writer.Write(b)
}

// say talks to people: one line on standard error, also where the command left one unfinished.
func (s *session) say(format string, arguments ...any) {
	line := "quiver: " + strings.ReplaceAll(fmt.Sprintf(format, arguments...), "\n", "; ") + "\n"
	if s.stderr.inside {
		line = "\n" + line
	}
	// Where even that cannot be said, there is nobody left to tell.
	_, _ = io.WriteString(s.stderr, line)
}

// explain is say under --explain.
func (s *session) explain(format string, arguments ...any) {
	if s.Explain {
		s.say(format, arguments...)
	}
}

func (s *session) explainHit(f finding) {
	o := originOf(f.record)
	s.explain("hit, key %s, computed %s on %s in %s", s.key, o.at.UTC().Format(time.RFC3339), o.host, o.took.Round(time.Millisecond))
}

// foretell says what would happen without --dry-run.
func (s *session) foretell(f finding) {
	if f.outcome == nil {
		s.say("would run the command: miss (%s), key %s", f.miss, s.key)
		return
	}
	o := originOf(f.record)
	effects := []string{fmt.Sprintf("exit status %d", f.outcome.Exit)}
	for _, stream := range []struct {
		name string
		size int64
	}{{"standard output", f.outcome.Stdout.Size}, {"standard error", f.outcome.Stderr.Size}} {
		if stream.size > 0 {
			effects = append(effects, fmt.Sprintf("%d bytes on %s", stream.size, stream.name))
		}
	}
	for _, name := range s.outs.names {
		effects = append(effects, "writes "+name)
	}
	s.say("would replay: hit, key %s, computed %s on %s in %s: %s", s.key, o.at.UTC().Format(time.RFC3339), o.host,
		o.took.Round(time.Millisecond), strings.Join(effects, ", "))
}

// metadata is what a record repeats of the command line and of the run, bounded and readable. Values of the environment are no part of it.
func (s *session) metadata(r *run) callindex.Metadata {
	m := callindex.Metadata{
		"runtime": {
			"timestart": timestamp(r.began),
			"timestop":  timestamp(r.began.Add(r.took)),
			"walltime":  r.took.Seconds(),
			"hostname":  strings.ToValidUTF8(s.Hostname, "\uFFFD"),
		},
		"exec": {
			"command":   preview(s.Argv, commandPreview),
			"directory": shorten(preview([]string{s.id.directory}, commandPreview), commandPreview),
			"exit":      r.status,
		},
	}
	room := argumentPreview
	for _, argument := range []struct {
		name  string
		words []string
	}{{"in", s.In}, {"out", s.outs.names}, {"env", s.Env}} {
		if len(argument.words) > 0 && room > len(cut) {
			text := preview(argument.words, room)
			m["exec"][argument.name] = text
			room -= len(text)
		}
	}
	if s.input != nil {
		m["exec"]["stdin"] = s.input.size
	}
	if len(s.Tags) > 0 {
		m["tags"] = map[string]any{}
		for name, value := range s.Tags {
			m["tags"][name] = value
		}
	}
	return m
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// workingDirectory is the directory that the command runs in.
func workingDirectory() (string, error) {
	directory, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	return directory, nil
}
