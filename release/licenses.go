package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// licenseName is what the files are called that a module's authors want to go with it.
var licenseName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice)([.-].*)?$`)

// licenses returns the licenses of all that is in the command besides its own code: most of them ask for that. Some packages have one beside their module's.
func (c checkout) licenses(ctx context.Context, target string) ([]byte, error) {
	root, err := c.run(ctx, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	list, err := c.run(ctx, c.settings(target), "go", "list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}|{{.Dir}}|{{$.Dir}}{{end}}{{end}}`, "./cmd/quiver")
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	seen := map[string]bool{}
	for _, line := range append([]string{"Go|" + root + "|" + root}, strings.Split(list, "\n")...) {
		if line == "" {
			continue
		}
		part := strings.Split(line, "|")
		name, top, dir := part[0], part[1], part[2]
		paths, err := texts(top, dir)
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("%s has no license in %s, so it cannot be given to others", name, top)
		}
		for _, path := range paths {
			if seen[path] {
				continue
			}
			seen[path] = true
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&all, "---- %s%s\n\n%s\n\n", name, filepath.ToSlash(strings.TrimPrefix(path, top)), bytes.TrimSpace(text))
		}
	}
	return all.Bytes(), nil
}

// texts are the paths of the licenses from a package's directory up to its module's.
func texts(top, dir string) ([]string, error) {
	var paths []string
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if entry.Type().IsRegular() && licenseName.MatchString(entry.Name()) {
				paths = append(paths, filepath.Join(dir, entry.Name()))
			}
		}
		if dir == top {
			return paths, nil
		}
		dir = filepath.Dir(dir)
	}
}
