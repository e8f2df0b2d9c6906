package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quivercache/quiver/op"
)

// A signal may come before there is a store, or while it is opened.
func TestAnInterruptedCommandEndsWithItsStatus(t *testing.T) {
	for _, command := range [][]string{
		{"get", "abcd"}, {"show", "abcd"}, {"query"}, {"ls", "values"}, {"ls", "calls"}, {"put"}, {"expand", "abcd"}, {"shrink", "abcd"},
		{"evict", "abcd"}, {"evict", "--all"}, {"export", "--format", "csv"}, {"snapshot"}, {"fold"}, {"check"}, {"transform", "--all", "--set-name", "x"}, {"doctor"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var out, talk bytes.Buffer
		a := &app{streams: streams{in: strings.NewReader(""), out: &out, err: &talk}, getenv: func(string) string { return "" }, clock: op.SystemClock()}
		status := a.run(ctx, append([]string{"--store", filepath.Join(t.TempDir(), "store")}, command...))
		if status != exitInterrupted || !strings.HasSuffix(talk.String(), "quiver: interrupted\n") {
			t.Errorf("%q: status %d: %s", command, status, &talk)
		}
	}
}
