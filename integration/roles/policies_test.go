package roles_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// role is what a user may do, by the name of its policy in the module.
type role string

const (
	reader  role = "reader"
	writer  role = "writer"
	janitor role = "janitor"
	root    role = "root" // the server's own user, who prepares and looks
)

var roles = []role{reader, writer, janitor}

// render has Terraform render the policy documents of the roles, as the module for AWS has them.
func render(t testing.TB, bucket string, prefixes ...string) map[role]string {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Fatalf("the policies are rendered by terraform, which is not to be found: %v; install it", err)
	}
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "terraform", "modules", "aws", "policies"))))
	variables, err := json.Marshal(map[string]any{"bucket": bucket, "prefixes": prefixes})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "terraform.tfvars.json"), variables, 0o600))
	terraform(t, dir, "init", "-backend=false", "-input=false", "-no-color")
	terraform(t, dir, "apply", "-auto-approve", "-input=false", "-no-color")
	var outputs map[role]struct{ Value string }
	must(t, json.Unmarshal([]byte(terraform(t, dir, "output", "-json", "-no-color")), &outputs))
	documents := map[role]string{}
	for _, who := range roles {
		if documents[who] = outputs[who].Value; documents[who] == "" {
			t.Fatalf("the module has no policy for the role %s", who)
		}
	}
	return documents
}

// terraform runs a command of it in a folder, without the configuration that the machine may have for it, and returns what it prints.
func terraform(t testing.TB, dir string, words ...string) string {
	t.Helper()
	var talk strings.Builder
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "terraform", words...)
	command.Dir, command.Stderr = dir, &talk
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(), "CHECKPOINT_DISABLE=1"}
	out, err := command.Output()
	if err != nil {
		t.Fatalf("terraform %s: %v\n%s%s", words[0], err, out, talk.String())
	}
	return string(out)
}

// document is a policy that can be changed.
type document struct {
	Version   string
	Statement []*statement
}

type statement struct {
	Sid, Effect      string
	Action, Resource []string
	Condition        map[string]map[string][]string `json:",omitempty"`
}

// mutated is a policy with a change, which must change it.
func mutated(t testing.TB, policy string, change func(d *document)) string {
	t.Helper()
	var d document
	must(t, json.Unmarshal([]byte(policy), &d))
	before, err := json.Marshal(d)
	must(t, err)
	change(&d)
	after, err := json.Marshal(d)
	must(t, err)
	if string(before) == string(after) {
		t.Fatalf("the change does not change %s", policy)
	}
	return string(after)
}

// of is the statement of an id.
func (d *document) of(sid string) *statement {
	for _, s := range d.Statement {
		if s.Sid == sid {
			return s
		}
	}
	panic(fmt.Sprintf("the policy has no statement %s", sid))
}
