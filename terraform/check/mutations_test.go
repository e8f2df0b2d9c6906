package check_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// mutation is a change to a module that its tests must notice: the first old in file becomes new.
type mutation struct{ name, file, old, new string }

// testMutations fails where the tests of a module pass although it was changed, or fail for a reason that is none of theirs.
func testMutations(t *testing.T, module string, mutations []mutation) {
	t.Helper()
	original := copied(t, module)
	if result := asItStands(t, module); !result.passed {
		t.Fatalf("the tests of %s fail as it stands, so they tell nothing of its mutations:\n%s", module, result.output)
	}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			at := t.TempDir()
			if err := os.CopyFS(at, os.DirFS(original)); err != nil {
				t.Fatal(err)
			}
			m.apply(t, filepath.Join(at, module, m.file))
			passed, output := true, ""
			for _, file := range testFiles(t, module) { // one by one, since most mutations are noticed by the first
				result := tested(t, at, module, "-filter="+file)
				if slices.ContainsFunc(result.errors, noticed) {
					return
				}
				passed, output = passed && result.passed, output+result.output
			}
			if passed {
				t.Errorf("no test of %s notices it: in %s\n\t%s\nbecame\n\t%s", module, m.file, m.old, m.new)
			} else {
				t.Errorf("the tests of %s fail, but none of them has noticed it; the mutation is wrong, or they break before they look:\n%s", module, output)
			}
		})
	}
}

func (m mutation) apply(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if m.old == m.new || !bytes.Contains(content, []byte(m.old)) {
		t.Fatalf("%s has nothing to change: it does not contain\n\t%s\nor it would stay as it is", m.file, m.old)
	}
	if err := os.WriteFile(path, bytes.Replace(content, []byte(m.old), []byte(m.new), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

// noticed tells of the summary of an error whether a test has looked and found something: an assertion, or a rule of a variable or of a resource that
// held, or did not, where the other was expected. All else, as a syntax error, is no test's merit.
func noticed(summary string) bool {
	return slices.Contains([]string{"Test assertion failed", "Missing expected failure", "Invalid value for variable", "Resource precondition failed"}, summary)
}

var standing sync.Map // from root to func() result

// asItStands is what the tests of a root say without a mutation. They are run once.
func asItStands(t *testing.T, root string) result {
	t.Helper()
	run, _ := standing.LoadOrStore(root, sync.OnceValue(func() result { return tested(t, copied(t, root), root) }))
	return run.(func() result)()
}

// result is what terraform test said.
type result struct {
	passed bool
	errors []string // summaries
	output string   // for people
}

// tested runs the tests of a root, or those that arguments choose, in a copy of its cloud.
func tested(t *testing.T, at, root string, arguments ...string) result {
	t.Helper()
	output, failure := run(t, filepath.Join(at, root), append([]string{"test", "-json"}, arguments...)...)
	var r result
	var text strings.Builder
	count := 0
	for line := range strings.Lines(output) {
		var message struct {
			Type       string
			File       string `json:"@testfile"`
			Run        string `json:"@testrun"`
			Diagnostic struct{ Severity, Summary, Detail string }
			Summary    struct{ Passed int } `json:"test_summary"`
		}
		if err := json.Unmarshal([]byte(line), &message); err != nil {
			text.WriteString(line)
			continue
		}
		count += message.Summary.Passed
		if d := message.Diagnostic; message.Type == "diagnostic" && d.Severity == "error" {
			r.errors = append(r.errors, d.Summary)
			text.WriteString(strings.Join([]string{message.File, message.Run, d.Summary, d.Detail}, ": ") + "\n")
		}
	}
	r.passed = failure == nil && len(r.errors) == 0 && count > 0
	if r.output = text.String(); r.output == "" {
		r.output = output
	}
	return r
}
