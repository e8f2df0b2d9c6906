package execution

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/keyspace"
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
	s.explain("hit, key %s, %s", s.key, originOf(f.record))
}

// Brief is an error in one line for people: why, and what to do about it. What a store was asked is left out, unless a service refused just that, and digests are
// cut: the whole error has them.
func Brief(err error) string {
	text := err.Error()
	damaged, isDamaged := errors.AsType[*keyspace.DamagedError](err)
	failure, isFailure := errors.AsType[*bucket.Error](err)
	switch {
	case errors.Is(err, errSlow):
		text, _, _ = strings.Cut(text, "\n") // what came of the requests that were given up is no news
	case isDamaged:
		text = damaged.Error()
	case isFailure:
		text = failure.Kind.Error()
		if failure.Code != "" {
			text += " (" + failure.Code + ")"
		}
		if failure.Code != "" && errors.Is(failure.Kind, bucket.ErrRefused) {
			text = string(failure.Verb) + " " + failure.Key + ": " + text
		}
		if failure.Err != nil {
			text += ": " + strings.TrimPrefix(cause(failure.Err), failure.Kind.Error()+": ")
		}
		if failure.Hint != "" {
			text += "; " + failure.Hint
		}
	}
	return wholeDigest.ReplaceAllString(text, "$1"+cut)
}

// wholeDigest is a digest in a text, with as much of it as people need.
var wholeDigest = regexp.MustCompile(`\b([0-9a-f]{12})[0-9a-f]{52}\b`)

// cause is what an error says without the name of a temporary file, which is random.
func cause(err error) string {
	text := err.Error()
	if file, ok := errors.AsType[*fs.PathError](err); ok && temporary.MatchString(file.Path) {
		text = strings.ReplaceAll(text, file.Error(), file.Err.Error())
	}
	return text
}

// temporary are the paths of files that end with a random name.
var temporary = regexp.MustCompile(`[/\\][0-9a-f]{32}$`)

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
