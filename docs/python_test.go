package docs_test

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// contract are the names of the contract that a comment says it implements: "Contract: KeyManagement.evict."
var contract = regexp.MustCompile(`^\s*// Contract: ([^:]*?)\.?$`)

// TestEveryNameOfTheContractIsMapped finds the names in the comments of the library, and asks the first column of python.md for each.
func TestEveryNameOfTheContractIsMapped(t *testing.T) {
	mapped := map[string]bool{}
	content, err := os.ReadFile("python.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if cell, ok := strings.CutPrefix(line, "| "); ok {
			cell, _, _ = strings.Cut(cell, " | ")
			for _, name := range quotations(cell) {
				mapped[name] = true
			}
		}
	}
	found := 0
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.Open(path)
		if err != nil {
			return err
		}
		defer source.Close()
		for lines := bufio.NewScanner(source); lines.Scan(); {
			names := contract.FindStringSubmatch(lines.Text())
			if names == nil {
				continue
			}
			for name := range strings.SplitSeq(names[1], ", ") {
				if strings.Contains(name, " ") && name != "short digest" { // what is said of the name before
					continue
				}
				found++
				if !mapped[name] {
					t.Errorf("%s implements %s, which python.md does not map", path, name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("%d names were found in the comments", found)
	}
}
