package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/commands.md instead of comparing with it")

const reference = "../../docs/commands.md"

// TestTheReferenceIsWhatTheCommandsSay holds docs/commands.md to the commands; go test ./cmd/quiver -run Reference -update writes it.
func TestTheReferenceIsWhatTheCommandsSay(t *testing.T) {
	want := referenceText(t)
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	wanted, found := strings.Split(want, "\n"), strings.Split(string(got), "\n")
	for i := range max(len(wanted), len(found)) {
		if i >= len(wanted) || i >= len(found) || wanted[i] != found[i] {
			t.Fatalf("%s is out of date from line %d on; go test ./cmd/quiver -run Reference -update writes it", reference, i+1)
		}
	}
}

// statuses is what each exit status means.
var statuses = map[int]string{
	exitDone:      "done",
	exitFailed:    "failed; `quiver check` and `quiver doctor`: something was wrong",
	exitUsage:     "the command line, or a setting, is wrong",
	exitNotFound:  "not found",
	exitAmbiguous: "a short key names several; the message says how many characters it takes",
	exitStore:     "the store refused, throttled or could not be reached",
	exitExec: "`quiver exec` alone: Quiver itself failed, with `--strict` the store, too; " +
		"126: the command is not executable, 127: it was not found; else the command's own, 128 + n if signal n ended it",
	exitInterrupted: "interrupted",
}

// variables is what each variable of the environment does, of those that are Quiver's own.
var variables = map[string]string{
	"QUIVER_STORE":             "the store's URL, where `--store` is not given",
	"QUIVER_CACHE_DIR":         "where what queries read of the index is kept ([index.md](index.md#the-local-cache)); `off`: nowhere",
	"QUIVER_DISABLE":           "`quiver exec` runs its command and remembers nothing",
	"QUIVER_REFRESH":           "`quiver exec` runs its command and remembers it anew",
	"QUIVER_SIGNING_KEYS":      "keys that sign what is saved and verify what is read ([signing.md](signing.md))",
	"QUIVER_SIGNING_KEYS_FILE": "a file with such keys",
	"QUIVER_ACCEPT_UNSIGNED":   "beside keys: what is not signed is believed, too",
}

// referenceText is docs/commands.md as it should be.
func referenceText(t *testing.T) string {
	t.Helper()
	a := &app{getenv: func(name string) string {
		if name == cacheVariable {
			return "index in Quiver's folder of the user's cache folder"
		}
		return ""
	}}
	root := a.root()
	root.InitDefaultHelpFlag()
	commands := described(root)
	var text strings.Builder
	fmt.Fprint(&text, `# The commands

Generated from the commands themselves; a test compares. `+"`quiver COMMAND --help`"+` prints the same.

| command | |
|---|---|
`)
	for _, c := range commands[1:] {
		fmt.Fprintf(&text, "| [%s](#%s) | %s |\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
	}
	text.WriteString("\n## Exit status\n\n| | |\n|---|---|\n")
	for _, status := range sortedKeys(statuses) {
		fmt.Fprintf(&text, "| %d | %s |\n", status, statuses[status])
	}
	text.WriteString("\n## Environment\n\n| variable | |\n|---|---|\n")
	for _, name := range sortedKeys(variables) {
		fmt.Fprintf(&text, "| `%s` | %s |\n", name, variables[name])
	}
	text.WriteString("\nA variable that switches something on does not with `0`, `no`, `false` or `off`. Credentials come from the variables of each cloud: [clouds.md](clouds.md).\n")
	for _, c := range commands {
		fmt.Fprintf(&text, "\n## %s\n\n```text\n%s\n```\n", c.CommandPath(), strings.TrimSpace(helpOf(c)))
	}
	return text.String()
}

// described is a command and all below it that people may see, in the order of the help.
func described(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() && child.Name() != "completion" {
			all = append(all, described(child)...)
		}
	}
	return all
}

// helpOf is what a command's help says, without the flags that all commands have but at the root.
func helpOf(c *cobra.Command) string {
	if c.HasParent() {
		c.InheritedFlags().VisitAll(func(f *pflag.Flag) { f.Hidden = true })
		defer c.InheritedFlags().VisitAll(func(f *pflag.Flag) { f.Hidden = false })
	}
	var out bytes.Buffer
	c.SetOut(&out)
	if err := c.Help(); err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(out.String(), "\nGlobal Flags:\n\n", "")
}

func sortedKeys[K int | string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// TestEachVariableAndExitStatusIsInTheReference finds them in the sources of the command.
func TestEachVariableAndExitStatusIsInTheReference(t *testing.T) {
	asked, exits := map[string]bool{}, 0
	variable := regexp.MustCompile(`^"QUIVER_[A-Z_]+"$`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if variable.MatchString(n.Value) {
					asked[strings.Trim(n.Value, `"`)] = true
				}
			case *ast.ValueSpec:
				if file == "exit.go" && strings.HasPrefix(n.Names[0].Name, "exit") {
					exits += len(n.Names)
				}
			}
			return true
		})
	}
	if got, want := sortedKeys(asked), sortedKeys(variables); !slices.Equal(got, want) {
		t.Errorf("the sources ask for the variables %q; the reference has %q", got, want)
	}
	if exits != len(statuses) {
		t.Errorf("exit.go has %d statuses, the reference %d", exits, len(statuses))
	}
}
