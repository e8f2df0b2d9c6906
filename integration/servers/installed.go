package servers

import (
	"debug/buildinfo"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed versions.env
var versions string

// pinned is what a line of versions.env says.
func pinned(name string) string {
	for line := range strings.Lines(versions) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && key == name {
			return value
		}
	}
	panic("servers: versions.env does not name " + name)
}

// tools is the folder that the programs are installed in.
func tools() (string, error) {
	if dir := os.Getenv("QUIVER_SERVERS"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "quiver-servers"), err
}

// goProgram finds a server that is one static binary, and demands that it was built from what is pinned.
func goProgram(pin, binary string) (program, error) {
	dir, err := tools()
	if err != nil {
		return program{}, err
	}
	path := filepath.Join(dir, "bin", binary)
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return program{}, notInstalled(dir, err)
	}
	if found := info.Path + "@" + info.Main.Version; found != pinned(pin) {
		return program{}, notInstalled(dir, fmt.Errorf("%s is %s, not %s", path, found, pinned(pin)))
	}
	return program{version: info.Main.Version, command: []string{path}, files: []string{path}}, nil
}

// nodePackage finds the folder of a package that npm has installed, and demands the version that is pinned.
func nodePackage(pin string) (dir, version string, err error) {
	root, err := tools()
	if err != nil {
		return "", "", err
	}
	name, want, _ := strings.Cut(pinned(pin), "@")
	dir = filepath.Join(root, name, "node_modules", name)
	content, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return "", "", notInstalled(root, err)
	}
	var found struct{ Version string }
	if err := json.Unmarshal(content, &found); err != nil {
		return "", "", notInstalled(root, fmt.Errorf("%s/package.json: %w", dir, err))
	}
	if found.Version != want {
		return "", "", notInstalled(root, fmt.Errorf("%s is version %s, not %s", dir, found.Version, want))
	}
	return dir, want, nil
}

func notInstalled(dir string, err error) error {
	return fmt.Errorf("not installed as pinned: %w; install it with: bash .ci/servers.sh %s", err, dir)
}
