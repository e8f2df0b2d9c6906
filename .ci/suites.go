// Command suites reads the output of go test -json, shows what people need of it, and fails where a test failed, was skipped, or where a suite that is
// named in a file (lines of "package Test", the module left out) did not run and pass.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

const module = "github.com/quivercache/quiver"

// shown is what lines of packages begin with that are printed whether they pass or not: what became of each, and what suites say of what they ran against.
var shown = []string{"ok ", "FAIL", "providers: ", "docs: "}

type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // of a build failure
}

func main() {
	named, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	outcome := map[string]string{}  // by "package Test"
	output := map[string][]string{} // of what has not passed yet
	var wrong []string
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println(lines.Text())
			continue
		}
		if e.Action == "build-output" {
			fmt.Print(e.Output)
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(e.Package, module), "/")
		if name == "" {
			name = "."
		}
		id := strings.TrimSpace(name + " " + e.Test)
		switch e.Action {
		case "output":
			if e.Test == "" && slices.ContainsFunc(shown, func(beginning string) bool { return strings.HasPrefix(e.Output, beginning) }) {
				fmt.Print(e.Output)
				continue
			}
			output[id] = append(output[id], e.Output)
		case "pass":
			outcome[id] = e.Action
			delete(output, id)
		case "fail", "skip":
			outcome[id] = e.Action
			if e.Action == "skip" && e.Test == "" {
				continue // a package without tests
			}
			wrong = append(wrong, id+": "+e.Action)
			fmt.Print(strings.Join(output[id], ""))
			if e.Test == "" { // what was said after the last test, as of goroutines that it has left, counts as the test's
				for of, said := range output {
					if strings.HasPrefix(of, id+" ") && outcome[of] == "pass" {
						fmt.Print(strings.Join(said, ""))
					}
				}
			}
		}
	}
	if err := lines.Err(); err != nil {
		wrong = append(wrong, err.Error())
	}
	passed := 0
	for id, o := range outcome {
		if o == "pass" && strings.Contains(id, " ") {
			passed++
		}
	}
	for line := range strings.Lines(string(named)) {
		id := strings.TrimSpace(line)
		if id != "" && !strings.HasPrefix(id, "#") && outcome[id] != "pass" {
			wrong = append(wrong, "named suite did not pass: "+id)
		}
	}
	if passed == 0 {
		wrong = append(wrong, "no test ran")
	}
	for _, w := range wrong {
		fmt.Println("WRONG", w)
	}
	fmt.Printf("%d passed, %d failed\n", passed, len(wrong))
	if len(wrong) > 0 {
		os.Exit(1)
	}
}
