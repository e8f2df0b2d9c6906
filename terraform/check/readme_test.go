package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// declaration is a variable or an output of a module.
type declaration struct {
	where, name, description string
	given                    map[string]string // its arguments, as they are written
	validated                bool
}

// declarations returns the variables or the outputs of a root, in the order of files and lines.
func declarations(t *testing.T, root, kind string) []declaration {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(modules, root, "*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	var found []declaration
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, problems := hclsyntax.ParseConfig(content, path, hcl.InitialPos)
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		for _, block := range file.Body.(*hclsyntax.Body).Blocks {
			if block.Type != kind {
				continue
			}
			d := declaration{where: fmt.Sprintf("%s:%d", filepath.Join(root, filepath.Base(path)), block.TypeRange.Start.Line), name: block.Labels[0], given: map[string]string{}}
			for name, attribute := range block.Body.Attributes {
				d.given[name] = string(attribute.Expr.Range().SliceBytes(content))
			}
			if description, ok := block.Body.Attributes["description"]; ok {
				value, problems := description.Expr.Value(nil)
				if problems.HasErrors() {
					t.Fatal(problems)
				}
				d.description = value.AsString()
			}
			d.validated = slices.ContainsFunc(block.Body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "validation" })
			found = append(found, d)
		}
	}
	return found
}

func TestEveryVariableAndOutputSaysWhatItIs(t *testing.T) {
	for _, root := range roots(t) {
		for _, d := range slices.Concat(declarations(t, root, "variable"), declarations(t, root, "output")) {
			if !strings.HasSuffix(d.description, ".") {
				t.Errorf("%s: %s has no description that is a sentence", d.where, d.name)
			}
		}
		for _, d := range declarations(t, root, "variable") {
			for _, argument := range []string{"type", "nullable"} {
				if d.given[argument] == "" {
					t.Errorf("%s: variable %s does not state its %s", d.where, d.name, argument)
				}
			}
			if !isExample(root) && d.given["type"] != "bool" && !d.validated {
				t.Errorf("%s: variable %s takes anything: give it a validation whose message says what is right", d.where, d.name)
			}
		}
	}
}

func TestTheTablesOfEveryREADMEAreThoseOfItsModule(t *testing.T) {
	for _, root := range roots(t) {
		if isExample(root) {
			continue
		}
		path := filepath.Join(modules, root, "README.md")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("the module %s has no README: %v", root, err)
			continue
		}
		readme := string(content)
		for kind, table := range map[string]string{"variables": variables(declarations(t, root, "variable")), "outputs": outputs(declarations(t, root, "output"))} {
			between := regexp.MustCompile(`(?s)<!-- ` + kind + ` -->\n(.*)<!-- /` + kind + ` -->`)
			stands := between.FindStringSubmatch(readme)
			switch {
			case stands == nil:
				t.Errorf("%s has no place for its table: put <!-- %s --> and <!-- /%s --> into it, each on a line of its own", path, kind, kind)
			case stands[1] != table && *update:
				readme = strings.Replace(readme, stands[0], "<!-- "+kind+" -->\n"+table+"<!-- /"+kind+" -->", 1)
			case stands[1] != table:
				t.Errorf("the table of %s in %s is not that of the module: write it with go test . -run README -update, in terraform/check. It should be:\n%s", kind, path, table)
			}
		}
		if *update && readme != string(content) {
			if err := os.WriteFile(path, []byte(readme), 0o644); err != nil {
				t.Error(err)
			}
		}
	}
}

func variables(declared []declaration) string {
	var table strings.Builder
	table.WriteString("| variable | type | default | |\n|---|---|---|---|\n")
	for _, d := range declared {
		standard := "required"
		if d.given["default"] != "" {
			standard = code(d.given["default"])
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", d.name, code(d.given["type"]), standard, cell(d.description))
	}
	return table.String()
}

func outputs(declared []declaration) string {
	var table strings.Builder
	table.WriteString("| output | |\n|---|---|\n")
	for _, d := range declared {
		fmt.Fprintf(&table, "| `%s` | %s |\n", d.name, cell(d.description))
	}
	return table.String()
}

// lines are the ends of lines in an expression: after an opening bracket, before a closing one, and between what they hold.
var lines = regexp.MustCompile(`[({\[]?,?\s*\n\s*[)}\]]?`)

// code is an expression on one line, as code in a table.
func code(expression string) string {
	joined := lines.ReplaceAllStringFunc(expression, func(end string) string {
		if end = strings.Trim(end, ", \n\t"); end == "" {
			return ", "
		}
		return map[string]string{"(": "(", "[": "[", "{": "{ ", ")": ")", "]": "]", "}": " }"}[end]
	})
	return "`" + cell(regexp.MustCompile(` +`).ReplaceAllString(joined, " ")) + "`"
}

// cell is text that ends no cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
