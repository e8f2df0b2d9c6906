package docs_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// document is what this package looks at in a Markdown file.
type document struct {
	path    string // with slashes, from the checkout's root
	lines   int
	anchors map[string]bool
	links   []link
	fences  []fence
	hidden  []int // lines in which indented code begins
}

type link struct {
	line int
	to   string
}

// fence is a fenced code block.
type fence struct {
	line     int    // of its first line of content
	language string // the first word after the backquotes
	content  string
}

// read parses a document.
func read(t *testing.T, path string) *document {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return parse(path, content)
}

var attribute = regexp.MustCompile(`(?i)\b(href|src|srcset|id|name)\s*=\s*["']([^"'\s]+)`)

func parse(path string, content []byte) *document {
	d := &document{path: path, lines: bytes.Count(content, []byte("\n")) + 1, anchors: map[string]bool{}}
	lineAt := func(offset int) int { return 1 + bytes.Count(content[:offset], []byte("\n")) }
	raw := func(at int, html string) {
		for _, found := range attribute.FindAllStringSubmatch(html, -1) {
			switch name := strings.ToLower(found[1]); name {
			case "id", "name":
				d.anchors[found[2]] = true
			default:
				d.links = append(d.links, link{at, found[2]})
			}
		}
	}
	line := 1 // of the block that is being walked
	visit := func(node ast.Node) {
		if node.Type() == ast.TypeBlock && node.Lines() != nil && node.Lines().Len() > 0 {
			line = lineAt(node.Lines().At(0).Start)
		}
		switch node := node.(type) {
		case *ast.Heading:
			d.addAnchor(slug(words(node, content)))
		case *ast.Link:
			d.links = append(d.links, link{line, string(node.Destination)})
		case *ast.Image:
			d.links = append(d.links, link{line, string(node.Destination)})
		case *ast.AutoLink:
			d.links = append(d.links, link{line, string(node.URL(content))})
		case *ast.HTMLBlock:
			raw(line, string(node.Lines().Value(content)))
		case *ast.RawHTML:
			raw(line, string(node.Segments.Value(content)))
		case *ast.CodeBlock:
			d.hidden = append(d.hidden, line)
		case *ast.FencedCodeBlock:
			d.fences = append(d.fences, fence{line, string(node.Language(content)), string(node.Lines().Value(content))})
		}
	}
	parsed := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(content))
	_ = ast.Walk(parsed, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(node)
		}
		return ast.WalkContinue, nil
	}) // visit never fails
	return d
}

// words is the text of a node, without its markup.
func words(node ast.Node, content []byte) string {
	var b strings.Builder
	for child := node.FirstChild(); child != nil; child = child.NextSibling() {
		switch child := child.(type) {
		case *ast.Text:
			b.Write(child.Value(content))
		case *ast.String:
			b.Write(child.Value)
		default:
			b.WriteString(words(child, content))
		}
	}
	return b.String()
}

// slug is the name that GitHub gives to a heading.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsNumber(r), unicode.IsMark(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(heading))
}

// addAnchor numbers headings of one name, as GitHub does.
func (d *document) addAnchor(name string) {
	unique := name
	for n := 1; d.anchors[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	d.anchors[unique] = true
}

func TestMarkdownIsReadAsGitHubReadsIt(t *testing.T) {
	d := parse("x.md", []byte("# What `happens` when…\n\n## Was it [so](y.md#z)?\n## Was it so?\n\n    hidden\n\n![i](a.svg) <https://e.org>\n\n"+
		"<img src=\"b.png\">\n\n```sh quick\nls\n```\n"))
	for _, anchor := range []string{"what-happens-when", "was-it-so", "was-it-so-1"} {
		if !d.anchors[anchor] {
			t.Errorf("there is no anchor %s in %v", anchor, d.anchors)
		}
	}
	if got, want := fmt.Sprint(d.links), "[{3 y.md#z} {8 a.svg} {8 https://e.org} {10 b.png}]"; got != want {
		t.Errorf("the links are %s, not %s", got, want)
	}
	if got, want := fmt.Sprintf("%+v %d", d.fences, d.hidden), "[{line:13 language:sh content:ls\n}] [6]"; got != want {
		t.Errorf("fences and indented code are %s, not %s", got, want)
	}
}
