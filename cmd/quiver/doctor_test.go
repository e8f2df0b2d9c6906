package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/quivercache/quiver/op"
)

func TestAnInterruptedExaminationEndsWithItsStatus(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, talk bytes.Buffer
	a := &app{streams: streams{in: strings.NewReader(""), out: &out, err: &talk}, getenv: func(string) string { return "" }, clock: op.SystemClock()}
	if status := a.run(ctx, []string{"doctor", t.TempDir()}); status != exitInterrupted || !strings.Contains(talk.String(), "interrupted") {
		t.Errorf("status %d: %s%s", status, &out, &talk)
	}
}

func TestAParameterIsAddedToURLsOnly(t *testing.T) {
	for name, want := range map[string]string{
		"s3://b": "s3://b?p=1", "s3://b/x?region=r": "s3://b/x?region=r&p=1", "/dir": "", "./dir?x": "", "gs://b/": "gs://b/?p=1",
	} {
		if got := withParameter(name, "p=1"); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheLocationOfABucketIsItsNameWithoutParameters(t *testing.T) {
	for name, want := range map[string]string{
		"s3://b": "s3://b/", "s3://b/team/p?region=r": "s3://b/team/p/", "gs://b/x/": "gs://b/x/", "file:///srv/q?sync=false": "file:///srv/q/", "/dir?x": "/dir?x/", "./d/": "./d/",
	} {
		if got := location(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestACountIsOfOneOrOfMany(t *testing.T) {
	for n, want := range map[int64]string{0: "0 requests", 1: "1 request", 2: "2 requests"} {
		if got := counted(n, "request"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
