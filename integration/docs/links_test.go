package docs_test

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestNoLinkIsDead(t *testing.T) {
	there, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]map[string]bool{}
	var all []*document
	for _, name := range documents(t) {
		d := read(t, name)
		anchors[name], all = d.anchors, append(all, d)
	}
	count := 0
	for _, d := range all {
		for _, l := range d.links {
			count++
			if wrong := follow(d.path, l.to, there, anchors); wrong != "" {
				t.Errorf("%s:%d: the link to %s: %s", d.path, l.line, l.to, wrong)
			}
		}
	}
	t.Logf("%d links of %d documents", count, len(all))
}

// follow says what is wrong with a link; nothing where it leads somewhere.
func follow(from, to string, there map[string]bool, anchors map[string]map[string]bool) string {
	u, err := url.Parse(to)
	if err != nil {
		return err.Error()
	}
	if u.Scheme != "" || u.Host != "" {
		if u.Scheme != "https" || !strings.Contains(u.Hostname(), ".") || u.User != nil {
			return "a link to elsewhere is https://, with the whole name of a host"
		}
		return ""
	}
	target := from
	if u.Path != "" {
		target = path.Join(path.Dir(from), u.Path)
	}
	switch {
	case strings.HasPrefix(u.Path, "/"):
		return "begin at the document, not at a root"
	case strings.HasPrefix(target, "../"):
		return "it leaves the repository"
	case !there[target]:
		return fmt.Sprintf("there is no %s in the repository", target)
	case u.Fragment != "" && anchors[target] == nil:
		return "only headings of documents have anchors"
	case u.Fragment != "" && !anchors[target][u.Fragment]:
		return fmt.Sprintf("%s has no heading with the anchor #%s", target, u.Fragment)
	}
	return ""
}

func TestADeadLinkIsFound(t *testing.T) {
	there := map[string]bool{".": true, "docs": true, "docs/a.md": true, "main.go": true}
	anchors := map[string]map[string]bool{"docs/a.md": {"here": true}}
	for _, good := range []string{"a.md", "#here", "a.md#here", "../main.go", "..", "../docs/", "https://example.org/x#y"} {
		if wrong := follow("docs/a.md", good, there, anchors); wrong != "" {
			t.Errorf("%s: %s", good, wrong)
		}
	}
	for _, bad := range []string{
		"b.md", "#there", "a.md#there", "../main.go#L1", "../../x", "/docs/a.md",
		"http://example.org", "https://localhost", "//example.org/x", "mailto:a@example.org", "%zz",
	} {
		if follow("docs/a.md", bad, there, anchors) == "" {
			t.Errorf("nothing is wrong with %s", bad)
		}
	}
}
