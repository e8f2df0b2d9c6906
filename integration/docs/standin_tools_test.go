package docs_test

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// goParts: a program that .ci/servers.sh has built from just this version is not built again, and tests are looked for and not run, since CI runs them by itself. All else is Go's.
var goParts = []part{
	knows(`install (\S+)@(v\S+)`, installed),
	knows(`test((?: [./a-z]+)+)`, func(ctx context.Context, found []string) error {
		tests, err := answer(ctx, "go", append([]string{"list", "-f", "{{.TestGoFiles}}{{.XTestGoFiles}}"}, os.Args[2:]...)...)
		if err != nil {
			return err
		}
		if !strings.Contains(string(tests), "_test.go") {
			return fmt.Errorf("there are no tests in%s", found[1])
		}
		return played("go", found[0])
	}),
	knows(`(?:build|run|vet|doc|env|list|mod|version|install \./).*`, func(ctx context.Context, _ []string) error { return inEarnest(ctx, "go", os.Args[1:]) }),
}

func installed(ctx context.Context, found []string) error {
	binary := filepath.Join(os.Getenv(serversVariable), "bin", path.Base(found[1]))
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("%w; install it with: bash .ci/servers.sh", err)
	}
	if built := info.Path + "@" + info.Main.Version; built != found[1]+"@"+found[2] {
		return fmt.Errorf("%s was built from %s; .ci/servers.sh and the document should name one version", binary, built)
	}
	gopath, err := answer(ctx, "go", "env", "GOPATH")
	if err != nil {
		return err
	}
	folder := filepath.Join(strings.TrimSpace(string(gopath)), "bin")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	if err := os.Symlink(binary, filepath.Join(folder, filepath.Base(binary))); err != nil {
		return err
	}
	return played("go", found[0])
}

// makeParts: of the repository's own targets make says what they would do, since CI runs them by themselves. Those of an example are made.
var makeParts = []part{
	knows(`[a-zA-Z][a-zA-Z0-9= ./_-]*`, func(ctx context.Context, found []string) error {
		if _, err := os.Stat(".ci"); err != nil {
			return inEarnest(ctx, "make", os.Args[1:])
		}
		if err := inEarnest(ctx, "make", append([]string{"--dry-run"}, os.Args[1:]...)); err != nil {
			return err
		}
		return played("make", found[0])
	}),
}

// ciParts: a script that CI runs by itself, and that takes an engine or hours, is looked for. The table of stages puts this program before it.
var ciParts = []part{
	knows(`\S+\.sh`, func(_ context.Context, found []string) error {
		info, err := os.Stat(found[0])
		if err != nil {
			return err
		}
		if info.Mode()&0o111 == 0 {
			return fmt.Errorf("%s is not executable", found[0])
		}
		return played(found[0])
	}),
}

// duckdbParts: the view of a snapshot, counted by the command. That DuckDB reads the same is held in bench.
var duckdbParts = []part{
	knows(`-init (\S+) -c SELECT name, count\(\*\) FROM calls GROUP BY name`, func(ctx context.Context, found []string) error {
		view, err := os.ReadFile(found[1])
		if err != nil {
			return err
		}
		if !strings.Contains(string(view), "read_parquet(") || !strings.Contains(string(view), "VIEW calls") {
			return fmt.Errorf("%s makes no view of calls over Parquet files", found[1])
		}
		return played("duckdb", found[0])
	}),
}
