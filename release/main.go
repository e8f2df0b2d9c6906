// Command release builds the command quiver for each system that is supported, and packs it: go run ./release -o dist.
//
// The same commit, built with the same Go, makes the same bytes, on any machine and in any directory. So anybody can look whether an archive is what the source says: check out
// its tag and go run ./release -verify DIRECTORY, where DIRECTORY has the archives and SHA256SUMS. That builds a clone of the commit, in another directory and with an empty build
// cache, and compares.
//
// What would change the build is not taken from the environment: GOFLAGS, the architecture's levels, cgo and workspaces. GOTOOLCHAIN says which Go is used. Files in the archives
// have the time of the commit, or that of SOURCE_DATE_EPOCH.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// targets are the systems that releases are for.
var targets = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("o", "", "build, and write archives and SHA256SUMS to this `directory`")
	verify := flags.String("verify", "", "build again elsewhere, and compare with the archives in this `directory`")
	only := flags.String("only", strings.Join(targets, ","), "`systems` to build for")
	dirty := flags.Bool("dirty", false, "build although there are changes that are not committed; the version then says so")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() != 0 || (*out == "") == (*verify == "") {
		return errors.New("usage: release -o DIRECTORY [-only linux/amd64,…] [-dirty], or release -verify DIRECTORY [-only linux/amd64,…]")
	}
	wanted := strings.Split(*only, ",")
	for _, target := range wanted {
		if !slices.Contains(targets, target) {
			return fmt.Errorf("releases are not for %q, but for %s", target, strings.Join(targets, ", "))
		}
	}
	checkout, err := find(ctx, ".")
	if err != nil {
		return err
	}
	if !*dirty {
		if err := checkout.isClean(ctx); err != nil {
			return err
		}
	}
	if *verify != "" {
		return checkout.verify(ctx, *verify, wanted, stdout)
	}
	return checkout.release(ctx, *out, wanted, stdout)
}

// release writes the archives of some targets, and their sums, into a directory that is new or empty.
func (c checkout) release(ctx context.Context, dir string, wanted []string, stdout io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if there, err := os.ReadDir(dir); err != nil || len(there) > 0 {
		return errors.Join(fmt.Errorf("%s is not empty: remove it, or name another directory", dir), err)
	}
	var sums sums
	for _, target := range wanted {
		name, archive, err := c.archive(ctx, target)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), archive, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(stdout, sums.add(name, archive))
	}
	return os.WriteFile(filepath.Join(dir, sumsName), sums.text(), 0o644)
}
