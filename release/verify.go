package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const (
	sumsName  = "SHA256SUMS"
	sumLength = 2 * sha256.Size
)

// sums are lines as sha256sum prints and checks them.
type sums []string

func (s *sums) add(name string, data []byte) string {
	line := fmt.Sprintf("%x  %s", sha256.Sum256(data), name)
	*s = append(*s, line)
	return line
}

func (s *sums) text() []byte { return []byte(strings.Join(*s, "\n") + "\n") }

// verify builds some targets again, of a clone in another directory and with an empty build cache, and compares the archives with those in a directory, and with their sums.
func (c checkout) verify(ctx context.Context, dir string, wanted []string, stdout io.Writer) (err error) {
	given, err := read(dir, wanted)
	if err != nil {
		return err
	}
	elsewhere, err := os.MkdirTemp("", "quiver-verify-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(elsewhere)) }()
	clone := checkout{dir: filepath.Join(elsewhere, "a clone"), cache: filepath.Join(elsewhere, "cache")}
	if _, err := c.run(ctx, nil, "git", "clone", "--quiet", c.dir, clone.dir); err != nil {
		return err
	}
	for _, target := range wanted {
		name, archive, err := clone.archive(ctx, target)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		var built sums
		switch line := built.add(name, archive); {
		case !slices.ContainsFunc(given, func(line string) bool { return strings.HasSuffix(line, "  "+name) }):
			return fmt.Errorf("this commit makes %s, which is not in %s: check out the commit that was released", name, filepath.Join(dir, sumsName))
		case !slices.Contains(given, line):
			return fmt.Errorf("%s is not what this commit makes with %s, whose sum is %s: was it built with another Go?", filepath.Join(dir, name), runtime.Version(), line[:sumLength])
		default:
			fmt.Fprintln(stdout, line, "is the same")
		}
	}
	return nil
}

// read reads the sums in a directory, and holds the archives of some targets against them.
func read(dir string, wanted []string) (sums, error) {
	text, err := os.ReadFile(filepath.Join(dir, sumsName))
	if err != nil {
		return nil, err
	}
	given := sums(strings.Split(strings.TrimSpace(string(text)), "\n"))
	for _, target := range wanted {
		found := false
		for _, line := range given {
			name := filepath.Base(line[min(len(line), sumLength+2):])
			if !strings.Contains(name, "_"+strings.ReplaceAll(target, "/", "_")+".") {
				continue
			}
			found = true
			archive, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			var there sums
			if there.add(name, archive) != line {
				return nil, fmt.Errorf("%s does not have the sum that %s says: it was changed, or damaged on its way", filepath.Join(dir, name), sumsName)
			}
		}
		if !found {
			return nil, fmt.Errorf("%s has nothing for %s; -only says what to compare", filepath.Join(dir, sumsName), target)
		}
	}
	return given, nil
}
