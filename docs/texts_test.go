package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The texts that a user can meet when something goes wrong are found in the sources by where they stand:
//
//   - the argument that is the text of what makes an error, tells people or warns (tellers)
//   - what is printed that begins with "quiver: "
//   - what a method Error adds to what it was given, and hints
//   - every text of three words and more in the packages that explain the stores' own failures: they have no other sentences
//
// A text counts from two words on; less is glue. What is filled in is "…".

// tellers are functions by name, and which of their arguments is the text.
var tellers = map[string]int{
	"errors.New": 0, "fmt.Errorf": 0, "say": 0, "notice": 2, "once": 2, "WarnContext": 1, "Damaged": 2, "unreadable": 1, "fmt.Fprintln": 1, "fmt.Fprintf": 1,
}

// printed is what printing begins with where it tells people something.
const printed = "quiver: "

// explaining are the packages that explain the stores' own failures.
var explaining = []string{"bucket", "adapters", "adapters/s3", "adapters/gcs", "adapters/azure", "adapters/file", "adapters/all"}

// untold are folders whose texts no user meets: tests, benchmarks and examples, and the doctor's, which doctor.md has.
var untold = regexp.MustCompile(`^(integration|bench|examples|terraform|container|release|docs|internal/[a-z]+test|bucket/(buckettest|mem)|cmd/quiver/internal/doctor)(/|$)` +
	`|(^|/)(testdata|\.[a-z]+)(/|$)`)

// text is a text, and where it stands.
type text struct{ words, place string }

var (
	filledIn   = regexp.MustCompile(`%[-+# 0]*[0-9.*]*(\[[0-9]+\])?[a-zA-Z]`)
	twoWords   = regexp.MustCompile(`\pL[\pL\pN'-]* +\pL`)
	threeWords = regexp.MustCompile(`\pL[\pL\pN'-]* +(…|\pL[\pL\pN'-]*),? +\pL`)
	outerDots  = regexp.MustCompile(`^(…|[:;,.()\s]|" ?)+|(…|[:;,(\s])+$`)
)

// plain is a format as people see it, without what it begins or ends with that is filled in.
func plain(format string) string {
	format = strings.TrimPrefix(format, printed)
	format = strings.ReplaceAll(filledIn.ReplaceAllString(format, "…"), "%%", "%")
	return strings.TrimSpace(outerDots.ReplaceAllString(strings.ReplaceAll(format, "\n", " "), ""))
}

// constant is what is known of an expression that is a text: literals, joined, with "…" for the rest.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			if text, err := strconv.Unquote(e.Value); err == nil {
				return text
			}
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return literal(e.X) + literal(e.Y)
		}
	case *ast.ParenExpr:
		return literal(e.X)
	}
	return "…"
}

// textsIn are the texts of a file.
func textsIn(t *testing.T, path string) (texts []text) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr, least *regexp.Regexp) {
		if words := plain(literal(e)); least.MatchString(words) {
			texts = append(texts, text{words, fmt.Sprintf("%s:%d", filepath.ToSlash(path[len("../"):]), files.Position(e.Pos()).Line)})
		}
	}
	every := func(n ast.Node, least *regexp.Regexp) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec, *ast.Field: // with a tag
				return false
			case *ast.BinaryExpr:
				if n.Op == token.ADD && strings.Trim(literal(n), "…") != "" {
					add(n, least)
					return false
				}
			case *ast.BasicLit:
				add(n, least)
			}
			return true
		})
	}
	if slices.Contains(explaining, filepath.ToSlash(filepath.Dir(path[len("../"):]))) {
		every(parsed, threeWords)
		return texts
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := called(n.Fun)
			if at, ok := tellers[name]; ok && len(n.Args) > at && (!strings.HasPrefix(name, "fmt.Fprint") || strings.HasPrefix(literal(n.Args[at]), printed)) {
				add(n.Args[at], twoWords)
			}
		case *ast.KeyValueExpr:
			if name, ok := n.Key.(*ast.Ident); ok && name.Name == "Hint" {
				add(n.Value, twoWords)
			}
		case *ast.ValueSpec:
			if strings.HasSuffix(strings.ToLower(n.Names[0].Name), "hint") && len(n.Values) > 0 {
				add(n.Values[0], twoWords)
			}
		case *ast.FuncDecl:
			if n.Name.Name == "Error" && n.Recv != nil {
				every(n.Body, twoWords)
			}
		}
		return true
	})
	return texts
}

// called is the name of what is called: of a package's function with the package, else alone.
func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if in, ok := e.X.(*ast.Ident); ok && (in.Name == "errors" || in.Name == "fmt") {
			return in.Name + "." + e.Sel.Name
		}
		return e.Sel.Name
	}
	return ""
}

// sourceTexts are the texts of all sources.
func sourceTexts(t *testing.T) (texts []text) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == ".." {
			return err
		}
		switch inside := filepath.ToSlash(path[len("../"):]); {
		case entry.IsDir() && untold.MatchString(inside):
			return filepath.SkipDir
		case !entry.IsDir() && filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go"):
			texts = append(texts, textsIn(t, path)...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// spans are the code spans of a document, where alone it quotes.
var spans = regexp.MustCompile("`([^`\n]+)`")

// quotations are what some lines of a document quote.
func quotations(document string) (quoted []string) {
	for _, span := range spans.FindAllStringSubmatch(document, -1) {
		quoted = append(quoted, span[1])
	}
	return quoted
}

func troubleshooting(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestEveryTextOfAFailureIsInTheDocument(t *testing.T) {
	quoted := strings.Join(quotations(troubleshooting(t)), "\n")
	texts := sourceTexts(t)
	for _, text := range texts {
		if !strings.Contains(quoted, text.words) {
			t.Errorf("%s: troubleshooting.md does not have `%s`: say there what it means and what to do", text.place, text.words)
		}
	}
	if least := 500; len(texts) < least {
		t.Errorf("%d texts were found in the sources, fewer than %d: the rule finds them no more", len(texts), least)
	}
}

// TestTheDocumentQuotesNoTextThatIsGone looks at the first column of the tables of texts.
func TestTheDocumentQuotesNoTextThatIsGone(t *testing.T) {
	var said strings.Builder
	for _, text := range sourceTexts(t) {
		said.WriteString(text.words + "\n")
	}
	inside, rows := false, 0
	for line := range strings.Lines(troubleshooting(t)) {
		switch {
		case strings.HasPrefix(line, "| text |"):
			inside = true
		case !strings.HasPrefix(line, "|"):
			inside = false
		case inside:
			rows++
			cell, _, _ := strings.Cut(line[1:], " | ")
			for _, quoted := range quotations(cell) {
				if !strings.Contains(said.String(), quoted) {
					t.Errorf("no source says `%s` any more", quoted)
				}
			}
		}
	}
	if rows == 0 {
		t.Error("there is no table of texts")
	}
}
