// Package droptest shows that each rule of a protocol is needed: it drops the rule from the code, and wants that a package's tests notice.
package droptest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Edit takes a part of a rule out of the code: the file, relative to the package under test; what stands there with the rule; and what replaces the first of that.
type Edit [3]string

// Each runs the package's tests, with some arguments, once for each rule, without it. Tests that do not fail then fail the test.
func Each(t *testing.T, rules map[string][]Edit, arguments ...string) {
	for rule, edits := range rules {
		t.Run(rule, func(t *testing.T) {
			arguments := append([]string{"test", "-overlay", overlay(t, edits), "-count=1", "."}, arguments...)
			out, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput()
			noticed := 0
			for line := range strings.Lines(string(out)) {
				if strings.HasPrefix(line, "--- FAIL: ") {
					noticed++
					t.Log(strings.TrimSpace(line))
				}
			}
			if err == nil || noticed == 0 {
				t.Errorf("no test noticed: %v\n%s", err, out)
			}
		})
	}
}

// overlay makes the overlay of the edited files, and returns its name.
func overlay(t *testing.T, edits []Edit) string {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for _, e := range edits {
		file, with, without := e[0], e[1], e[2]
		original, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		from := original
		if edited, ok := replace[original]; ok {
			from = edited
		}
		code, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(code, []byte(with)) {
			t.Fatalf("%s has no\n%s", file, with)
		}
		replace[original] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(replace[original], bytes.Replace(code, []byte(with), []byte(without), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
