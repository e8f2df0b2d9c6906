package docs_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestEveryFenceIsWhatItSays(t *testing.T) {
	for _, name := range documents(t) {
		d := read(t, name)
		for _, line := range d.hidden {
			t.Errorf("%s:%d: indented code: put it into a fence that names its language", name, line)
		}
		for _, f := range d.fences {
			if name == "docs/commands.md" && f.language == "text" {
				continue // what quiver --help prints, word by word: a test of the command holds it
			}
			if err := f.check(); err != nil {
				t.Errorf("%s:%d: %v", name, f.line, err)
			}
		}
	}
}

// languages has what a fence may be of, and what holds of its content. Those of sh are run.
var languages = map[string]func(content string) error{
	"sh":         func(string) error { return nil },
	"sql":        func(string) error { return nil },
	"text":       checkText,
	"go":         checkGo,
	"json":       checkJSON,
	"yaml":       checkYAML,
	"xml":        checkXML,
	"dockerfile": checkDockerfile,
	"hcl":        through("terraform", "fmt", "-check", "-"),
	"python":     through("python3", "-c", "import ast, sys; ast.parse(sys.stdin.read())"),
}

func (f fence) check() error {
	check, known := languages[f.language]
	switch {
	case f.language == "":
		return errors.New("a fence without a language: text, if it is none")
	case !known:
		return fmt.Errorf("a fence of %q: commands are sh, and are run; the others are text, go, json, yaml, xml, hcl, dockerfile, sql, python", f.language)
	case strings.TrimSpace(f.content) == "":
		return errors.New("an empty fence")
	}
	return check(f.content)
}

func checkText(content string) error {
	for line := range strings.Lines(content) {
		for _, command := range []string{"$ ", "./quiver ", "quiver "} {
			if strings.HasPrefix(line, command) {
				return fmt.Errorf("a command in a fence of text, which is not run: %s", strings.TrimSpace(line))
			}
		}
	}
	return nil
}

// checkGo wants a file, declarations or statements.
func checkGo(content string) error {
	var failures []error
	for _, source := range []string{content, "package p\n" + content, "package p\nfunc _() {\n" + content + "\n}"} {
		_, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return fmt.Errorf("neither a file nor declarations nor statements of Go: %w", errors.Join(failures...))
}

// checkJSON wants values, one or several.
func checkJSON(content string) error {
	decoder := json.NewDecoder(strings.NewReader(content))
	for {
		var value any
		if err := decoder.Decode(&value); err != nil {
			return unlessEOF(err)
		}
	}
}

// checkDockerfile wants instructions of those that images here are made of; one that runs something is not among them.
func checkDockerfile(content string) error {
	for line := range strings.Lines(content) {
		instruction, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "", "#", "ARG", "FROM", "COPY", "ENV", "LABEL", "USER", "WORKDIR", "ENTRYPOINT", "CMD":
		default:
			return fmt.Errorf("no such instruction is known here: %s", strings.TrimSpace(line))
		}
	}
	return nil
}

func checkYAML(content string) error {
	decoder := yaml.NewDecoder(strings.NewReader(content))
	for {
		var value any
		if err := decoder.Decode(&value); err != nil {
			return unlessEOF(err)
		}
	}
}

func checkXML(content string) error {
	decoder := xml.NewDecoder(strings.NewReader(content))
	for {
		if _, err := decoder.Token(); err != nil {
			return unlessEOF(err)
		}
	}
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// through gives the content to a program that fails where it is wrong.
func through(program string, arguments ...string) func(string) error {
	return func(content string) error {
		command := exec.Command(program, arguments...)
		command.Stdin = strings.NewReader(content)
		var said bytes.Buffer
		command.Stdout, command.Stderr = &said, &said
		command.Env = append(command.Environ(), "TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1")
		if err := command.Run(); err != nil {
			return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(arguments, " "), err, &said)
		}
		return nil
	}
}

func TestAFenceThatIsNotWhatItSaysIsFound(t *testing.T) {
	for _, good := range []fence{
		{language: "text", content: "what quiver says\n  quiver exec [flags]\n"},
		{language: "go", content: "x, err := f()\n"}, {language: "go", content: "func f() {}\n"}, {language: "go", content: "package p\n"},
		{language: "json", content: `{"a":1}` + "\n" + `{"a":2}`}, {language: "yaml", content: "a: 1\n---\nb: [2]\n"}, {language: "xml", content: "<a>b</a>"},
		{language: "dockerfile", content: "# what\nCOPY a b\n"}, {language: "hcl", content: "a = 1\n"}, {language: "python", content: "def f():\n    pass\n"},
	} {
		if err := good.check(); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
	for _, bad := range []fence{
		{content: "ls"}, {language: "bash", content: "ls"}, {language: "console", content: "$ ls"}, {language: "sh", content: "\n"},
		{language: "text", content: "so:\n$ ls"}, {language: "text", content: "quiver gc"}, {language: "text", content: "./quiver gc"},
		{language: "go", content: "x :="}, {language: "json", content: `{"a":`}, {language: "yaml", content: "a: [1"}, {language: "xml", content: "<a>b"},
		{language: "dockerfile", content: "RUN ls\n"}, {language: "hcl", content: "a = 1\nbb = 2\n"}, {language: "hcl", content: "a = {"}, {language: "python", content: "def f("},
	} {
		if bad.check() == nil {
			t.Errorf("nothing is wrong with %+v", bad)
		}
	}
}
