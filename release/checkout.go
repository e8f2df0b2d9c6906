package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkout is a commit's files in a directory, and the build cache that it is built with.
type checkout struct {
	dir   string
	cache string // default the user's
}

// find returns the checkout that a directory is in.
func find(ctx context.Context, dir string) (checkout, error) {
	top, err := checkout{dir: dir}.run(ctx, nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return checkout{}, fmt.Errorf("a release is built from a git checkout, whose commit the command then names: %w", err)
	}
	return checkout{dir: filepath.FromSlash(top)}, nil
}

// isClean fails where there is what is in no commit.
func (c checkout) isClean(ctx context.Context) error {
	changes, err := c.run(ctx, nil, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changes != "" {
		return fmt.Errorf("there are changes that are not committed: commit or remove them, or build with -dirty\n%s", changes)
	}
	return nil
}

// time is when what is released was made: SOURCE_DATE_EPOCH, or the time of the commit.
func (c checkout) time(ctx context.Context) (time.Time, error) {
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		var err error
		if seconds, err = c.run(ctx, nil, "git", "log", "-1", "--format=%ct"); err != nil {
			return time.Time{}, err
		}
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s is not a number of seconds since 1970", seconds)
	}
	return time.Unix(n, 0).UTC(), nil
}

// settings are what the build would else take from the environment, and from Go's own file of settings where a variable is empty.
func (c checkout) settings(target string) []string {
	system, architecture, _ := strings.Cut(target, "/")
	settings := []string{"GOOS=" + system, "GOARCH=" + architecture, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off"}
	if c.cache != "" {
		settings = append(settings, "GOCACHE="+c.cache)
	}
	return settings
}

// build builds the command for a target. It returns the program, and its version as the program tells it.
func (c checkout) build(ctx context.Context, target string) (program []byte, version string, err error) {
	dir, err := os.MkdirTemp("", "quiver-release-")
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "quiver")
	if _, err := c.run(ctx, c.settings(target), "go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", path, "./cmd/quiver"); err != nil {
		return nil, "", err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	expected := append(c.settings(target), "-buildmode=exe", "-compiler=gc", "-trimpath=true")
	for _, setting := range info.Settings {
		ofTheSource := setting.Key == "DefaultGODEBUG" || setting.Key == "vcs" || strings.HasPrefix(setting.Key, "vcs.")
		if !ofTheSource && !slices.Contains(expected, setting.Key+"="+setting.Value) {
			return nil, "", fmt.Errorf("it was built with %s=%s, which the same commit would not be elsewhere: unset that (go env -u, or in the environment)", setting.Key, setting.Value)
		}
	}
	program, err = os.ReadFile(path)
	return program, info.Main.Version, err
}

// run runs a command in the checkout, and returns what it prints.
func (c checkout) run(ctx context.Context, settings []string, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir, command.Env = c.dir, append(os.Environ(), settings...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
