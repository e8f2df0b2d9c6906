package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// talk writes what a library has to say as quiver says things: a line on stderr. Of what is below a warning nothing is said, nor of what libraries
// print by package log, which comes as information: the S3 SDK does so of every lost race.
type talk struct {
	mu  *sync.Mutex
	out io.Writer
}

func newTalk(out io.Writer) slog.Handler { return talk{new(sync.Mutex), out} }

func (t talk) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (t talk) Handle(_ context.Context, record slog.Record) error {
	line := "quiver: " + strings.TrimPrefix(record.Message, "quiver: ")
	record.Attrs(func(a slog.Attr) bool {
		line += ": " + strings.ReplaceAll(a.Value.String(), "\n", " ")
		return true
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := io.WriteString(t.out, line+"\n")
	return err
}

// WithAttrs and WithGroup are not used by what quiver runs; their words would say nothing to a person.
func (t talk) WithAttrs([]slog.Attr) slog.Handler { return t }
func (t talk) WithGroup(string) slog.Handler      { return t }
